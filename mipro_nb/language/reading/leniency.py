"""What is understood for a type beside its exact values, at every depth of the type.

A repair is made only if its result fits the type and no word is lost on the way. What may be meant
in two ways is refused.
"""

from __future__ import annotations

import json
import math
import re
import types
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import (
    Annotated,
    Any,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from mipro_nb.errors import shown
from mipro_nb.language.reading.notation.keys import (
    AmbiguousError,
    by_name,
    check_nothing_repeats,
    in_doubt,
)
from mipro_nb.language.reading.notation.listed import between_commas, in_lines
from mipro_nb.language.reading.notation.near_json import near_json
from mipro_nb.language.reading.notation.wrapping import unquoted
from mipro_nb.language.reading.words.dates import LEAST_TIMESTAMP, plain_date
from mipro_nb.language.reading.words.labels import (
    NOT_CHOSEN,
    ROUND,
    TICKED,
    NotOneOfError,
    different,
    first_line,
    labels_of,
    loosely,
    one_of,
)
from mipro_nb.language.reading.words.turning import FALSE_WORDS, SCALING, TRUE_WORDS, TURNING
from mipro_nb.language.signatures.fields import adapter_of

NONE_WORDS = frozenset({"", "none", "null", "n/a"})
_NUMBERS = (int, float, Decimal)
_DATES = (date, datetime, time)
# <5 is less than 5, [ ] 5 is not chosen: brackets go in pairs.
_AROUND_NUMBERS = ROUND.translate(dict.fromkeys(map(ord, "<>[]")))
_BRACKETED = re.compile(r"<\s*([^<>\s]+)\s*>|\[\s*([^\[\]\s]+)\s*\]")
_REMARK = re.compile(r"\s*\([^()]*\)$")
# Other capitals may be a unit: 5 PPM is not 5.
_CODES = (
    "USD|EUR|GBP|JPY|CHF|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|UAH|RUB|TRY|BRL|MXN"
    "|ARS|CLP|COP|PEN|ZAR|EGP|NGN|KES|MAD|KRW|SGD|HKD|TWD|THB|IDR|MYR|PHP|VND|PKR|BDT|ILS|AED|SAR|QAR"
)
_CURRENCY = re.compile(rf"^(?:{_CODES})(?=\s*[-+\d])|(?<=\d)\s*(?:{_CODES})$")
# A hyphen before a space is a bullet.
_SPACED_SIGN = re.compile(r"^([+\u2212])\s+(?=\d)")
_MINUS = dict.fromkeys(map(ord, "\u2212\u2013\ufe63\uff0d"), "-")
# 1,234.5; 1 234.5; 1'234.5; 1.234.567,8. A single comma or point before three digits is read as
# English has it, but for 0,500: nobody writes thousands so.
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?:([,'\u2019 \u00a0\u202f])\d{3})(?:\1\d{3})*(?:\.\d+)?")
_POINTED = re.compile(r"[-+]?[1-9]\d{0,2}(?:(?:\.\d{3}){2,}(?:,\d+)?|\.\d{3},\d+)")
_ARABIC = {0x066B: ".", 0x066C: ","}
_COUNTED = re.compile(r"\d[\d.,]*")


class NotFiniteError(NotOneOfError):
    """Infinity, a number too large, or "NaN", where a number is asked for."""


def fitted(annotation: Any, raw: Any, notes: list[str]) -> Any:
    """Return what `raw`, a text or JSON value, stands for as a value of the type `annotation`.

    Parameters
    ----------
    annotation
        The type.
    raw
        What an LM wrote: a text, or what JSON gave.
    notes
        Gets a sentence for each label that was read from a near match.

    Raises
    ------
    AmbiguousError
        If it gives two values for one field of the type.
    ValueError
        If it stands for none, or for more than one.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if arguments[0] is float and _may_be_infinite(arguments[1:]):
            return _number(raw, notes)
        return fitted(arguments[0], raw, notes)
    if origin in (Union, types.UnionType):
        return _one_arm(arguments, raw, notes)
    labels = labels_of(annotation)
    if labels is not None:
        return one_of(labels, raw, notes)
    plainly: dict[Any, Callable[[], Any]] = {
        type(None): lambda: _nothing(raw),
        bool: lambda: _truth(raw),
        **dict.fromkeys(_NUMBERS, lambda: _number(raw, notes)),
        float: lambda: _float(raw, notes),
        **dict.fromkeys(_DATES, lambda: _date(annotation, raw)),
    }
    if annotation in plainly:
        return plainly[annotation]()
    return _container(annotation, raw, notes)


def check_clear(annotation: Any, raw: Any) -> None:
    """Return unless `raw`, a JSON value, may well be another value than pydantic reads in it.

    Of two values for one field it takes the last, or that of the exact name; true becomes 1.

    Raises
    ------
    AmbiguousError
        If it does.
    NotFiniteError
        If it reads infinity or "NaN" as a number.
    """
    try:
        check_nothing_repeats(raw)
        fitted(annotation, raw, [])
    except (AmbiguousError, NotFiniteError):
        raise
    except (ValueError, RecursionError):
        return  # whether it is a value at all is said elsewhere


def _one_arm(arms: tuple[Any, ...], raw: Any, notes: list[str]) -> Any:
    """Return what `raw` stands for in a union; a text where it stands for nothing else."""
    if isinstance(raw, str) and any(labels_of(arm) and _fits(arm, raw) for arm in arms):
        return raw
    if type(None) in arms and (raw is None or (isinstance(raw, str) and _says_nothing(raw))):
        return None
    plain = [arm for arm in arms if arm in (str, Any)]
    if plain and isinstance(raw, str):
        return raw
    found, said, errors = [], [], []
    for arm in arms:
        of_arm: list[str] = []
        try:
            value = fitted(arm, raw, of_arm)
        except ValueError as error:
            errors.append(error)
            continue
        if _fits(arm, value):
            found.append(value)
            said.append(of_arm)
    if len(different(found)) == 1:
        notes += said[0]
        return found[0]
    if len(found) > 1:
        return raw  # pydantic's own order decides
    errors.sort(key=lambda error: not isinstance(error, AmbiguousError))
    raise errors[0] if errors else ValueError(f"got {shown(str(raw), 80)!r}")


def _says_nothing(text: str) -> bool:
    return loosely(text).strip("()") in NONE_WORDS and "\n" not in text.strip()


def _nothing(raw: Any) -> None:
    if raw is None or (isinstance(raw, str) and _says_nothing(raw)):
        return
    msg = f"expected nothing, got {shown(str(raw), 80)!r}"
    raise ValueError(msg)


def _truth(raw: Any) -> Any:
    if isinstance(raw, list) and len(raw) == 1:
        return _truth(raw[0])
    if not isinstance(raw, str):
        return raw
    word = "" if NOT_CHOSEN.match(raw) else loosely(TICKED.sub("", raw.strip()))
    if word in TRUE_WORDS | FALSE_WORDS:
        return word in TRUE_WORDS
    msg = f"expected true or false, got {shown(raw, 80)!r}"
    raise NotOneOfError(msg)


def _number(raw: Any, notes: list[str]) -> Any:
    if isinstance(raw, list) and len(raw) == 1:
        return _number(raw[0], notes)
    if isinstance(raw, bool):
        msg = f"expected a number, got {json.dumps(raw)}"
        raise AmbiguousError(msg)
    if not isinstance(raw, str):
        return raw
    number, remark = plain_number(raw)
    if remark:
        notes.append(f"{shown(raw.strip(), 80)!r} was read as {shown(number, 40)}")
    return number


def _date(annotation: Any, raw: Any) -> Any:
    """Return a date as pydantic reads it; it would take the year 2024 for seconds since 1970."""
    try:
        number = float(raw)
    except (TypeError, ValueError):
        return plain_date(raw) if isinstance(raw, str) and annotation is not time else raw
    if annotation is time or abs(number) < LEAST_TIMESTAMP:
        form = {date: "2024-01-31", time: "14:30"}.get(annotation, "2024-01-31T14:30")
        msg = f"expected a {annotation.__name__} such as {form}, got {shown(str(raw), 40)!r}"
        raise AmbiguousError(msg)
    return raw


def _float(raw: Any, notes: list[str]) -> Any:
    number = _number(raw, notes)
    try:
        is_finite = math.isfinite(float(number))
    except (ValueError, TypeError, OverflowError):
        return number  # pydantic says what is wrong
    if not is_finite:
        msg = f"expected a number that is finite, got {shown(str(raw), 80)!r}"
        raise NotFiniteError(msg)
    return number


def _may_be_infinite(extras: Iterable[Any]) -> bool:
    parts = [p for e in extras for p in (e.metadata if isinstance(e, FieldInfo) else [e])]
    return any(getattr(part, "allow_inf_nan", False) for part in parts)


def plain_number(text: str) -> tuple[str, str]:
    """Return the number in ``$1,234.`` or ``42 (apples)`` as Python writes it, and the remark.

    A remark that may make it another number stays in the text, and so it is refused as a number.

    >>> plain_number("$ 1,234.50 (before tax)")
    ('1234.50', '(before tax)')
    """
    line = _SPACED_SIGN.sub(r"\1", first_line(text)).translate(_MINUS).translate(_ARABIC)
    line = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in line)
    line = line.rstrip(_AROUND_NUMBERS + ". ")
    found = _REMARK.search(line)
    number = _bare_number(line[: found.start()] if found else line)
    remark = found[0].strip() if found else ""
    if not remark:
        return number, ""
    counted = {each.strip(".,").replace(",", "") for each in _COUNTED.findall(remark)}
    low = remark.casefold()
    if counted - {number} or TURNING.search(low) or SCALING.search(low):
        return line, ""
    return number, remark


def _bare_number(line: str) -> str:
    line = line.strip(_AROUND_NUMBERS + " ").rstrip(". ")
    line = "".join(c for c in line if unicodedata.category(c) != "Sc").strip()
    line = _CURRENCY.sub("", line).strip(_AROUND_NUMBERS + " ")
    if bracketed := _BRACKETED.fullmatch(line):
        line = bracketed[1] or bracketed[2]
    if grouped := _GROUPED.fullmatch(line):
        return line.replace(grouped[1], "")
    if _POINTED.fullmatch(line):
        return line.replace(".", "").replace(",", ".")
    return line


def _container(annotation: Any, raw: Any, notes: list[str]) -> Any:
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return raw
    fields = _fields_of(annotation)
    if fields is None and not issubclass(kind, Mapping | list | tuple | set | frozenset):
        return raw
    elements = _listed(kind, get_args(annotation), raw) if fields is None else None
    if elements is not None:
        notes.append(f"{shown(raw.strip(), 80)!r} was read as a list")
        return _with_elements(kind, get_args(annotation), elements, notes)
    made = near_json(raw, notes) if isinstance(raw, str) else raw
    check_nothing_repeats(made)
    if isinstance(made, dict) and fields is not None:
        return _with_fields(fields, made, notes)
    if isinstance(made, dict) and _is_list_of_objects(kind, get_args(annotation)):
        notes.append(f"{shown(json.dumps(made, default=repr), 80)!r} was read as a list")
        made = [made]
    return _with_elements(kind, get_args(annotation), made, notes)


def _is_list_of_objects(kind: type, arguments: tuple[Any, ...]) -> bool:
    return issubclass(kind, list) and any(map(has_fields, arguments))


def holds_elements(annotation: Any) -> bool:
    """Tell whether values of a type, or of a part of a union, are lists, tuples or sets."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(map(holds_elements, arguments))
    if origin is Annotated:
        return holds_elements(arguments[0])
    kind = origin or annotation
    return isinstance(kind, type) and issubclass(kind, list | tuple | set | frozenset)


def _listed(kind: type, arguments: tuple[Any, ...], raw: Any) -> list[str] | None:
    """Return the elements of a list that `raw` is, but not as JSON; None otherwise.

    A comma may be a part of a text: where elements may be any, there is one in each line.
    """
    text = raw.strip() if isinstance(raw, str) else ""
    if not issubclass(kind, list | tuple | set | frozenset) or text[:1] in ("", "[", "{"):
        return None
    types_of = [each for each in arguments if each is not ...]
    labels = [label for each in types_of for label in labels_of(each) or ()]
    if text.strip("().").casefold() in NONE_WORDS and loosely(text) not in map(loosely, labels):
        return []
    if (elements := in_lines(text)) is not None:
        return [unquoted(element) for element in elements]
    if types_of and all(map(_is_short, types_of)) and not any("," in label for label in labels):
        return between_commas(text, fractions=any(each in (float, Decimal) for each in types_of))
    return None


def _is_short(annotation: Any) -> bool:
    """Tell whether a value of a type is a number or a label."""
    return annotation in (int, float, Decimal) or labels_of(annotation) is not None


def _with_elements(kind: type, arguments: tuple[Any, ...], raw: Any, notes: list[str]) -> Any:
    if isinstance(raw, dict):
        if not issubclass(kind, Mapping):
            return raw  # pydantic says that it is not a list
        key, value = arguments or (Any, Any)
        return {fitted(key, k, notes): fitted(value, v, notes) for k, v in raw.items()}
    if not isinstance(raw, list) or not arguments:
        return raw
    if issubclass(kind, tuple) and ... not in arguments:
        # Where there are too few or too many, pydantic says so.
        paired = zip(arguments, raw, strict=True) if len(arguments) == len(raw) else ()
        return [fitted(*pair, notes) for pair in paired] or raw
    return [fitted(arguments[0], each, notes) for each in raw]


def _with_fields(fields: Mapping[str, Any], raw: dict[str, Any], notes: list[str]) -> Any:
    """Return `raw` with its keys written as the type's fields are, and its values fitted."""
    made: dict[str, Any] = {}
    for name, values in by_name(raw, fields).items():
        if name in fields and len(values) > 1:
            raise AmbiguousError(in_doubt(values, of=name))
        made[name] = fitted(fields[name], values[0], notes) if name in fields else raw[name]
    return made


def has_fields(annotation: Any) -> bool:
    """Tell whether a type is a model, a dataclass or a TypedDict."""
    return _fields_of(annotation) is not None


@lru_cache(maxsize=256)
def _fields_of(annotation: Any) -> dict[str, Any] | None:
    """Return the types of the fields of a model, dataclass or TypedDict; None for other types."""
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return None
    if issubclass(kind, BaseModel):
        return {
            field.alias or name: field.annotation for name, field in annotation.model_fields.items()
        }
    # Two modules have a TypedDict, and neither knows the other's.
    is_typed_dict = issubclass(kind, dict) and hasattr(kind, "__total__")
    if is_typed_dict or is_dataclass(kind):
        try:
            return get_type_hints(kind)
        except NameError:
            return None
    return None


def _fits(annotation: Any, value: Any) -> bool:
    try:
        adapter_of(annotation).validate_python(value)
    except ValidationError:
        return False
    return True
