"""Repair: the prompt model is shown what instructions got wrong, and writes better ones."""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import replace

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import (
    GOOD,
    OWN,
    PlanAndSolve,
    Solve,
    answer,
    asked,
    exact,
    kind,
    lm_of,
    question_of,
    rows,
    run_of,
)
from watched import until

import mipro_nb as mipro
from mipro_nb.optimizer.phases.bootstrapping.bootstrap import failed_rows
from mipro_nb.optimizer.phases.proposing.repair import in_turn
from mipro_nb.optimizer.phases.proposing.repair_rounds import PARENTS, REPAIRS, parents_of
from mipro_nb.optimizer.search.strategy import STRATEGIES
from mipro_nb.runs.events import CandidateProposed, LMCallAnswered, TraceBootstrapped

TRAIN, VAL = rows(20), rows(12, start=1000)
SETTINGS = {"train": TRAIN, "val": VAL, "num_trials": 12, "minibatch": True, "minibatch_size": 4}


def optimizer(metric=exact, **settings):
    settings = {"num_candidates": 3, "num_threads": 4, "search": "repair", **settings}
    return mipro.MIPROv2(metric, **settings)


def repaired(run):
    events = (each.event for each in run.events())
    return [e for e in events if isinstance(e, CandidateProposed) and e.source == "repaired"]


def shown(server):
    """What the prompt model was shown to repair."""
    return ["\n".join(request.texts) for request in asked(server, "repair")]


def told(score, feedback):
    return lambda example, prediction, trace=None: mipro.Score(
        float(exact(example, prediction)) or score, feedback(example, prediction)
    )


@pytest.mark.parametrize("count", range(1, 10))
def test_every_predictor_is_repaired_before_any_is_again(count):
    names = [f"p{number}" for number in range(count)]
    for around in range(3):
        turns = range(around * count, (around + 1) * count)
        assert sorted(in_turn(names, turn) for turn in turns) == names


def test_a_round_repairs_both_of_two_predictors_by_each_of_its_parents():
    for parent in range(PARENTS):
        writers = range(parent, REPAIRS, PARENTS)
        assert {in_turn(["plan", "solve"], writer) for writer in writers} == {"plan", "solve"}


def test_repaired_instructions_join_the_search_and_are_tried(server):
    run = run_of(optimizer(), **SETTINGS)
    events = repaired(run)
    assert events
    tried = [trial.configuration for trial in run.state.trials.values()]
    assert any(each["solve:instruction"] == events[0].index for each in tried if each)
    assert {event.repair_round for event in events} <= {1, 2}
    assert all(event.instruction.startswith(GOOD) for event in events)
    assert run.status == "finished"


def test_every_repair_says_what_it_comes_of(server):
    run = run_of(optimizer(), **SETTINGS)
    for event in repaired(run):
        assert event.based_on < event.index
        assert event.parent["solve:instruction"] == event.based_on
        assert event.evidence
        answers = [f"expected:\n  answer: {TRAIN[index].answer}\n" for index in event.evidence]
        assert any(all(each in f"{text}\n" for each in answers) for text in shown(server))
    assert "repaired instruction" in mipro.runs.load(run.id).report()


def test_a_repair_is_shown_inputs_answer_expected_and_feedback(server):
    metric = told(0.0, lambda example, prediction: f"it is {example.answer}, as sums go")
    run = run_of(optimizer(metric), **SETTINGS)
    (first, *_) = shown(server)
    assert "question: " in first
    assert "what it answered:\n  answer: no idea" in first
    assert "as sums go" in first
    parents = {event.based_on for event in repaired(run)}
    known = run.state.candidates["solve"]
    assert any(known[index].instruction in first for index in parents)


def test_no_row_that_chooses_or_tells_is_ever_shown_to_the_prompt_model(server):
    val = [row.copy(answer=f"{row.answer} VALMARK") for row in VAL]
    test = [row.copy(answer=f"{row.answer} TESTMARK") for row in rows(6, start=5000)]
    metric = told(0.0, lambda example, prediction: f"expected {example.answer}")
    run = run_of(optimizer(metric), **{**SETTINGS, "val": val}, testset=test)
    assert repaired(run)
    questions = {row.question for row in (*val, *test)}
    for request in server.requests:
        text = "\n".join(request.texts)
        assert "MARK" not in text
        if kind(request) != "task":
            assert not [question for question in questions if f"{question}\n" in f"{text}\n"]


def test_a_training_row_that_also_validates_is_not_shown(server):
    run = run_of(optimizer(), **{**SETTINGS, "val": [*TRAIN[:10], *VAL[:4]]})
    assert all(min(event.evidence) >= 10 for event in repaired(run))
    plan = optimizer().plan(Solve(), trainset=TRAIN, valset=TRAIN, minibatch=False)
    assert any("repair=2 does nothing" in note for note in plan.notes)


def test_the_estimate_has_the_calls(server):
    run = run_of(optimizer(), **SETTINGS)
    (phase,) = (each for each in run.plan.estimate.phases if each.phase == "repair")
    spend = run.state.spend_by_phase["repair"]
    assert phase.calls.low <= spend.calls + spend.cached_calls <= phase.calls.high
    assert not any(
        each.phase == "repair"
        for each in optimizer(search="paired").plan(Solve(), trainset=rows(40)).estimate.phases
    )


class Steps(mipro.Module):
    """A program of many predictors."""

    def __init__(self, count):
        super().__init__()
        for number in range(count):
            setattr(self, f"step{number}", mipro.Predict("question -> answer"))
        self.count = count

    async def aforward(self, question):
        for number in range(self.count):
            answered = await getattr(self, f"step{number}").acall(question=question)
        return answered


@pytest.mark.parametrize(
    ("count", "trials", "left", "needed"),
    [(9, 12, ["step8"], 3), (6, 1, ["step4", "step5"], 2), (8, 12, [], 0)],
)
def test_predictors_that_no_repair_reaches_are_named_with_the_remedy(
    server, count, trials, left, needed
):
    plan = optimizer().plan(
        Steps(count), trainset=TRAIN, valset=VAL, num_trials=trials, minibatch=False
    )
    (said,) = [note for note in plan.notes if "predictors: " in note] or [""]
    if not left:
        assert said == ""
        return
    assert f"the program has {count} predictors: {', '.join(left)} keep" in said
    assert f"SearchStrategy(repair={needed}) and num_trials={needed} or more" in said
    strategy = replace(STRATEGIES["repair"], repair=needed)
    remedied = optimizer(search=strategy).plan(
        Steps(count), trainset=TRAIN, valset=VAL, num_trials=max(trials, needed), minibatch=False
    )
    assert not any("predictors: " in note for note in remedied.notes)


def test_rows_that_failed_in_bootstrapping_are_run_first(server):
    run = run_of(optimizer(), **SETTINGS)
    events = [each.event for each in run.events()]
    passed = {e.example: e.kept for e in events if isinstance(e, TraceBootstrapped)}
    failed = failed_rows(run._spec, run.state)
    assert failed
    assert not any(passed[row] for row in failed)
    joined = next(n for n, e in enumerate(events) if getattr(e, "repair_round", None) == 1)
    ran = {
        e.example
        for e in events[:joined]
        if isinstance(e, LMCallAnswered) and e.phase == "repair" and e.example is not None
    }
    assert ran <= failed or failed <= ran


def test_without_repair_nothing_changes(server):
    run = run_of(optimizer(search="paired"), **SETTINGS)
    assert asked(server, "repair") == []
    assert "repair" not in run.state.phases


@pytest.mark.parametrize(
    "reply",
    [
        "instruction: " + OWN,
        "instruction:",
        "instruction: <instruction>",
        "<think>all is lost</think>",
        "instruction: " + "x" * 30_000,
    ],
)
def test_odd_repairs_are_dropped_and_that_is_said(reply):
    def odd(request):
        return Reply(reply) if kind(request) == "repair" else answer(request)

    with ScriptedServer(odd) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(), **SETTINGS)
    assert repaired(run) == []
    assert "0 became instruction candidates. The others could not be used." in run.report()
    assert re.search(r"\d of them: (it is|it repeats|the field 'instruction')", run.report())


def test_a_prompt_model_that_thinks_aloud_leaves_no_thoughts_in_the_instruction():
    def thinking(request):
        if kind(request) != "repair":
            return answer(request)
        return Reply(f"<think>rows say 5</think>\ninstruction: {GOOD} Now {request.number}.")

    with ScriptedServer(thinking) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(), **SETTINGS)
    assert repaired(run)
    assert all(event.instruction.startswith(GOOD) for event in repaired(run))


def test_where_nothing_is_wrong_nothing_is_repaired(server):
    def wrong_on_one(example, prediction):
        return float(example.question != VAL[0].question)

    run = run_of(optimizer(wrong_on_one), **SETTINGS)
    assert asked(server, "repair") == []
    assert "nothing to repair" in run.report()


@pytest.mark.slow
def test_the_same_answers_give_the_same_repairs_at_any_speed(server):
    first = run_of(optimizer(), **SETTINGS, trials_in_flight=3)
    latency = random.Random(3)

    def slow(request):
        return replace(answer(request), delay=latency.random() / 20)

    with ScriptedServer(slow) as other:
        mipro.configure(lm=lm_of(other, cache=False))
        second = run_of(optimizer(num_threads=2), **SETTINGS, trials_in_flight=3)
    assert [e.instruction for e in repaired(first)] == [e.instruction for e in repaired(second)]
    assert [t.configuration for t in first.state.trials.values()] == [
        t.configuration for t in second.state.trials.values()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("trials", [1, 3, 6, 9])
def test_a_run_that_is_resumed_repairs_as_if_it_had_never_stopped(server, trials):
    whole = run_of(optimizer(), **SETTINGS, trials_in_flight=2)
    mipro.configure(lm=lm_of(server, cache=False))
    sets = {"trainset": TRAIN, "valset": VAL}
    given = {name: SETTINGS[name] for name in ("num_trials", "minibatch", "minibatch_size")}
    run = optimizer().start(
        Solve(), **sets, **given, trials_in_flight=2, requires_permission_to_run=False
    )
    until(lambda: sum(t.score is not None for t in list(run.state.trials.values())) > trials)
    run.stop()
    run.wait()
    optimizer().resume(run.id, Solve(), requires_permission_to_run=False)
    again = mipro.runs.load(run.id)
    assert [e.instruction for e in repaired(again)] == [e.instruction for e in repaired(whole)]
    tried = {n: t.configuration for n, t in again.state.trials.items()}
    assert tried == {n: t.configuration for n, t in whole.state.trials.items()}
    assert again.score == whole.score


def test_feedback_on_one_predictor_reaches_its_repair_only(server):
    def metric(gold, pred, trace=None, pred_name=None, pred_trace=None):
        if pred_name is None:
            return mipro.Prediction(score=float(exact(gold, pred)), feedback="on the whole")
        (step,) = pred_trace
        return mipro.Prediction(score=0.0, feedback=f"{pred_name} got {len(step)} parts")

    run = run_of(optimizer(metric), PlanAndSolve(), **SETTINGS)
    named = [set(re.findall(r"(\S+) got 3 parts", text)) for text in shown(server)]
    assert all(len(names) == 1 for names in named)
    assert {*run.plan.predictors} == set.union(*named)
    assert not any("on the whole" in text for text in shown(server))


@pytest.mark.parametrize(
    "verdict",
    [
        lambda gold: {}[gold.question],
        lambda gold: mipro.Prediction(score=0.0, feedback={"why": gold.answer}),
        lambda gold: mipro.Prediction(score=None, feedback=gold.answer),
    ],
    ids=["raises", "no text", "no score"],
)
@pytest.mark.parametrize("sees", ["rehearsal", "run"])
def test_a_metric_that_fails_on_one_predictor_ends_no_run_and_is_told_once(server, verdict, sees):
    def metric(gold, pred, trace=None, pred_name=None, pred_trace=None):
        if pred_name is not None and (sees == "rehearsal" or pred.answer == "no idea"):
            return verdict(gold)
        return mipro.Score(float(exact(gold, pred)), "on the whole")

    run = run_of(optimizer(metric), **SETTINGS)
    assert run.status == "finished"
    assert repaired(run)
    assert all("on the whole" in text for text in shown(server))
    notes = {"rehearsal": run.plan.notes, "run": [note.text for note in run.state.notes]}
    told = {where: [n for n in found if "feedback on solve" in n] for where, found in notes.items()}
    assert {where: len(found) for where, found in told.items()} == {
        "rehearsal": sees == "rehearsal",
        "run": sees == "run",
    }


def test_nothing_is_said_of_feedback_where_nothing_is_repaired(server):
    def metric(gold, pred, trace=None, pred_name=None, pred_trace=None):
        return exact(gold, pred) if pred_name is None else None

    plan = optimizer(metric, search="paired").plan(
        Solve(), trainset=rows(20), valset=rows(12, start=1000), minibatch=False
    )
    assert not any("feedback" in note for note in plan.notes)


def test_parents_are_those_that_are_best_on_most_of_their_examples():
    scores = {
        "even": {0: 1.0, 1: 0.6, 2: 0.6, 3: 0.6},
        "odd": {1: 1.0, 3: 1.0},
        "worse": {0: 0.1, 1: 0.1, 2: 0.1},
    }
    draws = [parents_of(scores, random.Random(seed), 1)[0] for seed in range(200)]
    assert "worse" not in draws
    assert draws.count("odd") > draws.count("even") > 20
    assert sorted(parents_of(scores, random.Random(1), 3)) == ["even", "odd"]
    assert parents_of({}, random.Random(1)) == []


def test_a_question_of_a_repair_is_not_taken_for_one_of_the_task(server):
    run_of(optimizer(), **SETTINGS)
    assert all(kind(request) == "repair" for request in asked(server, "repair"))
    assert all(question_of(request) for request in asked(server, "task"))


@pytest.mark.parametrize("beyond", [14, 18, 24])
def test_a_round_does_not_use_up_what_the_caps_keep_for_a_full_evaluation(server, beyond):
    settings = {**SETTINGS, "minibatch_full_eval_steps": 12, "trials_in_flight": 2}
    strategy = mipro.SearchStrategy(repair=1)
    whole = run_of(optimizer(search=strategy), **settings)
    calls = itertools.takewhile(lambda e: e.phase != "repair", answered(whole))
    before = sum(not event.from_cache for event in calls)
    mipro.configure(lm=lm_of(server, cache=False))
    run = run_of(optimizer(search=strategy), **settings, max_calls=before + beyond)
    assert run.status == "capped"
    assert [t for t in run.state.trials.values() if t.kind == "full" and t.score is not None]
    assert "What is returned is the best by what is known" not in run.state.ended.reason
    assert run.state.spend_by_phase["repair"].calls > 0


def answered(run):
    return [each.event for each in run.events() if each.event.type == "lm_call_answered"]
