"""Amounts read alike in Python's texts and in the widgets: both pass the same cases."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.amounts import (
    format_about,
    format_cost,
    format_count,
    format_duration,
    format_points,
    format_range,
    format_score,
    format_time,
    format_tokens,
    format_usd,
)

_CASES = json.loads(Path(__file__).with_name("amounts.json").read_text(encoding="utf-8"))
_FORMS = {
    "usd": format_usd,
    "score": format_score,
    "points": format_points,
    "count": format_count,
    "tokens": format_tokens,
    "duration": format_duration,
    "about": lambda given: format_about(*given),
    "cost": lambda given: format_cost(*given),
}


def test_every_form_has_its_cases():
    assert set(_CASES) == set(_FORMS)


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [(form, value, text) for form, cases in _CASES.items() for value, text in cases],
)
def test_an_amount_is_written(form, value, text):
    assert _FORMS[form](value) == text


@given(st.floats(0, 1e300))
def test_every_amount_can_be_written(value):
    for form in (format_usd, format_score, format_points, format_count, format_tokens):
        assert form(value)
    assert format_duration(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_none_says_so(value):
    assert format_score(value) == format_points(value) == "not a number"


def test_an_estimate_that_is_known_is_written_once():
    assert format_range({"low": 1, "expected": 2, "high": 3}, format_count) == "2 (1 to 3)"
    assert format_range({"low": 2.1, "expected": 2, "high": 2}, format_count) == "2"
    assert format_range(None, format_usd) == "unknown"


def test_times_are_told_in_utc():
    assert format_time(1_800_000_000) == "2027-01-15 08:00 UTC"
