"""What can go wrong around a run: a record that cannot be written, locks, late answers."""

from __future__ import annotations

import contextvars
import json
import sqlite3
import threading
from dataclasses import replace

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import KEY, Solve, answer, exact, lm_of, rows
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import (
    CallRefusedError,
    InvalidArgumentError,
    MetricError,
    PermissionDeniedError,
    ProgramError,
    RecordError,
    RunEndedError,
)
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.optimizer import algorithm
from mipro_nb.optimizer.running.asking import surface

SHORT = {"num_trials": 2, "minibatch": False}


class Quiet:
    """A surface that asks nobody by itself; the test answers."""

    def open(self, run, *, ask, blocking):
        return None


@pytest.fixture
def unasked():
    chosen = surface._choose
    surface.prefer(Quiet)
    yield
    surface.prefer(chosen)


@pytest.fixture
def slow_server():
    with ScriptedServer(answer, latency=0.02) as running:
        mipro.configure(lm=lm_of(running))
        yield running


def begin(metric=exact, num_threads=4, **settings):
    optimizer = mipro.MIPROv2(metric, num_candidates=3, num_threads=num_threads)
    return optimizer.start(
        Solve(),
        trainset=rows(8),
        valset=rows(12, start=1000),
        **{"num_trials": 100, "minibatch_size": 4, "requires_permission_to_run": False, **settings},
    )


def test_a_run_that_cannot_be_recorded_fails_and_does_not_hang(unasked, slow_server, monkeypatch):
    run = begin(requires_permission_to_run=True)
    monkeypatch.setattr(run.record, "add_run", lambda *_: (_ for _ in ()).throw(RecordError("no")))
    with pytest.raises(RecordError):
        run.begin(by="user")
    assert not run.permitted
    with pytest.raises(RecordError):
        run.wait(5)
    assert mipro.live_runs() == []
    assert slow_server.count == 0


def test_a_question_is_answered_once(unasked, slow_server):
    run = begin(requires_permission_to_run=True)
    run.decline()
    assert not run.begin(by="user", caps=Caps(max_calls=5))
    with pytest.raises(PermissionDeniedError):
        run.wait(5)
    assert slow_server.count == 0
    other = begin(requires_permission_to_run=True)
    assert other.begin(by="user", caps=Caps(max_calls=5))
    assert not other.begin(by="user", caps=Caps())
    other.wait()
    assert slow_server.count == 5


def test_a_run_that_waits_for_permission_is_among_the_live_ones_until_it_is_stopped(
    unasked, slow_server
):
    run = begin(requires_permission_to_run=True)
    assert mipro.live_runs() == [run]
    run.stop()
    assert mipro.live_runs() == []


def test_who_reads_the_state_may_read_the_record_meanwhile(slow_server):
    run = begin(num_trials=10)
    while not run.done:
        run.read(lambda _: run.record.run_ids())
    assert run.wait(60).score is not None


def test_async_code_of_a_run_is_told_that_it_cannot_wait_for_one(slow_server):
    first = begin(num_trials=300)
    said = []

    async def asking(example, prediction, trace=None):
        try:
            first.wait()
        except ProgramError as error:
            said.append(str(error))
        return example.answer == prediction.answer

    begin(asking, num_trials=1, minibatch=False).wait(60)
    assert "cannot wait for run" in said[0]
    first.stop()
    first.wait(60)


def test_user_code_that_goes_on_after_the_run_has_ended_sends_nothing(slow_server):
    contexts = []

    def metric(example, prediction, trace=None):
        contexts.append(contextvars.copy_context())
        return prediction.answer == example.answer

    begin(metric, **SHORT).wait(60)
    sent = slow_server.count
    with pytest.raises(CallRefusedError):
        contexts[-1].run(mipro.settings.lm, "Is it over?")
    assert slow_server.count == sent


def test_a_pause_that_cannot_be_recorded_is_no_pause(slow_server, monkeypatch):
    run = begin()
    until(lambda: len(list(run.state.trials)) > 2)
    append = run.record.append
    monkeypatch.setattr(
        run.record,
        "append",
        lambda run_id, event, *where: (
            append(run_id, event, *where)
            if event.type != "run_paused"
            else (_ for _ in ()).throw(RecordError("full"))
        ),
    )
    with pytest.raises(RecordError):
        run.pause()
    sent = slow_server.count
    until(lambda: slow_server.count > sent + 5)
    run.stop()
    run.wait(60)


def test_a_run_that_ends_at_its_cap_cannot_be_set_going_again(work_clock, monkeypatch):
    monkeypatch.setattr(algorithm, "GRACE_SECONDS", 60.0)
    tried = threading.Event()
    with ScriptedServer(lambda request: replace(answer(request), once=tried.is_set)) as server:
        mipro.configure(lm=lm_of(server))
        run = begin(max_seconds=0.7, num_threads=8)
        until(lambda: server.in_flight == 8)
        work_clock.seconds = 0.7
        until(lambda: run._algorithm.capped is not None)
        for steer in (run.pause, run.resume):
            with pytest.raises(RunEndedError, match="max_seconds"):
                steer()
        tried.set()
        run.wait(60)
        assert server.count == 8
    assert run.status == "capped"


def test_an_answer_that_is_billed_and_of_no_use_counts():
    usage = {"prompt_tokens": 50, "completion_tokens": 500, "total_tokens": 550}
    body = json.dumps({"id": "1", "object": "chat.completion", "choices": [], "usage": usage})
    with ScriptedServer(lambda _: Reply(raw_body=body.encode())) as server:
        mipro.configure(lm=mipro.LM("openai/x", base_url=server.base_url, api_key=KEY,
                                    price=(1.0, 2.0), num_retries=0, max_tokens=600))  # fmt: skip
        run = begin(max_usd=0.005, num_threads=1)
        run.wait(60)
        assert server.count == 3
    spend = mipro.runs.load(run.id).state.spend
    assert run.status == "capped"
    assert (spend.failed_calls, spend.input_tokens, spend.output_tokens) == (3, 150, 1500)
    assert spend.usd == pytest.approx(0.00315)


def test_banned_programs_are_not_among_the_candidates_returned(slow_server):
    run = begin(num_trials=30, minibatch_full_eval_steps=3)
    until(lambda: any(t.kind == "full" and t.score for t in list(run.state.trials.values())))
    for index in (1, 2, 3):
        run.ban("solve", index)
    best = run.wait(60)
    for candidate in best.candidate_programs:
        assert candidate["configuration"].get("solve:instruction", 0) == 0


def test_scores_whose_percent_is_no_number_are_refused(slow_server):
    with pytest.raises(MetricError, match="returned"):
        begin(lambda example, prediction, trace=None: 1e308)


def test_text_that_cannot_be_sent_is_mended_in_an_instruction_by_hand(slow_server):
    run = begin(num_trials=30)
    until(lambda: len(list(run.state.trials)) > 2)
    index = run.add_instruction("solve", "Add. \ud800")
    run.pin("solve", index)
    run.wait(60)
    assert run.status == "finished"
    assert run.state.candidates["solve"][index].instruction == "Add. \\ud800"


def test_many_threads_may_ask_for_live_runs_while_others_begin(unasked, slow_server):
    runs, errors = [], []

    def ask():
        for _ in range(200):
            try:
                mipro.live_runs()
            except RuntimeError as error:
                errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    runs += [begin(requires_permission_to_run=True) for _ in range(5)]
    asking.join()
    assert errors == []
    for run in runs:
        run.stop()


def test_keys_in_the_query_of_an_address_are_not_told():
    url = "http://127.0.0.1:9/v1?key=canary-in-the-query"
    lm = mipro.LM("openai/x", base_url=url, api_key=KEY, num_retries=0)
    assert "canary" not in repr(lm)
    mipro.configure(lm=lm)
    run = begin(**SHORT)
    with pytest.raises(mipro.errors.LMUnavailableError) as caught:
        run.wait(60)
    assert "canary" not in str(caught.value)
    with sqlite3.connect(run.record.path) as file:
        assert "canary" not in "\n".join(file.iterdump())


def test_rows_that_cannot_be_recorded_are_told_before_the_question(unasked, slow_server):
    row = mipro.Example(**{"question": "1 plus 4", "answer": "5", "f\ud800": "v"})
    data = [row.with_inputs("question")] * 4
    with pytest.raises(InvalidArgumentError, match="trainset"):
        mipro.MIPROv2(exact, num_candidates=2).start(Solve(), trainset=data, **SHORT)
