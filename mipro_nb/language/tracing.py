"""The trace of a program: which predictor was called with what, and what it answered."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mipro_nb.language.example import Prediction
    from mipro_nb.language.predict import Predict


class Step(NamedTuple):
    """One call of one predictor; metrics written for DSPy unpack it."""

    predictor: Predict
    inputs: Mapping[str, Any]
    prediction: Prediction


_steps: ContextVar[list[Step] | None] = ContextVar("mipro_trace", default=None)


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
