"""A run told in a few lines: also how it is carried on, and what was sent without an answer."""

from __future__ import annotations

import os

import pytest
from handmade import NOBODY, answered, ended, planned

from mipro_nb.runs import RecordedEvent
from mipro_nb.runs import events as ev
from mipro_nb.runs.report import write_report
from mipro_nb.runs.state import fold

RESUME = 'MIPROv2(metric=metric).resume("run", student)'


def failed(**fields):
    return ev.LMCallFailed(phase="search", model="m", error="down", seconds=1.0, **fields)


def report(*events, process=None):
    begun = [planned(process), ev.RunPermitted(by="user")]
    recorded = [
        RecordedEvent("run", seq, 100.0 + seq, e) for seq, e in enumerate([*begun, *events])
    ]
    return write_report("run", fold(recorded))


@pytest.mark.parametrize("state", ["stopped", "capped", "failed"])
def test_a_run_that_ended_early_tells_what_carries_it_on(state):
    assert RESUME in report(ended(state=state, reason="It was enough."))
    assert RESUME in report(process=NOBODY)
    assert "resume" not in report(ended())


def test_a_run_that_pauses_by_itself_says_why_until_it_goes_on():
    pause = ev.RunPaused(reason="The key was refused.")
    assert "The key was refused." in report(pause)
    assert "The key was refused." not in report(pause, ev.RunResumed())


def test_requests_that_brought_no_answer_are_told_beside_the_calls():
    told = report(answered(attempts=3), failed(attempts=2), failed(final=False))
    assert "6 requests were sent: 5 of them brought no answer, and 1 call failed for good." in told
    assert "requests" not in report(answered())


def test_lost_calls_are_told_at_their_worst_once_the_run_is_carried_on():
    resumed = ev.RunResumed(
        process=os.getppid(), worked_until=102.0, lost_calls=2, lost_tokens=3000, lost_usd=0.25
    )
    told = report(answered(), resumed)
    assert (
        "2 calls were in flight when the run was interrupted: paid for perhaps, and sent again"
        in told
    )
    assert "at their worst: 3,000 tokens, USD 0.2500." in told
