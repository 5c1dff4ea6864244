"""How one value becomes text, and a text or JSON value becomes a value again.

Text is exact both ways: ``read_value(field, write_value(field, v)) == v`` for every value of every
supported type, while what LMs write loosely is understood as well. Only "NaN" and infinity, which
an LM may mean as no answer, are written and not read.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import ValidationError

from mipro_nb.errors import shown
from mipro_nb.language.reading.leniency import check_clear, fitted, holds_elements
from mipro_nb.language.reading.notation.backslashes import READ_AS_THEY_STAND, meant, unmistakable
from mipro_nb.language.reading.notation.keys import AmbiguousError, object_of
from mipro_nb.language.reading.notation.listed import is_item
from mipro_nb.language.reading.notation.wrapping import trimmed, unfenced, unwrapped
from mipro_nb.language.reading.parts import thoughts
from mipro_nb.language.reading.parts.marks import folded, label_end
from mipro_nb.language.reading.stated import boxed, explained, plainly, result, stated
from mipro_nb.language.reading.texts import bare_text
from mipro_nb.language.reading.words.explanations import is_denied
from mipro_nb.language.reading.words.labels import NotOneOfError, first_line, loosely, plain_label
from mipro_nb.language.signatures.fields import (
    Field,
    adapter,
    choices,
    is_any_text,
    json_value,
    type_name,
)

_NOTHING = object()
_IN_BRACKETS = re.compile(r"\(([^()]+)\)")
_BULLET = re.compile(r"^\s*(?:[-*+\u2022]|\d{1,2}[.)])\s+")


def write_value(field: Field, value: Any) -> str:
    """Return the exact text of `value`, one that `read_value` turns into an equal value.

    A text stands as it is. One that would be read differently (outer white space, a carriage
    return, quotes around it, nothing at all) is written as a JSON string.
    """
    if isinstance(value, str) and not _may_be_value(field, value):
        return value  # a demo's raw label: shown rather than refused
    plain = value.value if isinstance(value, Enum) else value
    if isinstance(plain, str) and _reads_back(field, plain, value):
        return plain
    return quoted(json_value(field, value))


def quoted(value: Any) -> str:
    """Return `value`, one that JSON has, as JSON text that no reader takes for anything else."""
    return thoughts.spelled_out(unmistakable(json.dumps(value, ensure_ascii=False)))


def read_value(field: Field, text: str, notes: list[str] | None = None) -> Any:
    """Return the value that `text`, as written by an LM, stands for.

    Parameters
    ----------
    field
        The field.
    text
        What was written.
    notes
        Gets a sentence for what was read from a near match.

    Raises
    ------
    ValueError
        If the text is not a value of the field's type; the message says what was expected.
    """
    text = trimmed(text)
    said: list[str] = [] if notes is None else notes
    if field.type is str:
        return bare_text(field.name, text, said)
    value = _read(field, text, said)
    if "\n" in text:
        _look_at_the_rest(field, text, value, said)
    return value


def taken_value(field: Field, value: Any, notes: list[str]) -> Any:
    """Return the field's value that `value`, out of an LM's JSON, stands for.

    Raises
    ------
    ValueError
        If it stands for none.
    """
    check_clear(field.type, value)
    try:
        return adapter(field).validate_json(json.dumps(value))
    except (ValidationError, RecursionError):
        pass
    if field.type is str:
        if value is None:
            msg = "expected a text, got null"
            raise ValueError(msg)
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list | dict):
            notes.append(f"{shown(text, 80)!r} is JSON, and was read as its text")
        return text
    if isinstance(value, str):
        return read_value(field, value, notes)
    try:
        return adapter(field).validate_python(fitted(field.type, value, notes))
    except ValidationError as error:
        raise _wrong(field, str(value), error) from None


def is_placeholder(field: Field, text: str) -> bool:
    """Tell whether `text` stands for a value in the forms that are shown to the LM, or in others.

    What is quoted in brackets is an element of a list, not the name of a field.

    >>> from mipro_nb.language.signatures.fields import Field
    >>> is_placeholder(Field("answer", "output", str, ""), "[your answer here]")
    True
    """
    if text == f"the {field.name}" or text in {"...", "\u2026"}:
        return True
    if text[:1] + text[-1:] not in {"<>", "[]", "{}"} or '"' in text or "'" in text:
        return False
    words = folded(text[1:-1])
    own = folded(field.name)
    return words in {own, f"the{own}", f"your{own}", f"your{own}here", f"insert{own}here"}


def may_go_on(field: Field, text: str) -> bool:
    """Tell whether `text`, cut off where it ends, may be the beginning of another value."""
    text = text.strip()
    if field.type is str or _is_open(field, text):
        return True
    if field.type is bool or "\n" in text:
        return False
    options = choices(field.type)
    if options is None:
        # JSON says where it ends, but for numbers and words.
        return not text.endswith(("}", "]", '"', "`"))
    if len(text) > 1 and text[0] == text[-1] == '"':
        return False
    begun = loosely(text)
    return sum(loosely(write_value(field, option)).startswith(begun) for option in options) > 1


def _is_open(field: Field, text: str) -> bool:
    """Tell whether a list may go on, or the words in which a value is stated."""
    if holds_elements(field.type):
        return _is_open_list(text)
    if _strictly(field, text) is not _NOTHING:
        return False
    return _with_explanation(field, plainly(first_line(text))) is _NOTHING


def _is_open_list(text: str) -> bool:
    """Tell whether another element may follow: nothing but a bracket or a fence ends a list."""
    ended = text[:1] in ("", "[", "{", "`") or text.endswith(("]", "}", "`"))
    return not ended or is_item(text.rsplit("\n", 1)[-1])


def _may_be_value(field: Field, value: Any) -> bool:
    options = choices(field.type)
    if options is not None:
        return value in options
    try:
        adapter(field).dump_python(value, mode="json", warnings="error")
    except (ValueError, TypeError):
        return False
    return True


def _reads_back(field: Field, plain: str, value: Any) -> bool:
    if "\r" in plain or thoughts.has_marks(plain) or is_placeholder(field, plain):
        return False
    if plain != plain.strip():
        return False
    notes: list[str] = []
    try:
        read = read_value(field, plain, notes)
    except ValueError:
        return False
    return not notes and type(read) is type(value) and bool(read == value)


def _read(field: Field, text: str, notes: list[str]) -> Any:
    try:
        return _read_as_it_stands(field, text, notes)
    except AmbiguousError:
        raise
    except ValueError:
        if is_any_text(field):
            raise
        value = _read_stated(field, text)
        if value is _NOTHING:
            raise
    told = plain_label(value)
    told = repr(told) if isinstance(told, str) else shown(str(told), 40)
    notes.append(f"{shown(text, 80)!r} was read as {told}")
    return value


def _read_as_it_stands(field: Field, text: str, notes: list[str]) -> Any:
    if choices(field.type) is not None:
        return _read_choice(field, text, notes)
    return _read_typed(field, text, notes)


def _read_stated(field: Field, text: str) -> Any:
    """Return the value that a text states in words or with an explanation, `_NOTHING` if none.

    Nor if it states more than one.
    """
    bare = plainly(unwrapped(text))
    for line in dict.fromkeys((plainly(first_line(text)), first_line(bare))):
        if (value := _with_explanation(field, line)) is not _NOTHING:
            return value
    if boxes := boxed(bare):
        return _strictly(field, plainly(boxes[0])) if len(boxes) == 1 else _NOTHING
    if "\n" not in bare and (end := result(bare)) is not None:
        return _strictly(field, end)
    found: list[Any] = []
    for said, after in stated(field.name, bare):
        plain = plainly(said)
        value = _with_explanation(field, result(plain) or plain)
        is_last = not found and after != ""
        if value is _NOTHING or (is_last and is_denied(field.type, value, after, own=True)):
            return _NOTHING
        found.append(value)
    if not found:
        return _in_last_line(field, bare)
    return found[0] if all(_are_one(found[0], each) for each in found) else _NOTHING


def _in_last_line(field: Field, text: str) -> Any:
    """Return the value that the last line of `text` is, and no other line."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) <= 1:
        return _NOTHING
    value = _strictly(field, plainly(lines.pop()))
    others = [_strictly(field, plainly(line)) for line in lines]
    return value if all(each is _NOTHING for each in others) else _NOTHING


def _with_explanation(field: Field, line: str) -> Any:
    """Return the value that `line` is, or begins with before an explanation that agrees with it."""
    if (value := _strictly(field, line)) is not _NOTHING:
        return value
    if line.endswith(("].", "}.")) and (value := _strictly(field, line[:-1])) is not _NOTHING:
        return value
    if bracketed := _IN_BRACKETS.fullmatch(line.strip("*_. ")):
        value = _strictly(field, bracketed[1])
        if value is not _NOTHING and not isinstance(value, int | float | Decimal):
            return value  # (42) may be -42
    for head, rest, is_sentence in explained(line):
        value = _strictly(field, plainly(head))
        if value is not _NOTHING and not is_denied(field.type, value, rest, own=is_sentence):
            return value
    return _NOTHING


def _strictly(field: Field, text: str) -> Any:
    notes: list[str] = []
    try:
        value = _read_as_it_stands(field, text, notes)
    except (ValueError, RecursionError):
        return _NOTHING
    return _NOTHING if notes else value


def _look_at_the_rest(field: Field, text: str, value: Any, notes: list[str]) -> None:
    """Note what follows a `value` that is the first line of `text` already.

    Raises
    ------
    ValueError
        If another value follows.
    """
    first, *rest = [line for line in unwrapped(text).split("\n") if loosely(line)]
    if not rest or not _are_one(_read_alone(field, first), value):
        return
    others = [_another(field, line[label_end(line, field.name) :]) for line in rest]
    if any(other is not _NOTHING and not _are_one(other, value) for other in others):
        msg = f"expected one value, got {shown(text, 80)!r}"
        raise ValueError(msg)
    if _NOTHING in others:
        notes.append(f"what follows {shown(first, 80)!r} was left out")


def _read_alone(field: Field, line: str) -> Any:
    try:
        return _read(field, _BULLET.sub("", line, count=1).strip(), [])
    except (ValueError, RecursionError):
        return _NOTHING


def _another(field: Field, line: str) -> Any:
    """Return the value that a line below another one has, if it is one or states one."""
    bare = _BULLET.sub("", line, count=1).strip()
    try:
        return _read_as_it_stands(field, bare, [])
    except (ValueError, RecursionError):
        pass
    if is_any_text(field):
        return _NOTHING
    found = (_with_explanation(field, plainly(said)) for said, _ in stated(field.name, bare))
    return next((value for value in found if value is not _NOTHING), _NOTHING)


def _are_one(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _read_choice(field: Field, text: str, notes: list[str]) -> Any:
    try:
        return fitted(field.type, text, notes)
    except NotOneOfError:
        bare = unwrapped(text)
        if bare == text:
            raise
        return fitted(field.type, bare, notes)


def _read_typed(field: Field, text: str, notes: list[str]) -> Any:
    body, literal = meant(unfenced(text).strip())
    reader = adapter(field)
    try:
        value = reader.validate_json(body)
    except ValidationError as error:
        why = error
    else:
        if isinstance(value, float) and not math.isfinite(value):
            check_clear(field.type, value)
        if body[:1] in "{[tf-" or body[:1].isdecimal():
            check_clear(field.type, json.loads(body, object_pairs_hook=object_of))
        if literal:
            notes.append(READ_AS_THEY_STAND)
        return value
    inner = bare_text(field.name, text, notes) if is_any_text(field) else unwrapped(text)
    try:
        return reader.validate_python(fitted(field.type, inner, notes))
    except (NotOneOfError, AmbiguousError):
        raise
    except ValidationError as error:
        why = error
    except (ValueError, RecursionError):
        pass  # that it is not JSON says more than that it could not be fixed
    raise _wrong(field, body, why)


def _wrong(field: Field, text: str, error: ValidationError) -> ValueError:
    reason = "; ".join(problem["msg"] for problem in error.errors()[:3])
    return ValueError(f"expected {type_name(field.type)}, got {shown(text, 80)!r} ({reason})")
