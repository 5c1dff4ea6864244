"""A search ends where there is nothing more to gain: at a full score, a target, or a plateau."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import (
    OWN,
    Solve,
    answer,
    asked,
    exact,
    kind,
    lm_of,
    luck,
    question_of,
    rows,
    run_of,
)
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs.sentences.wording import counted

TRAIN, VAL = rows(20), rows(12, start=1000)
SETTINGS = {"train": TRAIN, "val": VAL, "num_trials": 20}
MINIBATCHES = {"minibatch": True, "minibatch_size": 4, "minibatch_full_eval_steps": 20}


def optimizer(metric=exact, **settings):
    return mipro.MIPROv2(metric, **{"num_candidates": 4, "num_threads": 4, **settings})


def always_right(example, prediction, trace=None):
    return 1.0


def in_points(example, prediction, trace=None):
    return 100.0 * exact(example, prediction)


def tried(run):
    return {n: (t.kind, t.configuration, t.score) for n, t in run.state.trials.items()}


def stopped(run):
    events = [e.event for e in run.events() if e.event.type == "search_stopped"]
    assert len(events) <= 1
    return events[0] if events else None


def test_a_student_with_the_full_score_ends_the_run_before_the_search_is_paid_for(server):
    run = run_of(optimizer(always_right), **SETTINGS)
    assert run.status == "finished"
    assert list(run.state.trials) == [0]
    assert "search" not in run.state.phases
    assert run.wait().dump_state() == run.programs[0].dump_state()
    assert stopped(run).cause == "full score"
    assert "no prompt can do better" in run.report()
    assert run.state.lost.calls == 0


def test_one_wrong_example_is_something_to_gain(server):
    def nearly(example, prediction):
        return float(example.question != VAL[3].question)

    run = run_of(optimizer(nearly), **{**SETTINGS, "num_trials": 2})
    assert stopped(run) is None
    assert len(run.state.trials) == 4  # student, labelled demos, and two trials


def test_the_testset_is_scored_all_the_same(server):
    test = rows(6, start=5000)
    run = run_of(optimizer(always_right), **SETTINGS, testset=test)
    assert run.state.ended.tested.student == 100
    assert run.state.tested == len(test)


def test_calls_in_flight_come_back_and_nothing_is_sent_after_them():
    student_is_scored = threading.Event()

    def proposes_afterwards(request):
        if kind(request) == "task":
            return answer(request)
        return replace(answer(request), once=student_is_scored.is_set)

    with ScriptedServer(proposes_afterwards) as server:
        mipro.configure(lm=lm_of(server))
        run = optimizer(always_right).start(
            Solve(), trainset=TRAIN, valset=VAL, minibatch=False, requires_permission_to_run=False
        )
        until(lambda: stopped(run))
        student_is_scored.set()
        run.wait()
    assert run.state.lost.calls == 0
    assert run.state.spend.attempts == server.count
    assert asked(server, "instruction") == []


@pytest.mark.parametrize("settings", [{"minibatch": False}, MINIBATCHES])
def test_the_search_ends_once_a_full_evaluation_has_the_score_asked_for(server, settings):
    whole = run_of(optimizer(), **SETTINGS, **settings)
    target = (whole.state.baseline + whole.score) / 200
    run = run_of(optimizer(), **SETTINGS, **settings, stop_at=target)
    assert run.score >= 100 * target
    assert len(run.state.trials) < len(whole.state.trials)
    assert stopped(run).cause == "stop_at"
    assert f"stop_at={target:g}" in run.report()
    assert max(run.state.trials) <= run.plan.num_trials + run.plan.full_evaluations


def test_a_student_that_reaches_the_score_asked_for_is_returned_at_once(server):
    run = run_of(optimizer(), **SETTINGS, stop_at=0.01)
    assert list(run.state.trials) == [0]
    assert "So nothing was searched" in run.state.ended.reason


def test_a_score_that_is_not_reached_changes_nothing(server):
    whole = run_of(optimizer(), **SETTINGS)
    run = run_of(optimizer(), **SETTINGS, stop_at=1.0)
    if whole.score < 100:
        assert tried(run) == tried(whole)
    run = run_of(optimizer(), **SETTINGS, patience=100)
    assert tried(run) == tried(whole)
    assert any("changes nothing" in note for note in run.plan.notes)


@pytest.mark.parametrize("settings", [{"minibatch": False}, MINIBATCHES])
@pytest.mark.parametrize("patience", [1, 3])
def test_the_search_ends_after_so_many_trials_without_a_new_leader(server, settings, patience):
    run = run_of(optimizer(), **SETTINGS, **settings, patience=patience, trials_in_flight=2)
    trials = [t for t in run.state.trials.values() if t.kind != "baseline"]
    assert patience <= len(trials) < run.plan.num_trials
    assert stopped(run).cause == "patience"
    assert stopped(run).trials + run.plan.trials_in_flight - 1 == trials_made(run)
    assert f"in the last {patience}, and patience={patience}" in run.report()
    assert f"patience={patience}" in run.report()
    assert run.state.is_whole(run.state.best)
    if settings["minibatch"]:
        assert trials[-1].kind == "full"


def no_prompt_matters(request):
    if kind(request) != "task":
        return answer(request)
    return Reply("answer: no idea" if luck(question_of(request)) < 0.5 else solve_all(request))


def every_other_prompt_is_worse(request):
    has_demos = any(message["role"] == "assistant" for message in request.messages)
    if kind(request) == "task" and (has_demos or OWN not in request.system):
        return Reply("answer: no idea")
    return answer(request)


def solve_all(request):
    first, second = question_of(request).split(" plus ")
    return f"answer: {int(first) + int(second)}"


@pytest.mark.parametrize(
    ("lm", "settings"),
    [
        (no_prompt_matters, {"minibatch": False}),
        (every_other_prompt_is_worse, {"minibatch": False}),
        (every_other_prompt_is_worse, MINIBATCHES),
    ],
)
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_the_student_leads_before_the_first_trial(lm, settings, patience):
    with ScriptedServer(lm) as server:
        mipro.configure(lm=lm_of(server))
        early = {"patience": patience, "trials_in_flight": 1}
        run = run_of(optimizer(), **SETTINGS, **settings, **early)
    assert run.score == run.state.baseline > 0
    assert stopped(run).trials == trials_made(run) == patience


@pytest.mark.parametrize("lag", [1, 3])
@pytest.mark.parametrize("settings", [{"minibatch": False}, MINIBATCHES])
def test_the_trial_that_reaches_the_score_is_counted(server, settings, lag):
    run = run_of(optimizer(), **SETTINGS, **settings, stop_at=0.7, trials_in_flight=lag)
    assert stopped(run).trials + lag - 1 == trials_made(run)
    assert f"after {counted(stopped(run).trials, 'trial')} of 20: a full" in run.report()


def trials_made(run):
    """How many trials it made; those that were in flight when the search ended are the last.

    The first evaluation is that of plain labelled demos.
    """
    kind = "minibatch" if run.plan.minibatch else "full"
    return sum(trial.kind == kind for number, trial in run.state.trials.items() if number > 1)


def test_the_score_to_stop_at_is_in_the_metrics_own_units(server):
    sets = {"trainset": TRAIN, "valset": VAL}
    refused = (
        r"stop_at=90\.0?: .*none of its scores above 1 was seen in the rehearsal: give 0\.9, or"
    )
    with pytest.raises(InvalidArgumentError, match=refused):
        optimizer().plan(Solve(), **sets, stop_at=90.0, minibatch=False)
    with pytest.raises(InvalidArgumentError, match=r"stop_at=120: scores go up to 1, or up to 100"):
        optimizer(in_points).plan(Solve(), **sets, stop_at=120, minibatch=False)
    run = run_of(optimizer(in_points), **SETTINGS, stop_at=1.0)
    assert list(run.state.trials) == [0]
    assert any("stop_at=1 is very low" in note for note in run.plan.notes)
    assert any("Did you mean 100?" in note for note in run.plan.notes)
    assert server.count > 0


def test_a_metric_of_points_that_the_rehearsal_did_not_see_is_declared(server):
    judge = mipro.Predict("question, answer -> points: int")

    def judged(example, prediction):
        return float(judge(question=example.question, answer=prediction.answer).points)

    sets = {"trainset": TRAIN, "valset": VAL, "minibatch": False, "stop_at": 90}
    with pytest.raises(InvalidArgumentError, match=r"or metric_threshold in these units, above 1"):
        optimizer(judged).plan(Solve(), **sets)
    assert optimizer(judged, metric_threshold=80).plan(Solve(), **sets).metric_scale == 100


@pytest.mark.parametrize(
    ("name", "value"),
    [("stop_at", 0), ("stop_at", "high"), ("stop_at", True), ("patience", 0), ("patience", 1.5)],
)
def test_what_is_no_score_or_no_number_of_trials_is_refused(server, name, value):
    with pytest.raises(InvalidArgumentError, match=name):
        run_of(optimizer(), **SETTINGS, **{name: value})
    assert server.count == 0


def test_the_plan_says_when_it_ends_early_and_expects_less(server):
    sets = {"trainset": TRAIN, "valset": VAL, "num_trials": 20}
    whole = optimizer().plan(Solve(), **sets, **MINIBATCHES)
    plan = optimizer().plan(Solve(), **sets, **MINIBATCHES, stop_at=0.9, patience=5)
    assert "once a full evaluation scores 0.9 or 5 trials in a row" in plan.text()
    assert plan.estimate.total.calls.low < whole.estimate.total.calls.low
    assert plan.estimate.total.calls.high >= whole.estimate.total.calls.high


@pytest.mark.parametrize("early", [{"patience": 3}, {"stop_at": 0.8}])
@pytest.mark.parametrize("search", ["paired", "repair"])
def test_the_same_answers_end_it_at_the_same_trial_at_any_speed(server, early, search):
    settings = {**SETTINGS, **MINIBATCHES, **early, "trials_in_flight": 3}
    first = run_of(optimizer(search=search), **settings)
    latency = random.Random(3)

    def slow(request):
        return replace(answer(request), delay=latency.random() / 20)

    with ScriptedServer(slow) as other:
        mipro.configure(lm=lm_of(other, cache=False))
        second = run_of(optimizer(num_threads=2, search=search), **settings)
    assert tried(first) == tried(second)
    assert stopped(first) == stopped(second)


@pytest.mark.parametrize("early", [{"patience": 4}, {"stop_at": 0.85}])
@pytest.mark.parametrize("trials", [0, 2, 5])
def test_a_run_that_is_resumed_ends_as_if_it_had_never_been_stopped(server, early, trials):
    given = {"num_trials": 20, **MINIBATCHES, **early, "trials_in_flight": 2}
    whole = run_of(optimizer(), train=TRAIN, val=VAL, **given)
    mipro.configure(lm=lm_of(server, cache=False))
    run = optimizer().start(
        Solve(), trainset=TRAIN, valset=VAL, **given, requires_permission_to_run=False
    )
    until(lambda: sum(not t.going for t in list(run.state.trials.values())) > trials or run.done)
    run.stop()
    run.wait()
    if run.status != "finished":
        optimizer().resume(run.id, Solve(), requires_permission_to_run=False)
    again = mipro.runs.load(run.id)
    assert tried(again) == tried(whole)
    assert stopped(again) == stopped(whole)


def test_a_run_stopped_while_testing_a_perfect_student_resumes_without_proposing(server):
    test = rows(40, start=5000)
    run = optimizer(always_right).start(
        Solve(),
        trainset=TRAIN,
        valset=VAL,
        testset=test,
        minibatch=False,
        requires_permission_to_run=False,
    )
    until(lambda: run.state.tested > 5)
    run.stop()
    run.wait()
    before = len(asked(server, "instruction", "observe", "summary", "role"))
    optimizer(always_right).resume(run.id, Solve(), requires_permission_to_run=False)
    again = mipro.runs.load(run.id)
    assert again.state.ended.tested.examples == len(test)
    assert len(asked(server, "instruction", "observe", "summary", "role")) == before
