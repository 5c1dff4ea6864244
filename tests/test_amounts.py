"""Amounts in static output read as they do in the widgets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.notebook.amounts import (
    format_count,
    format_duration,
    format_range,
    format_score,
    format_time,
    format_usd,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (0, "$0.00"),
        (0.000001, "<$0.00001"),
        (0.00052, "$0.00052"),
        (0.004, "$0.0040"),
        (0.01, "$0.01"),
        (0.0123, "$0.0123"),
        (0.1, "$0.10"),
        (0.12345, "$0.1235"),
        (1, "$1.00"),
        (1234.5, "$1,234.50"),
    ],
)
def test_dollars(value, text):
    assert format_usd(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0"),
        (0.04, "<0.1"),
        (87.5, "87.5"),
        (41.25, "41.3"),
        (41.35, "41.4"),
        (-41.25, "-41.3"),
        (0.07, "<0.1"),
        (99.93, ">99.9"),
        (99.97, ">99.9"),
        (100.0, "100.0"),
        (99.9999999999, "100.0"),
        (-0.01, "0.0"),
        (-12.34, "-12.3"),
        (250.0, "250.0"),
    ],
)
def test_scores(value, text):
    assert format_score(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234, "1,234"),
        (9999, "9,999"),
        (12_345, "12.3k"),
        (999_949, "999.9k"),
        (999_950, "1.00M"),
        (4_560_000, "4.56M"),
        (7.4, "7"),
        (2e9, "2.00B"),
    ],
)
def test_counts(value, text):
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.0005, "<1 ms"),
        (0.35, "350 ms"),
        (0.9996, "1.0 s"),
        (4.2, "4.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (97_200, "1 d 3 h"),
    ],
)
def test_durations(value, text):
    assert format_duration(value) == text


@given(st.floats(0, 1e9))
def test_every_amount_can_be_written(value):
    for form in (format_usd, format_score, format_count, format_duration):
        assert form(value)


def test_an_estimate_that_is_known_is_written_once():
    assert format_range({"low": 1, "expected": 2, "high": 3}, format_count) == "2 (1 to 3)"
    assert format_range({"low": 2.1, "expected": 2, "high": 2}, format_count) == "2"
    assert format_range(None, format_usd) == "unknown"


def test_times_are_told_in_utc():
    assert format_time(1_800_000_000) == "2027-01-15 08:00 UTC"
