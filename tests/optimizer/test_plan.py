"""The plan: the spec's defaults, what `auto` stands for, and what a plan tells before it is run."""

from __future__ import annotations

import inspect
import math

import pytest
from scripted_task import PlanAndSolve, Solve, exact, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError

NO_DEMOS = {"max_bootstrapped_demos": 0, "max_labeled_demos": 0}


def plan_of(optimizer=None, student=None, count=50, **settings):
    optimizer = optimizer or mipro.MIPROv2(exact)
    return optimizer.plan(student or Solve(), trainset=rows(count), **settings)


def defaults_of(function):
    return {name: p.default for name, p in inspect.signature(function).parameters.items()}


def test_the_defaults_of_the_optimizer_are_those_of_the_spec():
    defaults = defaults_of(mipro.MIPROv2)
    assert defaults.pop("metric") is inspect.Parameter.empty
    assert defaults.pop("teacher_settings") in (None, {})
    assert defaults == {
        "prompt_model": None,
        "task_model": None,
        "auto": None,
        "num_candidates": 10,
        "num_threads": 6,
        "max_errors": 10,
        "max_bootstrapped_demos": 4,
        "max_labeled_demos": 16,
        "init_temperature": 1.0,
        "verbose": False,
        "track_stats": True,
        "metric_threshold": None,
        "seed": 9,
        "search": "paired",
        "hedge": "tail",
    }


@pytest.mark.parametrize("name", ["compile", "acompile", "start", "plan"])
def test_the_defaults_of_a_run_are_those_of_the_spec(name):
    defaults = defaults_of(getattr(mipro.MIPROv2(exact), name))
    assert defaults.pop("student") is inspect.Parameter.empty
    assert defaults.pop("trainset") is inspect.Parameter.empty
    assert defaults == {
        "valset": None,
        "testset": None,
        "inputs": None,
        "stop_at": None,
        "patience": None,
        "must_keep": (),
        "max_instruction_tokens": None,
        "max_copied_words": None,
        "smallest_edit": False,
        "approve": None,
        "prefer": None,
        "num_trials": 30,
        "minibatch": True,
        "minibatch_size": 25,
        "minibatch_full_eval_steps": 10,
        "max_bootstrapped_demos": None,
        "max_labeled_demos": None,
        "seed": None,
        "program_aware_proposer": True,
        "data_aware_proposer": True,
        "tip_aware_proposer": True,
        "fewshot_aware_proposer": True,
        "view_data_batch_size": 10,
        "trials_in_flight": None,
        "example_timeout": None,
        "prompt_format": None,
        "max_usd": None,
        "max_calls": None,
        "max_tokens": None,
        "max_seconds": None,
        "requires_permission_to_run": True,
        "resume": False,
        "record": None,
        "executor": None,
    }


def test_a_plan_without_auto_takes_what_was_asked_for(server):
    plan = plan_of()
    asked = (plan.num_candidates, plan.num_trials, plan.minibatch, plan.minibatch_size)
    assert asked == (10, 30, True, 25)
    assert (plan.trainset_size, plan.valset_size, plan.full_evaluations) == (10, 40, 5)
    assert (plan.max_bootstrapped_demos, plan.max_labeled_demos, plan.seed) == (4, 16, 9)
    assert dict(plan.predictors) == {"solve": "question -> answer"}
    assert not plan.zero_shot
    assert plan_of(max_bootstrapped_demos=0, max_labeled_demos=0, seed=3).seed == 3
    assert plan_of(**NO_DEMOS).zero_shot
    assert server.count == 0


def test_what_compile_is_given_goes_before_what_the_optimizer_was_given(server):
    optimizer = mipro.MIPROv2(exact, max_bootstrapped_demos=1, max_labeled_demos=2, seed=3)
    plan = plan_of(optimizer)
    assert (plan.max_bootstrapped_demos, plan.max_labeled_demos, plan.seed) == (1, 2, 3)
    plan = plan_of(optimizer, max_bootstrapped_demos=0, max_labeled_demos=5, seed=0)
    assert (plan.max_bootstrapped_demos, plan.max_labeled_demos, plan.seed) == (0, 5, 0)


@pytest.mark.parametrize(
    ("auto", "student", "settings", "expected"),
    [
        ("light", Solve, {}, (6, 10)),
        ("light", Solve, NO_DEMOS, (6, 9)),
        ("light", PlanAndSolve, {}, (6, 20)),
        ("light", PlanAndSolve, NO_DEMOS, (6, 10)),
        ("medium", Solve, {}, (12, 18)),
        ("medium", PlanAndSolve, {}, (12, 28)),
        ("heavy", Solve, {}, (18, 27)),
        ("heavy", PlanAndSolve, {}, (18, 33)),
    ],
)
def test_auto_sets_candidates_and_trials(server, auto, student, settings, expected):
    plan = plan_of(mipro.MIPROv2(exact, auto=auto), student(), **settings)
    assert (plan.num_candidates, plan.num_trials) == expected
    variables = len(plan.predictors) * (1 if settings else 2)
    formula = max(2 * variables * math.log2(expected[0]), 1.5 * expected[0])
    assert plan.num_trials == math.floor(formula)


@pytest.mark.parametrize(("auto", "cap"), [("light", 100), ("medium", 300), ("heavy", 1000)])
def test_auto_caps_the_valset(server, auto, cap):
    optimizer = mipro.MIPROv2(exact, auto=auto)
    assert plan_of(optimizer, count=1300).valset_size == cap
    valset = rows(1100, start=5000)
    assert plan_of(optimizer, count=10, valset=valset).valset_size == cap
    assert plan_of(optimizer, count=10).valset_size == 8


@pytest.mark.parametrize(("valset_rows", "minibatch"), [(50, False), (51, True)])
def test_auto_uses_minibatches_above_fifty_rows(server, valset_rows, minibatch):
    valset = rows(valset_rows, start=1000)
    plan = plan_of(mipro.MIPROv2(exact, auto="light"), valset=valset)
    assert plan.minibatch is minibatch


def test_auto_clips_the_minibatch_and_says_so(server):
    plan = plan_of(mipro.MIPROv2(exact, auto="light"), count=75, minibatch_size=80)
    assert (plan.minibatch, plan.minibatch_size, plan.valset_size) == (True, 60, 60)
    assert "The valset has 60 rows: minibatch_size=80 is clipped to that." in plan.notes
    assert "clipped" in plan.text()


def test_auto_says_that_it_sets_minibatch(server):
    plan = plan_of(mipro.MIPROv2(exact, auto="light"), count=75, minibatch=False)
    assert plan.minibatch
    assert any("With auto='light', minibatch=True" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("student", "settings", "least"),
    [(Solve, {}, 15), (Solve, NO_DEMOS, 8), (PlanAndSolve, {}, 30), (PlanAndSolve, NO_DEMOS, 15)],
)
def test_too_few_trials_are_noted(server, student, settings, least):
    few = plan_of(student=student(), num_trials=least - 1, **settings)
    assert any(f"at least {least} are recommended" in note for note in few.notes)
    assert plan_of(student=student(), num_trials=least, **settings).notes == ()


def test_the_plan_as_text_tells_what_will_be_done(server):
    text = str(plan_of(mipro.MIPROv2(exact, auto="light"), count=100))
    for part in (
        "MIPROv2 plan for Solve (auto='light')",
        "solve: question -> answer",
        "20 rows to learn from, 80 to validate on",
        "6 new instructions per predictor; 6 demo sets each",
        "paired: plain labelled demos on 50 rows, then 10 trials on minibatches of 25 (those ",
        "LM calls",
        "total",
    ):
        assert part in text
    assert "instructions only, no demos" in plan_of(**NO_DEMOS).text()
    assert "each on the whole valset" in plan_of(minibatch=False).text()


def test_without_minibatches_every_trial_is_a_full_evaluation(server):
    # One more is that of plain labelled demos.
    assert plan_of(minibatch=False, num_trials=7).full_evaluations == 8


@pytest.mark.parametrize(
    ("search", "threads", "lag"),
    [
        ("mipro", 1, 1),
        ("mipro", 16, 2),
        ("mipro", 25, 3),
        # A trial that may be lost has but its first ten examples in flight.
        ("paired", 6, 2),
        ("paired", 16, 4),
        ("paired", 64, 11),
        ("paired", 1000, 24),
    ],
)
def test_enough_trials_are_in_flight_to_fill_every_slot(server, search, threads, lag):
    optimizer = mipro.MIPROv2(exact, num_threads=threads, search=search)
    assert plan_of(optimizer).trials_in_flight == lag
    assert plan_of(optimizer, trials_in_flight=5).trials_in_flight == 5


@pytest.mark.parametrize("auto", [None, "light"])
def test_whole_valsets_fill_the_slots_with_fewer_trials(server, auto):
    optimizer = mipro.MIPROv2(exact, num_threads=64, auto=auto)
    plan = plan_of(optimizer, **({} if auto else {"minibatch": False}))
    assert not plan.minibatch
    assert plan.valset_size == 40
    assert plan.trials_in_flight == 4


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_trials_in_flight_are_at_least_one(server, value):
    with pytest.raises(InvalidArgumentError, match=r"trials_in_flight=.*at least 1"):
        plan_of(trials_in_flight=value)


def test_the_settings_of_a_plan_are_plain_values(server):
    settings = plan_of().settings()
    assert settings["num_trials"] == 30
    assert "estimate" not in settings
    assert type(settings["num_trials"]) is int


@pytest.mark.parametrize("auto", ["Light", "extreme", "", 3, True])
def test_unknown_auto_is_refused(auto):
    with pytest.raises(InvalidArgumentError, match="choose one of 'light', 'medium', 'heavy'"):
        mipro.MIPROv2(exact, auto=auto)


def test_auto_goes_with_neither_candidates_nor_trials(server):
    with pytest.raises(InvalidArgumentError, match="num_candidates=7: auto='light' sets it"):
        mipro.MIPROv2(exact, auto="light", num_candidates=7)
    with pytest.raises(InvalidArgumentError, match="num_candidates=10: auto='light' sets it"):
        mipro.MIPROv2(exact, auto="light", num_candidates=10)
    optimizer = mipro.MIPROv2(exact, auto="light")
    for trials in (15, 30):
        with pytest.raises(InvalidArgumentError, match=f"num_trials={trials}: auto='light' sets"):
            plan_of(optimizer, num_trials=trials)


def test_a_minibatch_larger_than_the_valset_is_refused_without_auto(server):
    with pytest.raises(InvalidArgumentError, match="minibatch_size=25: the valset has only 16"):
        plan_of(count=20)
    assert plan_of(count=20, minibatch=False).valset_size == 16
    assert plan_of(count=20, minibatch_size=16).minibatch_size == 16


@pytest.mark.parametrize("name", ["num_candidates", "num_threads", "max_errors"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_counts_of_the_optimizer_are_at_least_one(name, value):
    with pytest.raises(InvalidArgumentError, match=f"{name}=.*at least 1"):
        mipro.MIPROv2(exact, **{name: value})


@pytest.mark.parametrize(
    "name", ["num_trials", "minibatch_size", "minibatch_full_eval_steps", "view_data_batch_size"]
)
@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_counts_of_a_run_are_at_least_one(server, name, value):
    with pytest.raises(InvalidArgumentError, match=f"{name}=.*at least 1"):
        plan_of(**{name: value})


@pytest.mark.parametrize("name", ["max_bootstrapped_demos", "max_labeled_demos", "seed"])
@pytest.mark.parametrize("value", [-1, 0.5, "3", True])
def test_demos_and_seed_are_at_least_zero(server, name, value):
    with pytest.raises(InvalidArgumentError, match=f"{name}=.*at least 0"):
        mipro.MIPROv2(exact, **{name: value})
    with pytest.raises(InvalidArgumentError, match=f"{name}=.*at least 0"):
        plan_of(**{name: value})


@pytest.mark.parametrize("value", [-0.1, 2.1, float("nan"), "1", None, True])
def test_the_temperature_is_a_number_that_servers_take(value):
    with pytest.raises(InvalidArgumentError, match=r"init_temperature=.*a number from 0 to 2"):
        mipro.MIPROv2(exact, init_temperature=value)


@pytest.mark.parametrize("value", [float("nan"), "0.5", True])
def test_the_threshold_is_a_number(value):
    with pytest.raises(InvalidArgumentError, match=r"metric_threshold=.*give a number"):
        mipro.MIPROv2(exact, metric_threshold=value)
    assert plan_of_threshold(0) == 0


def plan_of_threshold(value):
    return mipro.MIPROv2(exact, metric_threshold=value)._requested.metric_threshold


@pytest.mark.parametrize("name", ["minibatch", "program_aware_proposer", "tip_aware_proposer"])
def test_flags_are_true_or_false(server, name):
    with pytest.raises(InvalidArgumentError, match=f"{name}='no': give True or False"):
        plan_of(**{name: "no"})


def test_models_are_checked_at_once():
    for name in ("prompt_model", "task_model"):
        with pytest.raises(InvalidArgumentError, match=f"{name}='gpt-4'.*give an LM"):
            mipro.MIPROv2(exact, **{name: "gpt-4"})
    with pytest.raises(InvalidArgumentError, match=r"teacher_settings.*'temperature' is unknown"):
        mipro.MIPROv2(exact, teacher_settings={"temperature": 1})
    with pytest.raises(InvalidArgumentError, match=r"teacher_settings\['lm'\]='gpt-4'"):
        mipro.MIPROv2(exact, teacher_settings={"lm": "gpt-4"})


def test_without_an_lm_the_error_says_what_to_configure():
    with pytest.raises(mipro.errors.ProgramError, match="No LM is configured: call configure"):
        plan_of()


@pytest.mark.parametrize("value", [0, -1, "5", True])
def test_the_time_of_an_example_is_a_number_above_0(server, value):
    with pytest.raises(InvalidArgumentError, match=r"example_timeout=.*more than 0"):
        plan_of(example_timeout=value)


def test_the_time_of_an_example_is_part_of_the_plan(server):
    plan = plan_of(example_timeout=2.5)
    assert plan.settings()["example_timeout"] == 2.5
    assert "2.5 s of program and metric" in str(plan)
    assert plan_of().settings()["example_timeout"] is None
