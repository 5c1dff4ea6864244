"""The fields of a signature: their types, and what the LM is told of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import to_jsonable_python

from mipro_nb.errors import SignatureError


@dataclass(frozen=True)
class Field:
    """One input or output of a signature.

    Attributes
    ----------
    name
        Python identifier, unique within the signature.
    kind
        ``"input"`` or ``"output"``.
    type
        Any type that pydantic can validate; `str` unless said otherwise.
    desc
        What the value means, shown to the LM; may be empty.
    """

    name: str
    kind: Literal["input", "output"]
    type: Any = str
    desc: str = ""

    def described(self, **changes: Any) -> Field:
        """Return a copy with `changes`."""
        return replace(self, **changes)


@dataclass(frozen=True)
class FieldSpec:
    """What `InputField` and `OutputField` leave on a class until its Signature is made."""

    kind: Literal["input", "output"]
    desc: str = ""


def InputField(*, desc: str = "", **_ignored: Any) -> Any:  # noqa: N802 - the field's name
    """Declare an input of a class-based signature.

    Parameters
    ----------
    desc
        What the value means, shown to the LM.
    **_ignored
        Accepted so that signatures written for DSPy (``prefix=``, ``format=``) load unchanged.
    """
    return FieldSpec("input", desc)


def OutputField(*, desc: str = "", **_ignored: Any) -> Any:  # noqa: N802 - the field's name
    """Declare an output of a class-based signature; parameters as `InputField`."""
    return FieldSpec("output", desc)


@lru_cache(maxsize=1024)
def _adapter_of(annotation: Any) -> TypeAdapter[Any]:
    made: TypeAdapter[Any]
    try:
        made = TypeAdapter(annotation, config=ConfigDict(ser_json_inf_nan="constants"))
    except PydanticUserError:
        # A model brings its own config, and pydantic refuses a second one.
        made = TypeAdapter(annotation)
    made.json_schema()  # so that a type that cannot be described is refused here, not mid-run
    return made


def adapter(field_: Field) -> TypeAdapter[Any]:
    """Return the pydantic adapter that validates and dumps values of `field_`.

    Raises
    ------
    SignatureError
        If pydantic cannot handle the type.
    """
    try:
        return _adapter_of(field_.type)
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as error:
        msg = (
            f"Field {field_.name!r} has type {field_.type!r}, which has no text form: use str, "
            "bool, int, float, list, dict, Literal or a pydantic model."
        )
        raise SignatureError(msg) from error


def accepts(field_: Field, value: Any) -> bool:
    """Tell whether `value` can be a value of `field_`, as pydantic validates it."""
    try:
        adapter(field_).validate_python(value)
    except ValidationError:
        return False
    return True


def type_name(annotation: Any) -> str:
    """Return a type as a person would write it in a signature."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in (None, type(None)):
        return "None"
    if annotation is ...:
        return "..."
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin is Annotated:
        return type_name(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(map(type_name, arguments))
    name = getattr(origin or annotation, "__name__", str(annotation))
    return f"{name}[{', '.join(map(type_name, arguments))}]" if arguments else str(name)


def choices(annotation: Any) -> tuple[Any, ...] | None:
    """Return the values of a Literal type, None for any other type."""
    return get_args(annotation) if get_origin(annotation) is Literal else None


def json_value(field_: Field, value: Any) -> Any:
    """Return `value` as JSON would give it back; one that has no JSON form as its text.

    A value of another type than the field's (an int for a float, a raw label) is taken as it is.
    """
    try:
        written = adapter(field_).dump_python(value, mode="json", warnings="error")
    except (ValueError, TypeError):
        written = to_jsonable_python(value, fallback=str, inf_nan_mode="constants")
    return in_order(value, written)


def in_order(value: Any, written: Any) -> Any:
    """Return `written`, the JSON form of `value`, with its sets in one and the same order.

    In every process they have another one, and with it a prompt would be another prompt.
    """
    match value, written:
        case ((set() | frozenset()), list()):
            return sorted(written, key=lambda each: json.dumps(each, sort_keys=True))
        case ((list() | tuple()), list()):
            return [in_order(*pair) for pair in zip(value, written, strict=True)]
        case Mapping(), dict() if len(value) == len(written):
            pairs = zip(value.values(), written.items(), strict=True)
            return {name: in_order(inner, form) for inner, (name, form) in pairs}
        case BaseModel(), dict():
            values = dict(value)
            return {name: in_order(values.get(name), form) for name, form in written.items()}
    return written
