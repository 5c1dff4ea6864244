"""Prompt formats: what each has to do, those of users, and faults that are found."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from scripted_lm import ScriptedLM

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, ProgramError, ReplyError, SavedStateError
from mipro_nb.language import Predict, Signature, context
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.saved_programs.saving import jsonable
from mipro_nb.testing import PromptFormatContract


@pytest.mark.slow
@pytest.mark.hypothesis
class TestLines(PromptFormatContract):
    examples = 80

    def make_format(self):
        return FORMATS["lines"]


class TestTags(TestLines):
    def make_format(self):
        return FORMATS["tags"]


class TestJson(TestLines):
    def make_format(self):
        return FORMATS["json"]


@pytest.mark.slow
@pytest.mark.hypothesis
class TestValue(PromptFormatContract):
    may_refuse = True

    def make_format(self):
        return FORMATS["value"]


class Rows:
    """A user's own format: a line of JSON for each output."""

    name = "rows"
    called = "a line of JSON for each output"

    def fits(self, signature):
        return True

    def asked(self, signature):
        lines = "\n".join(f'["{name}", <{name}>]' for name in signature.output_fields)
        return f"Reply with these lines, filled in with JSON:\n{lines}"

    def write_inputs(self, signature, values):
        names = [name for name in signature.input_fields if name in values]
        return "\n".join(f"{name}: {values[name]}" for name in names)

    def write_answer(self, signature, values):
        names = [name for name in signature.output_fields if name in values]
        return "\n".join(json.dumps([name, self.jsonable(values[name])]) for name in names)

    def jsonable(self, value):
        return jsonable(value, "value")

    def find(self, signature, reply):
        found = {}
        for line in reply.splitlines():
            try:
                name, value = json.loads(line)
            except (ValueError, TypeError, RecursionError):
                continue
            if isinstance(name, str) and name in signature.output_fields:
                found.setdefault(name, value)
        return mipro.Found(values=found)


@pytest.mark.slow
@pytest.mark.hypothesis
class TestRows(PromptFormatContract):
    examples = 20

    def make_format(self):
        return Rows()


class Evaluates(Rows):
    def find(self, signature, reply):
        return mipro.Found(values=dict([json.loads(line) for line in reply.splitlines()]))


class Guesses(Rows):
    def find(self, signature, reply):
        return mipro.Found(texts=dict.fromkeys(signature.output_fields, reply.strip() or "?"))


class Unescaped(Rows):
    def write_answer(self, signature, values):
        return "\n".join(f'["{name}", "{values[name]}"]' for name in signature.output_fields)


class Strips(Rows):
    def jsonable(self, value):
        return value.strip() if isinstance(value, str) else super().jsonable(value)


class OnlyTheFirst(Rows):
    def find(self, signature, reply):
        return super().find(signature, reply.split("\n")[0])


class Unended(Rows):
    """Bare text, of which it does not say that it goes on to the end."""

    def write_answer(self, signature, values):
        return "\n".join(f"{name}= {value}" for name, value in values.items())

    def find(self, signature, reply):
        name, _, text = reply.partition("= ")
        return mipro.Found(texts={name: text})


class Silent(Rows):
    def asked(self, signature):
        return "Reply with JSON."


class Nowhere(Rows):
    def fits(self, signature):
        return False


class Uncalled(Rows):
    called = ""


@pytest.mark.parametrize(
    ("faulty", "found_by"),
    [
        (Evaluates, "test_no_reply_breaks_the_reading"),
        (Guesses, "test_what_is_not_there_is_left_out"),
        (Unescaped, "test_every_value_comes_back"),
        (Strips, "test_every_value_comes_back"),
        (OnlyTheFirst, "test_several_outputs_do_not_run_into_each_other"),
        (Unended, "test_a_reply_that_was_cut_off_is_not_taken_for_a_whole_one"),
        (Silent, "test_every_output_is_asked_for_by_name"),
        (Nowhere, "test_it_fits_some_signatures"),
        (Uncalled, "test_it_has_what_predictors_use"),
    ],
)
def test_the_contract_finds_a_fault(faulty, found_by):
    class Contract(PromptFormatContract):
        def make_format(self):
            return faulty()

    with pytest.raises((AssertionError, ValueError, TypeError, ExceptionGroup)):
        getattr(Contract(), found_by)()


def test_a_format_of_a_user_is_had_by_its_name():
    mipro.register_prompt_format(Rows())
    lm = ScriptedLM('["answer", "2"]')
    with context(lm=lm, prompt_format="rows"):
        assert Predict("question -> answer")(question="1 + 1?").answer == "2"
    assert '["answer", <answer>]' in lm.requests[-1].messages[0]["content"]
    assert mipro.LM("x", base_url="http://127.0.0.1:9/v1", prompt_format="rows").prompt_format
    predict = Predict("question -> answer", prompt_format="rows")
    with context(lm=ScriptedLM("answer: 3")):
        assert predict(question="1 + 2?").answer == "3"  # other forms are understood
    with context(lm=ScriptedLM("no idea", "none")), pytest.raises(ReplyError):
        Predict("question -> label: Literal['a', 'b']", prompt_format="rows")(question="?")


def test_another_one_of_the_same_name_takes_its_place():
    class Changed(Rows):
        def asked(self, signature):
            return "Say answer."

    predict = Predict("question -> answer")
    lm = ScriptedLM('["answer", "2"]')
    for made in (Rows(), Changed(), Changed()):
        mipro.register_prompt_format(made)
        with context(lm=lm, prompt_format="rows"):
            predict(question="?")
    texts = [request.messages[0]["content"] for request in lm.requests]
    assert "Say answer." not in texts[0]
    assert all("Say answer." in text for text in texts[1:])


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (Rows, "give an object with name"),
        ("rows", "give an object with name"),
        (type("Other", (Rows,), {"name": "tags"})(), "mipro_nb has one of that name"),
        (type("Other", (Rows,), {"name": "auto"})(), "mipro_nb has one of that name"),
        (type("Other", (Rows,), {"name": "a b"})(), "give letters"),
    ],
)
def test_what_cannot_be_registered_is_told(made, told):
    with pytest.raises(InvalidArgumentError, match=told):
        mipro.register_prompt_format(made)


def test_a_program_saved_in_a_format_that_is_not_known_says_what_to_do(tmp_path):
    mipro.register_prompt_format(Rows())
    path = tmp_path / "program.json"
    Predict("question -> answer", prompt_format="rows").save(path)
    del FORMATS["rows"]
    program = Predict("question -> answer")
    with pytest.raises(SavedStateError, match=r"'rows' here.*register_prompt_format"):
        program.load(path)
    mipro.register_prompt_format(Rows())
    program.load(path)
    assert program.prompt_format == "rows"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (None, "find returned NoneType instead of mipro_nb.Found"),
        ({"answer": "2"}, "find returned dict instead of mipro_nb.Found"),
        (mipro.Found({"reply": "2"}), "find returned 'reply', which is not an output"),
        (mipro.Found({"answer": 2}), "find returned int among its texts: put it in values"),
    ],
)
def test_a_format_that_finds_what_cannot_be_is_named(found, told):
    class Faulty(Rows):
        def find(self, signature, reply):
            return found

    mipro.register_prompt_format(Faulty())
    with (
        context(lm=ScriptedLM("2"), prompt_format="rows"),
        pytest.raises(ProgramError, match=f"'rows' cannot be used: {told}"),
    ):
        Predict("question -> answer")(question="1 + 1?")


def test_labels_come_back_in_a_format_of_a_user():
    mipro.register_prompt_format(Rows())
    lm = ScriptedLM('["label", "spam"]')
    signature = Signature("text -> label: T", T=Literal["ham", "spam"])
    with context(lm=lm):
        assert Predict(signature, prompt_format="rows")(text="?").label == "spam"
