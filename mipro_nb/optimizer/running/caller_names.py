"""What the user calls the program and the metric of a run, for the line that resumes it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from mipro_nb.evaluate.metric import Metric

_typed: ContextVar[Mapping[str, str]] = ContextVar("typed", default={})  # noqa: B039 - never changed


@contextmanager
def typed(names: Mapping[str, str]) -> Iterator[None]:
    """Have runs that are made meanwhile know what was typed: see `RunPlanned.names`."""
    token = _typed.set(names)
    try:
        yield
    finally:
        _typed.reset(token)


def names_of(metric: Metric) -> dict[str, str]:
    """Return what is known of the names: those typed, else the one that the metric has itself."""
    function = metric.function
    is_named = inspect.isfunction(function) and function.__name__.isidentifier()
    return {**({"metric": function.__name__} if is_named else {}), **_typed.get()}
