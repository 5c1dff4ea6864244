"""Runs whose evaluations go out in batches: planned, cheaper, resumed while one is out."""

from __future__ import annotations

import json
import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import processes
import pytest
from scripted_batches import Ending, ScriptedBatches
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows, run_of
from watched import until
from whole_runs import CANDIDATES as MANY
from whole_runs import SEARCH as LONG
from whole_runs import TRAIN, VAL, told

import mipro_nb as mipro
from mipro_nb.models.gate.batching import batch as gates_batch
from mipro_nb.models.gate.batching import batches as gates_batches

HERE = Path(__file__).parent
CANDIDATES = {**MANY, "num_candidates": 3}
SEARCH = {**LONG, "num_trials": 3, "trials_in_flight": 2}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(gates_batches, "_QUIET_SECONDS", 0.0)
    monkeypatch.setattr(gates_batch, "_FIRST_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(gates_batch, "_LONGEST_LOOK_SECONDS", 0.02)


@pytest.fixture
def serve():
    servers = []

    def start(*endings, port=0):
        batches = ScriptedBatches(endings)
        servers.append(ScriptedServer(answer, batches=batches, port=port))
        return servers[-1].__enter__()

    yield start
    for server in servers:
        server.close()
        assert server.exceptions == []


def made(tmp_path, server, name, **settings):
    """Run the usual search, in a record of its own."""
    optimizer = mipro.MIPROv2(exact, **CANDIDATES)
    mipro.configure(lm=lm_of(server, **settings))
    record = tmp_path / f"{name}.sqlite"
    return run_of(optimizer, Solve(), train=TRAIN, val=VAL, record=record, **SEARCH)


def test_a_run_in_batches_is_the_same_run_at_half_the_price(tmp_path, serve):
    server = serve()
    at_once = made(tmp_path, server, "at once")
    sent = server.count
    run = made(tmp_path, server, "in batches", batch=True)
    assert told(run) == told(at_once)
    scored = ("baseline", "search")
    before, now = (
        sum(each.state.spend_by_phase[phase].usd for phase in scored) for each in (at_once, run)
    )
    assert now == pytest.approx(before / 2)
    batches = server.batches
    assert server.count - sent + len(batches.requests) == run.state.spend.attempts
    assert max(batches.sizes) >= len(VAL)  # with six programs at work
    assert "half" in str(run.plan)


@pytest.mark.slow
def test_a_batch_holds_the_calls_of_examples_on_workers_as_well(tmp_path, serve):
    server = serve()
    alone = made(tmp_path, server, "in this process", batch=True)
    before = len(server.batches.sizes)
    processes_of = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, mp_context=processes_of) as pool:
        mipro.configure(executor=pool)
        run = made(tmp_path, server, "on workers", batch=True)
    assert told(run) == told(alone)
    assert run.state.spend.calls == alone.state.spend.calls
    assert max(server.batches.sizes[before:]) >= len(VAL)


def test_trials_are_larger_and_fewer_at_a_time_and_the_estimate_is_cheaper(serve):
    server = serve()
    settings = {"trainset": TRAIN, "valset": rows(120, start=1000)}
    optimizer = mipro.MIPROv2(exact, num_threads=64, hedge=True)
    mipro.configure(lm=lm_of(server))
    usual = optimizer.plan(Solve(), **settings)
    mipro.configure(lm=lm_of(server, batch=True))
    plan = optimizer.plan(Solve(), max_seconds=60.0, **settings)
    assert (usual.minibatch_size, plan.minibatch_size) == (25, 100)
    assert (usual.trials_in_flight, plan.trials_in_flight) == (11, 2)
    assert optimizer.plan(Solve(), minibatch_size=30, **settings).minibatch_size == 30
    phases = {phase.phase: phase for phase in plan.estimate.phases}
    asked = {phase.phase: phase for phase in usual.estimate.phases}
    assert phases["baseline"].usd.expected == pytest.approx(asked["baseline"].usd.expected / 2)
    assert phases["propose"].usd.expected == pytest.approx(asked["propose"].usd.expected)
    text = " ".join(plan.notes)
    for said in (
        "at half the price",
        "platform.openai.com/docs/guides/batch",
        "Sent at once, and at the full price",
        "up to 62 follow one another",
        "hedge=True does not apply to calls that go in batches",
        "max_seconds=60 may end the run",
    ):
        assert said in text
    assert server.count == 0


def test_a_prompt_model_alone_is_told_that_batches_change_nothing(serve):
    server = serve()
    mipro.configure(lm=lm_of(server))
    optimizer = mipro.MIPROv2(exact, prompt_model=lm_of(server, batch=True))
    plan = optimizer.plan(Solve(), trainset=TRAIN, valset=VAL, minibatch_size=10)
    assert any("changes nothing for openai/scripted" in note for note in plan.notes)


def test_what_a_metric_asks_is_sent_at_once(tmp_path, serve):
    server = serve()
    lm = lm_of(server, batch=True, cache=False)
    judge = mipro.Predict("question -> answer")

    def judged(example, prediction, trace=None):
        return judge(question=f"{example.question}").answer == prediction.answer

    mipro.configure(lm=lm, record=tmp_path / "record.sqlite")
    evaluate = mipro.Evaluate(devset=rows(3), metric=judged, display_progress=False)
    assert evaluate(Solve()) == 100
    assert (server.batches.sizes, server.count) == ([3], 3)


def test_a_stopped_run_says_what_may_still_cost_and_fetches_what_was_done(tmp_path, serve):
    server = serve(Ending(once=lambda: False, done=5))
    lm = lm_of(server, batch=True, max_tokens=20)
    mipro.configure(lm=lm, record=tmp_path / "record.sqlite")
    optimizer = mipro.MIPROv2(exact, **CANDIDATES)
    data = {"trainset": TRAIN, "valset": VAL, **SEARCH, "requires_permission_to_run": False}
    run = optimizer.start(Solve(), **data)
    until(lambda: server.batches.all)
    run.stop()
    run.wait()
    until(lambda: server.batches.cancelled == ["batch_0"])
    assert run.state.batched.calls == len(VAL)
    assert run.state.usage.calls == run.state.spend.attempts + run.state.lost.calls + len(VAL)
    assert "12 calls were out in batches when the run ended: they may still cost" in run.report()
    again = optimizer.resume(run.id, Solve(), requires_permission_to_run=False)
    assert again.run.status == "finished"
    assert "12 calls more went out in batches" in str(again.run.plan)
    # Five were done when the batch was cancelled: nothing of them is sent again.
    first, second = (batch.calls.keys() for batch in server.batches.all[:2])
    assert len(first & second) == 7
    assert again.run.state.batched.calls == 0


SET_UP = """
import json, sys
sys.path[:0] = sys.argv[5:]
from scripted_task import *
from mipro_nb.models.gate.batching import batch, batches
batches._QUIET_SECONDS, batch._FIRST_LOOK_SECONDS = 0.0, 0.02
lm = lm_of(type("Server", (), {"base_url": sys.argv[1]}), batch=True)
mipro.configure(lm=lm, record=sys.argv[2])
from whole_runs import TRAIN, VAL
candidates, search = map(json.loads, sys.argv[3:5])
optimizer = mipro.MIPROv2(exact, **candidates)
run = optimizer.start(Solve(), trainset=TRAIN, valset=VAL, **search,
                      requires_permission_to_run=False, max_calls=5000)
print("begun", flush=True)
sys.stdin.readline()
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["killed", "ended"])
def test_a_batch_outlives_its_process_and_resuming_waits_for_it(tmp_path, serve, way):
    over = []
    # The baseline comes back; of the first trials, one is still out when the process ends.
    server = serve(Ending(), Ending(once=lambda: bool(over)))
    record = tmp_path / "record.sqlite"
    settings = [json.dumps(each) for each in (CANDIDATES, SEARCH)]
    arguments = (server.base_url, record, *settings, HERE.parent, HERE)
    with processes.start(SET_UP, *arguments) as process:
        try:
            assert process.stdout.readline() == "begun\n"
            until(lambda: len(server.batches.all) > 1 and server.batches.all[1].looks)
            if way == "killed":
                process.send_signal(signal.SIGKILL)
            process.communicate("end\n", timeout=120)
        finally:
            process.kill()
    assert server.batches.cancelled == []
    over.append(True)
    mipro.configure(lm=lm_of(server, batch=True), record=record)
    optimizer = mipro.MIPROv2(exact, **CANDIDATES)
    (interrupted,) = mipro.runs.list(record)
    out = len(server.batches.all[1].calls)
    if way == "killed":  # elsewhere nobody can ask what came of it: there it is lost
        archive = mipro.runs.export(interrupted.id, tmp_path / "run.json")
        other = mipro.runs.import_run(archive, tmp_path / "other.sqlite")
        here = interrupted.record.in_flight(interrupted.id).calls
        assert other.record.in_flight(other.id).calls == here + out
    else:
        assert interrupted.state.batched.calls == out
    best = optimizer.resume(interrupted.id, Solve(), requires_permission_to_run=False)
    assert best.run.status == "finished"
    custom_ids = [custom_id for batch in server.batches.all for custom_id in batch.calls]
    assert len(custom_ids) == len(set(custom_ids))
    assert "was out already (batch_1)" in " ".join(note.text for note in best.run.state.notes)
    usual = made(tmp_path, server, "undisturbed", batch=True)
    assert told(best.run)["trials"] == told(usual)["trials"]
    assert told(best.run)["result"] == told(usual)["result"]
    assert spent(best.run) == spent(usual)


def spent(run):
    """How often the evaluations of a run sent a call."""
    return sum(run.state.spend_by_phase[phase].attempts for phase in ("baseline", "search"))
