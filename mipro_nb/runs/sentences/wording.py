"""Words for what runs are made of: the same in every text about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mipro_nb.amounts import format_count, format_score
from mipro_nb.runs.configuration import STUDENT, split_variable
from mipro_nb.runs.events import RunPlanned
from mipro_nb.runs.state import GOING_ON, RunState, State
from mipro_nb.runs.statistics.interval import score_interval

_FINGERPRINT_LETTERS = 8
_TEST_INTERRUPTED = (
    "Its test was interrupted, so there is no test score; the result is what it was. "
    "MIPROv2(…).resume(…, testset=rows) with the same rows goes on with it: only the rest is paid "
    "for."
)


def measures_headroom(planned: RunPlanned | None) -> bool:
    """Tell whether a run measures headroom, and optimizes nothing."""
    return planned is not None and planned.plan.get("headroom") is not None


def counted(number: int, what: str) -> str:
    """Return a number of things: "1 evaluation", "1,234 evaluations"."""
    return f"{format_count(number)} {what}{'' if number == 1 else 's'}"


def data_text(train: int, val: int, test: int) -> str:
    """Return how many rows there are, and what for."""
    told = f"{counted(train, 'row')} to learn from, {format_count(val)} to validate on"
    return f"{told}, {format_count(test)} to test the result on" if test else told


def measured_text(train: int, measured: int) -> str:
    """Return how many training rows there are, and how many headroom is measured on."""
    return f"{counted(train, 'training row')}, {format_count(measured)} of them asked"


def ends_early(settings: Mapping[str, Any]) -> str:
    """Return when a plan's search ends before all trials are made, in words; "" if never."""
    stop_at, patience = settings.get("stop_at"), settings.get("patience")
    told = []
    if stop_at is not None:
        told.append(f"a full evaluation scores {stop_at:g}")
    if patience is not None:
        told.append(f"{counted(patience, 'trial')} in a row brought no new leader")
    return f"once {' or '.join(told)}" if told else ""


_PART = {"instruction": "instr", "demos": "demos"}


def configuration_text(configuration: Mapping[str, int], prompt_format: str | None) -> str:
    """Return a configuration in words: "solve: instr 3 · demos 2, check: instr 0 · demos 1".

    The prompt format that it tries, if it tries one, comes last: "format json".
    """
    if not configuration:
        return STUDENT
    chosen: dict[str, list[str]] = {}
    for variable, index in configuration.items():
        predictor, part = split_variable(variable)
        if part != "format":
            chosen.setdefault(predictor, []).append(f"{_PART[part]} {index}")
    told = [
        f"{predictor}: {' · '.join(sorted(parts, reverse=True))}"
        for predictor, parts in chosen.items()
    ]
    return ", ".join([*told, *([f"format {prompt_format}"] if prompt_format else [])])


def told_settings(settings: Mapping[str, Any], measured: str | None = None) -> dict[str, Any]:
    """Return a plan's settings as they are shown: the formats in force stand for what was wished.

    Records of older versions do not say who chose them.

    Parameters
    ----------
    settings
        The plan's.
    measured
        The prompt format that the run measured and chose; None if it did not, or not yet.
    """
    told = dict(settings)
    if isinstance(headroom := told.pop("headroom", None), dict):
        told |= {f"headroom_{name}": value for name, value in headroom.items()}
    # What is measured is part of the format's own words.
    told.pop("measured_predictors", None)
    told.pop("measured_formats", None)
    formats, by = told.pop("formats", None), told.pop("formats_by", None)
    if measured is not None:
        told["prompt_format"] = with_origin(measured, "measured")
    elif formats is not None:
        told["prompt_format"] = with_origin(formats, by)
    return told


def told_reason(state: RunState, shown: State) -> str | None:
    """Return why a run ended, paused by itself, or gave its search up; None if it did neither.

    Parameters
    ----------
    shown
        Its state, as it is told: its process may be gone.
    """
    if state.is_tested:
        return state.pause_reason if shown in GOING_ON else _TEST_INTERRUPTED
    if state.ended is not None:
        return state.ended.reason
    if state.state == "paused" or state.search_stopped is None:
        return state.pause_reason
    return state.search_stopped.reason


def told_rows(planned: RunPlanned) -> dict[str, str]:
    """Return how many rows a plan has, each with a fingerprint: equal ones are the same rows."""
    refs = {"trainset": planned.trainset, "valset": planned.valset}
    return {
        name: f"{planned.plan.get(f'{name}_size', '?')} rows ({ref[:_FINGERPRINT_LETTERS]})"
        for name, ref in refs.items()
    }


def told_metric(planned: RunPlanned) -> str:
    """Return what the user calls the metric, with a fingerprint of its code; "" if not known."""
    ref = planned.sources.get("metric")
    name = planned.names.get("metric", "metric")
    return "" if ref is None else f"{name} ({ref[:_FINGERPRINT_LETTERS]})"


def with_origin(formats: str, by: str | None) -> str:
    """Return prompt formats in words, with who chose them where that is known."""
    return f"{formats} ({by})" if by else formats


def resting_text(score: float, examples: int, valset_size: int) -> str:
    """Return what a score rests on that is not one of the whole valset."""
    low, high = score_interval(score, examples)
    text = f"on {examples:,} of {valset_size:,} examples"
    if low is None or high is None:
        return text
    return f"{text}, 95 % interval {format_score(low)} … {format_score(high)}"
