"""The keys of a JSON object as the names they stand for, and those that say two things at once.

Python and pydantic keep the last of two equal keys, and JSON readers agree on no order: where the
values are not the same, nobody can tell which was meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mipro_nb.errors import shown
from mipro_nb.language.reading.parts.marks import folded


class AmbiguousError(ValueError):
    """What a lenient reader takes for a value although it may be another one, or several."""


class Repeating(dict[Any, Any]):
    """An object of which a key stands there more than once, each time with another value.

    It holds the last values, as `dict` would; `repeated` tells all of those that are in doubt.
    """

    def __init__(self, pairs: Iterable[tuple[Any, Any]], repeated: Mapping[Any, list[Any]]) -> None:
        super().__init__(pairs)
        self.repeated = repeated


def object_of(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return the object of these keys and values, a `Repeating` one where a key is in doubt."""
    pairs = list(pairs)
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    given: dict[Any, list[Any]] = {}
    for key, value in pairs:
        given.setdefault(key, []).append(value)
    repeated = {key: values for key, values in given.items() if not _are_alike(values)}
    return Repeating(pairs, repeated) if repeated else made


def by_name(raw: Mapping[Any, Any], names: Iterable[str]) -> dict[Any, list[Any]]:
    """Return `raw` with its keys as `names` have them: all values of each, one unless in doubt.

    A key that is none of the names, however it is spelled, stays as it is.
    """
    names = list(names)
    known = {folded(name): name for name in reversed(names)}
    repeated = raw.repeated if isinstance(raw, Repeating) else {}
    given: dict[Any, list[Any]] = {}
    for key, value in raw.items():
        name = key if key in names else known.get(folded(str(key)), key)
        values = [*given.get(name, ()), *repeated.get(key, [value])]
        given[name] = values[:1] if _are_alike(values) else values
    return given


def in_doubt(values: Iterable[Any], of: Any = None) -> str:
    """Return that nobody can tell which of `values` is meant, as that of the key `of` if given."""
    told = " and ".join(shown(json.dumps(v, ensure_ascii=False, default=repr), 40) for v in values)
    subject = "it" if of is None else f"its {shown(repr(of), 40)}"
    return f"{subject} is given more than once: {told}"


def check_nothing_repeats(value: Any) -> None:
    """Return if no object in `value`, at any depth, has a key with two values.

    Raises
    ------
    AmbiguousError
        If one has.
    """
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, Repeating):
            key, values = next(iter(each.repeated.items()))
            raise AmbiguousError(in_doubt(values, of=key))
        if isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list):
            left += each


def _are_alike(values: list[Any]) -> bool:
    try:
        return len({json.dumps(value, sort_keys=True, default=repr) for value in values}) == 1
    except (RecursionError, TypeError):  # keys of several types have no order
        return False
