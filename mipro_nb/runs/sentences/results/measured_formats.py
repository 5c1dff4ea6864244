"""What a run measured of prompt formats, as every view shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from mipro_nb.amounts import format_count, format_score, format_tokens
from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import Choice, RunState
from mipro_nb.runs.view_model import MeasuredFormat, MeasuredFormats

HEAD = ("prompt format", "score", "unreadable", "errors", "tokens")


def formats_view(state: RunState) -> MeasuredFormats | None:
    """Return the formats that were measured, and which was chosen; None if none was measured."""
    if not state.formats_measured:
        return None
    order = formats_tried(state.planned.plan) if state.planned is not None else []
    known = state.formats_measured
    names = [*(name for name in order if name in known), *(n for n in known if n not in order)]
    chosen = state.format_chosen
    rows = max(each.rows for each in known.values())
    return {
        "rows": rows,
        "measured": [_measured(known[name]) for name in names],
        "chosen": None if chosen is None else chosen.format,
        "searched": state.searched_formats,
        "pinned": _switched(state, state.pinned),
        "banned": _switched(state, state.banned),
        "told": _told(rows, chosen),
    }


def _switched(state: RunState, choices: AbstractSet[Choice]) -> list[str]:
    """Return which of the formats that are searched are among `choices`."""
    searched = enumerate(state.searched_formats)
    return [name for index, name in searched if Choice("", "format", index) in choices]


def _measured(event: ev.FormatMeasured) -> MeasuredFormat:
    return {
        "format": event.format,
        "score": event.score,
        "unreadable": event.unreadable,
        "errors": event.errors,
        "tokens": event.tokens,
    }


def formats_tried(plan: Mapping[str, Any]) -> list[str]:
    """Return the formats that a plan has measured; it may come with a file that says anything."""
    tried = plan.get("measured_formats")
    return [name for name in tried if isinstance(name, str)] if isinstance(tried, list) else []


def formats_rows(formats: MeasuredFormats) -> list[tuple[str, ...]]:
    """Return a row for each format of a `formats_view`, in the columns of `HEAD`."""
    return [
        (
            " ".join([each["format"], *_marks(each["format"], formats)]),
            format_score(each["score"]),
            format_count(each["unreadable"]),
            format_count(each["errors"]),
            format_tokens(each["tokens"]),
        )
        for each in formats["measured"]
    ]


def _marks(name: str, formats: MeasuredFormats) -> list[str]:
    is_marked = {
        "★": name == formats["chosen"],
        "pinned": name in formats["pinned"],
        "banned": name in formats["banned"],
    }
    return [mark for mark, is_one in is_marked.items() if is_one]


def _told(rows: int, chosen: ev.FormatChosen | None) -> str:
    measured = f"measured on {counted(rows, 'training row')}"
    if chosen is None:
        return f"{measured} so far"
    told = f"{chosen.format}, {measured}: {chosen.reason}"
    others = [name for name in chosen.searched if name != chosen.format]
    if not others:
        return told
    are = "is" if len(others) == 1 else "are"
    return (
        f"{told}. Formats differ by more than chance here, and {' and '.join(others)} {are} not "
        "clearly behind: so the search tries them as well"
    )


def asked_text(state: RunState, configuration: dict[str, int]) -> list[str]:
    """Return in which format a result asks, where the search has found another than the first."""
    found, chosen = state.format_of(configuration), state.format_chosen
    if found is None or chosen is None or found == chosen.format:
        return []
    return [f"It asks in {found}; the {STUDENT} was asked in {chosen.format}."]


def as_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines of text: the first cell to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]
