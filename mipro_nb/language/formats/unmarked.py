"""A reply without any mark, where there is one output: whether all of it is the value."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from mipro_nb.language.reading.leniency import has_fields
from mipro_nb.language.reading.notation.listed import is_json_list
from mipro_nb.language.reading.notation.near_json import near_json
from mipro_nb.language.reading.notation.wrapping import (
    unfenced,
    without_announcement,
    without_preface,
)
from mipro_nb.language.reading.parts.marks import folded, label_of
from mipro_nb.language.reading.stated import ANSWERS, boxed
from mipro_nb.language.signatures.fields import holds_any_text, is_any_text

if TYPE_CHECKING:
    from mipro_nb.language.signatures.fields import Field
    from mipro_nb.language.signatures.signature import SignatureMeta

# Names of a form, or of a message, in which models hand over their answer.
_FORM_NAMES = frozenset(
    {"outputs", "value", "name", "field", "key", "instruction", "prompt", "text", "toolcall"}
    | {"role", "content", "type", "arguments", "parameters"}
)
# Who speaks: "A: Paris".
_SPEAKERS = frozenset({"a", "q"})
# Names under which they hand over an answer that was asked for under another one. A label or a
# number under one of them is read; a text may begin so, and is asked for again.
_USUAL_NAMES = _FORM_NAMES | {folded(name) for name in ANSWERS}
_EMPTY = frozenset({"{}", "[]"})
_HERE = re.compile(
    r"(?:[^\n:]{0,60}?\b)?(?:here(?:'s|\u2019s| is| are)|this is|below is)\b", re.IGNORECASE
)
_CALL = re.compile(r"<\|?(?:tool_call|function|invoke)\b|\[TOOL_CALLS\]", re.IGNORECASE)
_TAGGED = re.compile(r"<\s*([\w-]+)\s*>.*</\s*\1\s*>", re.DOTALL)


class NoValueError(ValueError):
    """A reply of which nobody can tell the value."""


def whole(signature: SignatureMeta, asked: str, reply: str, notes: list[str] | None = None) -> str:
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
    notes
        Gets a sentence for what was left out.

    Raises
    ------
    NoValueError
        If it repeats the form, or hands the value over in a form of its own.
    """
    (output,) = signature.output_fields.values()
    text = _announced(output, without_preface(reply), [] if notes is None else notes)
    if not (inner := unfenced(text).strip()) or (inner in _EMPTY and is_any_text(output)):
        msg = "it is empty"
        raise NoValueError(msg)
    check_value(signature, asked, inner)
    return text


def _announced(output: Field, text: str, notes: list[str]) -> str:
    r"""Return what `text` announces in its own line, or concludes with; `text` if neither.

    So it does with ``answer = "42"``, ``answer -> 42``, "Here is the answer: 42", ``\boxed{42}``.
    """
    name, inner = re.escape(output.name), unfenced(text).strip()
    any_text = is_any_text(output)
    assigned = rf"{name}\s*=\s*(\"[^\"]*\"|'[^']*')" if any_text else rf"{name}\s*=\s*(.+)"
    for pattern in (assigned, rf"{name}\s*(?:->|=>|\u2192)\s*(.+)"):
        if found := re.fullmatch(pattern, inner, re.DOTALL | re.IGNORECASE):
            return found[1]
    if _HERE.match(text):
        return without_announcement(text, output.name)
    boxes = boxed(text) if any_text else []
    if len(boxes) != 1 or "\\boxed" not in text.rsplit("\n", 1)[-1]:
        return text
    notes.append("what stands around the boxed value was left out")
    return boxes[0]


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
    if _CALL.match(text):
        msg = "the reply calls a tool instead"
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
    usual = _USUAL_NAMES if is_any_text(signature.output_fields[own]) else _FORM_NAMES
    names = (usual | {folded(name) for name in signature.input_fields}) - {folded(own)}
    first = text.split("\n", 1)[0]
    label = label_of(first)
    speakers = _SPEAKERS - {folded(own)} if usual is _USUAL_NAMES else set()
    if label is not None and label in names | speakers and not is_json_list(text):
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
            is_form = is_form and not has_fields(signature.output_fields[own].type)
            if is_form and all(folded(str(key)) in names | {folded(own)} for key in value):
                return json.dumps(next(iter(value)))
    return None
