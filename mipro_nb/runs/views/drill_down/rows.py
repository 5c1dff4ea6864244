"""Rows as they can be looked into: what a row asks and expects, and what a program made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from mipro_nb.runs import events as ev
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.json_values import ANYTHING, kept
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import Clip, ReplyDetail
from mipro_nb.runs.views.clip import DEFAULT_LIMIT, clip, clip_fields, more_of_text, within
from mipro_nb.runs.views.drill_down.cells import KeptCell

_LEAST_CHARACTERS = 200


class AskedRow(TypedDict):
    """What a row asks, and what is right for it."""

    inputs: dict[str, Clip]
    expected: dict[str, Clip]


class _Optional(TypedDict, total=False):
    points: float
    notes: list[Clip]


def share_of(characters: int, rows: Sequence[Mapping[str, Any]], shown: int, replies: int) -> int:
    """Return how much of each text is told, if all together may have about so many characters.

    Parameters
    ----------
    characters
        What all texts may have together.
    rows
        The rows of the set.
    shown
        How many of them are shown.
    replies
        Replies to each of these.
    """
    fields = replies + max((len(row) for row in rows), default=0)
    return min(DEFAULT_LIMIT, max(_LEAST_CHARACTERS, characters // max(1, fields * shown)))


def asked_by(
    state: RunState, ref: ev.TextRef | None, rows: Sequence[Mapping[str, Any]], n: int, limit: int
) -> AskedRow:
    """Return row `n` of the set that is kept under `ref`, empty where there is none."""
    row = rows[n] if n < len(rows) else {}
    more = None if ref is None else within(more_of_text(ref), n)
    inputs = [] if state.planned is None else state.planned.inputs
    given = {name: value for name, value in row.items() if name in inputs}
    expected = {name: value for name, value in row.items() if name not in inputs}
    return {
        "inputs": clip_fields(given, more, limit),
        "expected": clip_fields(expected, more, limit),
    }


def reply_of(
    record: Record,
    state: RunState,
    cell: KeptCell[ev.ExampleScored] | KeptCell[ev.ExampleTested],
    limit: int,
) -> ReplyDetail:
    """Return what a program made of a row, and what the metric says of it."""
    scored = cell.scored
    scale = 1 if state.planned is None else state.planned.metric_scale
    optional: _Optional = {}
    if scale != 1:
        optional["points"] = scored.score * scale
    if scored.notes or scored.caught:
        optional["notes"] = cell.notes(limit)
    return {
        "prediction": _prediction(record, scored.prediction, limit),
        "score": scored.score,
        "feedback": cell.clip("feedback"),
        "error": cell.clip("error"),
        "seconds": scored.seconds,
        **optional,
    }


def _prediction(record: Record, ref: ev.TextRef | None, limit: int) -> dict[str, Clip] | None:
    if ref is None:
        return None
    values = kept(record, ref, ANYTHING)
    if isinstance(values, dict):
        return clip_fields(values, more_of_text(ref), limit)
    return {"prediction": clip(record.text(ref), more_of_text(ref), limit)}
