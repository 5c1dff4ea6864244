"""What the user calls the program and the metric of a run, for the line that resumes it."""

from __future__ import annotations

import inspect
import sys
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


def names_of(metric: Metric, student: object) -> dict[str, str]:
    """Return what is known of the names: those typed, else the variables of the notebook or script.

    A function as metric has a name of its own besides.
    """
    function = metric.function
    is_named = inspect.isfunction(function) and function.__name__.isidentifier()
    own = function.__name__ if is_named else None
    found = {"metric": _variable_of(function) or own, "student": _variable_of(student)}
    known = {role: name for role, name in found.items() if name is not None}
    return {**known, **_typed.get()}


def _variable_of(value: object) -> str | None:
    """Return the name of the first variable that holds this very object; None if none does.

    Names with an underscore in front are those of IPython's earlier outputs.
    """
    if value is None:
        return None
    variables = dict(vars(sys.modules["__main__"]))
    names = (name for name, held in variables.items() if held is value)
    return next((name for name in names if not name.startswith("_")), None)
