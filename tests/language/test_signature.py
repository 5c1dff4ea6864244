"""Signatures, inline and as classes; this module's own annotations are postponed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel
from pydantic import Field as Constraint

from mipro_nb.errors import InvalidArgumentError, ReplyError, SignatureError
from mipro_nb.language import InputField, OutputField, Predict, Signature
from mipro_nb.language.prompting.reply import read_reply
from mipro_nb.language.signatures.signature import ensure_signature


class Money(BaseModel):
    amount: float
    currency: str


class Grade(Signature):
    """Grade the essay.

    Be fair.
    """

    essay: str = InputField(desc="what the pupil wrote")
    level: Literal["A1", "B2"] = InputField()
    price: Money = OutputField()
    points: Annotated[int, Constraint(ge=0)] = OutputField(desc="0 to 10")


def types_of(signature: Any) -> dict[str, Any]:
    return {name: field.type for name, field in signature.fields.items()}


def test_an_inline_signature_is_read():
    signature = Signature("question, context: list[str] -> answer: float, unit")
    assert list(signature.input_fields) == ["question", "context"]
    assert list(signature.output_fields) == ["answer", "unit"]
    assert types_of(signature) == {
        "question": str,
        "context": list[str],
        "answer": float,
        "unit": str,
    }


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("bool", bool),
        ("int|None", int | None),
        ("Optional[str]", str | None),
        ("Union[int, str]", int | str),
        ("typing.List[int]", list[int]),
        ("Dict[str, list[int]]", dict[str, list[int]]),
        ("tuple[int, ...]", tuple[int, ...]),
        ("Literal['a, b', \"c -x\", 3, True, None]", Literal["a, b", "c -x", 3, True, None]),  # noqa: PYI061
        ("Literal['two  spaces']", Literal["two  spaces"]),
        ("set", set),
        ("Any", Any),
        ("Money", Money),
        ("list[Money] | None", list[Money] | None),
    ],
)
def test_inline_types(text, annotation):
    signature = Signature(f"q -> answer: {text}", Money=Money)
    assert signature.fields["answer"].type == annotation


def test_an_inline_signature_may_go_over_several_lines():
    signature = Signature(
        """
        question,
        context -> answer: int
        """
    )
    assert signature.declaration == "question, context -> answer: int"


@pytest.mark.parametrize(
    "declaration",
    [
        "q -> a",
        "q, c: list[str] -> a: float, b: Literal['x.Y', 2]",
        "q: int | None -> a: dict[str, tuple[int, ...]]",
    ],
)
def test_the_declaration_can_be_read_again(declaration):
    assert Signature(declaration).declaration == declaration


def test_the_default_instruction_names_the_fields():
    assert (
        Signature("question, context -> answer").instructions
        == "Given the fields `question`, `context`, produce the fields `answer`."
    )
    assert Signature("q -> a", "Answer in one word.").instructions == "Answer in one word."


@pytest.mark.parametrize(
    ("declaration", "says"),
    [
        ("question", "as in 'question, context -> answer: float'"),
        ("a -> b -> c", "as in 'question, context -> answer: float'"),
        (None, "as in 'question, context -> answer: float'"),
        (" -> answer", "no input field"),
        ("question -> ", "no output field"),
        ("two words -> answer", "Cannot read 'two words'"),
        ("q -> a: list[int", "Cannot read"),
        ("q\x00 -> a", "Cannot read"),
        ("q = 1 -> a", "names and types only"),
        ("*q -> a", "names and types only"),
        ("q, q -> a", "'q' twice"),
        ("q -> q", "'q' twice"),
        ("class -> a", "Cannot read"),
        ("_q -> a", "cannot be named '_q': names that begin with an underscore are private"),
        ("self -> a", "cannot be named 'self': Python itself passes an argument of that name"),
        ("q -> a: Mony", "Unknown type 'Mony'.*Signature.*T=T"),
        ("q -> a: int[str]", r"Unknown type 'int\[str\]'"),
        ("q -> a: Optional[int, str]", "Unknown type"),
        ("q -> a: Literal[x]", "Unknown type"),
        ("q -> a: Literal[{[]: 1}]", "Unknown type"),
        ("q -> a: __import__('os')", "Unknown type"),
        ("q -> a: 'str'", "Unknown type"),
        ("q -> a: Literal", "no text form"),
        ("q -> a: Function", "'a' has type .*no text form"),
        ("q -> a: Opaque", "'a' has type .*no text form"),
    ],
)
def test_a_wrong_signature_says_what_is_wrong(declaration, says):
    with pytest.raises(SignatureError, match=f"(?s){says}"):
        Signature(declaration, Function=Callable[[int], int], Opaque=type("Opaque", (), {}))


def test_an_instruction_has_to_be_text():
    with pytest.raises(InvalidArgumentError, match="instructions=5"):
        Signature("q -> a", 5)


def test_a_class_is_read_with_postponed_annotations():
    assert Grade.instructions == "Grade the essay.\n\nBe fair."
    types = types_of(Grade)
    assert list(types) == ["essay", "level", "price", "points"]
    assert types["level"] == Literal["A1", "B2"]
    assert types["price"] is Money
    assert Grade.fields["points"].desc == "0 to 10"
    assert Grade.declaration == "essay, level: Literal['A1', 'B2'] -> price: Money, points: int"


def test_the_constraints_of_a_type_hold():
    read = {"price": '{"amount": 1, "currency": "EUR"}', "points": "-1"}
    with pytest.raises(ReplyError, match="greater than or equal to 0"):
        read_reply(Grade, "\n".join(f"{name}: {text}" for name, text in read.items()))


def test_types_defined_inside_a_function_are_found():
    class Local(BaseModel):
        x: int

    class Sign(Signature):
        q: str = InputField()
        found: list[Local] = OutputField()

    assert Sign.fields["found"].type == list[Local]


def test_types_defined_inside_a_class_are_found():
    class Outer:
        class Inner(BaseModel):
            x: int

        class Sign(Signature):
            q: str = InputField()
            found: Inner | None = OutputField()  # noqa: F821 - found when the class is made

    assert Outer.Sign.fields["found"].type == Outer.Inner | None


def signature_with_a_type_of_its_own():
    class Hidden(BaseModel):
        x: int

    class Base(Signature):
        """Find it."""

        q: str = InputField()
        found: Hidden = OutputField()

    return Base


def test_a_subclass_keeps_types_that_only_its_base_knows():
    base = signature_with_a_type_of_its_own()

    class More(base):
        hint: str = InputField()
        sure: bool = OutputField()

    assert list(More.input_fields) == ["q", "hint"]
    assert list(More.output_fields) == ["found", "sure"]
    assert More.fields["found"] == base.fields["found"]


def test_a_subclass_may_change_a_field_or_only_the_instruction():
    class Louder(Grade):
        """GRADE THE ESSAY."""

    class Simple(Grade):
        points: float = OutputField()

    class Same(Grade):
        pass

    assert Louder.fields == Grade.fields
    assert Louder.instructions == "GRADE THE ESSAY."
    assert list(Simple.fields) == list(Grade.fields)
    assert Simple.fields["points"].type is float
    assert Same.instructions == Grade.instructions
    assert list(Grade.fields) == ["essay", "level", "price", "points"]


def test_a_subclass_with_another_field_keeps_the_instruction_that_its_base_was_given():
    class WithRubric(Grade):
        rubric: str = InputField()

    class Plain(Signature):
        question = InputField()
        answer = OutputField()

    class WithHint(Plain):
        hint = InputField()

    assert WithRubric.instructions == Grade.instructions
    usual = "Given the fields `question`, `hint`, produce the fields `answer`."
    assert WithHint.instructions == usual, "the usual one names the fields that there are"


def test_fields_need_no_annotation_and_take_dspy_options():
    with pytest.warns(UserWarning, match="changes nothing here"):

        class Plain(Signature):
            question = InputField(prefix="Question:", format=str)
            answer = OutputField(desc="one word", prefix="Answer:")

    assert types_of(Plain) == {"question": str, "answer": str}
    assert Plain.instructions == "Given the fields `question`, produce the fields `answer`."


def test_fields_may_be_called_like_what_a_signature_has():
    class Named(Signature):
        """Follow them."""

        instructions: str = InputField()
        fields: str = InputField()
        declaration: str = OutputField()

    assert Named.instructions == "Follow them."
    assert Named.declaration == "instructions, fields -> declaration"


def test_an_unknown_name_in_a_class_is_a_signature_error():
    with pytest.raises(SignatureError, match="Sign: cannot read its types: name 'Nowhere'"):

        class Sign(Signature):
            q: Nowhere = InputField()  # noqa: F821
            a: str = OutputField()


def test_a_type_without_field_is_a_signature_error():
    with pytest.raises(SignatureError, match="a has a type but is neither InputField"):

        class Sign(Signature):
            q: str = InputField()
            a: str


@pytest.mark.parametrize(("wanted", "body"), [("input", "OutputField"), ("output", "InputField")])
def test_a_class_needs_inputs_and_outputs(wanted, body):
    field = {"InputField": InputField, "OutputField": OutputField}[body]()
    with pytest.raises(SignatureError, match=f"no {wanted} field"):
        type(Signature)("Half", (Signature,), {"x": field})


def test_a_signature_class_is_not_called():
    with pytest.raises(SignatureError, match=r"call Predict\(Grade\)"):
        Grade(essay="…")


def test_changes_give_a_new_signature():
    changed = Grade.with_instructions("Be strict.").with_updated_field("essay", desc="text")
    assert changed.instructions == "Be strict."
    assert changed.fields["essay"].desc == "text"
    assert changed.__name__ == "Grade"
    assert Grade.instructions != "Be strict."
    assert Grade.fields["essay"].desc == "what the pupil wrote"


def test_changing_an_unknown_field_names_the_known_ones():
    with pytest.raises(InvalidArgumentError, match="essay, level, price, points"):
        Grade.with_updated_field("esay", desc="text")


def test_an_output_can_be_put_first():
    signature = Grade.prepend_output("reasoning", desc="why")
    assert list(signature.output_fields) == ["reasoning", "price", "points"]
    assert signature.instructions == Grade.instructions
    again = signature.prepend_output("points").prepend_output("reasoning", desc="another")
    assert list(again.output_fields) == ["reasoning", "points", "price"]
    assert again.fields == signature.fields, "what is there already stays as it is"
    with pytest.raises(SignatureError, match="has an input 'essay'"):
        signature.prepend_output("essay")


def test_predictors_take_signatures_and_nothing_else():
    assert ensure_signature(Grade) is Grade
    assert ensure_signature("q -> a", "Do.").instructions == "Do."
    assert ensure_signature(Grade, "Do.").instructions == "Do."
    with pytest.raises(InvalidArgumentError, match="signature=5"):
        Predict(5)


def test_a_signature_is_shared_by_copies_and_shown_in_short():
    assert copy.deepcopy(Grade) is Grade
    assert repr(Signature("q -> a", "x" * 500)).startswith("Signature('q -> a', 'xxx")
    assert len(repr(Signature("q -> a", "x" * 500))) < 150
