"""A reply without any mark, where there is one output: whether all of it is the value."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from mipro_nb.language.reading.listed import is_json_list
from mipro_nb.language.reading.marks import folded, label_of
from mipro_nb.language.reading.near_json import near_json
from mipro_nb.language.reading.wrapping import unfenced, without_preface
from mipro_nb.language.signatures.fields import holds_any_text

if TYPE_CHECKING:
    from mipro_nb.language.signatures.signature import SignatureMeta

# Names under which models hand over an answer that was asked for under another one.
_USUAL_NAMES = frozenset(
    {"answer", "finalanswer", "output", "outputs", "response", "result", "reply", "value", "name"}
    | {"field", "key", "instruction", "prompt", "text", "label", "prediction"}
)
_TAGGED = re.compile(r"<\s*([\w-]+)\s*>.*</\s*\1\s*>", re.DOTALL)


class NoValueError(ValueError):
    """A reply of which nobody can tell the value."""


def whole(signature: SignatureMeta, asked: str, reply: str) -> str:
    """Return the value that `reply` is, without a preface.

    A fence around it stays: within it, the value keeps its indentation.

    Parameters
    ----------
    signature
        Has one output.
    asked
        What the LM was told about the form of a reply.
    reply
        A reply in which no format found the output.

    Raises
    ------
    NoValueError
        If it repeats the form, or hands the value over in a form of its own.
    """
    text = without_preface(reply)
    if not (inner := unfenced(text).strip()):
        msg = "it is empty"
        raise NoValueError(msg)
    check_value(signature, asked, inner)
    return text


def check_value(signature: SignatureMeta, asked: str, text: str) -> None:
    """Return if `text`, which is not empty, may be the value; parameters are those of `whole`.

    Raises
    ------
    NoValueError
        If it repeats the form, or hands the value over in a form of its own.
    """
    if _repeats(asked, text, signature):
        msg = "the reply repeats the form instead of filling it in"
        raise NoValueError(msg)
    if (name := _foreign_mark(signature, text)) is not None:
        msg = f"the reply names a field {name!r} instead"
        raise NoValueError(msg)
    if _is_in_objects(signature, text):
        msg = "the reply has it in JSON that cannot be read, or more than once"
        raise NoValueError(msg)


def _repeats(asked: str, text: str, signature: SignatureMeta) -> bool:
    (name,) = signature.output_fields
    forms = {folded(line) for line in asked.split("\n") if line.strip()}
    lines = [folded(line) for line in text.split("\n") if line.strip()]
    own = folded(name)
    return text == f"<{name}>" or any(line and (line in forms or line == own) for line in lines[:3])


def _is_in_objects(signature: SignatureMeta, text: str) -> bool:
    """Tell whether a reply that may be any text has the output as a key of an object.

    No format found it there: the object is broken, is one of several, or has words around it.
    """
    (output,) = signature.output_fields.values()
    if "{" not in text or not holds_any_text(output):
        return False
    if text[0] in "{[":
        with contextlib.suppress(ValueError):
            return _has_key(near_json(text), folded(output.name))
    key = rf"\{{\s*[\"']?{re.escape(output.name)}[\"']?\s*:"
    is_last = text.endswith(("}", "]", "```"))
    return re.search(key if is_last else rf"(?m)^[ \t\[]*{key}", text, re.IGNORECASE) is not None


def _has_key(value: Any, key: str) -> bool:
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if any(folded(str(name)) == key for name in each):
                return True
            left += each.values()
        elif isinstance(each, list):
            left += each
    return False


def _foreign_mark(signature: SignatureMeta, text: str) -> str | None:
    """Return the name of a field that is not asked for, under which the reply gives its value."""
    (own,) = signature.output_fields
    names = (_USUAL_NAMES | {folded(name) for name in signature.input_fields}) - {folded(own)}
    first = text.split("\n", 1)[0]
    label = label_of(first)
    if label is not None and label in names and not is_json_list(text):
        return label
    tagged = _TAGGED.fullmatch(text)
    if tagged and folded(tagged[1]) in names:
        return tagged[1]
    if text[0] in "{[":
        try:
            value = near_json(text)
        except ValueError:
            return None
        if isinstance(value, dict) and value:
            # {"name": "answer", "value": …} is a form; of another type, it may be the value.
            is_form = len(value) == 1 or signature.output_fields[own].type is str
            if is_form and all(folded(str(key)) in names | {folded(own)} for key in value):
                return json.dumps(next(iter(value)))
    return None
