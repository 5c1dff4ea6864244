"""The fields of a signature, and how one value becomes text and text becomes a value.

Text is exact both ways: ``read_value(field, write_value(field, v)) == v`` for every value of every
supported type, while what LMs write loosely (quotes, code fences, ``Yes`` for true) is
understood as well.
"""

from __future__ import annotations

import difflib
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import to_jsonable_python

from mipro_nb.errors import InvalidArgumentError, SignatureError, shown
from mipro_nb.language.bounds import NAMES, Bounds, bounded, in_words, misplaced, taken_apart

_FENCE = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
_REMARK = re.compile(r"\s*\([^()]*\)$")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_TRUE = frozenset({"true", "yes", "1", "y"})
_FALSE = frozenset({"false", "no", "0", "n"})
_QUOTES = "\"'`*"


NO_DEFAULT: Any = ...
"""Says of an input that a call has to give it; pydantic's word for that, too."""

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
    for name, value in keywords.items():
        if name in _WITHOUT_EFFECT:
            warnings.warn(
                f"{function}({name}=…) changes nothing here: say it in desc=, or in the "
                "signature's docstring.",
                stacklevel=3,
            )
        elif name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]}=? " if near else ""
            remedy = f"{meant}{function} takes {', '.join(known)}."
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
        If its type cannot have such bounds, or its default is no value of it.
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
            f"Field {name!r}: default={shown(repr(made.default), 80)} is no value of its type "
            f"{type_name(inner)}{remedy}."
        )
        raise SignatureError(msg)
    return made


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
        return _adapter_of(field_.full_type)
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


def _is_text(annotation: Any) -> bool:
    options = choices(annotation)
    return annotation is str or (options is not None and all(isinstance(o, str) for o in options))


def hint(field_: Field) -> str:
    """Return what the LM is told about the value it has to write."""
    told = _hint_of_type(field_)
    if not field_.bounds or told.startswith("JSON"):  # a schema tells the bounds itself
        return told
    words = in_words(field_.type, field_.bounds)
    return f"{told}, {words}" if told else words


def _hint_of_type(field_: Field) -> str:
    options = choices(field_.type)
    if options is not None:
        return "one of: " + ", ".join(write_value(field_, option) for option in options)
    if field_.type is str:
        return ""
    if field_.type is bool:
        return "true or false"
    if field_.type in (int, float):
        return "a whole number" if field_.type is int else "a number"
    schema = json.dumps(adapter(field_).json_schema(), ensure_ascii=False)
    return f"JSON of this schema: {schema}"


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


def write_value(field_: Field, value: Any) -> str:
    """Return the exact text of `value`, one that `read_value` turns into an equal value.

    A plain string stands as it is. One that would be read differently (outer white space, a
    carriage return, a string in JSON quotes, nothing at all) is written as a JSON string.
    """
    if isinstance(value, str):
        if _is_text(field_.type):
            return value if _stands_as_is(value) else json.dumps(value)
        if not _takes(field_, value):
            # A demo's raw label: shown rather than refused.
            return value
    return json.dumps(json_value(field_, value), ensure_ascii=False)


def _takes(field_: Field, value: Any) -> bool:
    try:
        adapter(field_).dump_python(value, mode="json", warnings="error")
    except (ValueError, TypeError):
        return False
    return True


def _stands_as_is(text: str) -> bool:
    return bool(text) and text == text.strip() and "\r" not in text and _unwrapped(text) == text


def _unfenced(text: str) -> str:
    """Return what stands in the code fence around all of `text`; `text` if there is none."""
    fenced = _FENCE.fullmatch(text)
    # A fence inside: that is two code blocks with text between them, not one block.
    if fenced is None or "\n```" in fenced.group(1):
        return text
    return fenced.group(1).strip("\n")


def _unwrapped(text: str) -> str:
    """Return `text` without the code fence or the JSON quotes around all of it."""
    text = _unfenced(text)
    quoted = text.strip()
    if len(quoted) > 1 and quoted[0] == quoted[-1] == '"':
        try:
            return str(json.loads(quoted))
        except ValueError:
            return text
    return text


def read_value(field_: Field, text: str) -> Any:
    """Return the value that `text`, as written by an LM, stands for.

    Raises
    ------
    ValueError
        If the text is no value of the field's type; the message says what was expected.
    """
    text = text.strip()
    if field_.type is str:
        return _unwrapped(text)
    options = choices(field_.type)
    if options is not None:
        return _read_choice(field_, options, text)
    if field_.type is bool:
        return _read_bool(text)
    return _read_typed(field_, text)


def may_go_on(field_: Field, text: str) -> bool:
    """Tell whether `text`, cut off where it ends, may be the beginning of another value."""
    text = text.strip()
    if field_.type is str:
        return True
    if field_.type is bool or "\n" in text:
        return False
    options = choices(field_.type)
    if options is None:
        # JSON says where it ends, but for numbers and words.
        return not text.endswith(("}", "]", '"', "`"))
    begun = _loosely(text)
    return sum(_loosely(write_value(field_, option)).startswith(begun) for option in options) > 1


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0].strip()


def _loosely(text: str) -> str:
    """Return the first line of `text` without quotes, bold, full stop and case."""
    return _first_line(text).strip(_QUOTES + ". ").casefold()


def _read_choice(field_: Field, options: tuple[Any, ...], text: str) -> Any:
    written = {write_value(field_, option): option for option in options}
    if text in written:
        return written[text]
    by_text = {str(option): option for option in options}
    exact = _unwrapped(text).strip()
    for candidate in (exact, _first_line(text)):
        if candidate in by_text:
            return by_text[candidate]
    loose = _loosely(exact)
    matching = [o for name, o in (by_text | written).items() if _loosely(name) == loose]
    if matching and all(option == matching[0] for option in matching):
        return matching[0]
    msg = f"expected one of {', '.join(written)}, got {shown(text, 80)!r}"
    raise ValueError(msg)


def _read_bool(text: str) -> bool:
    word = _loosely(_unfenced(text))
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    msg = f"expected true or false, got {shown(text, 80)!r}"
    raise ValueError(msg)


def _read_typed(field_: Field, text: str) -> Any:
    body = _unfenced(text).strip()
    attempts = [body]
    if field_.type in (int, float):
        attempts.append(_plain_number(body))
    reader = adapter(field_)
    errors: list[ValidationError] = []
    for attempt in attempts:
        for read in (reader.validate_json, reader.validate_python):
            try:
                return read(attempt)
            except ValidationError as error:
                errors.append(error)
    reason = "; ".join(problem["msg"] for problem in errors[0].errors()[:3])
    msg = f"expected {type_name(field_.type)}, got {shown(body, 80)!r} ({reason})"
    raise ValueError(msg)


def _plain_number(text: str) -> str:
    """Return the number in ``$1,234.`` or ``42 (forty-two)`` as Python writes it."""
    line = _REMARK.sub("", _first_line(text).rstrip(_QUOTES + ". "))
    line = line.lstrip(_QUOTES + "$ ").rstrip(_QUOTES + ". ")
    return line.replace(",", "") if _THOUSANDS.fullmatch(line) else line
