"""Whole runs with a metric that gives points of 100, and with rows that are in both sets."""

from __future__ import annotations

import json

import pytest
from scripted_task import asked, exact, question_of, rows, run_of

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, MetricError
from mipro_nb.runs.views.drill_down.details import trial_detail

FEW = {"num_candidates": 3, "max_bootstrapped_demos": 2, "max_labeled_demos": 3}


def points(example, prediction, trace=None):
    return 90 if exact(example, prediction) else 20


def test_points_of_100_give_the_same_run_as_their_hundredths(server):
    def hundredths(example, prediction, trace=None):
        return points(example, prediction) / 100

    def of(metric, threshold):
        optimizer = mipro.MIPROv2(metric, metric_threshold=threshold, **FEW)
        run = run_of(optimizer, val=rows(12, start=1000), num_trials=5)
        trials = {n: (t.configuration, t.score) for n, t in run.state.trials.items()}
        return run, trials, run.state.demo_sets

    run, trials, kept = of(points, 50)
    _, others, other_kept = of(hundredths, 0.5)
    assert trials == others
    assert kept == other_kept
    assert run.state.planned.metric_scale == 100
    assert 20 <= run.state.baseline <= 90
    assert 20 <= run.score <= 90
    detail = trial_detail(run.record, run.id, run.state, 0)
    assert {round(row["points"]) for row in detail["examples"]} == {20, 90}
    assert {row["score"] for row in detail["examples"]} == {0.2, 0.9}


@pytest.mark.parametrize("threshold", [50, 95])
def test_the_threshold_is_in_the_metric_s_own_units(server, threshold):
    optimizer = mipro.MIPROv2(points, metric_threshold=threshold, **FEW)
    run = run_of(optimizer)
    built = [each.bootstrapped for each in run.state.demo_sets["solve"].values()]
    assert any(built) == (threshold == 50)


def test_points_that_the_rehearsal_did_not_see_are_refused_with_the_remedy(server):
    def unlabelled(example, prediction, trace=None):
        return 80 if prediction.answer.isdigit() or prediction.answer == "no idea" else 0

    data = [row.without("answer") for row in rows(20)]
    optimizer = mipro.MIPROv2(unlabelled, **FEW)
    with pytest.raises(MetricError, match=r"returned 80\. The run's scores are 0–1, since none"):
        run_of(optimizer, train=data[:10], val=data[10:])
    declared = mipro.MIPROv2(unlabelled, metric_threshold=60, **FEW)
    assert run_of(declared, train=data[:10], val=data[10:]).score == pytest.approx(80)


def test_a_run_that_is_resumed_keeps_its_scale(server):
    allowed = [True]

    def stops(example, prediction, trace=None):
        if not allowed[0]:
            raise LookupError(example.question)
        allowed[0] = allowed[0] and example.question != "1003 plus 1006"
        return points(example, prediction)

    optimizer = mipro.MIPROv2(stops, max_errors=1, num_threads=1, **FEW)
    run = optimizer.start(
        mipro.Predict("question -> answer"),
        trainset=rows(10),
        valset=rows(8, start=1000),
        num_trials=2,
        minibatch=False,
        requires_permission_to_run=False,
    )
    with pytest.raises(mipro.errors.MiproError):
        run.wait()
    allowed[0] = True
    resumed = mipro.MIPROv2(points, max_errors=1, num_threads=1, **FEW)
    best = resumed.resume(
        run.id, run.student, accept_changes=True, requires_permission_to_run=False
    )
    assert 20 <= round(best.score, 6) <= 90
    assert best.run.plan.metric_scale == 100


def test_a_run_of_scores_from_0_to_1_is_not_resumed_by_points(server):
    run = mipro.MIPROv2(exact, **FEW).start(
        mipro.Predict("question -> answer"),
        trainset=rows(10),
        valset=rows(8, start=1000),
        num_trials=2,
        minibatch=False,
        max_calls=3,
        requires_permission_to_run=False,
    )
    run.wait()
    with pytest.raises(InvalidArgumentError, match=r"metric=.*scores go up to 100, and those of"):
        mipro.MIPROv2(points, **FEW).resume(run.id, max_calls=1000, accept_changes=True)


def test_no_prompt_of_a_run_holds_the_answer_to_its_own_question(server):
    data = rows(8)
    run = run_of(mipro.MIPROv2(exact, **FEW), train=data, val=data, num_trials=6)
    prompts = asked(server, "task")
    leaking = [p for p in prompts if p.messages[-1] in p.messages[:-1]]
    assert leaking == []
    # The rows' demos are made, shown to other rows, and exported.
    demos = [json.loads(run.record.text(d.demos)) for d in run.state.demo_sets["solve"].values()]
    questions = {demo["question"] for each in demos for demo in each}
    assert questions <= {row.question for row in data}
    before = "\n".join(text for prompt in prompts for text in prompt.texts[:-1])
    shown = {question for question in questions if question in before}
    assert shown == questions
    assert {question_of(p) for p in prompts} == {row.question for row in data}
