"""Pitfalls of programs that a rehearsal sees: they raise nothing, and score too little."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from mipro_nb.errors import shown
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Prediction

Attributes = Mapping[str, Any]
"""Attributes of a program and of its modules: ``"self.question"``, ``"self.solve.demos"``."""

_MISSING = object()
# What this package itself writes down there.
_NOT_THE_USERS = {"_results", "scope", "bound_name"}


def unread_output(program: str, prediction: Any) -> str | None:
    """Return a note on an output that holds an answer instead of being one; None if none does."""
    if not isinstance(prediction, Prediction):
        return None
    for name, value in prediction.items():
        if isinstance(value, Prediction):
            read = name if name in value else next(iter(value.keys()), name)
            return (
                f"{program} returns a Prediction whose {name!r} is itself a Prediction: a metric "
                f"that compares it with a label gives 0. Write Prediction({name}=….{read}), or "
                "return the predictor's own Prediction."
            )
        if inspect.isawaitable(value):
            return (
                f"{program} returns a Prediction whose {name!r} was never awaited: a metric that "
                f"compares it with a label gives 0. Write Prediction({name}=(await …).{name})."
            )
    return None


def attributes(program: Module) -> Attributes:
    """Return the attributes of `program` and of all modules in it, as they are now."""
    found: dict[str, Any] = {}
    seen: set[int] = set()

    def look_at(value: Any, name: str) -> None:
        if not isinstance(value, Module | list | tuple | dict) or id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, Module):
            for attribute, inner in list(vars(value).items()):
                if attribute not in _NOT_THE_USERS:
                    found[f"{name}.{attribute}"] = inner
                    look_at(inner, f"{name}.{attribute}")
            return
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
            look_at(inner, f"{name}[{key!r}]")

    look_at(program, "self")
    return found


def set_anew(before: Attributes, after: Attributes) -> Attributes:
    """Return the attributes that were set between two looks, to values that can be compared."""
    return {
        name: value
        for name, value in after.items()
        if before.get(name, _MISSING) is not value and _can_be_compared(value)
    }


def state_notes(program: str, of_rows: Sequence[Attributes], num_threads: int) -> list[str]:
    """Return a note on attributes that running the program sets to another value for each row.

    What is set to the same on all rows is made once and kept, such as something that is loaded.

    Parameters
    ----------
    program
        Name of the program.
    of_rows
        For each row, what was set while a copy of the program ran on it.
    num_threads
        Programs in flight.
    """
    if num_threads == 1:
        return []
    values: dict[str, list[Any]] = {}
    for row in of_rows:
        for name, value in row.items():
            values.setdefault(name, []).append(value)
    differing = [name for name, each in values.items() if not all(_same(each[0], v) for v in each)]
    if not differing:
        return []
    note = (
        f"{program} sets {shown(', '.join(differing), 120)} to something else for each row. The "
        f"rows that are worked on at once (num_threads={num_threads}) share the program: one that "
        "reads it back may get another row's. Keep it in a local variable or pass it on as an "
        "argument; or set num_threads=1."
    )
    return [note]


def _can_be_compared(value: Any) -> bool:
    return any("__eq__" in vars(kind) for kind in type(value).__mro__[:-1])


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - values of a user's own types raise anything
        return True
