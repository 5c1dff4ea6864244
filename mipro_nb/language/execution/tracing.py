"""What a program's execution leaves behind: its trace, and notes on the replies that were read.

The trace tells which predictor was called with what, and what it answered; a note tells what of a
reply was understood although it was not written as asked.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from mipro_nb.language.execution.collecting import collecting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from mipro_nb.language.prompting.predictor import Predictor
    from mipro_nb.language.rows.example import Prediction


class Step(NamedTuple):
    """One call of one predictor; metrics written for DSPy unpack it."""

    predictor: Predictor
    inputs: Mapping[str, Any]
    prediction: Prediction


_steps: ContextVar[list[Step] | None] = ContextVar("mipro_trace", default=None)
_notes: ContextVar[list[str] | None] = ContextVar("mipro_notes", default=None)


def tracing() -> AbstractContextManager[list[Step]]:
    """Collect the steps of every predictor called inside the block, threads included."""
    return collecting(_steps)


def add_step(step: Step) -> None:
    """Append to the trace that is being collected here, if one is."""
    steps = _steps.get()
    if steps is not None:
        steps.append(step)


def is_traced() -> bool:
    """Tell whether steps are collected here."""
    return _steps.get() is not None


def noting() -> AbstractContextManager[list[str]]:
    """Collect the notes on every reply that is read inside the block, threads included.

    Each is there once, however many replies it holds for.
    """
    return collecting(_notes)


def add_notes(notes: Iterable[str]) -> None:
    """Append to the notes that are being collected here, if any are."""
    known = _notes.get()
    if known is not None:
        known += [note for note in dict.fromkeys(notes) if note not in known]
