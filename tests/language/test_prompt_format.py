"""Which format a predictor asks in, and who chooses it."""

from __future__ import annotations

import json
import pickle

import pytest
from scripted_lm import ScriptedLM

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, SavedStateError
from mipro_nb.language import ChainOfThought, Module, Predict, Signature, configure, context
from mipro_nb.language.formats import FORMATS, known_format
from mipro_nb.language.formats.models import KNOWN_MODELS

FORMS = {
    "lines": "answer: <answer>",
    "tags": "<answer>the answer</answer>",
    "json": '{"answer": <answer>}',
    "value": "Answer with the value of this field",
}
REPLIES = {
    "lines": "answer: 2",
    "tags": "<answer>2</answer>",
    "json": '{"answer": "2"}',
    "value": "2",
}
NO_SUCH = "prompt_format='xml': choose one of 'lines', 'tags', 'json', 'value', or None"
NOT_FITTING = (
    "prompt_format='value': it is for one output, and 'question -> reasoning, answer' has 2: "
    "choose one of 'lines', 'tags', 'json'"
)


def asked_in(lm):
    """The format of the last request, as its messages show it."""
    system = lm.requests[-1].messages[0]["content"]
    (name,) = (name for name, form in FORMS.items() if form in system)
    return name


@pytest.mark.parametrize("name", FORMS)
def test_a_program_asks_in_the_chosen_format_and_reads_it(name):
    lm = ScriptedLM(REPLIES[name])
    with context(lm=lm, prompt_format=name):
        assert Predict("question -> answer")(question="1 + 1?").answer == "2"
    assert asked_in(lm) == name
    assert lm.requests[-1].prompt_format == name
    assert len(lm.requests) == 1


def test_the_predictors_own_comes_before_the_lms_and_that_before_the_configured_one():
    lm, predict = ScriptedLM("2"), Predict("question -> answer")
    configure(lm=lm)
    predict(question="?")
    assert asked_in(lm) == "lines"
    configure(prompt_format="json")
    predict(question="?")
    assert asked_in(lm) == "json"
    lm.prompt_format = "tags"
    predict(question="?")
    assert asked_in(lm) == "tags"
    predict.prompt_format = "value"
    predict(question="?")
    assert asked_in(lm) == "value"
    Predict("question -> answer", prompt_format="lines")(question="?")
    assert asked_in(lm) == "lines"


def test_json_is_asked_for_by_schema_only_where_the_lm_takes_one():
    in_words, by_schema = ScriptedLM("answer: 2"), ScriptedLM("2", structured_outputs=True)
    Predict("question -> answer", prompt_format="json").messages({"question": "?"}, in_words)
    for lm, name, has_schema in (
        (in_words, "json", False),
        (by_schema, "json", True),
        (by_schema, "tags", False),
    ):
        with context(lm=lm, prompt_format=name):
            Predict("question -> answer")(question="?")
        assert (lm.requests[-1].schema is not None) == has_schema


@pytest.mark.parametrize(
    "choose",
    [
        lambda name: configure(prompt_format=name),
        lambda name: mipro.LM("x", base_url="http://127.0.0.1:9/v1", prompt_format=name),
        lambda name: Predict("question -> answer", prompt_format=name),
    ],
)
def test_a_name_of_no_format_is_refused(choose):
    with pytest.raises(InvalidArgumentError) as refused:
        choose("xml")
    assert NO_SUCH in str(refused.value)


def test_auto_is_the_default_wherever_no_run_measures_it():
    lm = ScriptedLM("answer: 2")
    predict = Predict("question -> answer")
    with context(lm=lm, prompt_format="auto"):
        predict(question="?")
    assert lm.requests[-1].prompt_format == "lines"
    lm.prompt_format = "auto"
    with context(lm=lm, prompt_format="json"):
        predict(question="?")
    assert lm.requests[-1].prompt_format == "lines"
    assert mipro.LM("x", base_url="http://127.0.0.1:9/v1", prompt_format="auto").prompt_format


def test_auto_of_a_predictor_is_refused_and_the_message_says_where_it_goes():
    with pytest.raises(InvalidArgumentError, match="'auto' is for compile, LM and configure"):
        Predict("question -> answer", prompt_format="auto")


LABEL = "text -> label: Literal['a', 'b']"


@pytest.mark.parametrize(
    ("model", "signature", "held", "best"),
    [
        ("SmolLM2-135M-Instruct.Q8_0", LABEL, True, "value"),
        ("smollm2:135m", LABEL, False, "lines"),
        ("SmolLM2-135M-Instruct", "text -> answer", True, None),
        ("Qwen/Qwen2.5-Coder-0.5B-Instruct", LABEL, True, "value"),
        ("qwen2.5-coder:0.5b", "text -> yes: bool", False, "lines"),
        ("qwen2.5-coder:0.5b", "text -> title, summary", True, "lines"),
        ("qwen2.5-coder:0.5b", "text -> names: list[str]", True, None),
        ("qwen2.5-coder:7b", LABEL, True, None),
        ("openai/gpt-4o-mini", "text -> names: list[str]", False, "lines"),
        ("gpt-3.5-turbo", "text -> answer", False, "lines"),
        ("openai/o3-mini", LABEL, False, "lines"),
        ("openrouter/anthropic/claude-3.5-haiku", "text -> a, b", False, "lines"),
        ("us.anthropic.claude-sonnet-4", "text -> a", False, "lines"),
        ("gemini/gemini-2.0-flash", "text -> a", False, "lines"),
        ("openai/gpt-oss-20b", "text -> a", False, None),
        ("solo3", "text -> a", False, None),
        ("meta/llama-3", LABEL, False, None),
    ],
)
def test_what_is_known_of_a_model_is_found_by_its_name(model, signature, held, best):
    assert known_format(model, Signature(signature), holds_to_labels=held) == best


def test_every_entry_names_formats_that_there_are_and_where_it_is_known_from():
    for known in KNOWN_MODELS:
        assert known.formats
        assert set(known.formats.values()) <= set(FORMATS)
        assert known.source


def test_a_format_that_does_not_fit_is_refused_before_any_call():
    lm = ScriptedLM("answer: 2")
    program = ChainOfThought("question -> answer")
    for chosen in ({"prompt_format": "value"}, {}):
        if not chosen:
            lm.prompt_format = "value"
        with context(lm=lm, **chosen), pytest.raises(InvalidArgumentError) as refused:
            program(question="?")
        assert NOT_FITTING in str(refused.value)
    with pytest.raises(InvalidArgumentError, match="it is for one output"):
        ChainOfThought("question -> answer", prompt_format="value")
    assert lm.requests == []


def test_an_lm_keeps_its_format_when_it_is_pickled():
    lm = mipro.LM("x", base_url="http://127.0.0.1:9/v1", prompt_format="tags")
    assert pickle.loads(pickle.dumps(lm)).prompt_format == "tags"  # noqa: S301 - our own


class Program(Module):
    def __init__(self):
        self.plan = Predict("question -> plan")
        self.answer = ChainOfThought("question, plan -> answer")


def test_a_saved_program_keeps_the_formats_of_its_predictors(tmp_path):
    program = Program()
    program.plan.prompt_format = "value"
    program.save(tmp_path / "program.json")
    loaded = Program()
    loaded.answer.predict.prompt_format = "tags"
    loaded.load(tmp_path / "program.json")
    assert loaded.plan.prompt_format == "value"
    assert loaded.answer.predict.prompt_format is None
    assert pickle.loads(pickle.dumps(program)).plan.prompt_format == "value"  # noqa: S301 - ours
    assert program.reset_copy().plan.prompt_format == "value"


def test_a_program_without_a_choice_is_saved_as_before():
    assert "prompt_format" not in json.dumps(Program().dump_state())


@pytest.mark.parametrize("saved", ["xml", "value", 3, ["tags"]])
def test_a_saved_format_that_cannot_be_had_is_refused_and_nothing_is_loaded(saved):
    state = Program().dump_state()
    state["predictors"]["answer.predict"]["prompt_format"] = saved
    state["predictors"]["plan"]["instructions"] = "Plan."
    program = Program()
    with pytest.raises(SavedStateError, match=r"answer\.predict.*prompt_format"):
        program.load_state(state)
    assert program.dump_state() == Program().dump_state()
