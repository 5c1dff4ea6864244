"""Training and validation rows, whatever form the user has them in."""

from __future__ import annotations

import datetime as dt
import threading

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_task import rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.optimizer.planning.data.rows import split_rows

DICTS = [{"question": f"q{n}", "answer": str(n)} for n in range(10)]


def split(trainset, valset=None, inputs=None, most=None, seed=9):
    return split_rows(trainset, valset, inputs, most, seed)


@given(st.integers(2, 1400))
def test_the_first_fifth_is_for_training_and_nothing_is_in_both(count):
    data = rows(count)
    made = split(data)
    assert made.train + made.val == data
    assert len(made.val) == min(1000, max(1, count * 8 // 10))
    assert made.train


def test_a_valset_of_ones_own_leaves_the_trainset_whole():
    made = split(rows(10), valset=rows(1200, start=100))
    assert (len(made.train), len(made.val)) == (10, 1200)
    assert (len(split(rows(1), valset=rows(1)).train)) == 1


def test_the_cap_takes_a_seeded_sample_in_the_order_of_the_rows():
    made = split(rows(500), most=100)
    assert len(made.val) == 100
    assert made.val == split(rows(500), most=100).val
    assert made.val != split(rows(500), most=100, seed=10).val
    everything = split(rows(500))
    assert made.train == everything.train
    places = [everything.val.index(row) for row in made.val]
    assert places == sorted(set(places))
    assert split(rows(100), most=100).val == split(rows(100)).val


def test_the_rows_of_the_user_are_not_touched():
    data = rows(10)
    before = [row.to_dict() for row in data]
    split(data, most=3)
    assert [row.to_dict() for row in data] == before


@pytest.mark.parametrize(
    "table",
    [
        DICTS,
        tuple(DICTS),
        iter(DICTS),
        pd.DataFrame(DICTS),
        pl.DataFrame(DICTS),
        pl.DataFrame(DICTS).lazy(),
    ],
    ids=["list of dict", "tuple of dict", "iterator", "pandas", "polars", "lazy polars"],
)
def test_rows_may_be_dicts_or_data_frames(table):
    made = split(table, inputs=["question"])
    assert [row.to_dict() for row in made.train + made.val] == DICTS
    assert all(row.input_names == ("question",) for row in made.train + made.val)
    assert type(made.val[0].answer) is str


def test_a_valset_may_be_a_data_frame_too():
    made = split(DICTS[:3], valset=pd.DataFrame(DICTS[3:]), inputs=["question"])
    assert [row.answer for row in made.val] == [str(n) for n in range(3, 10)]


def test_examples_that_know_their_inputs_keep_them():
    made = split(rows(5), inputs=["answer"])
    assert made.val[0].input_names == ("question",)
    bare = [mipro.Example(row) for row in DICTS]
    assert split(bare, inputs=["question"]).val[0].input_names == ("question",)


def test_numbers_of_data_frames_are_plain_numbers():
    made = split(pd.DataFrame({"n": [1, 2], "x": [0.5, None]}), inputs=["n"])
    assert type(made.train[0].n) is int
    assert type(made.train[0].x) is float
    assert made.val[0].x is None


class Opaque:
    pass


@pytest.mark.parametrize(
    ("trainset", "given", "message"),
    [
        ([], {}, r"trainset=\[\]: it is empty"),
        ((), {}, r"trainset=.*: it is empty"),
        (iter([]), {}, r"trainset=.*: it is empty"),
        ({"question": ["?"]}, {}, r"trainset\[0\]='question': give an Example"),
        (None, {}, "trainset=None: give a list of Example"),
        ("rows.csv", {}, "trainset='rows.csv': give a list of Example"),
        (3, {}, "trainset=3"),
        (rows(1), {}, "one row cannot be split: give at least 2 rows, or a valset"),
        ([mipro.Example(q="?")] * 3, {}, r"trainset\[0\].*it has no inputs"),
        ([*rows(2), mipro.Example(q="?")], {}, r"trainset\[2\].*it has no inputs"),
        ([*rows(2), "row"], {}, r"trainset\[2\]='row': give an Example"),
        (DICTS, {}, r"trainset\[0\].*rows that are dicts need compile\(…, inputs="),
        (DICTS, {"inputs": ["text"]}, r"trainset\[0\].*it has no text"),
        ([mipro.Example(q="?")] * 2, {"inputs": ["text"]}, r"trainset\[0\].*it has no text"),
        (DICTS, {"inputs": "question"}, "inputs='question': give a list of names"),
        (DICTS, {"inputs": []}, r"inputs=\[\]: give a list of names"),
        (pd.DataFrame(DICTS), {}, r"trainset is a data frame: name its input columns"),
        (pd.DataFrame(DICTS), {"inputs": ["text"]}, "there is no column 'text'"),
        (pd.DataFrame(DICTS[:0]), {"inputs": ["text"]}, "no column 'text'"),
        (rows(5), {"valset": []}, r"valset=\[\]: it is empty"),
        (rows(5), {"valset": [mipro.Example(q="?")]}, r"valset\[0\].*it has no inputs"),
    ],
)
def test_rows_that_cannot_be_used_are_named(trainset, given, message):
    with pytest.raises(InvalidArgumentError, match=message):
        split(trainset, **given)


@pytest.mark.parametrize("value", [Opaque(), threading.Lock(), lambda: 1, {"deep": [Opaque()]}])
def test_a_value_without_a_json_form_is_named_by_row_and_field(value):
    bad = mipro.Example(question="?", answer=value).with_inputs("question")
    with pytest.raises(InvalidArgumentError, match=r"trainset\[3\]\.answer.*no JSON form"):
        split([*rows(3), bad])
    with pytest.raises(InvalidArgumentError, match=r"valset\[1\]\.answer.*no JSON form"):
        split(rows(3), valset=[*rows(1), bad])


def test_dates_bytes_sets_and_missing_values_have_a_json_form():
    values = [dt.date(2026, 1, 2), b"\xff", {1, 2}, None, float("nan")]
    data = [mipro.Example(question="?", answer=v).with_inputs("question") for v in values]
    assert len(split(data, valset=data).val) == 5


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"question": "q\ud800", "answer": "a"}, "question"),
        ({"question": "q", "answer": ["a", {"b": "\udfff!"}]}, "answer"),
        ({"question": "q", "answer": "a", "note\ud83d": 1}, "note"),
    ],
)
def test_half_of_a_character_is_refused_before_it_is_sent(row, field):
    data = [*DICTS[:2], row]
    with pytest.raises(
        InvalidArgumentError, match=rf"^valset\[2\]\.{field}.*(half of a char|surrogate)"
    ) as told:
        split(DICTS, valset=data, inputs=["question"])
    str(told.value).encode()  # or else it could not be printed
    with pytest.raises(InvalidArgumentError, match=r"^trainset\[2\]"):
        split(data, valset=DICTS, inputs=["question"])
    assert split([{"question": "\U0001f600"}] * 2, inputs=["question"]).train


@pytest.mark.parametrize("value", [np.int64(3), np.float32(0.5), np.array([1, 2]), pd.NA, pd.NaT])
def test_rows_made_by_hand_may_hold_values_of_numpy_and_pandas(value):
    given = [{"question": str(n), "answer": "1", "note": value} for n in range(10)]
    for made in (given, [mipro.Example(row) for row in given]):
        rows = split_rows(made, None, ["question"], None, 9)
        assert type(rows.val[0].note) in (int, float, list, type(None))
        assert rows.unkept() is None
