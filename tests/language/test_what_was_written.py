"""What the user wrote is used or refused, and never dropped without a word."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field as Constraint
from scripted_lm import ScriptedLM

from mipro_nb.errors import InvalidArgumentError, ReplyError, SignatureError
from mipro_nb.evaluate import Evaluate
from mipro_nb.language import (
    ChainOfThought,
    Example,
    InputField,
    Module,
    OutputField,
    Predict,
    Prediction,
    Signature,
    configure,
)
from mipro_nb.language.prompting.reply import reply_schema
from mipro_nb.models import LM


def judged(replies: list[str], annotation: Any = float, **keywords: Any) -> tuple[Any, ScriptedLM]:
    """Ask for a field that is declared so; return its value and the LM that was asked."""

    class Judge(Signature):
        """Judge the text."""

        text: str = InputField()
        score: annotation = OutputField(**keywords)  # type: ignore[valid-type]

    lm = ScriptedLM(*replies)
    configure(lm=lm)
    return Predict(Judge)(text="x").score, lm


@pytest.mark.parametrize(
    ("annotation", "keywords", "told"),
    [
        (float, {"ge": 0.25}, "at least 0.25"),
        (float, {"gt": 0.25, "lt": 1}, "more than 0.25, less than 1"),
        (int, {"le": 10, "multiple_of": 5}, "a whole number, at most 10, a multiple of 5"),
        (str, {"max_length": 20}, "at most 20 characters"),
        (str, {"pattern": "^[0-9 ]+$"}, "^[0-9 ]+$"),
        (Annotated[int, Constraint(ge=5)], {}, "a whole number, at least 5"),
        (Annotated[int, Constraint(description="of ten")], {}, "of ten"),
        (float, {"desc": "how friendly"}, "how friendly"),
        (float, {"description": "how friendly"}, "how friendly"),
    ],
)
def test_what_is_said_of_a_field_is_told_to_the_lm(annotation, keywords, told):
    _, lm = judged(
        ["score: 5" if annotation is not float else "score: 0.5"], annotation, **keywords
    )
    assert told in lm.requests[0].messages[0]["content"]


@pytest.mark.parametrize(
    ("annotation", "keywords", "wrong", "right", "value"),
    [
        (float, {"le": 1}, "7", "0.5", 0.5),
        (int, {"ge": 3}, "2", "3", 3),
        (str, {"max_length": 4}, "far too long", "ok", "ok"),
        (str, {"pattern": "^[a-z]+$"}, "NO", "yes", "yes"),
        (list[str], {"min_length": 2}, '["a"]', '["a", "b"]', ["a", "b"]),
        (float | None, {"le": 1}, "7", "null", None),
    ],
)
def test_a_reply_beyond_the_bounds_is_asked_for_again_with_the_reason(
    annotation, keywords, wrong, right, value
):
    got, lm = judged([f"score: {wrong}", f"score: {right}"], annotation, **keywords)
    assert got == value
    assert "'score' is wrong" in lm.requests[1].messages[-1]["content"]


def test_a_reply_that_stays_beyond_the_bounds_cannot_be_used():
    with pytest.raises(ReplyError, match="less than or equal to 1"):
        judged(["score: 7", "score: 7"], le=1)


def test_structured_outputs_know_the_bounds():
    class Judge(Signature):
        text: str = InputField()
        score: float = OutputField(ge=0, le=1)

    assert reply_schema(Judge)["properties"]["score"]["maximum"] == 1


def test_an_input_beyond_its_bounds_is_refused_before_any_call():
    class Judge(Signature):
        text: str = InputField(max_length=3)
        score: float = OutputField()

    with pytest.raises(InvalidArgumentError, match="at most 3 characters"):
        Predict(Judge)(text="long")


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"decs": "x"}, r"decs='x': did you mean desc=\? OutputField takes desc, "),
        ({"minimum": 1}, "OutputField takes desc"),
        ({"title": "x"}, "OutputField takes desc"),
        ({"desc": "a", "description": "b"}, "desc= says something else"),
        ({"default": 1.0}, "an output's value is what the LM answers"),
        ({"min_length": 1}, "a value of type float has no min_length"),
    ],
)
def test_what_is_not_used_is_refused_with_what_there_is(keywords, said):
    with pytest.raises((InvalidArgumentError, SignatureError), match=said):
        judged(["score: 1"], **keywords)


@pytest.mark.parametrize("name", ["prefix", "format"])
def test_what_dspy_has_and_changes_nothing_is_said_to_do_so(name):
    with pytest.warns(UserWarning, match=rf"{name}=…\) changes nothing here"):
        InputField(**{name: str})


class Answer(Signature):
    """Answer the question."""

    question: str = InputField()
    tone: str = InputField(default="polite")
    context: str | None = InputField(default=None)
    answer: str = OutputField()


def test_a_default_is_used_in_calls_demos_and_traces():
    lm = ScriptedLM("answer: 42")
    configure(lm=lm)
    predict = Predict(Answer)
    predict.demos = [Example(question="1?", answer="1")]
    predict(question="40 + 2?")
    demo, _, asked = lm.requests[0].messages[1:]
    assert "tone: polite" in demo["content"]
    assert "tone: polite" in asked["content"]
    predict(question="40 + 2?", tone="rude")
    assert "tone: rude" in lm.requests[-1].messages[-1]["content"]


@pytest.mark.parametrize("default", [None, 3])
def test_a_default_of_another_type_is_refused(default):
    with pytest.raises(SignatureError, match="is not a value of its type str"):

        class Wrong(Signature):
            text: str = InputField(default=default)
            answer: str = OutputField()


def test_a_subclass_keeps_the_instruction_of_whichever_base_has_one():
    class Bare(Signature):
        text: str = InputField()
        summary: str = OutputField()

    class Pirate(Signature):
        """Answer as a pirate would."""

        question: str = InputField()
        answer: str = OutputField()

    class Both(Bare, Pirate):
        pass

    class WithSources(Pirate):
        sources: list[str] = InputField()

    class Twice(WithSources):
        language: Literal["en", "de"] = InputField()

    assert (
        Both.instructions
        == Twice.instructions
        == WithSources.instructions
        == "Answer as a pirate would."
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"answer": OutputField}, r"write answer = OutputField\(\), with parentheses"),
        ({"instruction": "Be brief."}, "write instructions = "),
    ],
)
def test_slips_in_the_body_of_a_signature_are_refused(body, said):
    with pytest.raises(SignatureError, match=said):
        type(Signature)("S", (Answer,), body)


def test_a_misspelled_instruction_is_no_type():
    with pytest.raises(InvalidArgumentError, match=r"did you mean instructions=\?"):
        Signature("question -> answer", instruction="Be brief.")


@pytest.mark.parametrize("made", [lambda **o: LM("x", base_url="http://h/v1", **o), None])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 3}, "n=3: only one reply of a call is read"),
        ({"temprature": 0.5}, r"did you mean temperature=\?"),
        ({"temperature": "hot"}, "give a number from 0 to 2"),
    ],
)
def test_options_that_would_be_dropped_are_refused(made, options, said):
    made = made or (lambda **o: Predict("question -> answer", **o))
    with pytest.raises(InvalidArgumentError, match=said):
        made(**options)
    made(temperature=None, n=1, top_p=0.5, a_servers_own=1)


class Tidied(ChainOfThought):
    def forward(self, **inputs):
        return Prediction(answer=super().forward(**inputs).answer.upper())


class TidiedAsync(Predict):
    async def aforward(self, **inputs):
        return Prediction(answer=(await super().aforward(**inputs)).answer.upper())


class TidiedBoth(Predict):
    def forward(self, **inputs):
        return Prediction(answer=super().forward(**inputs).answer + "!")

    async def aforward(self, **inputs):
        return Prediction(answer=(await super().aforward(**inputs)).answer + "!")


class TidiedCall(Predict):
    def __call__(self, **inputs):
        return Prediction(answer=super().__call__(**inputs).answer + "!")


class TidiedAcall(Predict):
    async def acall(self, **inputs):
        return Prediction(answer=(await super().acall(**inputs)).answer + "!")


class AsyncForward(Module):
    def __init__(self):
        self.ask = Predict("question -> answer")

    async def forward(self, question):
        return Prediction(answer=(await self.ask.acall(question=question)).answer + "!")


class OfAsync(TidiedAsync):
    def forward(self, **inputs):
        return Prediction(answer=Predict.forward(self, **inputs).answer + "?")


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        (Tidied("question -> answer"), "A"),
        (TidiedAsync("question -> answer"), "A"),
        (TidiedBoth("question -> answer"), "a!"),
        (TidiedCall("question -> answer"), "a!"),
        (TidiedAcall("question -> answer"), "a!"),
        (AsyncForward(), "a!"),
        (OfAsync("question -> answer"), "a?"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_program_is_run_the_same_way_however_it_is_called(program, answer):
    lm = ScriptedLM("reasoning: short\nanswer: a")
    configure(lm=lm)
    rows = [Example(question="x", answer=answer).with_inputs("question")]
    assert program(question="x").answer == answer
    assert asyncio.run(program.acall(question="x")).answer == answer
    score = Evaluate(devset=rows, metric=lambda row, got, trace=None: row.answer == got.answer)
    assert score(program) == 100


@pytest.mark.parametrize("name", ["items", "labels", "values", "copy", "keys", "get", "inputs"])
def test_an_output_may_be_named_like_a_method_and_is_read_as_an_item(name):
    configure(lm=ScriptedLM(f"{name}: x"))
    prediction = Predict(f"text -> {name}")(text="a")
    assert prediction[name] == "x"
    assert callable(getattr(prediction, name))
    assert dict(prediction.items()) == {name: "x"}
    predict = Predict(f"{name} -> answer: str")
    predict.demos = [Example({name: "a", "answer": "b"})]
    configure(lm=ScriptedLM("answer: b"))
    assert predict(**{name: "c"}).answer == "b"


def test_chain_of_thought_keeps_a_reasoning_of_the_signatures_own_as_its_first_output():
    configure(lm=ScriptedLM("reasoning: short\nanswer: 42"))
    program = ChainOfThought("question -> answer: int, reasoning")
    assert list(program.predict.signature.output_fields) == ["reasoning", "answer"]
    assert program(question="x").answer == 42
