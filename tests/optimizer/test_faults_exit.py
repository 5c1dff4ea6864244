"""However a process ends while a run goes on, nothing of it is left behind but its record."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import processes
import psutil
import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import SolveAsync, answer, exact, lm_of, rows
from watched import until

import mipro_nb as mipro
from mipro_nb.core_loop import core

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SET_UP = """
import signal, sys, threading, time
# Whatever the tests were started with: in the background a shell has SIGINT ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:0] = sys.argv[3:]
from scripted_task import *
mipro.configure(lm=lm_of(type("Server", (), {"base_url": sys.argv[1]}), num_retries=1),
                record=sys.argv[2])
optimizer = mipro.MIPROv2(exact, num_candidates=3, num_threads=4)
data = dict(trainset=rows(12), valset=rows(24, start=1000), num_trials=2000, minibatch_size=6,
            requires_permission_to_run=False)
def judged(example, prediction, trace=None):
    mipro.Predict("question -> answer")(question=example.question)
    return prediction.answer == example.answer
"""
START = """
run = optimizer.start(PlanAndSolve(), **data)
while run.state.spend.calls < 30: time.sleep(0.01)
"""
THREADS = 4
HEARD = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
optimizer.compile(PlanAndSolve(), **data)
"""
ENDS = {
    "the end of the script": (START, None, 0, "stopped"),
    "sys.exit": (f"{START}sys.exit(3)", None, 3, "stopped"),
    "an exception": (f"{START}sys.excepthook = lambda *_: None\n1 / 0", None, 1, "stopped"),
    "an async program": (START.replace("PlanAndSolve", "SolveAsync"), None, 0, "stopped"),
    "an LM judge": (
        START.replace("run = optimizer", "run = mipro.MIPROv2(judged, num_threads=4)"),
        None,
        0,
        "stopped",
    ),
    "a paused run": (f"{START}run.pause()", None, 0, "stopped"),
    "a terminal that is closed": (
        "optimizer.compile(PlanAndSolve(), **data)", signal.SIGHUP, -signal.SIGHUP, "cut off",
    ),
    "a request to end": (
        "optimizer.compile(PlanAndSolve(), **data)", signal.SIGTERM, -signal.SIGTERM, "cut off",
    ),
    "a request to end that is heard": (HEARD, signal.SIGTERM, 4, "stopped"),
    "an interrupt": (
        "best = optimizer.compile(PlanAndSolve(), **data)\nassert best.run.status == 'stopped'",
        signal.SIGINT,
        0,
        "stopped",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", ENDS)
def test_a_process_that_ends_leaves_nothing_behind(tmp_path, way):
    script, sent, code, status = ENDS[way]
    record = tmp_path / "record.sqlite"
    with ScriptedServer(answer, latency=lambda number: 30 if number % 50 == 49 else 0.01) as server:
        arguments = (server.base_url, record, HERE.parent, HERE)
        with processes.start(SET_UP + script, *arguments) as process:
            try:
                if sent is not None:
                    until(lambda: server.count > 60)
                    process.send_signal(sent)
                children = psutil.Process(process.pid).children(recursive=True)
                _, errors = process.communicate(timeout=60)
            finally:
                process.kill()
        assert (process.returncode, children) == (code, [])
        assert "Traceback" not in errors
        assert "never awaited" not in errors
        until(lambda: server.in_flight == 0)
    (run,) = mipro.runs.list(record)
    assert run.status == status
    spend = run.state.spend
    flying = sum(n for (n,) in run.record.query("SELECT attempts FROM flights"))
    # All that was sent is in the record: what came back, what was given up, what is still noted.
    told = spend.attempts + run.state.lost.calls + flying
    assert server.count <= told <= server.count + THREADS
    assert mipro.runs.check(record) is not None


def test_a_run_that_is_stopped_leaves_no_task_and_no_call(tmp_path):
    before = tasks()  # of other tests: they may still be ending
    with ScriptedServer(answer, latency=lambda number: 60 if number > 100 else 0.0) as server:
        mipro.configure(lm=lm_of(server), record=tmp_path / "record.sqlite")
        run = mipro.MIPROv2(exact, num_candidates=3, num_threads=4).start(
            SolveAsync(),
            trainset=rows(12),
            valset=rows(24, start=1000),
            num_trials=100,
            minibatch_size=6,
            requires_permission_to_run=False,
        )
        until(lambda: server.count > 100)
        run.stop()
        run.wait(60)
        until(lambda: server.in_flight == 0)
        until(lambda: tasks() <= before)
        assert run.in_flight == 0
        told = run.state.spend.attempts + run.state.lost.calls
        # One that was noted may have been given up before its first byte was sent.
        assert server.count <= told <= server.count + run.plan.num_threads
    mipro.configure(record=None)


def tasks():
    return {task for task in asyncio.all_tasks(core().loop) if not task.done()}


@pytest.mark.real_lm
def test_the_embedded_model_listens_no_more_after_the_process_has_ended(tmp_path):
    script = """
import sys, time
sys.path[:0] = sys.argv[1:]
from scripted_task import *
mipro.configure(lm=mipro.LM.local(max_tokens=20))
optimizer = mipro.MIPROv2(exact, num_candidates=2, num_threads=2)
run = optimizer.start(Solve(), trainset=rows(8), valset=rows(4), num_trials=50, minibatch=False,
                      requires_permission_to_run=False)
while run.state.spend.calls < 2: time.sleep(0.01)
print(mipro.settings.lm._endpoint.base_url, flush=True)
"""
    (url,) = processes.run(script, HERE.parent, HERE)
    place = urlsplit(url)
    with socket.socket() as probe:
        assert probe.connect_ex((place.hostname, place.port)) != 0


TERMINAL = """
best = optimizer.compile(Solve(), **{**data, "num_trials": 20})
print("END", best.run.status, best.run.state.spend.failed_calls)
"""


@pytest.mark.parametrize("ending", ["enter", "interrupt", "the end of input"])
def test_on_a_terminal_a_run_that_pauses_by_itself_asks_how_to_go_on(tmp_path, ending):
    mended = []

    def respond(request):
        if request.number > 60 and not mended:
            return Reply("Key revoked.", status=401)
        return answer(request)

    ours, theirs = pty.openpty()
    with ScriptedServer(respond) as server:
        arguments = (server.base_url, tmp_path / "record.sqlite", HERE.parent, HERE)
        process = processes.start(SET_UP + TERMINAL, *arguments, terminal=theirs)
        try:
            os.close(theirs)
            printed = ""
            while "Press Enter" not in printed:
                part = process.stdout.read(1)
                assert part, printed + process.stderr.read()
                printed += part
            assert "The run pauses." in printed
            assert "Key revoked." in printed
            mended.append(True)
            if ending == "enter":
                os.write(ours, b"\n")
            elif ending == "interrupt":
                # Python does not hear it in the moment between the prompt and the reading.
                time.sleep(2)
                process.send_signal(signal.SIGINT)
            else:
                os.write(ours, b"\x04")
            rest, errors = process.communicate(timeout=60)
        finally:
            process.kill()
            os.close(ours)
    assert f"END {'finished' if ending == 'enter' else 'stopped'} 0" in rest
    assert "Traceback" not in errors
