"""Clipped texts: what a page is given of a long text, and how the whole of it is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.runs.views.clip import (
    clip,
    clip_fields,
    more_of_event,
    more_of_instruction,
    more_of_text,
    value_text,
    within,
)


@given(st.text(), st.integers(0, 30))
def test_a_text_is_cut_at_the_limit_and_told_how_long_it_is(text, limit):
    made = clip(text, "text:abc:", limit)
    assert made["characters"] == len(text)
    assert text.startswith(made["text"])
    assert len(made["text"]) == min(limit, len(text))
    assert (made["more"] is None) == (made["text"] == text)


def test_a_million_characters_become_two_thousand():
    made = clip("x" * 1_000_000, "text:abc:")
    assert made == {"text": "x" * 2000, "characters": 1_000_000, "more": "text:abc:"}


@given(st.text(st.characters()), st.integers(0, 5))
def test_a_clip_can_be_sent_to_any_front_end(text, limit):
    made = clip(text, None, limit)
    json.dumps(made, ensure_ascii=False).encode()


def test_half_a_character_is_replaced():
    assert clip("half \ud83d", None)["text"] == "half ?"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\n", "as it is\n"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ([1, {"a": "é"}], '[1,{"a":"é"}]'),
    ],
)
def test_a_value_that_is_no_text_is_told_as_json(value, text):
    assert value_text(value) == text


def test_fields_are_cut_each_and_named_by_their_place():
    made = clip_fields({"a/b~c": "xxx", "n": 12}, "text:abc:/3", 2)
    assert made["a/b~c"] == {"text": "xx", "characters": 3, "more": "text:abc:/3/a~1b~0c"}
    assert made["n"] == {"text": "12", "characters": 2, "more": None}
    assert clip_fields({"a": "xxx"}, None, 2)["a"]["more"] is None


def test_names_tell_where_a_text_stands():
    assert more_of_text("abc") == "text:abc:"
    assert within(more_of_text("abc"), "messages", 0) == "text:abc:/messages/0"
    assert more_of_event(3, "error") == "event:3:/error"
    assert more_of_instruction("a:b", 2) == "instruction:2:a:b"
