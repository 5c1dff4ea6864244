"""The magics' main stories in a real kernel."""

from __future__ import annotations

import time
from pathlib import Path

import jupyter_client
import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from scripted_server import Reply, ScriptedServer
from scripted_task import KEY, answer, kind

TESTS = Path(__file__).parents[1]
SHORT = "--train train --val val --metric exact --num-candidates 2 --num-trials 2 --no-minibatch"

pytestmark = pytest.mark.notebook


def setup_for(server):
    return (
        f"import sys\nsys.path[:0] = [{str(TESTS)!r}, {str(TESTS / 'optimizer')!r}]\n"
        "import mipro_nb as mipro\nfrom scripted_task import Solve, exact, rows\n"
        "%load_ext mipro_nb\n"
        f"lm = mipro.LM('scripted', base_url={server.base_url!r}, api_key={KEY!r})\n"
        "mipro.configure(lm=lm)\n"
        "train, val, student = rows(10), rows(4, start=1000), Solve()"
    )


def executed(server, *cells, allow_errors=False):
    """The outputs of each cell, as text."""
    sources = [setup_for(server), *cells]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(notebook, timeout=120, allow_errors=allow_errors).execute()
    return [text_of(cell.outputs) for cell in notebook.cells[1:]]


def text_of(outputs):
    shown = []
    for output in outputs:
        if output.output_type == "error":
            shown.append("\n".join(output.traceback))
        else:
            shown.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(shown)


@pytest.fixture
def scripted():
    with ScriptedServer(answer) as running:
        yield running


def test_from_the_estimate_to_the_history(scripted):
    estimate, _, best, cell, history, status = executed(
        scripted,
        f"%mipro estimate student {SHORT}",
        f"best = %mipro run student {SHORT} --yes",
        "print(best.run.status, best.score > best.run.state.baseline)",
        f"%%mipro {SHORT} --yes adder\nquestion -> answer\nAdd.",
        "%mipro history",
        "print(adder)\n%mipro status last",
    )
    assert "MIPROv2 plan for Solve" in estimate
    assert best == "finished True\n"
    assert "Traceback" not in cell
    assert history.count("finished") >= 2
    assert "Predict('question -> answer', " in status
    assert ": finished" in status


def test_a_mistake_stops_a_notebook_with_one_line(scripted):
    with pytest.raises(CellExecutionError):
        executed(scripted, f"%mipro rnu student {SHORT}")
    mistyped, unasked, rest = executed(
        scripted,
        f"%mipro rnu student {SHORT}",
        f"%mipro run student {SHORT}",
        "%mipro traceback",
        allow_errors=True,
    )
    assert mistyped == "UsageError: %mipro has no verb 'rnu'. Did you mean run?\n"
    assert unasked.startswith("PermissionUnansweredError: Permission is required")
    assert "--yes" in unasked
    assert "\n" not in unasked
    assert rest.startswith("Traceback (most recent call last):")
    assert scripted.count == 0


def test_plans_below_a_price_are_not_asked_about(scripted):
    cheap = "lm.price = mipro.Price(0.001, 0.001)"
    told, _, best = executed(
        scripted,
        f"{cheap}\n%mipro config below_usd=0.5",
        f"best = %mipro run student {SHORT}",
        "print(best.run.status)",
    )
    assert told == "below_usd  0.5"
    assert best == "finished\n"


def test_a_run_that_waits_for_permission_can_be_given_up(kernel, scripted):
    _, client = kernel
    client.execute(setup_for(scripted), reply=True, timeout=60)
    client.execute(f"run = %mipro run student {SHORT} --background", reply=True, timeout=60)
    told = [
        "".join(printed(client, client.execute(f"%mipro {line}")))
        for line in ("status", "show", "stop", "stop")
    ]
    assert ": planned" in told[0]
    assert "waits for permission: there is nothing to show yet." in told[1]
    assert "is given up; it had not been permitted." in told[2]
    assert "No run is live in this kernel" in told[3]
    assert scripted.count == 0


def test_an_interrupt_keeps_the_best_so_far(kernel):
    def hanging_after_the_baseline(request):
        return Reply(answer(request).text, hang=kind(request) != "task")

    manager, client = kernel
    with ScriptedServer(hanging_after_the_baseline) as server:
        client.execute(setup_for(server), reply=True, timeout=60)
        cell = f"best = %mipro run student {SHORT} --yes\nbest.run.status"
        request = client.execute(cell, allow_stdin=False)
        while server.in_flight == 0 or server.count < ROWS_TO_SCORE:
            time.sleep(0.05)
        manager.interrupt_kernel()
        assert client.get_shell_msg(timeout=60)["content"]["status"] == "ok"
    said = "".join(printed(client, request))
    assert "Interrupted: stopping the run and keeping the best program so far." in said
    assert "'stopped'" in said


ROWS_TO_SCORE = 4


@pytest.fixture
def kernel():
    manager = jupyter_client.KernelManager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def printed(client, request):
    """What a cell showed, piece by piece."""
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        if message["msg_type"] == "status" and content["execution_state"] == "idle":
            return
        yield content.get("text") or content.get("data", {}).get("text/plain", "")
