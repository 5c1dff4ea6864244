"""Runs that were resumed, as their events tell it: in the fold, the history, the frames."""

from __future__ import annotations

import os

import psutil
import pytest
from handmade import (
    BETTER,
    NOBODY,
    STUDENT,
    answered,
    asked,
    ended,
    failed,
    planned,
    scored,
    told,
    trial,
)

import mipro_nb as mipro
from mipro_nb.runs import RecordedEvent, fold, open_record
from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import configuration_key
from mipro_nb.runs.state import Choice
from mipro_nb.runs.store import owners
from mipro_nb.runs.usage import Usage
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.report import write_report

HERE = {"process": os.getppid(), "process_started": psutil.Process(os.getppid()).create_time()}


def timed(*events):
    """Events with the times at which they happened."""
    return [RecordedEvent("run", seq, at, event) for seq, (at, event) in enumerate(events)]


def write(events):
    """Enter a run of these events and return its line of the history."""
    record = open_record()
    record.add_run("run", "name", created=events[0].at)
    for recorded in events:
        record.append("run", recorded.event, recorded.seq, recorded.at)
    (row,) = history_rows(record)
    return row


def resumed(worked_until, **fields):
    return ev.RunResumed(**HERE, by="user", worked_until=worked_until, **fields)


BEGUN = ((1000.0, planned(NOBODY)), (1000.0, ev.RunPermitted(by="user", caps={"max_calls": 5})))


def test_a_run_that_was_cut_off_and_is_resumed_goes_on():
    cut_off = timed(*BEGUN, (1010.0, answered()))
    assert fold(cut_off).state == "cut off"
    going_on = timed(*BEGUN, (1010.0, answered()), (5000.0, resumed(1010.0)))
    state = fold(going_on)
    assert (state.state, state.ended, state.process) == ("running", None, os.getppid())
    assert write(going_on)["state"] == "running"


@pytest.mark.parametrize("how", ["stopped", "capped", "failed"])
def test_a_run_that_had_ended_is_open_again_once_it_is_resumed(how):
    end = ended(state=how, score=50.0, reason="It ended.")
    events = timed(
        *BEGUN,
        *((1005.0, event) for event in trial(0, "baseline", STUDENT, 50.0)),
        (1010.0, end),
        (5000.0, resumed(1010.0, caps={"max_calls": 9})),
    )
    assert fold(events[:-1]).state == how
    state = fold(events)
    assert (state.state, state.ended, state.ended_at) == ("running", None, None)
    assert state.caps == {"max_calls": 9}
    row = write(events)
    assert (row["state"], row["score"]) == ("running", 50.0)  # the best so far, not the end's


@pytest.mark.parametrize("is_there", [True, False])
def test_a_finished_run_keeps_its_result_while_it_is_tested_and_if_its_test_is_cut_off(is_there):
    process = HERE if is_there else {"process": NOBODY}
    events = timed(
        *BEGUN,
        *((1005.0, event) for event in trial(0, "baseline", STUDENT, 50.0)),
        (1010.0, ended(score=90.0)),
        (5000.0, ev.RunResumed(**process, by="user", worked_until=1010.0, testset="0" * 64)),
    )
    state = fold(events)
    assert (state.ended.score, state.is_tested, state.goes_on) == (90.0, True, is_there)
    row = write(events)
    assert (row["state"], row["score"]) == ("running" if is_there else "finished", 90.0)
    assert ("Its test was interrupted" in write_report("run", state)) is not is_there


def test_what_is_resumed_can_be_cut_off_again_and_end_again():
    again = timed(*BEGUN, (1010.0, ended(state="stopped")), (2000.0, resumed(1010.0)))
    assert fold(again).state == "running"
    dead = ev.RunResumed(process=NOBODY, worked_until=2000.0)
    assert fold(timed(*((r.at, r.event) for r in again), (3000.0, dead))).state == "cut off"
    over = timed(*((r.at, r.event) for r in again), (3000.0, ended(score=90.0)))
    assert (fold(over).state, write(over)["score"]) == ("finished", 90.0)


SPANS = {
    # What happened; then how long the run has worked.
    "cut off": ([(1010.0, answered()), (5000.0, resumed(1010.0)), (5007.0, answered())], 17.0),
    "ended": (
        [(1010.0, ended(state="capped")), (5000.0, resumed(1010.0)), (5007.0, ended())],
        17.0,
    ),
    "cut off in a pause": (
        [(1010.0, ev.RunPaused()), (1015.0, answered()), (5000.0, resumed(1015.0))],
        10.0,
    ),
    "stopped in a pause": (
        [
            (1010.0, ev.RunPaused(reason="The server is gone.")),
            (1020.0, ended(state="stopped")),
            (5000.0, resumed(1020.0)),
            (5003.0, answered()),
        ],
        13.0,
    ),
    "twice": (
        [
            (1010.0, answered()),
            (2000.0, resumed(1010.0)),
            (2005.0, answered()),
            (3000.0, resumed(2005.0)),
            (3001.0, answered()),
        ],
        16.0,
    ),
    "paused before": (
        [
            (1002.0, ev.RunPaused()),
            (1008.0, ev.RunResumed()),
            (1010.0, answered()),
            (5000.0, resumed(1010.0)),
            (5001.0, answered()),
        ],
        5.0,
    ),
}


@pytest.mark.parametrize("span", SPANS)
def test_the_time_until_a_run_is_resumed_is_no_work(span):
    happened, seconds = SPANS[span]
    events = timed(*BEGUN, *happened)
    assert fold(events).seconds == seconds
    assert write(events)["seconds"] == seconds  # from its milestones alone


def test_calls_that_were_lost_count_towards_the_usage_and_not_as_answered():
    lost = {"lost_calls": 2, "lost_tokens": 1000, "lost_usd": 3.0}
    events = timed(*BEGUN, (1010.0, answered(usd=0.5)), (2000.0, resumed(1010.0, **lost)))
    state = fold(events)
    assert state.usage == Usage(3, 1110, 3.5)
    assert (state.spend.calls, state.spend.usd) == (1, 0.5)
    row = write(events)
    assert (row["calls"], row["usd"]) == (1, 0.5)
    assert row["billed"] == "up to $3.00 more may have been billed"
    again = fold([*events, RecordedEvent("run", 4, 3000.0, resumed(2000.0, **lost))])
    assert again.lost == Usage(4, 2000, 6.0)


def test_what_gave_way_to_another_attempt_is_no_failed_call_but_may_cost():
    billed = {"input_tokens": 100, "output_tokens": 10}
    events = timed(
        *BEGUN,
        (1001.0, answered(usd=0.5, attempts=2)),
        (1001.0, failed(usd=0.25, final=False, **billed)),
        (1002.0, failed(usd=0.0, attempts=3)),
        (1003.0, answered(usd=0.0, from_cache=True, attempts=0)),
    )
    state = fold(events)
    assert (state.spend.calls, state.spend.failed_calls, state.spend.attempts) == (1, 1, 6)
    assert state.spend.usd == 0.75
    assert state.usage == Usage(6, 220, 0.75)
    row = write(events)
    assert (row["calls"], row["usd"]) == (1, 0.75)


def test_the_price_of_a_failed_call_may_be_unknown():
    events = timed(*BEGUN, (1001.0, answered()), (1001.0, failed(usd=None, input_tokens=5)))
    assert fold(events).spend.usd is None
    assert write(events)["usd"] is None


def test_what_is_scored_anew_counts_once():
    key = configuration_key(BETTER)
    events = timed(
        *BEGUN,
        (1001.0, asked(0, "baseline", STUDENT)),
        (1001.0, asked(1, "full", BETTER)),
        (1002.0, scored(1, BETTER, 0, 1.0)),
        (1003.0, scored(1, BETTER, 1, 0.0, error="example 1: no")),
        (1004.0, ended(state="failed")),
        (2000.0, resumed(1004.0)),
        (2001.0, scored(1, BETTER, 1, 1.0)),
        (2002.0, told(1, "full", BETTER, 100.0)),
    )
    state = fold(events)
    assert (state.trials[1].scored, state.trials[1].errors, state.errors) == (2, 0, {})
    assert state.scores[key] == {0: 1.0, 1: 1.0}
    tally = state.tallies[Choice("self", "instruction", 2)]
    assert (tally.examples, tally.points, tally.trials) == (2, 2.0, 1)
    assert write(events)["trials"] == 1
    frame = mipro.runs.load("run").to_dataframe()
    assert (frame.scored[1], frame.errors[1]) == (2, 0)


def test_an_example_that_failed_again_is_one_failure():
    twice = [(1002.0, scored(0, STUDENT, 1, 0.0, error="example 1: no"))] * 2
    state = fold(timed(*BEGUN, (1001.0, asked(0, "baseline", STUDENT)), *twice))
    assert (state.trials[0].scored, state.trials[0].errors, len(state.errors)) == (1, 1, 1)


def test_an_example_that_another_trial_scores_anew_counts_there():
    events = timed(
        *BEGUN,
        (1001.0, asked(1, "minibatch", BETTER)),
        (1001.0, asked(2, "full", BETTER)),
        (1002.0, scored(1, BETTER, 0, 0.0, error="example 0: no")),
        (2000.0, resumed(1002.0)),
        (2001.0, scored(2, BETTER, 0, 1.0)),
    )
    trials = fold(events).trials
    assert (trials[1].scored, trials[1].errors) == (0, 0)
    assert (trials[2].scored, trials[2].errors) == (1, 0)


def test_a_trial_does_not_last_while_its_run_does_not_go_on():
    write(
        timed(
            *BEGUN,
            (1001.0, asked(0, "baseline", STUDENT)),
            (1003.0, told(0, "baseline", STUDENT, 50.0)),
            (1004.0, asked(1, "full", BETTER)),
            (1006.0, asked(2, "minibatch", BETTER)),
            (1010.0, ev.RunPaused()),
            (1030.0, ev.RunResumed()),
            (1031.0, told(2, "minibatch", BETTER, 50.0)),
            (9000.0, resumed(1032.0)),
            (9003.0, told(1, "full", BETTER, 50.0)),
        )
    )
    frame = mipro.runs.load("run").to_dataframe()
    assert list(frame.seconds) == [2.0, 1032.0 - 1004.0 - 20.0 + 3.0, 1031.0 - 1006.0 - 20.0]


def test_the_frame_of_examples_tells_the_last_score_of_each():
    record = open_record()
    rows = record.put_text('[{"question": "1 + 1?", "answer": "2"}]')
    begun = ((1000.0, planned(NOBODY, valset=rows)), BEGUN[1])
    write(
        timed(
            *begun,
            (1001.0, asked(0, "baseline", STUDENT, [0])),
            (1002.0, scored(0, STUDENT, 0, 0.0, error="example 0: no")),
            (2000.0, resumed(1002.0)),
            (2001.0, scored(0, STUDENT, 0, 1.0)),
        )
    )
    frame = mipro.runs.load("run").examples_dataframe()
    assert list(frame.score) == [1.0]
    assert list(frame.example_question) == ["1 + 1?"]


def test_a_run_that_is_resumed_here_is_told_to_be_here(monkeypatch):
    monkeypatch.setattr(owners, "_here", {"run": {"somebody"}})
    here = ev.RunResumed(
        process=os.getpid(), process_started=owners.own_start(), worked_until=1010.0
    )
    row = write(timed(*BEGUN, (1010.0, ended(state="stopped")), (2000.0, here)))
    assert (row["state"], row["here"]) == ("running", True)


def test_the_curve_of_the_cost_counts_what_failed_and_was_billed():
    events = timed(
        *BEGUN,
        (1001.0, answered(usd=0.5)),
        (1001.0, failed(usd=0.25, input_tokens=100)),
        (1001.0, failed()),
        (1001.0, answered(usd=0.0, from_cache=True)),
        *((1002.0, event) for event in trial(0, "baseline", STUDENT, 50.0)),
    )
    row = write(events)
    other = open_record()
    other.add_run("other", "name")
    (run, _) = mipro.runs.compare("run", "other").runs
    (point,) = run["curve"]
    assert (point["calls"], point["usd"]) == (row["calls"], row["usd"]) == (1, 0.75)
