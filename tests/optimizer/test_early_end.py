"""A run that ends early hands back the best by what is known, and says what that rests on."""

from __future__ import annotations

import pytest
from scripted_task import (
    Solve,
    exact,
    handed_back,
    rows,
)
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError

VALSET = 60
SETTINGS = {"num_trials": 30, "minibatch_size": 15, "requires_permission_to_run": False}


def begun(**settings):
    optimizer = mipro.MIPROv2(exact, num_candidates=4, num_threads=4)
    data = {"trainset": rows(20), "valset": rows(VALSET, start=1000)}
    return optimizer.start(Solve(), **data, **{**SETTINGS, **settings})


def stopped_after(trials, **settings):
    run = begun(**settings)
    until(lambda: sum(t.score is not None for t in list(run.state.trials.values())) > trials)
    run.stop()
    run.wait()
    return run


def full_evaluations(run):
    trials = run.state.trials.values()
    return [t for t in trials if t.kind == "full" and t.score is not None]


def test_a_run_stopped_before_its_first_full_evaluation_returns_what_looks_best(server):
    run = stopped_after(3, max_labeled_demos=0)
    program = run.wait()
    assert not full_evaluations(run)
    assert program.dump_state() != handed_back()
    assert program.score == run.score > run.state.baseline
    assert run.state.ended.examples < VALSET
    assert run.state.ended.gain_low < run.state.ended.gain_high


def test_everybody_who_looks_is_told_on_how_many_examples_it_rests(server):
    run = stopped_after(3, max_labeled_demos=0)
    words = f"on {run.state.ended.examples} of {VALSET} examples, 95 % interval"
    assert words in run.state.ended.reason
    assert words in run.report().split("best program")[1]
    assert words in mipro.runs.load(run.id).report()
    best = mipro.runs.load(run.id).state.best
    assert (best.score, len(best.examples)) == (run.score, run.state.ended.examples)
    assert run.wait().candidate_programs[0]["examples"] == run.state.ended.examples


def test_the_student_is_returned_where_nothing_is_believed_to_be_better(server):
    student = mipro.Predict("question -> answer")
    optimizer = mipro.MIPROv2(lambda example, prediction, trace=None: 0.5, num_candidates=4)
    run = optimizer.start(
        student, trainset=rows(20), valset=rows(VALSET, start=1000), **SETTINGS, max_calls=180
    )
    assert run.wait().dump_state() == handed_back(student)
    assert run.score == 50


@pytest.mark.parametrize("cap", [{"max_calls": 165}, {"max_tokens": 45_000}, {"max_usd": 0.05}])
def test_caps_keep_a_full_evaluation_of_the_leader_in_reserve(server, cap):
    run = begun(**cap)
    run.wait()
    assert run.status == "capped"
    assert any("kept in reserve" in note for note in run.plan.notes)
    assert full_evaluations(run)
    assert "What is returned" not in run.state.ended.reason
    assert run.score > run.state.baseline


def test_caps_that_leave_no_room_for_that_say_so_before_the_yes(server):
    run = begun(max_calls=100)
    run.wait()
    assert any("leaves nothing for a full evaluation" in note for note in run.plan.notes)
    assert run.state.spend.calls == 100


def test_a_run_that_is_resumed_and_stopped_at_once_keeps_what_it_knew(server):
    first = stopped_after(4)
    optimizer = mipro.MIPROv2(exact, num_candidates=4, num_threads=4)
    spent = first.state.usage.calls  # some may not have come to the server before the end
    # As much room as a run needs to go on, and not to do anything.
    again = optimizer.resume(
        first.id, Solve(), max_calls=spent + 1, requires_permission_to_run=False
    )
    assert again.run.status == "capped"
    assert again.score >= first.state.baseline
    assert again.dump_state() != handed_back()


def test_every_program_that_was_tried_can_be_had(server):
    run = stopped_after(3, max_labeled_demos=0)
    assert run.programs[0].dump_state() == handed_back()
    assert set(run.programs) == set(run.state.trials)
    recorded = mipro.runs.load(run.id)
    for trial, program in run.programs.items():
        chosen = run.state.trials[trial].configuration
        if chosen:
            text = run.state.candidates["solve"][chosen["solve:instruction"]].instruction
            assert program.solve.signature.instructions == text
        assert recorded.program_state(trial) == program.dump_state()
        Solve().load_state(recorded.program_state(trial))


def test_a_trial_that_there_is_not_is_refused_with_those_that_there_are(server):
    run = stopped_after(1)
    with pytest.raises(KeyError, match="no trial 999: they are 0, 1"):
        run.programs[999]
    with pytest.raises(InvalidArgumentError, match="the run's trials are 0, 1"):
        mipro.runs.load(run.id).program_state(999)
