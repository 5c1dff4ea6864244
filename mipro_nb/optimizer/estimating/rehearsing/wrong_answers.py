"""Wrong answers for a rehearsal: a metric may do well on right ones alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mipro_nb.language.rows.example import Example


def wrong_answer(prediction: Example, rows: Sequence[Example]) -> Example | None:
    """Return `prediction` with labels of other rows; None if no row has another one of its type.

    Reasoning stays: it is not part of the answer.
    """
    others = {
        name: _other(name, value, rows) for name, value in prediction.items() if name != "reasoning"
    }
    others = {name: value for name, value in others.items() if value is not None}
    return prediction.copy(**others) if others else None


def _other(name: str, value: Any, rows: Sequence[Example]) -> Any:
    labels = (row[name] for row in rows if name in row)
    # What is a row's may be compared in ways of its own.
    return next(
        (each for each in labels if type(each) is type(value) and repr(each) != repr(value)), None
    )
