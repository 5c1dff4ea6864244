"""Marks as models decorate them, and what of the decoration belongs to the value."""

from __future__ import annotations

import pytest

from mipro_nb.errors import ReplyError
from mipro_nb.language import Signature
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.prompting.reply import read_reply


def read(declaration, reply, **how):
    return read_reply(Signature(declaration), reply, **how).values


EMPHASIS = ["*", "**", "***", "`"]


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize("mark", ["Answer:", "The answer is:", "*Answer:*", "**Answer**:"])
@pytest.mark.parametrize("sign", EMPHASIS)
def test_emphasis_that_opens_a_value_is_the_values_own(mark, sign, prompt_format):
    reply = f"{mark} {sign}Paris{sign}, in *France*"
    assert read("question -> answer", reply, prompt_format=prompt_format) == {
        "answer": f"{sign}Paris{sign}, in *France*"
    }


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize(
    "mark", ["**Answer:**", "**Answer: **", "__Answer:__", "*Answer:*", "`Answer:`"]
)
@pytest.mark.parametrize("between", ["", " "])
def test_emphasis_that_closes_a_mark_is_no_part_of_the_value(mark, between, prompt_format):
    reply = f"{mark}{between}Paris, in **France**"
    assert read("question -> answer", reply, prompt_format=prompt_format) == {
        "answer": "Paris, in **France**"
    }


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("**Answer: Paris** (the capital)", "Paris (the capital)"),
        ("**Answer: Paris.** It is the capital.", "Paris. It is the capital."),
        ("**Answer: 2 ** 3 is** 8", "2 ** 3 is** 8"),
    ],
)
def test_what_closes_a_mark_within_the_value_goes_if_it_can_be_told(reply, value):
    assert read("question -> answer", reply) == {"answer": value}


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize(
    "reply",
    [
        *(
            "✅ Answer: 42",
            "👉 **Answer:** 42",
            "➡️ answer: 42",
            "→ answer: 42",
            "- ✅ **Answer**: 42",
        ),
        *("<b>Answer:</b> 42", "<strong>Answer</strong>: 42", "<p><strong>Answer:</strong> 42</p>"),
        *("Answer (one word): 42", "**Answer (a number):** 42"),
        *("So the answer is: 42", "Therefore, the final answer is: **42**", "Hence answer: 42"),
        *("*Answer*\n42", "***Answer***\n\n42"),
        *("[[ ## answer ## ]] 42", "[[ ## answer ## ]]\n42[[ ## completed ## ]]"),
        *("assistant\n\n42", "Assistant: 42", "### Assistant:\nanswer: 42"),
        *('"answer": 42,', '  "answer": "42",'),
    ],
)
@pytest.mark.parametrize("annotation", ["str", "int"])
def test_a_mark_is_seen_in_its_decoration(reply, annotation, prompt_format):
    (value,) = read(
        f"question -> answer: {annotation}", reply, prompt_format=prompt_format
    ).values()
    assert str(value).strip("*") == "42"


@pytest.mark.parametrize(
    "reply",
    [
        "[[ ## why ## ]]\nIt is so.[[ ## answer ## ]]\n42[[ ## completed ## ]]",
        "[[ ## why ## ]] It is so. [[ ## answer ## ]] 42 [[ ## completed ## ]]",
        "why: It is so.\n✅ Answer: 42",
        "why: It is so.\n<b>Answer:</b> 42",
        "It is so.\n\nTherefore, the answer is: 42",
        '"why": "It is so.",\n"answer": "42"',
    ],
)
def test_several_outputs_are_told_apart_in_their_decoration(reply):
    assert read("question -> why, answer", reply) == {"why": "It is so.", "answer": "42"}


def test_a_sentence_is_a_mark_only_where_nothing_else_marks_the_output():
    reply = "why: x\nThe answer is: 41?\nNo.\n**Answer:** 42"
    assert read("question -> why, answer", reply) == {
        "why": "x\nThe answer is: 41?\nNo.",
        "answer": "42",
    }


def test_an_output_may_be_called_as_what_ends_or_begins_a_turn():
    assert read("q -> completed", "[[ ## completed ## ]]\nyes") == {"completed": "yes"}
    assert read("q -> assistant", "assistant: yes") == {"assistant": "yes"}


def test_a_dialogue_keeps_its_speakers_and_a_word_left_out_is_noted():
    dialogue = "Assistant: Hello.\nUser: Hi."
    assert read("q -> answer", dialogue) == {"answer": dialogue}
    reading = read_reply(Signature("q -> answer"), "assistant\n\nanswer: 42")
    assert reading.values == {"answer": "42"}
    assert reading.notes == ["The word 'assistant' before the answer was left out."]


def test_a_comma_after_a_value_that_is_no_member_of_an_object_stays():
    assert read("q -> answer", "answer: 42,") == {"answer": "42,"}
    with pytest.raises(ReplyError):
        read("q -> answer: int", "answer: 42,")
