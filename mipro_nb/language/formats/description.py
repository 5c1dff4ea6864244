"""What the LM is told about a field."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any

from mipro_nb.language.reading.values import write_value
from mipro_nb.language.signatures.bounds import in_words
from mipro_nb.language.signatures.fields import Field, adapter, choices, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable


def described(fields: Iterable[Field], *, in_form: bool = False) -> str:
    """Return what there is to say of outputs beside their names, a line each; maybe nothing.

    Parameters
    ----------
    fields
        The outputs.
    in_form
        The form of a reply has said what `in_few_words` returns.
    """
    return "\n".join(line for field in fields if (line := _line(field, in_form=in_form)))


def in_few_words(field: Field) -> str:
    """Return what the value of an output has to be, empty for any text and what takes a schema.

    Nor does it say what takes several lines.
    """
    kind = kind_of(field)
    return "" if field.type is str or kind.startswith("JSON") or "\n" in kind else kind


def kind_of(field: Field) -> str:
    """Return what the value of an output has to be, empty for any text."""
    told = _kind_of_type(field)
    if not field.bounds or told.startswith("JSON"):  # a schema tells the bounds itself
        return told
    words = in_words(field.type, field.bounds)
    return f"{told}, {words}" if told else words


def _kind_of_type(field: Field) -> str:
    options = choices(field.type) or _values_of(field.type)
    if options:
        return "one of: " + ", ".join(write_value(field, option) for option in options)
    if field.type is str:
        return ""
    if field.type is bool:
        return "true or false"
    if field.type in (int, float):
        return "a whole number" if field.type is int else "a number"
    schema = json.dumps(adapter(field).json_schema(), ensure_ascii=False)
    return f"JSON of this schema: {schema}"


def _values_of(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(annotation) if all(isinstance(m.value, str) for m in annotation) else ()
    return ()


def listed(field: Field) -> str:
    """Return a line that names `field` and says what it is: ``name: (…)``."""
    kind = kind_of(field) if field.kind == "output" else ""
    if field.kind == "input" and field.type is not str:
        kind = type_name(field.type)
    said = ", ".join(filter(None, (field.desc, kind)))
    return f"{field.name}: ({said})" if said else f"{field.name}:"


def _line(field: Field, *, in_form: bool) -> str:
    kind = "" if in_form and in_few_words(field) else kind_of(field)
    said = ", ".join(filter(None, (field.desc, kind)))
    return f"{field.name} is {said}" if said else ""
