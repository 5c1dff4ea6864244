"""Where everything would fail from now on, a run pauses, and goes on as if nothing had been."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import threading
from collections import Counter
from dataclasses import replace

import pytest
from faulty import sent_to
from scripted_server import Reply, ScriptedServer
from scripted_task import PlanAndSolve, answer, exact, kind, lm_of, question_of
from watched import Watched, until
from whole_runs import CANDIDATES, SEARCH, TRAIN, VAL, answered, made, result

import mipro_nb as mipro
from mipro_nb.errors import LMUnavailableError, RecordError
from mipro_nb.optimizer.control import pause as holding
from mipro_nb.optimizer.running.asking import surface

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

LATE_QUESTIONS = {row.question for row in TRAIN[::3]}
AFTER = [20, 60, 150]


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(surface, "_choose", Watched)


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(holding, "_TRY_AGAIN_SECONDS", 0.05)


def optimizer(metric=exact):
    return mipro.MIPROv2(metric, num_threads=6, **CANDIDATES)


def begun(lm, record, metric=exact):
    mipro.configure(lm=lm)
    return optimizer(metric).start(
        PlanAndSolve(),
        trainset=TRAIN,
        valset=VAL,
        record=record,
        requires_permission_to_run=False,
        **SEARCH,
    )


@pytest.fixture
def record(tmp_path):
    return tmp_path / "run.sqlite"


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    run, _ = made(tmp_path_factory.mktemp("clean"))
    return result(run)


class Revocable:
    """The toy LM, whose key is refused after so many answers, until it is fixed."""

    def __init__(self, after, reply=None):
        self.after, self.reply = after, reply or Reply("Key revoked.", status=401)
        self.answered = Counter()
        self.refused = 0

    def __call__(self, request):
        if self.answered.total() >= self.after:
            self.refused += 1
            return self.reply
        self.answered[json.dumps(request.messages)] += 1
        return answer(request)

    def mend(self):
        self.after = float("inf")


def failures(run):
    return [e.event for e in run.events() if e.event.type == "lm_call_failed"]


def paused(run):
    until(lambda: run.done or (run.status == "paused" and run.in_flight == 0))
    assert run.status == "paused", run.state.ended
    return run


@pytest.mark.parametrize("after", AFTER)
def test_a_key_revoked_in_mid_run_pauses_it_and_costs_nothing(watched, clean, record, after):
    lm = Revocable(after)
    with ScriptedServer(lm, latency=0.002) as server:
        run = paused(begun(lm_of(server), record))
        assert "refused the key" in run.state.pause_reason
        assert "Key revoked." in mipro.runs.load(run.id, record).report()
        assert 1 <= lm.refused <= 6
        assert run.state.errors == {}
        lm.mend()
        run.resume()
        run.wait(60)
        assert result(run) == clean
        assert run.state.spend.attempts == server.count
    assert [call.final for call in failures(run)] == [False] * lm.refused
    assert answered(run) == lm.answered
    assert run.state.spend.failed_calls == 0


@pytest.mark.parametrize("after", AFTER)
def test_a_server_that_dies_pauses_the_run_until_it_is_back(watched, clean, record, after):
    enough = threading.Event()

    def counting(request):
        if request.number == after:
            enough.set()
        return answer(request)

    with ScriptedServer(counting, latency=0.002) as server:
        run = begun(lm_of(server, num_retries=1), record)
        assert enough.wait(60)
        server.close()
        paused(run)
        assert "Cannot reach" in run.state.pause_reason
        with ScriptedServer(answer, port=server._port) as again:
            run.resume()
            run.wait(60)
            sent = sent_to(server) + sent_to(again)
    assert result(run) == clean
    assert run.state.spend.failed_calls == 0
    # What was in flight when it died got no answer, and was sent again.
    assert (sent - answered(run)).total() <= 6
    assert run.state.spend.attempts >= sent.total()


def test_a_gateway_before_a_dead_server_pauses_the_run_before_examples_fail(watched, record):
    gone = Reply("Bad gateway.", status=502, headers={"Retry-After": "0.01"})
    lm = Revocable(40, gone)
    with ScriptedServer(lm, latency=0.002) as server:
        run = paused(begun(lm_of(server, num_retries=3), record))
        assert "Bad gateway." in run.state.pause_reason
        assert run.state.errors == {}
        lm.mend()
        run.resume()
        run.wait(60)
        assert run.status == "finished"
        assert run.state.spend.attempts == server.count


def test_a_pause_of_ones_own_is_told_again_if_the_server_is_still_dead(watched, record):
    lm = Revocable(40)
    with ScriptedServer(lm) as server:
        run = paused(begun(lm_of(server), record))
        run.resume()
        paused(run)
        assert "refused the key" in run.state.pause_reason
        run.stop()
        assert run.wait(60) is not None
    assert run.status == "stopped"


def test_a_judge_in_the_metric_that_fails_pauses_the_run_as_well(watched, record):
    lm = Revocable(5)
    judged = []

    def judging(example, prediction, trace=None):
        with mipro.context(lm=judge):
            said = mipro.Predict("question -> answer")(question=example.question)
        judged.append(said)
        return prediction.answer == example.answer

    with ScriptedServer(lm) as at_fault, ScriptedServer(answer) as server:
        judge = mipro.LM("openai/judge", base_url=at_fault.base_url, api_key="k", num_retries=0)
        run = paused(begun(lm_of(server), record, judging))
        assert "judge" in run.state.pause_reason
        assert run.state.errors == {}
        lm.mend()
        run.resume()
        run.wait(60)
    assert run.status == "finished"
    assert run.state.errors == {}
    assert not any(call.final for call in failures(run))


@pytest.mark.parametrize("after", AFTER)
def test_where_nobody_can_resume_it_fails_and_can_be_resumed(clean, record, after):
    lm = Revocable(after)
    with ScriptedServer(lm, latency=0.002) as server:
        run = begun(lm_of(server), record)
        with pytest.raises(LMUnavailableError, match="refused the key") as caught:
            run.wait(60)
        assert any(f"resume({run.id!r}" in note for note in caught.value.__notes__)
        assert run.status == "failed"
        lm.mend()
        mipro.configure(lm=lm_of(server))
        best = optimizer().resume(
            run.id, PlanAndSolve(), record=record, requires_permission_to_run=False
        )
        assert server.exceptions == []
    assert result(best.run) == clean
    assert best.run.state.spend.attempts + best.run.state.lost.calls == server.count
    assert (lm.answered - answered(best.run)).total() <= best.run.state.lost.calls


class Catches(PlanAndSolve):
    def forward(self, question):
        try:
            return super().forward(question)
        except Exception:  # noqa: BLE001 - as many programs do
            return mipro.Prediction(answer="")


def begun_catching(record):
    return optimizer().start(
        Catches(),
        trainset=TRAIN,
        valset=VAL,
        record=record,
        requires_permission_to_run=False,
        **SEARCH,
    )


def resumed_catching(lm, record):
    """The run of a program that catches errors, failed because of `lm` and resumed."""
    with ScriptedServer(lm, latency=0.002) as server:
        mipro.configure(lm=lm_of(server))
        run = begun_catching(record)
        with pytest.raises(LMUnavailableError):
            run.wait(60)
        assert run.status == "failed"
        lm.mend()
        return (
            optimizer()
            .resume(run.id, Catches(), record=record, requires_permission_to_run=False)
            .run
        )


@pytest.mark.parametrize("after", AFTER)
def test_an_outage_that_the_program_catches_is_not_scored(record, after):
    with ScriptedServer(answer, latency=0.002) as server:
        mipro.configure(lm=lm_of(server))
        whole = begun_catching(record.with_name("whole.sqlite"))
        whole.wait(60)
    run = resumed_catching(Revocable(after), record)
    assert result(run) == result(whole)
    assert run.state.caught == set()


def test_calls_caught_before_a_server_was_known_to_be_down_are_made_again(record):
    run = resumed_catching(Revocable(60, Reply(drop=True)), record)
    assert run.status == "finished"
    assert run.state.caught & run.state.scored_by.keys() == set()


def test_a_run_fails_for_the_reason_that_there_is_and_not_for_what_that_cancelled(record):
    def respond(request):
        if kind(request) == "instruction":
            return Reply("No such model.", status=404)
        # Proposals wait for demo sets that are long in coming.
        slow = kind(request) == "task" and question_of(request) in LATE_QUESTIONS
        return replace(answer(request), delay=0.5) if slow else answer(request)

    with ScriptedServer(respond) as server:
        run = begun(lm_of(server), record)
        with pytest.raises(LMUnavailableError, match="No such model"):
            run.wait(60)
    assert run.status == "failed"


@contextlib.contextmanager
def full_disk(record):
    """Have the record find no room for one more page."""
    with record.lock:
        (pages,) = record._db.execute("PRAGMA page_count").fetchone()
        record._db.execute(f"PRAGMA max_page_count={pages}")
    try:
        yield
    finally:
        with record.lock:
            record._db.execute("PRAGMA max_page_count=1000000")


@contextlib.contextmanager
def locked(record):
    """Have another program hold the record's file."""
    with record.lock:
        record._db.execute("PRAGMA busy_timeout=20")
    with contextlib.closing(sqlite3.connect(record.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("broken", [full_disk, locked])
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.usefixtures("watched", "soon")
def test_a_record_that_cannot_be_written_pauses_the_run_until_it_can(clean, record, broken, after):
    served = Revocable(float("inf"))
    with ScriptedServer(served, latency=0.005) as server:
        run = begun(lm_of(server), record)
        until(lambda: server.count > after)
        with broken(run.record):
            paused(run)
            assert "Cannot write the record" in run.state.pause_reason
            assert "by itself" in run.state.pause_reason
            sent = server.count
            with pytest.raises(RecordError, match="Cannot write"):
                run.resume()
            assert run.status == "paused"
            assert server.count == sent
        run.wait(60)
        assert run.status == "finished"
        assert result(run) == clean
        assert answered(run) == served.answered
        assert run.state.spend.attempts == server.count
    recorded = mipro.runs.load(run.id, record)
    assert recorded.state == run.state
    (pause,) = [e.event for e in run.events() if e.event.type == "run_paused"]
    assert "Cannot write the record" in pause.reason
    assert run.state.paused_seconds > 0


def test_what_a_stop_leaves_unwritten_is_told(watched, soon, record):
    with ScriptedServer(answer, latency=0.005) as server:
        run = begun(lm_of(server), record)
        until(lambda: server.count > 60)
        with full_disk(run.record):
            paused(run)
            until(lambda: run.in_flight == 0)
            run.stop()
            assert run.wait(60) is not None
            assert run.status == "stopped"
            unwritten = run._journal.backlog.answers
            told = f"{unwritten} LM answer{'s' if unwritten > 1 else ''} that"
            assert told in run.report()
        sent = server.count
    assert unwritten > 0
    # The record knows that they were sent.
    best = optimizer()
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server))
        best = best.resume(run.id, PlanAndSolve(), record=record, requires_permission_to_run=False)
        spend = best.run.state
        assert spend.lost.calls == unwritten
        assert spend.spend.attempts + spend.lost.calls == sent + server.count


def test_where_nobody_can_resume_a_full_disk_fails_the_run_and_tells_what_is_lost(record):
    is_full = threading.Event()

    def held(request):
        return (
            replace(answer(request), once=is_full.is_set)
            if request.number >= 60
            else answer(request)
        )

    with ScriptedServer(held, latency=0.005) as server:
        run = begun(lm_of(server), record)
        # All six threads wait: the first that cannot be written is an answer, not a call.
        until(lambda: server.count >= 66 and run.in_flight == 6)
        with full_disk(run.record):
            is_full.set()
            with pytest.raises(RecordError, match="Cannot write the record") as caught:
                run.wait(60)
            notes = " ".join(caught.value.__notes__)
            assert f"resume({run.id!r}" in notes
            assert run.status == "failed"
            assert mipro.live_runs() == []
        answers = run._journal.backlog.answers
    lost = re.search(r"(\d+) LM answers? that (?:was|were) paid for could not be written", notes)
    # Those of sync programs that were on their way then come later still.
    assert 0 < int(lost[1]) <= answers


@pytest.mark.usefixtures("watched", "soon")
def test_a_run_whose_end_cannot_be_written_waits_until_it_can(clean, record, monkeypatch):
    with ScriptedServer(answer) as server:
        run = begun(lm_of(server), record)
        take_lost, full = run.record.take_lost, [True]

        def failing(run_id):
            if full:
                msg = "Cannot write the record."
                raise RecordError(msg)
            return take_lost(run_id)

        monkeypatch.setattr(run.record, "take_lost", failing)
        paused(run)
        full.clear()
        run.wait(60)
    assert result(run) == clean
    assert mipro.runs.load(run.id, record).status == "finished"
