"""Data frames as examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mipro_nb.datasets import from_dataframe
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language import Example

DATA = {"text": ["hello", "win!"], "n": [1, 2], "score": [0.5, 1.0], "spam": [False, True]}
MAKERS = {
    "pandas": pd.DataFrame,
    "pandas nullable": lambda data: pd.DataFrame(data).convert_dtypes(),
    "polars": pl.DataFrame,
    "polars lazy": pl.LazyFrame,
}


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def test_each_row_becomes_an_example(make):
    rows = from_dataframe(make(DATA), inputs=["text", "n"])
    assert rows == [
        Example(text="hello", n=1, score=0.5, spam=False),
        Example(text="win!", n=2, score=1.0, spam=True),
    ]
    assert rows[0].inputs().to_dict() == {"text": "hello", "n": 1}
    assert rows[0].labels().to_dict() == {"score": 0.5, "spam": False}


def test_values_are_plain_python_objects(make):
    (row, _) = from_dataframe(make(DATA), inputs=["text"])
    assert [type(value) for value in row.values()] == [str, int, float, bool]


def test_empty_cells_are_none(make):
    data = {"text": ["a", None], "score": [0.5, None], "spam": [True, None]}
    (_, row) = from_dataframe(make(data), inputs=["text"])
    assert row.to_dict() == {"text": None, "score": None, "spam": None}


def test_not_a_number_is_an_empty_cell():
    for frame in (pd.DataFrame({"x": [1.0, np.nan]}), pl.DataFrame({"x": [1.0, float("nan")]})):
        assert [row.x for row in from_dataframe(frame, inputs=["x"])] == [1.0, None]


def test_values_of_pandas_and_numpy_leave_nothing_behind():
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["2026-11-24 12:00", None]),
            "zoned": pd.to_datetime(["2026-11-24 12:00", None], utc=True),
            "long": pd.to_timedelta([90, None], unit="s"),
            "kind": pd.Categorical(["x", None]),
            "cell": pd.Series([np.int64(3), np.float64("nan")], dtype=object),
            "array": [np.array([1, 2]), pd.NA],
            "nested": [{"a": [1]}, []],
        }
    )
    first, second = from_dataframe(frame, inputs=["when"])
    assert first.to_dict() == {
        "when": datetime(2026, 11, 24, 12),  # noqa: DTZ001 - the column has no zone
        "zoned": datetime(2026, 11, 24, 12, tzinfo=UTC),
        "long": timedelta(seconds=90),
        "kind": "x",
        "cell": 3,
        "array": [1, 2],
        "nested": {"a": [1]},
    }
    types = [type(value) for value in first.values()]
    assert types == [datetime, datetime, timedelta, str, int, list, dict]
    assert [value for value in second.values() if value is not None] == [[]]


def test_lists_of_polars_are_lists():
    frame = pl.DataFrame({"q": ["?"], "words": [["a", "b"]], "pair": [{"x": 1}]})
    (row,) = from_dataframe(frame, inputs=["q"])
    assert row.to_dict() == {"q": "?", "words": ["a", "b"], "pair": {"x": 1}}


def test_an_unusual_index_does_not_matter():
    frame = pd.DataFrame(DATA, index=[7, 7])
    assert [row.text for row in from_dataframe(frame, inputs=["text"])] == ["hello", "win!"]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (["txt"], "there is no column 'txt'; the columns are text, n, score, spam"),
        (["text", "txt"], "there is no column 'txt'"),
        ([], "at least one column name; the columns are text"),
        (None, "at least one column name"),
        ("text", "inputs='text': give a list"),
    ],
)
def test_wrong_inputs_are_refused(make, inputs, says):
    with pytest.raises(InvalidArgumentError, match=says):
        from_dataframe(make(DATA), inputs=inputs)


def test_an_empty_frame_is_refused(make):
    with pytest.raises(InvalidArgumentError, match="no rows"):
        from_dataframe(make({"text": []}), inputs=["text"])


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ([{"text": "a"}], "give a pandas, polars or other data frame"),
        (None, "give a pandas, polars or other data frame"),
        (pd.Series([1]), "give a pandas, polars or other data frame"),
        (pd.DataFrame([["a"]]), "names of columns must be str, and 0 is not"),
        (pd.DataFrame([["a", "b"]], columns=["x", "x"]), "unique column names"),
    ],
)
def test_what_is_no_usable_frame_is_refused(frame, says):
    with pytest.raises(InvalidArgumentError, match=says):
        from_dataframe(frame, inputs=["text"])
