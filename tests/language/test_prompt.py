"""The prompt format: exact both ways, and lenient with what LMs write."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal, get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field as Constraint

from mipro_nb.errors import ReplyError, TruncatedReplyError
from mipro_nb.language import Example, InputField, OutputField, Signature
from mipro_nb.language.formats import FORMATS, labels_of, write_fields
from mipro_nb.language.prompting.prompt import write_messages, write_retry
from mipro_nb.language.prompting.reply import read_reply, reply_schema
from mipro_nb.testing.values import Address, Color, Mixed, Person, texts

FORMATS_OF_ALL = ["lines", "tags", "json"]


def values_in(signature: Any, text: str, **how: Any) -> dict[str, Any]:
    return read_reply(signature, text, **how).values


def exact(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def written(signature: Any, values: dict[str, Any], *, prompt_format: str) -> str:
    """Return the turn that shows `values` as an LM's answer."""
    demo = {**dict.fromkeys(signature.input_fields, "given"), **values}
    messages = write_messages(signature, [demo], demo, prompt_format=prompt_format)
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    return messages[2]["content"]


@pytest.mark.parametrize("prompt_format", FORMATS_OF_ALL)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_comes_back_where_it_is_declared(prompt_format, value):
    for annotation in (Any, Annotated[float, Constraint(allow_inf_nan=True)]):
        signature = Signature("question -> label: T", T=annotation)
        reply = written(signature, {"label": value}, prompt_format=prompt_format)
        read = values_in(signature, reply, prompt_format=prompt_format)
        assert repr(read["label"]) == repr(value)


@given(text=texts, answer=texts)
def test_written_outputs_are_read_from_lines_in_any_order(text, answer):
    signature = Signature("question -> label, answer")
    values = {"label": text, "answer": answer}
    assert values_in(signature, write_fields(signature, ["answer", "label"], values)) == values


@pytest.mark.parametrize(
    ("annotation", "reply", "value"),
    [
        (str, "answer: Paris", "Paris"),
        (str, "Answer: Paris", "Paris"),
        (str, "**answer:** Paris", "Paris"),
        (str, "**Answer**: Paris", "Paris"),
        (str, "### Answer: Paris", "Paris"),
        (str, "answer:\nParis\nis it", "Paris\nis it"),
        (str, 'answer: "Paris"', "Paris"),
        (str, 'answer: "Paris" is not "Rome"', '"Paris" is not "Rome"'),
        (str, "Paris", "Paris"),
        (str, "answer: Paris\nquestion: And of Italy?\nanswer: Rome", "Paris"),
        (str, "```\nanswer: Paris\n```", "Paris"),
        (str, "Here you are:\n```text\nanswer: Paris\n```\nAnything else?", "Paris"),
        (str, "answer:\n```python\n    return 1\n```", "    return 1"),
        (str, "answer:\n```\na\n```\nor\n```\nb\n```", "```\na\n```\nor\n```\nb\n```"),
        (bool, "answer: Yes", True),
        (bool, "answer: no.", False),
        (bool, "**False**", False),
        (bool, "answer: True\nbecause it is.", True),
        (int, "answer: $1,234.", 1234),
        (int, "answer: 42 (forty-two)", 42),
        (int, "**42**", 42),
        (int, "answer: 42\nThat is all.", 42),
        (float, "answer: .5", 0.5),
        (float, "answer: 1,234.5", 1234.5),
        (Literal["ham", "spam"], "answer: Spam.", "spam"),
        (Literal["ham", "spam"], "'SPAM'.", "spam"),
        (Literal["ham", "spam"], "answer: **spam**\nIt offers a prize.", "spam"),
        (Literal["ham", "spam"], "answer: ```\nspam\n```", "spam"),
        (Literal[1, 2], "answer: 2.", 2),
        (Literal["a"] | None, "answer: a", "a"),
        (Literal["a", None], "answer: null", None),  # noqa: PYI061
        (Literal["a", None], "answer: A", "a"),  # noqa: PYI061
        (list[int], "answer:\n```json\n[1,\n 2]\n```", [1, 2]),
        (str | None, "answer: Paris", "Paris"),
        (str | None, "answer: null", None),
        (Color, "answer: red", Color.RED),
        (Address, 'answer: {"street": "Main"}', Address(street="Main")),
    ],
)
def test_loose_replies_are_understood(annotation, reply, value):
    signature = Signature("question -> answer: T", T=annotation)
    assert exact(values_in(signature, reply)["answer"], value)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "1,5"),
        (int, "3 or 4"),
        (int, "1.5"),
        (bool, "maybe"),
        (Literal["ham", "spam"], "ham or spam"),
        (list[int], "[1, 2"),
        (Address, '{"road": "Main"}'),
    ],
)
def test_a_wrong_value_is_not_guessed(annotation, text):
    signature = Signature("question -> answer: T", T=annotation)
    with pytest.raises(ReplyError, match="The field 'answer' is wrong: expected") as caught:
        values_in(signature, f"answer: {text}")
    assert caught.value.raw_text == f"answer: {text}"
    assert caught.value.fields == {}


def test_text_before_the_second_field_is_the_first_field():
    signature = Signature("question -> reasoning, answer: int")
    reply = "One and one\nare two.\n**Answer:** 2"
    assert values_in(signature, reply) == {"reasoning": "One and one\nare two.", "answer": 2}


def test_a_greeting_is_dropped_where_the_first_field_is_marked():
    signature = Signature("question -> reasoning, answer")
    reply = "Sure!\nreasoning: easy\nanswer: 2"
    assert values_in(signature, reply) == {"reasoning": "easy", "answer": "2"}


def test_a_missing_field_is_named_and_the_rest_is_kept():
    signature = Signature("question -> reasoning, answer: int, unit")
    with pytest.raises(ReplyError) as caught:
        values_in(signature, "reasoning: easy\nanswer: 2")
    assert "The field 'unit' is missing." in str(caught.value)
    assert caught.value.raw_text == "reasoning: easy\nanswer: 2"
    assert caught.value.fields == {"reasoning": "easy", "answer": 2}
    assert not isinstance(caught.value, TruncatedReplyError)


@pytest.mark.parametrize("reply", ["", "   \n ", "question: again?"])
def test_an_empty_reply_lacks_its_field(reply):
    with pytest.raises(ReplyError, match="'answer' is missing"):
        values_in(Signature("question -> answer"), reply)


@pytest.mark.parametrize(
    ("declaration", "reply"),
    [
        ("q -> answer", "answer: The capital of Fran"),
        ("q -> answer", "The capital of Fran"),
        ("q -> reasoning, answer", "reasoning: I thi"),
        ("q -> reasoning, answer: int", "reasoning: done\nanswer: 12"),
        ("q -> answer: float", "answer: 1.5"),
        ("q -> answer: list[int]", "answer: [1, 2"),
        ("q -> answer: Literal['spam', 'spam-like']", "answer: spam"),
        ("q -> answer: Literal['spam', 'ham']", "answer: sp"),
        ("q -> answer: bool, reasoning", "reasoning: because\nanswer:"),
        ("q -> answer: bool, reasoning", "answer: true\nreasoning: beca"),
        ("q -> answer: str | None", "answer: The capital of Fran"),
        ("q -> answer", "answer: Paris\nq: And of It"),
    ],
)
def test_a_reply_cut_off_inside_a_field_is_refused(declaration, reply):
    with pytest.raises(TruncatedReplyError, match="max_tokens") as caught:
        values_in(Signature(declaration), reply, truncated=True)
    assert caught.value.raw_text == reply


@pytest.mark.parametrize(
    ("declaration", "reply"),
    [
        ("q -> answer: Literal['spam', 'ham']", "answer: spam"),
        ("q -> answer: bool", "answer: true"),
        ("q -> answer: list[int]", "answer: [1, 2]"),
        ("q -> answer: int", "answer: 12\nThat is beca"),
        ("q -> answer", "answer: Paris\nq: And of Italy?\nanswer: Ro"),
        ("q -> answer, label: bool", "answer: Paris\nlabel: yes\nq: wha"),
    ],
)
def test_a_reply_cut_off_after_its_fields_counts(declaration, reply):
    assert values_in(Signature(declaration), reply, truncated=True)["answer"]


def test_a_complete_json_object_counts_although_the_reply_was_cut_off():
    signature = Signature("q -> answer")
    reply = '{"answer": "Paris"}\n\n\n'
    assert values_in(signature, reply, truncated=True, prompt_format="json") == {"answer": "Paris"}
    with pytest.raises(TruncatedReplyError):
        values_in(signature, '{"answer": "Pari', truncated=True, prompt_format="json")


def test_lines_are_understood_where_json_was_asked_for():
    signature = Signature("q -> reasoning, answer")
    reply = "reasoning: see {}\nanswer: 2"
    assert values_in(signature, reply, prompt_format="json") == {
        "reasoning": "see {}",
        "answer": "2",
    }


def test_json_is_found_inside_other_text_and_read_loosely():
    signature = Signature("q -> n: int, label: Literal['a', 'b'], text, numbers: list[int]")
    reply = (
        'Here:\n```json\n{"n": "1,234", "label": "A", "text": 5, "numbers": [1], "more": 0}\n```'
    )
    values = {"n": 1234, "label": "a", "text": "5", "numbers": [1]}
    assert values_in(signature, reply, prompt_format="json") == values


LABELLED = {
    "words": Literal["ham", "spam", "s"],
    "words that must be quoted": Literal["", " ham", '"spam"', "a\nb", "null"],
    "numbers": Literal[1, 2, 10],
    "truth": bool,
}


@pytest.mark.parametrize("kind", LABELLED)
def test_a_bare_label_comes_back_equal(kind):
    signature = Signature("question -> label: T", T=LABELLED[kind])
    values = [True, False] if LABELLED[kind] is bool else get_args(LABELLED[kind])
    texts = [written(signature, {"label": value}, prompt_format="value") for value in values]
    assert tuple(texts) == labels_of(signature)
    assert [values_in(signature, t, prompt_format="value")["label"] for t in texts] == list(values)


def test_a_label_that_was_cut_off_is_no_other_label():
    signature = Signature("question -> label: Literal['no', 'nothing']")
    assert values_in(signature, "nothing", truncated=True, prompt_format="value") == {
        "label": "nothing"
    }
    with pytest.raises(TruncatedReplyError):
        values_in(signature, "no", truncated=True, prompt_format="value")


@pytest.mark.parametrize("outputs", ["label", "label: int", "a: bool, b: Literal['x']"])
def test_only_one_output_of_few_values_has_labels(outputs):
    assert list(labels_of(Signature(f"question -> {outputs}"))) == []


class Sort(Signature):
    """Sort the message into its folder."""

    text: str = InputField(desc="the message")
    limit: int = InputField()
    folder: Literal["work", "home"] = OutputField(desc="where it belongs")
    urgent: bool = OutputField()


def test_the_system_message_says_what_is_wanted():
    text = write_messages(Sort, [], {"text": "t", "limit": 1})[0]["content"]
    assert text.startswith("Sort the message into its folder.\n\n")
    assert "text: (the message)\nlimit: (int)" in text
    assert "this form:\nfolder: <one of: work, home>\nurgent: <true or false>\n\n" in text
    assert text.endswith("\n\nfolder is where it belongs")


def test_other_formats_say_below_the_form_what_a_value_has_to_be():
    for name in ("tags", "json"):
        text = write_messages(Sort, [], {"text": "t", "limit": 1}, prompt_format=name)[0]["content"]
        assert "folder is where it belongs, one of: work, home\nurgent is true or false" in text


@pytest.mark.parametrize(
    "declaration",
    ["q -> a: Literal['x', 'y']", "q -> a: Literal['x']", "q -> a: int", "q -> a: bool", "q -> a"],
)
def test_the_form_itself_is_no_reply(declaration):
    text = write_messages(Signature(declaration), [], {"q": ""})[0]["content"]
    form = text.split("Reply in exactly this form:\n")[1].split("\n\n")[0]
    with pytest.raises(ReplyError):
        read_reply(Signature(declaration), form)


def test_a_literal_is_described_as_it_has_to_be_written():
    text = write_messages(Signature("q -> a: M", M=Mixed), [], {"q": ""})[0]
    assert 'one of: 1, "1", null, true, None, red' in text["content"]


def test_complete_demos_are_turns_and_partial_ones_stand_in_the_system_message():
    demos = [
        Example(text="pay", limit=1, folder="work", urgent=True),
        {"text": "party", "folder": "home"},
        Example(text="no output at all", limit=3),
    ]
    messages = write_messages(Sort, demos, {"text": "new", "limit": 2})
    assert [(m["role"], m["content"]) for m in messages[1:]] == [
        ("user", "text: pay\nlimit: 1"),
        ("assistant", "folder: work\nurgent: true"),
        ("user", "text: new\nlimit: 2"),
    ]
    assert "text: party\nfolder: home" in messages[0]["content"]
    assert "no output at all" not in str(messages)


def test_values_that_cannot_be_compared_may_stand_in_demos():
    signature = Signature("q, extra: list[float] -> a")
    demos = [{"q": "1", "extra": np.array([1.5, n]), "a": "x"} for n in (2, 3)]
    messages = write_messages(signature, demos, {"q": "2", "extra": np.array([0.5])})
    assert [message["role"] for message in messages[1:4]] == ["user", "assistant", "user"]
    assert "1.5" in messages[1]["content"]


def test_raw_labels_of_another_type_are_shown_as_they_are():
    demo = {"text": "t", "limit": "many", "folder": "Office", "urgent": "yes"}
    messages = write_messages(Sort, [demo], demo)
    assert messages[1]["content"] == "text: t\nlimit: many"
    assert messages[2]["content"] == "folder: Office\nurgent: yes"
    as_json = write_messages(Sort, [demo], demo, prompt_format="json")[2]["content"]
    assert json.loads(as_json) == {"folder": "Office", "urgent": "yes"}


@given(one=texts, other=texts)
def test_all_but_the_last_turn_is_the_same_for_every_input(one, other):
    demos = [{"q": "1", "a": "x"}, {"a": "y"}]
    signature = Signature("q -> a")
    first = write_messages(signature, demos, {"q": one})
    assert first[:-1] == write_messages(signature, demos, {"q": other})[:-1]


# Equal to each other in part, and yet each is written in its own way.
values = st.sampled_from([0, 0.0, -0.0, False, 1, 1.0, True, None, math.nan, "1", "", [1], [True]])
rows = st.lists(
    st.dictionaries(st.sampled_from(["q", "n", "a", "other"]), values | texts), max_size=2
)


@pytest.mark.parametrize("prompt_format", FORMATS_OF_ALL)
@given(before=rows, after=rows, instruction=texts)
@example(before=[{"q": 1, "a": 0.0}], after=[{"q": True, "a": -0.0}], instruction="")
def test_a_prompt_follows_its_demos_and_instruction_whatever_was_written_before(
    prompt_format, before, after, instruction
):
    signature, inputs = Signature("q, n: int -> a: Any"), {"q": "?", "n": 1}
    demos = list(before)
    write_messages(signature, demos, inputs, prompt_format=prompt_format)
    demos[:] = after
    signature.instructions = instruction or signature.instructions
    fresh = Signature("q, n: int -> a: Any", signature.instructions)
    assert write_messages(signature, demos, inputs, prompt_format=prompt_format) == write_messages(
        fresh, after, inputs, prompt_format=prompt_format
    )


def test_a_demo_that_is_changed_in_place_is_shown_as_it_is_now():
    tags = ["old"]
    demo = Example(q="1", tags=tags, a="x")
    signature = Signature("q, tags: list -> a")
    write_messages(signature, [demo], {"q": "2", "tags": []})
    tags[0] = "new"
    assert "new" in write_messages(signature, [demo], {"q": "2", "tags": []})[1]["content"]


def test_whoever_changes_messages_changes_those_alone():
    signature, demos = Signature("q -> a"), [Example(q="1", a="x")]
    messages = write_messages(signature, demos, {"q": "2"})
    for message in messages:
        message["content"] = "changed by an LM of somebody's own"
    del messages[0]
    again = write_messages(signature, demos, {"q": "2"})
    assert [m["role"] for m in again] == ["system", "user", "assistant", "user"]
    assert not any("changed" in m["content"] for m in again)


def test_a_retry_shows_the_reply_and_what_was_wrong_with_it():
    messages = write_messages(Sort, [], {"text": "t", "limit": 1})
    again = write_retry(messages, "folder: attic", "The field 'urgent' is missing.")
    assert again[: len(messages)] == messages
    assert [m["role"] for m in again[len(messages) :]] == ["assistant", "user"]
    assert "The field 'urgent' is missing." in again[-1]["content"]


@pytest.mark.parametrize("reply", ["", " \n"])
def test_the_question_after_an_empty_reply_holds_no_empty_message(reply):
    messages = write_messages(Sort, [], {"text": "t", "limit": 1})
    again = write_retry(messages, reply, "The field 'urgent' is missing.")
    assert [m["role"] for m in again] == ["system", "user", "assistant", "user"]
    assert all(message["content"].strip() for message in again)


@pytest.mark.filterwarnings("error")
def test_the_reply_schema_describes_the_outputs_alone():
    signature = Signature("q -> label: Literal['a', 'b'], person: P, model_config, json", P=Person)
    schema = reply_schema(signature.with_updated_field("label", desc="the class"))
    assert schema["required"] == ["label", "person", "model_config", "json"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["label"] == {
        "type": "string",
        "enum": ["a", "b"],
        "description": "the class",
    }
    assert schema["properties"]["json"] == {"type": "string"}
    assert schema["properties"]["person"] == {"$ref": "#/$defs/Person"}
    assert set(schema["$defs"]) == {"Person", "Address"}


@pytest.mark.parametrize(
    ("annotation", "label", "written"),
    [
        (bool, 1, "true"),
        (bool, 0.0, "false"),
        (int, 1.0, "1"),
        (Literal[0, 1], 1.0, "1"),
        (int | None, 1.0, "1"),
        (int, 1.5, "1.5"),
        (bool, 2, "2"),
    ],
)
def test_a_number_is_shown_as_its_type_has_it(annotation, label, written):
    signature = Signature("text -> label: T", T=annotation)
    demo = {"text": "x", "label": label}
    for prompt_format in FORMATS:
        turn = write_messages(signature, [demo], demo, prompt_format=prompt_format)[2]["content"]
        assert written in turn
        assert str(label) == written or str(label) not in turn
