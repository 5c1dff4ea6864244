"""The fields of a signature: their types, and what the LM is told about them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import to_jsonable_python

from mipro_nb.arguments import misspelled, only_known
from mipro_nb.errors import InvalidArgumentError, SignatureError, shown
from mipro_nb.language.signatures.bounds import (
    NAMES,
    Bounds,
    bounded,
    in_words,
    misplaced,
    taken_apart,
)

NO_DEFAULT: Any = ...
"""Says of an input that a call has to give it; also pydantic's word for that."""

_WITHOUT_EFFECT = ("prefix", "format")


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
    default
        What an input is where a call does not give it.
    bounds
        What holds for the value beside its type.
    """

    name: str
    kind: Literal["input", "output"]
    type: Any = str
    desc: str = ""
    default: Any = field(default=NO_DEFAULT, hash=False)
    bounds: Bounds = ()

    def described(self, **changes: Any) -> Field:
        """Return a copy with `changes`: those of `desc`, `type`, `default`, and of bounds.

        Raises
        ------
        InvalidArgumentError
            If one of them is none of these.
        """
        annotation = changes.pop("type", self.type)
        spec = _spec(self.kind, {"desc": self.desc, "default": self.default, **changes})
        kept = tuple(bound for bound in self.bounds if bound[0] not in dict(spec.bounds))
        return field_of(self.name, annotation, replace(spec, bounds=kept + spec.bounds))

    @property
    def full_type(self) -> Any:
        """Return the type with its bounds, for pydantic."""
        return bounded(self.type, self.bounds)

    def checked(self, value: Any) -> Any:
        """Return `value` if it keeps to the bounds.

        Raises
        ------
        ValueError
            If it does not; the message says what was expected.
        """
        if self.bounds and not accepts(self, value):
            msg = f"expected {in_words(self.type, self.bounds)}, got {shown(str(value), 80)!r}"
            raise ValueError(msg)
        return value


@dataclass(frozen=True)
class FieldSpec:
    """What `InputField` and `OutputField` leave on a class until its Signature is made."""

    kind: Literal["input", "output"]
    desc: str = ""
    default: Any = NO_DEFAULT
    bounds: Bounds = ()


@only_known(first="desc")
def InputField(  # noqa: N802 - the field's name
    *,
    desc: str = "",
    description: str = "",
    default: Any = NO_DEFAULT,
    ge: Any = None,
    gt: Any = None,
    le: Any = None,
    lt: Any = None,
    multiple_of: Any = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    **others: Any,
) -> Any:
    """Declare an input of a class-based signature.

    Parameters
    ----------
    desc, description
        What the value means, shown to the LM.
    default
        What it is where a call, or a row, does not give it.
    ge, gt, le, lt, multiple_of, min_length, max_length, pattern
        Bounds, as pydantic has them: told to the LM and checked.
    **others
        ``prefix`` and ``format``, which signatures written for DSPy may have: they change nothing,
        and a warning says so.

    Raises
    ------
    InvalidArgumentError
        If there is no such keyword, or `description` is another text than `desc`.
    """
    bounds = (ge, gt, le, lt, multiple_of, min_length, max_length, pattern)
    named = {"desc": desc, "description": description, "default": default}
    return _spec("input", {**named, **dict(zip(NAMES, bounds, strict=True)), **others})


@only_known(first="desc")
def OutputField(  # noqa: N802 - the field's name
    *,
    desc: str = "",
    description: str = "",
    ge: Any = None,
    gt: Any = None,
    le: Any = None,
    lt: Any = None,
    multiple_of: Any = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    **others: Any,
) -> Any:
    """Declare an output of a class-based signature; parameters as `InputField`.

    It has no default: its value is what the LM answers.
    """
    bounds = (ge, gt, le, lt, multiple_of, min_length, max_length, pattern)
    named = {"desc": desc, "description": description}
    return _spec("output", {**named, **dict(zip(NAMES, bounds, strict=True)), **others})


def _spec(kind: Literal["input", "output"], keywords: Mapping[str, Any]) -> FieldSpec:
    function = "InputField" if kind == "input" else "OutputField"
    known = ("desc", "description", "default", *NAMES)
    offered = [name for name in known if kind == "input" or name != "default"]
    for name, value in keywords.items():
        if name in _WITHOUT_EFFECT:
            warnings.warn(
                f"{function}({name}=…) changes nothing here: say it in desc=, or in the "
                "signature's docstring.",
                stacklevel=4,
            )
        elif name not in known:
            near = misspelled(name, offered)
            meant = f"did you mean {near}=? " if near else ""
            remedy = f"{meant}{function} takes {', '.join(offered)}."
            raise InvalidArgumentError(name, value, remedy)
    desc, other = keywords.get("desc"), keywords.get("description")
    if desc and other and desc != other:
        raise InvalidArgumentError("description", other, "desc= says something else: drop one.")
    default = keywords.get("default", NO_DEFAULT)
    if kind == "output" and default is not NO_DEFAULT:
        raise InvalidArgumentError(
            "default",
            default,
            "an output's value is what the LM answers: drop it, and give the field the type "
            "Optional[…] if there may be no answer.",
        )
    bounds = tuple((n, keywords[n]) for n in NAMES if keywords.get(n) is not None)
    return FieldSpec(kind, desc or other or "", default, bounds)


def field_of(name: str, annotation: Any, spec: FieldSpec) -> Field:
    """Return the field that is declared as ``name: annotation = spec``.

    Raises
    ------
    SignatureError
        If its type cannot have such bounds, or its default is not a value of it.
    """
    inner, bounds, desc = taken_apart(annotation)
    made = Field(name, spec.kind, inner, spec.desc or desc, spec.default, bounds + spec.bounds)
    if wrong := misplaced(inner, made.bounds):
        msg = (
            f"Field {name!r}: a value of type {type_name(inner)} has no {', '.join(wrong)}: drop "
            "it, or give the field another type."
        )
        raise SignatureError(msg)
    if made.default is not NO_DEFAULT and not accepts(made, made.default):
        remedy = ": write Optional[…]" if made.default is None else ""
        msg = (
            f"Field {name!r}: default={shown(repr(made.default), 80)} is not a value of its type "
            f"{type_name(inner)}{remedy}."
        )
        raise SignatureError(msg)
    return made


@lru_cache(maxsize=1024)
def adapter_of(annotation: Any) -> TypeAdapter[Any]:
    """Return the pydantic adapter of a type, kept for further calls; pydantic may refuse it."""
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
        return adapter_of(field_.full_type)
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

    A value of another type than the field's (a raw label) is taken as it is, but for a number that
    equals one of the type: see `equal_number`.
    """
    value = equal_number(field_, value)
    try:
        written = adapter(field_).dump_python(value, mode="json", warnings="error")
    except (ValueError, TypeError):
        written = to_jsonable_python(value, fallback=str, inf_nan_mode="constants")
    return in_order(value, written)


def equal_number(field_: Field, value: Any) -> Any:
    """Return the value of the field's type that equals the number `value`; `value` if none does.

    In a column of a table with an empty cell, whole numbers are 1.0, and true may be 1.
    """
    if not isinstance(value, int | float | Decimal) or type(value) is field_.type:
        return value
    try:
        typed = adapter(field_).validate_python(value)
    except Exception:  # noqa: BLE001 - a user's own type raises anything
        return value
    return typed if typed == value else value


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


def is_any_text(field: Field) -> bool:
    """Tell whether any text is a value of `field`."""
    arms = get_args(field.type) if get_origin(field.type) in (Union, UnionType) else (field.type,)
    return not {str, Any}.isdisjoint(arms)


def holds_any_text(field: Field) -> bool:
    """Tell whether any text is a value of `field`, or an element of one."""
    return not {str, Any}.isdisjoint((field.type, *get_args(field.type)))
