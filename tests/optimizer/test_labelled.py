"""Plain labelled demos: scored before the first trial, for the result to compare with.

Of a large valset only a sample is scored first, and all of it where they are among the best.
"""

from __future__ import annotations

import threading
from statistics import mean

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import (
    OWN,
    Solve,
    answer,
    exact,
    handed_back,
    kind,
    lm_of,
    question_of,
    rows,
)
from watched import until

import mipro_nb as mipro
from mipro_nb.amounts import format_points
from mipro_nb.errors import MiproError
from mipro_nb.optimizer.phases.stopping import Shortfall
from mipro_nb.optimizer.planning import plan as plan_module
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.statistics.labelled import labelled_evaluation
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


def result_of(run):
    view = RunView(run.record, run.id)
    view.apply(run.record.events(run.id))
    return view.summary(now=0, in_flight=None)["result"]


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


MANY = {"val": 80, "trials": 4}
SAMPLE = 50


def test_of_a_large_valset_a_sample_is_scored_and_the_result_compared_on_the_same_rows(server):
    run = ended(**MANY, candidates=5)
    trial, best = run.state.trials[1], run.state.best
    assert (trial.kind, trial.configuration) == ("minibatch", LABELLED)
    assert len(set(trial.examples)) == SAMPLE
    assert best.configuration != LABELLED
    report = run.report()
    assert f"labelled demos     {trial.score:>6.1f}  (student as given with 12 " in report
    assert "labelled demos; on 50 of 80 examples, 95 % interval " in report
    score = {
        name: 100 * mean(run.state.scores[key][row] for row in trial.examples)
        for name, key in [("student", STUDENT), ("labelled", trial.key), ("best", best.key)]
    }
    (told,) = (each for each in result_of(run)["gain"] if "labelled demos" in each)
    points = score["best"] - score["labelled"]
    assert told.startswith(
        f"{format_points(points)} points over the student with plain labelled demos on the 50 rows "
        f"scored with both ({score['labelled']:.1f} → {score['best']:.1f}; the student as given: "
        f"{score['student']:.1f}); 95 % interval of the gain "
    )
    assert points > 0
    assert run.state.ended.labelled_gain_low < points < run.state.ended.labelled_gain_high
    labelled = result_of(run)["scores"][1]
    assert (labelled["score"], labelled["examples"]) == (trial.score, SAMPLE)


def test_all_rows_are_scored_where_labelled_demos_are_among_the_best():
    def replying(request):
        """Demos make every answer right, and any other instruction than the own spoils it."""
        if kind(request) != "task":
            return answer(request)
        shown = any(message["role"] == "assistant" for message in request.messages)
        if not (shown and OWN in request.system):
            return Reply("answer: no idea")
        first, _, second = question_of(request).split()
        return Reply(f"answer: {int(first) + int(second)}")

    with ScriptedServer(replying) as server:
        mipro.configure(lm=lm_of(server))
        run = ended(**MANY, max_bootstrapped_demos=0, candidates=2)
    trial = labelled_evaluation(run.state)
    assert run.state.trials[1].kind == "minibatch"
    assert (trial.kind, len(trial.examples), trial.reused) == ("full", 80, SAMPLE)
    assert run.state.best == trial
    assert "labelled demos; on 50" not in run.report()


@pytest.mark.parametrize("rows_before", [SAMPLE, 80])
def test_it_goes_on_where_the_run_was_stopped_before_or_in_an_older_version(
    server, monkeypatch, rows_before
):
    """An older version scored all rows at once."""
    with monkeypatch.context() as older:
        older.setattr(plan_module, "_LABELLED_ROWS", rows_before)
        stopped, whole = (ended(val=80, trials=12, max_calls=cap) for cap in (310, None))
    assert stopped.status == "capped"
    assert len(stopped.state.trials[1].examples) == rows_before
    resumed = (
        mipro.MIPROv2(exact)
        .resume(stopped.id, Solve(), max_calls=5000, requires_permission_to_run=False)
        .run
    )
    for number, trial in whole.state.trials.items():
        same = resumed.state.trials[number]
        assert (same.configuration, same.examples) == (trial.configuration, trial.examples)


def test_that_no_instruction_did_better_is_said_only_where_it_is_so(server):
    run = ended(prefer=lambda configurations: next(c for c in configurations if c.trial == 1))
    assert run.state.best.trial == 1
    assert max(trial.score for trial in run.state.trials.values()) > run.score
    why = " ".join(result_of(run)["why"])
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


@pytest.mark.parametrize(("val", "scored", "told"), [(30, 30, ""), (80, 50, " on 50 rows")])
def test_the_plan_tells_and_the_estimate_counts_it(server, val, scored, told):
    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    sets = {"trainset": rows(12), "valset": rows(val, start=1000), "minibatch_size": 10}
    plans = [optimizer.plan(Solve(), **sets, max_labeled_demos=most) for most in (2, 0)]
    calls = [plan.estimate.total.calls.expected for plan in plans]
    assert 0.5 * scored < calls[0] - calls[1] < 1.5 * scored
    assert f"paired: plain labelled demos{told}, then 30 trials" in str(plans[0])
    assert plans[0].settings()["labelled_rows"] == scored
    assert "labelled_rows" not in plans[1].settings()


@pytest.mark.parametrize("settings", [{"max_labeled_demos": 0}, {"candidates": 1}])
def test_it_is_left_out_where_there_is_no_such_demo_set(server, settings):
    run = ended(**settings)
    assert run.plan.labelled_rows == 0
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
        older.setattr(Plan, "labelled_rows", 0)
        stopped, whole = ended(max_calls=100), ended()
    assert stopped.status == "capped"
    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    resumed = optimizer.resume(
        stopped.id, Solve(), max_calls=5000, requires_permission_to_run=False
    ).run
    for number, trial in whole.state.trials.items():
        assert resumed.state.trials[number].configuration == trial.configuration


def held_at_its_last_row(goes_on, *, right):
    """Return an LM that answers the last row once that `goes_on`.

    If it is `right` on all others, it is not known before whether the student leaves a gain.
    """

    def replying(request):
        if kind(request) != "task":
            return answer(request)
        question = question_of(request)
        if question.startswith("1029 "):
            return Reply("answer: no idea", once=goes_on.is_set)
        first, _, second = question.split()
        return Reply(f"answer: {int(first) + int(second)}") if right else answer(request)

    return replying


@pytest.fixture
def goes_on():
    event = threading.Event()
    yield event
    event.set()  # also where a test fails: the server waits for it


def test_a_demo_set_that_a_person_has_banned_is_not_scored(goes_on):
    """Candidates can be steered while the student is still scored."""
    banned = goes_on
    with ScriptedServer(held_at_its_last_row(banned, right=True)) as server:
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


def test_it_is_scored_while_the_student_is_if_that_leaves_something_to_gain(goes_on):
    with ScriptedServer(held_at_its_last_row(goes_on, right=False)) as server:
        mipro.configure(lm=lm_of(server))
        run = started()
        until(lambda: 1 in run.state.trials and run.state.trials[1].scored >= 29)
        assert run.state.baseline is None
        assert len(run.state.trials) == 2
        goes_on.set()
        run.wait()
        unhindered = ended()
    assert [t.configuration for t in run.state.trials.values()] == [
        t.configuration for t in unhindered.state.trials.values()
    ]


def test_a_run_that_is_stopped_before_the_student_is_scored_returns_the_student(goes_on):
    def replying(request):
        held = question_of(request).startswith("1029 ") if kind(request) == "task" else False
        if held and not any(each["role"] == "assistant" for each in request.messages):
            return Reply("answer: no idea", once=goes_on.is_set)
        return answer(request)

    with ScriptedServer(replying) as server:
        mipro.configure(lm=lm_of(server))
        run = started()
        until(lambda: 1 in run.state.trials and run.state.trials[1].score is not None)
        run.stop()
        program = run.wait()
        assert program.dump_state() == handed_back()
        assert run.state.best is None
        goes_on.set()
        resumed = mipro.MIPROv2(exact).resume(run.id, Solve(), requires_permission_to_run=False).run
        whole = ended()
    assert resumed.state.trials[0].score is not None
    assert {n: t.configuration for n, t in resumed.state.trials.items()} == {
        n: t.configuration for n, t in whole.state.trials.items()
    }


def test_how_good_the_student_is_may_be_sure_before_all_rows_are_scored(server):
    optimizer = mipro.MIPROv2(exact)
    data = {"trainset": rows(12), "valset": rows(30, start=1000)}
    for stop_at, wrong in ((None, 1), (0.9, 4)):
        shortfall = Shortfall(optimizer.plan(Solve(), **data, stop_at=stop_at))
        for score in (1.0, *[0.0] * (wrong - 1)):
            shortfall.take(score)
        assert not shortfall.is_sure.is_set()
        shortfall.take(0.0)
        assert shortfall.is_sure.is_set()
