"""Measured prompt formats in a record: folded, told, and whether they fit together."""

from __future__ import annotations

import re

import pytest
from handmade import STUDENT, planned, recorded, trial

from mipro_nb.runs import events as ev
from mipro_nb.runs.checks.consistency import incoherences
from mipro_nb.runs.sentences.results.measured_formats import formats_view
from mipro_nb.runs.state import fold
from mipro_nb.runs.views.report import write_report

TRIED = ["lines", "tags"]


def measured(name, score, **fields):
    return ev.FormatMeasured(format=name, rows=20, score=score, **fields)


def chosen(name="tags", predictor="self"):
    return ev.FormatChosen(format=name, formats={predictor: name}, reason="the best mean score")


def state_of(*events, tried=TRIED):
    return fold(recorded([planned(plan={"measured_formats": tried}), *events]))


def problems(state):
    return [each for each in incoherences(state, lambda _: None) if "format" in each]


def test_formats_are_shown_in_the_order_of_the_plan_whichever_was_measured_first():
    state = state_of(measured("tags", 90.0), measured("lines", 15.0, unreadable=12), chosen())
    told = write_report("run", state)
    assert "  prompt format      tags, measured on 20 training rows: the best mean score\n" in told
    assert re.search(r"\n +lines +15\.0 +12 +0 +0\n +tags ★ +90\.0 +0 +0 +0\n", told)
    assert problems(state) == []


def test_what_is_measured_so_far_is_told():
    state = state_of(measured("lines", 15.0))
    assert "measured on 20 training rows so far" in write_report("run", state)
    assert formats_view(state_of()) is None


@pytest.mark.parametrize("tried", [None, 5, "lines", {"a": 1}, [["lines"], 3]])
def test_a_plan_that_says_anything_is_no_obstacle(tried):
    state = state_of(measured("tags", 90.0), chosen(), tried=tried)
    assert [each["format"] for each in formats_view(state)["measured"]] == ["tags"]


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([chosen()], "it chose the prompt format 'tags' without measuring it"),
        (
            [measured("tags", 1.0), chosen(predictor="other")],
            "it has a format of 'other', which is none of its predictors",
        ),
        (
            [measured("tags", 1.0), *trial(0, "baseline", STUDENT, 1.0)],
            "it scored programs before it chose a prompt format",
        ),
    ],
)
def test_formats_that_cannot_be_are_told(events, problem):
    assert problem in problems(state_of(*events))
