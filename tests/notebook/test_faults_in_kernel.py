"""Runs in a real kernel that pause by themselves, are resumed by a click, or end with it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from kernels import FrontEnd, started
from scripted_server import Reply, ScriptedServer
from scripted_task import KEY, answer

import mipro_nb as mipro

pytestmark = pytest.mark.notebook

_TESTS = Path(__file__).parents[1]
_SET_UP = f"""
import sys
sys.path[:0] = [{str(_TESTS)!r}, {str(_TESTS / "optimizer")!r}]
from scripted_task import *
%load_ext mipro_nb
optimizer = mipro.MIPROv2(exact, num_candidates=3, num_threads=4)
data = dict(trainset=rows(12), valset=rows(24, start=1000), minibatch_size=6,
            requires_permission_to_run=False)
mipro.configure(lm=mipro.LM("openai/scripted", api_key={KEY!r}, num_retries=0, base_url="""
_COMPILE = "best = optimizer.compile(Solve(), num_trials=10, **data)\nprint('END', best.run.status)"


@pytest.fixture
def revoked():
    """The toy LM, whose key is refused after some answers, until somebody empties the list."""
    refusing = [True]

    def respond(request):
        if request.number > 60 and refusing:
            return Reply("Key revoked.", status=401)
        return answer(request)

    with ScriptedServer(respond, latency=0.005) as server:
        server.refusing = refusing
        yield server


def begun(server, code):
    end = FrontEnd(started())
    assert end.run(f"{_SET_UP}{server.base_url!r}))").error is None
    return end, end.begin(code)


def summary(end):
    """How the run stands, as the widget was told last."""
    told = [m["delta"]["summary"] for _, m in end.messages if m.get("kind") == "delta"]
    return told[-1] if told else {"state": "unknown"}


def test_a_run_that_pauses_by_itself_says_why_and_goes_on_at_a_click(revoked):
    end, cell = begun(revoked, _COMPILE)
    with end:
        end.until(lambda: end.mipro_widgets)
        end.answer("hello", {"keeps": False})
        end.until(lambda: cell.done or summary(end)["state"] == "paused")
        assert not cell.done, (cell.error, cell.text)
        assert "Key revoked." in summary(end)["reason"]
        revoked.refusing.clear()
        end.answer("resume", {"run": summary(end)["id"]})
        end.until(lambda: cell.done)
        assert (cell.error, "END finished" in cell.text) == (None, True)


@pytest.mark.parametrize("way", ["compile", "start"])
def test_a_kernel_that_is_shut_down_leaves_no_process_and_no_call(tmp_path, way):
    record = tmp_path / "record.sqlite"
    slow = ScriptedServer(answer, latency=lambda number: 60 if number > 60 else 0.0)
    code = f"optimizer.{way}(SolveAsync(), num_trials=500, record={str(record)!r}, **data)"
    with slow as server:
        end, _ = begun(server, code)
        end.until(lambda: server.count > 60)
        process = end._manager.provisioner.process
        end._client.stop_channels()
        end._manager.shutdown_kernel(now=False)
        assert process.poll() is not None
        deadline = time.monotonic() + 30
        while server.in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.in_flight == 0
    (run,) = mipro.runs.list(record)
    assert run.status in ("stopped", "cut off")
