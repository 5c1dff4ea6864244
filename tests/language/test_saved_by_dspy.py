"""Programs that DSPy has saved as JSON."""

from __future__ import annotations

import json

import pytest

from mipro_nb.errors import SavedStateError
from mipro_nb.language import ChainOfThought, Example, Module, Predict


class Program(Module):
    def __init__(self):
        self.plan = ChainOfThought("question, some_context -> answer: float")
        self.steps = [Predict("a -> label_2b")]


def saved(instructions, fields, demos=(), lm=None):
    written = [{"prefix": prefix, "description": "${x}"} for prefix in fields]
    signature = {"instructions": instructions, "fields": written}
    return {"traces": [], "train": [], "demos": list(demos), "signature": signature, "lm": lm}


def state_of_dspy():
    demo = {"augmented": True, "question": "q", "reasoning": "r", "answer": 1.5, "source": "x"}
    prefixes = ["Question:", "Some Context:", "Reasoning:", "Answer:"]
    return {
        "plan.predict": saved("Plan well.", prefixes, [demo]),
        "steps[0]": saved("Label it.", ["A:", "Label 2 B:"]),
        "metadata": {"dependency_versions": {"dspy": "3.4.1"}},
    }


def test_instructions_and_demos_are_taken_over(tmp_path):
    (tmp_path / "dspy.json").write_text(json.dumps(state_of_dspy()), encoding="utf-8")
    program = Program()
    program.load(tmp_path / "dspy.json")
    assert program.plan.predict.signature.instructions == "Plan well."
    assert program.plan.predict.demos == [Example(question="q", reasoning="r", answer=1.5)]
    assert program.steps[0].signature.instructions == "Label it."


def test_what_older_versions_wrote_behind_the_name_of_a_field_is_no_part_of_it():
    state = state_of_dspy()
    prefixes = ["Question:", "Some Context:", "Reasoning: Let's think step by step in order to"]
    state["plan.predict"] = saved("Plan well.", [*prefixes, "Answer:"])
    program = Program()
    program.load_state(state)
    assert program.plan.predict.signature.instructions == "Plan well."


def test_a_single_predictor_is_loaded():
    program = Predict("a -> b")
    program.load_state(saved("Say b.", ["A:", "B:"]))
    assert program.signature.instructions == "Say b."


def test_other_fields_are_refused_and_nothing_is_changed():
    state = state_of_dspy()
    state["steps[0]"] = saved("Label it.", ["A:", "Topic:"])
    program = Program()
    with pytest.raises(SavedStateError, match=r"has the fields A, Topic; this one has a, label_2b"):
        program.load_state(state)
    assert program.plan.predict.demos == []


def test_other_predictors_are_refused():
    state = state_of_dspy()
    state["more"] = state.pop("steps[0]")
    with pytest.raises(SavedStateError, match="load it into the program it was saved from"):
        Program().load_state(state)


def test_a_saved_lm_is_not_taken_over_and_that_is_said():
    state = saved("Say b.", ["A:", "B:"], lm={"model": "openai/gpt-4o-mini"})
    with pytest.warns(UserWarning, match=r"is not taken over: set it with configure\(lm=…\)"):
        Predict("a -> b").load_state(state)
