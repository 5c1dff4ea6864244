"""A run told in a few lines: also how it is resumed, and what was sent without an answer."""

from __future__ import annotations

import os

import pytest
from handmade import BETTER, NOBODY, STUDENT, answered, asked, ended, failed, planned, scored, trial

from mipro_nb.runs import RecordedEvent
from mipro_nb.runs import events as ev
from mipro_nb.runs.state import fold
from mipro_nb.runs.views.report import write_report

RESUME = 'MIPROv2(metric=METRIC).resume("run", PROGRAM)'


def report(*events, process=None, **fields):
    begun = [planned(process, **fields), ev.RunPermitted(by="user")]
    recorded = [
        RecordedEvent("run", seq, 100.0 + seq, e) for seq, e in enumerate([*begun, *events])
    ]
    return write_report("run", fold(recorded))


@pytest.mark.parametrize("state", ["stopped", "capped", "failed"])
def test_a_run_that_ended_early_tells_what_carries_it_on(state):
    assert RESUME in report(ended(state=state, reason="It was enough."))
    assert RESUME in report(process=NOBODY)
    assert "resume" not in report(ended())


def test_what_carries_it_on_has_the_names_that_the_user_has():
    stopped = ended(state="stopped")
    named = report(stopped, names={"student": "data.qa", "metric": "exact"})
    assert 'MIPROv2(metric=exact).resume("run", data.qa)' in named
    assert 'MIPROv2(metric=exact).resume("run", PROGRAM)' in report(
        stopped, names={"metric": "exact"}
    )
    in_a_cell = report(stopped, names={"command": "%%mipro", "metric": "exact"})
    assert "to resume it:      run its %%mipro cell again with --resume\n" in in_a_cell
    assert "MIPROv2" not in in_a_cell


@pytest.mark.parametrize("name", ["os.system('x')", "a; b", "a\nb", "", "a b", "x)", "metric=1"])
def test_no_code_comes_with_a_name(name):
    assert RESUME in report(ended(state="stopped"), names={"student": name, "metric": name})


def test_where_nothing_was_scored_the_best_program_is_the_student():
    said = "best program       the student as given (nothing else was scored)"
    assert said in report(ended(state="stopped"))
    assert said not in report()
    one = report(*trial(0, "baseline", {}, 41.25), ended(state="stopped"))
    assert said not in one
    assert "best program         41.3  (the student as given)" in one


def test_a_configuration_is_told_as_in_the_views():
    told = report(*trial(0, "baseline", STUDENT, 50.0), *trial(1, "full", BETTER, 60.0), ended())
    assert "(self: instr 2 · demos 1)" in told


def test_one_of_a_thing_is_not_told_as_several():
    told = report(*trial(0, "baseline", {}, 50.0), scored(0, {}, 0, 0.0, error="it broke"))
    assert "  1 evaluation, 1 failed example\n" in told


def test_a_run_that_pauses_by_itself_says_why_until_it_goes_on():
    pause = ev.RunPaused(reason="The key was refused.")
    assert "The key was refused." in report(pause)
    assert "The key was refused." not in report(pause, ev.RunResumed())


def test_requests_that_brought_no_answer_are_told_beside_the_calls():
    told = report(answered(attempts=3), failed(attempts=2), failed(final=False))
    assert "6 requests were sent: 5 of them brought no answer, and 1 call failed for good." in told
    assert "requests" not in report(answered())


def test_lost_calls_are_told_at_their_worst_once_the_run_is_resumed():
    resumed = ev.RunResumed(
        process=os.getppid(), worked_until=102.0, lost_calls=2, lost_tokens=3000, lost_usd=0.25
    )
    told = report(answered(), resumed)
    assert (
        "2 calls were in flight when the run was interrupted: they may have been billed; resuming "
        "the run sends them again. For the caps they count at their worst: 3,000 tokens.\n"
    ) in told
    assert "\n  up to $0.25 more may have been billed\n" in told
    assert "total            1       0        100       10     $0.50" in told, "what is certain"


def bootstrapped(example, **fields):
    return ev.TraceBootstrapped(example=example, kept=True, score=1.0, **fields)


def test_how_many_replies_were_read_in_another_form_is_told_with_the_remedy():
    noted = {"notes": ["'answer' was read without its mark"]}
    events = [asked(0, "baseline", {}), scored(0, {}, 0, **noted), scored(0, {}, 1)]
    told = report(*events, bootstrapped(3, **noted), bootstrapped(4))
    assert "  2 examples of 4 got replies in another form than asked for" in told
    assert "another prompt_format= may suit the model better" in told
    assert "unreadable" not in told
    assert "another form" not in report(*events[:1], scored(0, {}, 1))


def test_how_many_replies_were_unreadable_is_told_with_the_remedy():
    fails = {"error": "it is missing", "unusable_reply": True, "notes": ["It was asked for again"]}
    told = report(asked(0, "baseline", {}), scored(0, {}, 0, 0.0, **fails), scored(0, {}, 1))
    assert "  1 example of 2 got a reply that is unreadable" in told
    assert "max_tokens" in told
    assert "another form" not in told
    too_long = scored(0, {}, 0, 0.0, error="it is too long", unusable_reply=True, refused=True)
    assert "unreadable" not in report(asked(0, "baseline", {}), too_long)
    again = scored(0, {}, 0)  # in a resumed run
    assert "unreadable" not in report(
        asked(0, "baseline", {}), scored(0, {}, 0, 0.0, **fails), again
    )


def test_slow_calls_that_were_sent_twice_are_counted():
    said = "slow calls were sent a second time: the first answer counts, and both requests are paid"
    told = report(answered(attempts=1, hedged=1), failed(final=False), answered(hedged=2))
    assert f"3 {said}" in told
    assert "sent a second time" not in report(answered())
