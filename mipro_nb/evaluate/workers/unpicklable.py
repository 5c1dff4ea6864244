"""What in a program or a metric cannot be pickled, by the names that its author gave it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from mipro_nb.errors import shown
from mipro_nb.language.rows.example import Example

_DEEPEST = 8


def found_in(thing: Any, name: str, pickle: Callable[[Any], object]) -> str | None:
    """Return what of `thing` cannot be pickled and where it is; None if all can.

    Parameters
    ----------
    thing
        Anything.
    name
        What it is called.
    pickle
        Pickles something, or raises.
    """
    try:
        pickle(thing)
    except Exception as error:  # noqa: BLE001 - what cannot be pickled raises anything
        place, part, why = _innermost(thing, name, error, pickle)
        return f"{place} is a {_type_name(part)}, which cannot be pickled ({shown(str(why), 120)})"
    return None


def _innermost(
    thing: Any, name: str, error: Exception, pickle: Callable[[Any], object]
) -> tuple[str, Any, Exception]:
    seen = {id(thing)}
    for _ in range(_DEEPEST):
        for inner_name, part in _parts(thing, name):
            if id(part) in seen:
                continue
            seen.add(id(part))
            try:
                pickle(part)
            except Exception as inner:  # noqa: BLE001 - as above
                thing, name, error = part, inner_name, inner
                break
        else:
            break
    return name, thing, error


def _parts(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Return what `thing` is made of, each part with its name."""
    if isinstance(thing, dict | Example):
        yield from ((f"{name}[{key!r}]", value) for key, value in thing.items())
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from ((f"{name}[{place}]", value) for place, value in enumerate(thing))
    elif inspect.ismethod(thing):
        yield f"{name}.__self__", thing.__self__
    elif inspect.isfunction(thing):
        used = inspect.getclosurevars(thing)
        yield from ((f"{key} in {name}", value) for key, value in used.nonlocals.items())
        yield from ((f"{key} in {name}", value) for key, value in used.globals.items())
    elif isinstance(thing, type):
        yield from ((f"{name}.{key}", value) for key, value in vars(thing).items())
    elif hasattr(thing, "__dict__"):
        yield from ((f"{name}.{key}", value) for key, value in vars(thing).items())
        yield type(thing).__name__, type(thing)


def _type_name(part: Any) -> str:
    kind = type(part)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
