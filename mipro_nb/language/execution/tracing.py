"""What a program's execution leaves behind: its trace, and notes on the replies that were read.

The trace tells which predictor was called with what, and what it answered; a note tells what of a
reply was understood although it was not written as asked.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mipro_nb.language.example import Prediction
    from mipro_nb.language.predictor import Predictor


class Step(NamedTuple):
    """One call of one predictor; metrics written for DSPy unpack it."""

    predictor: Predictor
    inputs: Mapping[str, Any]
    prediction: Prediction


_steps: ContextVar[list[Step] | None] = ContextVar("mipro_trace", default=None)
_notes: ContextVar[list[str] | None] = ContextVar("mipro_notes", default=None)


@contextmanager
def tracing() -> Iterator[list[Step]]:
    """Collect the steps of every predictor called inside the block, threads included."""
    steps: list[Step] = []
    token = _steps.set(steps)
    try:
        yield steps
    finally:
        _steps.reset(token)


def add_step(step: Step) -> None:
    """Append to the trace that is being collected here, if one is."""
    steps = _steps.get()
    if steps is not None:
        steps.append(step)


@contextmanager
def noting() -> Iterator[list[str]]:
    """Collect the notes on every reply that is read inside the block, threads included.

    Each is there once, however many replies it holds for.
    """
    notes: list[str] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def add_notes(notes: Iterable[str]) -> None:
    """Append to the notes that are being collected here, if any are."""
    known = _notes.get()
    if known is not None:
        known += [note for note in dict.fromkeys(notes) if note not in known]
