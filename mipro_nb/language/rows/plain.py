"""Plain values: Python's own, in place of those of NumPy, pandas and their like.

A number out of an array is a number, an empty cell is None, an array is a list. So they are
prompted, recorded and compared as what a person takes them for. None of these libraries is
imported here: code that has such a value has done so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mipro_nb.language.rows.example import Example

_PLAIN = frozenset({str, int, float, bool, type(None), datetime, timedelta})
_CONTAINERS: dict[type, Callable[[list[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
}
_EMPTY_CELLS = frozenset({"NAType", "NaTType"})


def plain(value: Any) -> Any:
    """Return `value` with plain Python values in it; `value` itself if it has no others.

    It looks into containers and examples. Models, data classes and other objects stay as they are.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        pairs = [(plain(key), plain(inner)) for key, inner in value.items()]
        same = all(k is key and v is value[key] for (k, v), key in zip(pairs, value, strict=True))
        return value if same else dict(pairs)
    if kind in _CONTAINERS:
        inner = [plain(member) for member in value]
        return value if all(map(_is, inner, value)) else _CONTAINERS[kind](inner)
    if isinstance(value, Example):
        changed = {name: made for name, v in value.items() if (made := plain(v)) is not v}
        return value.copy(**changed) if changed else value
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    kind = type(value)
    if kind.__module__.startswith("pandas.") and kind.__name__ in _EMPTY_CELLS:
        return None
    if hasattr(value, "tolist") and hasattr(value, "dtype"):  # scalars and arrays of any library
        if getattr(value.dtype, "kind", "") in {"M", "m"}:  # finer than µs they would be integers
            value = value.astype(f"{value.dtype.kind}8[us]")
        return plain(value.tolist())
    if isinstance(value, datetime) and hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False)
    if isinstance(value, timedelta) and hasattr(value, "to_pytimedelta"):
        return value.to_pytimedelta()
    return value


def _is(one: object, other: object) -> bool:
    return one is other
