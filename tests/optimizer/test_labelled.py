"""Plain labelled demos: scored once, before the first trial, for the result to compare with."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from scripted_server import ScriptedServer
from scripted_task import OWN, Solve, answer, exact, kind, lm_of, question_of, rows
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import MiproError
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.runs.labelled import labelled_evaluation
from mipro_nb.runs.views.view import RunView

LABELLED = {"solve:instruction": 0, "solve:demos": 1}


def started(*, trials=6, val=30, candidates=3, student=None, **settings):
    optimizer = mipro.MIPROv2(exact, num_candidates=candidates, num_threads=4)
    return optimizer.start(
        student or Solve(),
        trainset=rows(12),
        valset=rows(val, start=1000),
        num_trials=trials,
        minibatch_size=10,
        requires_permission_to_run=False,
        **settings,
    )


def ended(**settings):
    run = started(**settings)
    run.wait()
    return run


def test_the_students_instruction_is_scored_with_labelled_demos_on_the_whole_valset(server):
    run = ended()
    trial = run.state.trials[1]
    assert (trial.kind, trial.configuration, len(trial.examples)) == ("full", LABELLED, 30)
    program = run.programs[1]
    assert program.solve.signature.instructions == OWN
    shown = {demo.question: demo.answer for demo in program.solve.demos}
    assert shown == {row.question: row.answer for row in rows(12)}
    assert labelled_evaluation(run.state) == trial
    assert (
        f"labelled demos     {trial.score:>6.1f}  (student as given with 12 labelled"
        in run.report()
    )


def test_that_no_instruction_did_better_is_said_only_where_it_is_so(server):
    run = ended(prefer=lambda configurations: next(c for c in configurations if c.trial == 1))
    assert run.state.best.trial == 1
    assert max(trial.score for trial in run.state.trials.values()) > run.score
    view = RunView(run.record, run.id)
    view.apply(run.record.events(run.id))
    why = " ".join(view.summary(now=0, in_flight=None)["result"]["why"])
    assert "It is the student as given with 12 labelled demos." in why
    assert "no instruction found did better" not in why


@pytest.mark.parametrize("search", ["paired", "mipro"])
def test_no_trial_is_spent_on_it_while_it_is_scored(server, search):
    for seed in range(4):
        optimizer = mipro.MIPROv2(exact, num_candidates=2, num_threads=16, seed=seed, search=search)
        run = optimizer.start(
            Solve(),
            trainset=rows(12),
            valset=rows(12, start=1000),
            num_trials=3,
            minibatch=False,
            requires_permission_to_run=False,
        )
        run.wait()
        assert [t.configuration for t in run.state.trials.values()].count(LABELLED) == 1


def test_the_estimate_counts_it(server):
    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    sets = {"trainset": rows(12), "valset": rows(30, start=1000), "minibatch_size": 10}
    calls = [
        optimizer.plan(Solve(), **sets, max_labeled_demos=most).estimate.total.calls.expected
        for most in (2, 0)
    ]
    assert 0.5 * 30 < calls[0] - calls[1] < 1.5 * 30


@pytest.mark.parametrize("settings", [{"max_labeled_demos": 0}, {"candidates": 1}])
def test_it_is_left_out_where_there_is_no_such_demo_set(server, settings):
    run = ended(**settings)
    assert run.plan.labelled_evaluations == 0
    assert labelled_evaluation(run.state) is None
    assert run.state.trials[1].kind == "minibatch"
    assert "labelled demos  " not in run.report()


def test_it_is_left_out_where_no_row_can_be_a_demo(server):
    class Hidden(mipro.Module):
        def __init__(self):
            self.plan = mipro.Predict("question -> plan")

        def forward(self, question):
            return mipro.Prediction(answer=self.plan(question=question).plan)

    run = ended(student=Hidden())
    assert run.state.trials[1].kind == "minibatch"
    assert labelled_evaluation(run.state) is None


def test_where_the_caps_leave_too_little_it_is_scored_once_they_are_raised(server):
    capped = ended(max_calls=100)
    assert any("plain labelled demos are scored only if" in note for note in capped.plan.notes)
    assert 1 not in capped.state.trials
    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    program = optimizer.resume(capped.id, Solve(), max_calls=5000, requires_permission_to_run=False)
    trials = program.run.state.trials
    assert (trials[1].configuration, trials[1].kind) == (LABELLED, "full")
    assert trials[2].configuration == capped.state.trials[2].configuration


def test_a_run_that_an_older_version_began_keeps_the_numbers_of_its_trials(server, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(Plan, "labelled_evaluations", 0)
        stopped, whole = ended(max_calls=100), ended()
    assert stopped.status == "capped"
    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    resumed = optimizer.resume(
        stopped.id, Solve(), max_calls=5000, requires_permission_to_run=False
    ).run
    for number, trial in whole.state.trials.items():
        assert resumed.state.trials[number].configuration == trial.configuration


def test_a_demo_set_that_a_person_has_banned_is_not_scored():
    """Candidates can be steered while the student is still scored."""
    banned = threading.Event()

    def hold_the_student(request):
        last = kind(request) == "task" and question_of(request).startswith("1029 ")
        return replace(answer(request), once=banned.is_set) if last else answer(request)

    with ScriptedServer(hold_the_student) as server:
        mipro.configure(lm=lm_of(server))
        run = started()
        until(lambda: is_banned(run))
        banned.set()
        run.wait()
    assert labelled_evaluation(run.state) is None
    assert 1 not in run.state.trials
    assert run.state.trials[2].kind == "minibatch"


def is_banned(run):
    try:
        run.ban("solve", 1, part="demos")
    except MiproError:  # the candidates are not there yet
        return False
    return True
