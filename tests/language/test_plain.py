"""Values of NumPy and pandas: prompted, recorded and compared as what a person takes them for."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scripted_lm import ScriptedLM

import mipro_nb as mipro
from mipro_nb.language.rows.plain import plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([pd.NA, 1], dtype=object), [None, 1]),
        (
            np.datetime64("2024-01-02T03:04:05.000000000"),
            dt.datetime.fromisoformat("2024-01-02T03:04:05"),
        ),
        (np.datetime64("NaT"), None),
        (np.timedelta64(5_000_000_000, "ns"), dt.timedelta(seconds=5)),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2024-01-02"), dt.datetime.fromisoformat("2024-01-02")),
        (pd.Timedelta(5, "s"), dt.timedelta(seconds=5)),
        (pd.Series([1, 2]), [1, 2]),
        ({"a": (np.int8(1), {np.int64(2)})}, {"a": (1, {2})}),
        ({np.int64(1): "one"}, {1: "one"}),
        (mipro.Example(n=np.int64(1)), mipro.Example(n=1)),
    ],
)
def test_values_of_numpy_and_pandas_become_python_s_own(value, expected):
    made = plain(value)
    assert made == expected
    assert type(made) is type(expected)
    assert "np." not in repr(made)


def test_what_is_plain_already_is_not_copied():
    value = [1, {"a": ("b", None)}, {2.5}, mipro.Example(x=[1])]
    assert plain(value) is value


def test_a_number_out_of_an_array_is_prompted_as_a_number():
    lm = ScriptedLM("answer: 1", "answer: 1")
    mipro.configure(lm=lm)
    for n in (4, np.int64(4)):
        predict = mipro.Predict("n: int, xs: list[float] -> answer: int")
        predict.demos = [mipro.Example(n=type(n)(1), xs=np.array([0.5]), answer=np.int64(7))]
        predict(n=n, xs=np.array([1.0, 2.5]))
    first, second = (request.messages for request in lm.requests)
    assert first == second
    assert "n: 4\nxs: [1.0, 2.5]" in first[-1]["content"]
