"""Metrics that cannot work, whatever an LM replies: they read what is nowhere to be read.

A rehearsal's answers are made up, and what fails on those may do well on a model's. Refused is only
what no reply can change: a value that no row has, an output that the signature does not have, an
attribute that the type of every answer lacks.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from mipro_nb.errors import MetricError
from mipro_nb.language.execution.tracing import Step
from mipro_nb.language.programs.foreign import as_row
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example, Prediction

_FORWARDS = ("forward", "aforward")


def lasting_fault(
    error: MetricError,
    program: Module,
    rows: Sequence[Example],
    prediction: Any,
    steps: Sequence[Step],
) -> MetricError | None:
    """Return `error` with its remedy if no reply can change that it comes; None if one may.

    Parameters
    ----------
    error
        What the metric came to on one row.
    program
        The program that was rehearsed.
    rows
        All rows of the run.
    prediction
        What the metric was called with.
    steps
        What the predictors did for it.
    """
    read = _read_in_vain(error.__cause__)
    if read is None:
        return None
    owner, name = read
    if owner is prediction:
        remedy = _of_prediction(name, program, prediction, steps)
    else:
        remedy = _of_row(name, owner, rows)
    if remedy is None:
        return None
    found = MetricError(f"{error} {remedy}")
    found.__cause__ = error.__cause__
    return found


def _read_in_vain(error: BaseException | None) -> tuple[Any, str] | None:
    """Return the object that was read, and the name of what it does not have."""
    if isinstance(error, AttributeError) and error.name is not None:
        return error.obj, error.name
    if not isinstance(error, KeyError) or not error.args or not isinstance(error.args[0], str):
        return None
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    # Of a dict nothing is known: its keys may come of a reply.
    if trace is None or trace.tb_frame.f_code.co_name != "__getitem__":
        return None
    return trace.tb_frame.f_locals.get("self"), error.args[0]


def _of_row(name: str, owner: Any, rows: Sequence[Example]) -> str | None:
    taken = None if isinstance(owner, Prediction) else as_row(owner)
    if not isinstance(taken, Example) or not any(set(taken) == set(row) for row in rows):
        return None
    if any(name in row for row in rows):
        return None
    has = ", ".join(dict.fromkeys(field for row in rows for field in row))
    return (
        f"No row has {name!r}, so no answer can be scored: have the metric read one of {has}, or "
        f"give the rows {name!r}."
    )


def _of_prediction(
    name: str, program: Module, prediction: Any, steps: Sequence[Step]
) -> str | None:
    if isinstance(prediction, Example):
        if not any(step.prediction is prediction for step in steps):
            return None  # the program's own, which may have other outputs another time
        return (
            f"No answer of {type(program).__name__} has {name!r}: have the metric read one of "
            f"{', '.join(prediction)}, or give the signature an output {name!r}."
        )
    kind = type(prediction)
    if prediction is None or kind.__module__ != "builtins" or hasattr(kind, name):
        return None
    functions = program.functions()
    who = "your function" if functions else f"{type(program).__name__}'s forward"
    if not all(map(_returns_one_kind, functions or _forwards(program))):
        return None
    return (
        f"The prediction is what {who} returns, here a {kind.__name__}, which has no {name!r}: "
        "have the metric take it as it is, as in prediction == example.label."
    )


def _forwards(program: Module) -> list[Callable[..., Any]]:
    return [vars(cls)[name] for cls in program.classes() for name in _FORWARDS if name in vars(cls)]


def _returns_one_kind(function: Callable[..., Any]) -> bool:
    """Tell whether a function returns what it reads off an answer, and nothing else ever.

    What a call returns may be something else when there is a model's reply.
    """
    returned = _returned(inspect.unwrap(function))
    return isinstance(returned, ast.Attribute) and _returns_in_one_place(function)


def _returned(function: Callable[..., Any]) -> ast.expr | None:
    """Return what a function returns, None if that depends, or its code cannot be read."""
    try:
        parts = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
    except (OSError, TypeError, SyntaxError):
        return None
    if any(isinstance(part, ast.Try | ast.IfExp) for part in parts):
        return None
    values = [part.value for part in parts if isinstance(part, ast.Return)]
    values = [value for value in values if value is not None]
    return values[0] if len(values) == 1 else None


def _returns_in_one_place(function: Callable[..., Any], seen: frozenset[Any] = frozenset()) -> bool:
    """Tell whether a function, and each that it names, has one return, in no branch of a try."""
    function = inspect.unwrap(function)
    if function in seen:
        return True
    if _returned(function) is None:
        return False
    around = inspect.getclosurevars(function)
    called = filter(inspect.isfunction, (*around.nonlocals.values(), *around.globals.values()))
    return all(_returns_in_one_place(each, seen | {function}) for each in called)
