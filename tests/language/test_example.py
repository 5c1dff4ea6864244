"""Rows of data."""

from __future__ import annotations

import copy
import pickle

import pytest

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language import Example, Prediction


@pytest.fixture
def row():
    return Example(question="1 + 1?", answer="2", level=1).with_inputs("question")


def test_values_are_attributes_and_items(row):
    assert row.question == row["question"] == "1 + 1?"
    assert "answer" in row
    assert "nothing" not in row
    assert list(row) == list(row.keys()) == ["question", "answer", "level"]
    assert len(row) == 3
    assert dict(row.items()) == row.to_dict() == row.toDict()
    assert list(row.values()) == ["1 + 1?", "2", 1]
    assert row.get("nothing", "default") == "default"


def test_a_missing_attribute_tells_what_there_is(row):
    with pytest.raises(AttributeError, match=r"no 'answr'; did you mean answer\? It has question"):
        _ = row.answr


def test_values_can_be_set(row):
    row.answer = "two"
    row["level"] = 2
    assert (row["answer"], row.level) == ("two", 2)


def test_inputs_and_labels_part_the_values(row):
    assert row.inputs().to_dict() == {"question": "1 + 1?"}
    assert row.inputs().inputs() == row.inputs()
    assert row.labels().to_dict() == {"answer": "2", "level": 1}


def test_with_inputs_leaves_the_row_as_it_was():
    plain = Example(question="q", answer="a")
    marked = plain.with_inputs("question")
    assert plain.input_names is None
    assert marked.input_names == ("question",)


def test_inputs_must_be_values_of_the_row(row):
    with pytest.raises(InvalidArgumentError, match=r"no context; it has question, answer, level"):
        row.with_inputs("question", "context")


@pytest.mark.parametrize("part", ["inputs", "labels"])
def test_a_row_without_inputs_says_what_to_call(part):
    with pytest.raises(InvalidArgumentError, match="with_inputs"):
        getattr(Example(question="q"), part)()


def test_an_example_can_be_made_of_another_or_of_a_mapping(row):
    assert Example(row, answer="3").to_dict() == {"question": "1 + 1?", "answer": "3", "level": 1}
    assert Example(row).input_names == ("question",)
    assert Example({"question": "q"}) == Example(question="q")


def test_a_value_may_have_the_name_of_a_method(row):
    named = Example(items=[1], copy="c")
    assert named["items"] == [1]
    assert named.to_dict() == {"items": [1], "copy": "c"}


def pickled(row):
    return pickle.loads(pickle.dumps(row))  # noqa: S301 - our own row


@pytest.mark.parametrize(
    "twin_of",
    [copy.copy, copy.deepcopy, lambda row: row.copy(), pickled],
    ids=["copy.copy", "copy.deepcopy", "row.copy", "pickle"],
)
def test_a_copy_is_equal_and_independent(row, twin_of):
    twin = twin_of(row)
    assert twin == row
    assert twin.input_names == row.input_names
    assert type(twin) is Example
    twin.answer = "changed"
    assert row.answer == "2"


def test_copy_and_without_keep_the_rest(row):
    assert row.copy(answer="3").answer == "3"
    assert row.without("question", "level").to_dict() == {"answer": "2"}
    assert row.without("question").input_names == ()
    assert row.question == "1 + 1?"


def test_equal_rows_hash_alike():
    one = Example(a=1, b=[1, 2])
    assert one == Example(b=[1.0, 2.0], a=True)
    assert hash(one) == hash(Example(b=[1.0, 2.0], a=True))
    assert len({one, Example(one), Example(a=2, b=[1, 2])}) == 2


def test_repr_shows_class_and_values():
    assert repr(Example(a="x", b=1)) == "Example(a='x', b=1)"
    assert repr(Prediction(answer="2")) == "Prediction(answer='2')"
