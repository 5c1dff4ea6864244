"""In what a specification differs from a run of the record: whether it is the same run."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.optimizer.planning.data.rows import rows_ref
from mipro_nb.optimizer.planning.plan import Plan, recorded_settings
from mipro_nb.optimizer.planning.specification.lms import changes_of_lms, lms_of
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.store.record import text_ref
from mipro_nb.runs.view_model import HistoryRow

# What a plan may differ in from that of the run which it resumes. How many full evaluations there
# are, and on how many rows plain labelled demos are scored first, follows from other settings, and
# from how an older version searched.
_FREE = frozenset(
    {"num_threads", "max_errors", "hedge", "example_timeout", "formats_by", "full_evaluations"}
    | {"labelled_rows"}
)
# What may be given again, with another value, when a run is resumed.
_GIVEN_AGAIN = ("num_threads", "max_errors", "hedge", "example_timeout", "prefer")
_DIFF_LINES = 30
_WHAT = {
    "program": "the program's code",
    "metric": "the metric's code",
    "student": "the student",
    "teacher": "the teacher",
}
_OBSTACLES = {
    "trainset": "the data",
    "valset": "the data",
    "testset": "the data",
    "student": "the predictors",
    "metric": "the metric's scale",
}
_LMS, _PRICES, _SIZES = "the LMs", "the prices", "the sizes"
# What follows from other settings, and from the data.
_FOLLOWS = frozenset({"demos_per_set", "trainset_size", "valset_size", "testset_size"})
_FORMATS = "the prompt format"
_OF_FORMATS = frozenset({"formats", "measured_predictors", "measured_formats"})
_PART_OF = {
    **dict.fromkeys(_FOLLOWS, _SIZES),
    **dict.fromkeys(_OF_FORMATS | {"prompt_format"}, _FORMATS),
    "headroom": "how headroom is measured",
}


@dataclass(frozen=True)
class Difference:
    """In what a specification differs from the run that it resumes.

    Attributes
    ----------
    part
        What of it, in words that follow "different in".
    text
        What it was and is.
    """

    part: str
    text: str


def differences(
    progress: RecordedProgress, spec: RunSpec, *, given: Collection[str] = ()
) -> Iterator[Difference]:
    """Tell in what the run was different from this spec.

    Parameters
    ----------
    progress
        The run.
    spec
        What it is compared with.
    given
        Settings that are given for this very run: it may have had other values.

    Raises
    ------
    RecordError
        If the code that it was begun with cannot be read.
    """
    planned = progress.planned
    before = recorded_settings(planned.plan)
    for name, value in spec.plan.settings().items():
        if name not in _FREE and name not in given and before.get(name) != value:
            text = f"The setting {name} was {before.get(name)!r} and is {value!r}."
            yield Difference(_PART_OF.get(name, name), text)
    if dict(spec.plan.models) != planned.models:
        text = f"The models were {planned.models} and are {dict(spec.plan.models)}."
        yield Difference(_LMS, text)
    for setting, text in changes_of_lms(planned.lms, lms_of(spec)):
        yield Difference(_PRICES if setting == "price" else _LMS, text)
    for role, text in spec.sources().items():
        if (ref := planned.sources.get(role)) is not None and ref != text_ref(text):
            source = progress.record.text(ref)
            yield Difference(_WHAT[role], _changed(role, source, text))


def may_be_the_same(row: HistoryRow, plan: Plan) -> bool:
    """Tell whether a run may have this plan, by its line in the history.

    To know, it has to be read whole. What the line tells in other words is not compared.
    """
    before = recorded_settings(row["settings"])
    return row["models"] == dict(plan.models) and all(
        before.get(name) == value
        for name, value in plan.settings().items()
        if name not in _FREE and name not in _PART_OF
    )


def changed_settings(progress: RecordedProgress, plan: Plan) -> dict[str, Any]:
    """Return the settings that the run goes on with, where it had others."""
    before, now = recorded_settings(progress.planned.plan), plan.settings()
    told = [name for name in _GIVEN_AGAIN if name in now]  # of headroom fewer are
    return {name: now[name] for name in told if before.get(name) != now[name]}


def changed_text(progress: RecordedProgress, changed: Mapping[str, Any]) -> str:
    """Return the sentence that says what settings the run had, and has."""
    before = recorded_settings(progress.planned.plan)
    told = [f"{name}={value!r} instead of {before.get(name)!r}" for name, value in changed.items()]
    return f"Resumed with {', '.join(told)}."


def _changed(role: str, before: str, now: str) -> str:
    what = _WHAT[role].capitalize()
    if not (_is_source(role, before) and _is_source(role, now)):
        return f"{what} cannot be compared: its source is not available, then or now."
    lines = list(difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=1))[2:]
    if len(lines) > _DIFF_LINES:
        lines = [*lines[:_DIFF_LINES], "…"]
    return "\n".join([f"{what} changed:", *lines])


def _is_source(role: str, text: str) -> bool:
    """Tell whether a text is source: where there is none, a name or a repr stands for it."""
    if role == "program":
        return re.search(r"^class ", text, re.MULTILINE) is not None
    return role in ("student", "teacher") or re.fullmatch(r"[\w.<>]+", text) is None


def obstacles(progress: RecordedProgress, spec: RunSpec) -> Iterator[tuple[str, str]]:
    """Tell why the run cannot be resumed as specified: the argument, and what is wrong with it.

    Scores of other rows, and candidates of other predictors, are of no use to it.
    """
    planned = progress.planned
    for name in ("trainset", "valset", "testset"):
        if rows_ref(spec.rows.sets.get(name, ()), name) != getattr(planned, name):
            yield name, "these rows differ from the run's"
    if spec.plan.metric_scale > planned.metric_scale:
        yield "metric", "its scores go up to 100, and those of the run up to 1"
    if dict(spec.plan.predictors) != planned.predictors:
        yield "student", f"the predictors of the run were {planned.predictors}"


def parts_of_others(
    progress: RecordedProgress, spec: RunSpec, changes: Sequence[Difference]
) -> list[str]:
    """Return in what a run is another one than the one specified; other prices make it no other."""
    parts = [_OBSTACLES[name] for name, _ in obstacles(progress, spec)]
    parts += [change.part for change in changes if change.part not in (_PRICES, _SIZES)]
    return list(dict.fromkeys(parts))
