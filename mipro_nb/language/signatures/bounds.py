"""Bounds of a field's values: told to the LM, and checked in what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import Field as PydanticField
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

Bounds = tuple[tuple[str, Any], ...]
"""Bounds by pydantic's names: ``(("ge", 0), ("le", 10))``."""

NAMES = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")
_OF_NUMBERS: Mapping[str, str] = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "lt": "less than {}",
    "multiple_of": "a multiple of {}",
    "pattern": "matching the regular expression {}",
}
_OF_LENGTHS: Mapping[str, str] = {"min_length": "at least {} {}", "max_length": "at most {} {}"}
_ORDERED = frozenset({"integer", "number", "date"})
_SIZED = frozenset({"string", "array", "object"})
_KINDS = {"min_length": _SIZED, "max_length": _SIZED, "pattern": frozenset({"string"})}


def bounded(annotation: Any, bounds: Bounds) -> Any:
    """Return `annotation` as a type that pydantic checks the bounds of."""
    if not bounds:
        return annotation
    return Annotated[(annotation, *PydanticField(**dict(bounds)).metadata)]


def in_words(annotation: Any, bounds: Bounds) -> str:
    """Return the bounds in words for the LM: "at least 0, at most 10"."""
    what = "characters" if annotation is str else "items"
    return ", ".join(
        _OF_LENGTHS[name].format(value, what)
        if name in _OF_LENGTHS
        else _OF_NUMBERS[name].format(value)
        for name, value in bounds
    )


def misplaced(annotation: Any, bounds: Bounds) -> list[str]:
    """Return the bounds that values of this type cannot have: a text is not above 0."""
    schema = TypeAdapter(annotation).json_schema() if bounds else {}
    kinds = {_kind(each) for each in schema.get("anyOf", [schema])}
    return [name for name, _ in bounds if not kinds & _KINDS.get(name, _ORDERED)]


def _kind(schema: Mapping[str, Any]) -> str:
    """Return what values a JSON schema describes; dates and the like have an order."""
    if "enum" in schema or "const" in schema:
        return "choice"
    kind = str(schema.get("type", "object"))
    return "date" if kind == "string" and "format" in schema else kind


def taken_apart(annotation: Any) -> tuple[Any, Bounds, str]:
    """Return the type, bounds and description in ``Annotated[int, Field(ge=0, description=…)]``.

    What holds anything else stays as it is: pydantic reads it.
    """
    if get_origin(annotation) is not Annotated:
        return annotation, (), ""
    inner, *extras = get_args(annotation)
    desc = ""
    bounds: list[tuple[str, Any]] = []
    for extra in extras:
        parts = extra.metadata if isinstance(extra, FieldInfo) else [extra]
        desc = (extra.description or desc) if isinstance(extra, FieldInfo) else desc
        for part in parts:
            named = {n: getattr(part, n) for n in NAMES if getattr(part, n, None) is not None}
            if len(named) != 1:
                return annotation, (), desc
            bounds += named.items()
    return inner, tuple(bounds), desc
