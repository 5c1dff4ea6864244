"""One JSON object with a key for each output."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mipro_nb.language.formats.description import described
from mipro_nb.language.formats.lines import write_fields
from mipro_nb.language.formats.protocol import Found
from mipro_nb.language.reading.notation.keys import by_name, in_doubt, object_of
from mipro_nb.language.reading.notation.near_json import near_json
from mipro_nb.language.reading.notation.wrapping import unfenced, without_preface
from mipro_nb.language.reading.values import quoted
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import Field, holds_any_text, json_value
from mipro_nb.language.signatures.signature import SignatureMeta

_BEGINNING = re.compile(r"(?:```\w*\s*)?\[?\s*\{")
_OF_A_CALL = frozenset({"name", "function", "type", "id", "arguments", "parameters"})
_NO_END = "The JSON object has no end: what it says before was read."
_ASKED = "Reply with one JSON object and nothing else, in exactly this form:"


class JsonObject:
    """The format of structured outputs."""

    name = "json"
    called = "a JSON object"

    def fits(self, signature: SignatureMeta) -> bool:  # noqa: ARG002 - all formats have it
        """Tell that any signature fits."""
        return True

    def asked(self, signature: SignatureMeta) -> str:
        """Return the form of a reply, and what the values are."""
        outputs = signature.output_fields
        form = "{" + ", ".join(f'"{name}": <{name}>' for name in outputs) + "}"
        return "\n\n".join(filter(None, (f"{_ASKED}\n{form}", described(outputs.values()))))

    def write_inputs(self, signature: SignatureMeta, values: Mapping[str, Any] | Example) -> str:
        """Return a line for each input."""
        return write_fields(signature, signature.input_fields, values)

    def write_answer(self, signature: SignatureMeta, values: Mapping[str, Any] | Example) -> str:
        """Return the outputs among `values` as one object."""
        written = {
            name: json_value(field, values[name])
            for name, field in signature.output_fields.items()
            if name in values
        }
        return quoted(written)

    def find(self, signature: SignatureMeta, reply: str) -> Found:
        """Return the values of the reply's object, whatever else stands in it."""
        notes: list[str] = []
        try:
            value = near_json(reply, notes)
        except ValueError:
            return _in_half_an_object(signature, reply)
        given = _outputs_in(value, tuple(signature.output_fields))
        return Found(
            values={name: values[0] for name, values in given.items() if len(values) == 1},
            refused={name: in_doubt(values) for name, values in given.items() if len(values) > 1},
            outside=_around(reply),
            notes=tuple(notes),
        )


def _around(reply: str) -> str:
    """Return what stands around the object in `reply`."""
    if begins(reply):
        return ""
    before, fence, rest = reply.partition("```")
    if fence:
        return f"{before}\n{rest.partition('```')[2]}".strip()
    return reply[: min(place for c in "[{" if (place := reply.find(c)) >= 0)].strip()


def begins(text: str) -> bool:
    """Tell whether `text` begins with an object, maybe after words and in a fence."""
    return _BEGINNING.match(without_preface(text)) is not None


def _in_half_an_object(signature: SignatureMeta, reply: str) -> Found:
    """Return what an object without an end says for sure, and refuse the rest of what it begins."""
    text = unfenced(without_preface(reply)).strip()
    if not begins(text) or text.endswith(("}", "]", "```")) or _is_followed_by_words(text):
        return Found(before=reply)
    values: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name, field in signature.output_fields.items():
        keys = list(re.finditer(rf"(?<!\\)([\"']?)\b{re.escape(name)}\b\1\s*:\s*", text))
        if not keys:
            continue
        try:
            values[name] = _complete(field, text, keys)
        except (ValueError, RecursionError):
            refused[name] = "the JSON object has no end, and nobody can tell whether the value has"
    if not values and not refused:
        return Found(before=reply)
    return Found(values=values, refused=refused, notes=(_NO_END,))


def _is_followed_by_words(text: str) -> bool:
    """Tell whether an object is complete: then what follows it is the trouble."""
    try:
        json.JSONDecoder().raw_decode(text[text.index("{") :])
    except (ValueError, RecursionError):
        return False
    return text.count("{") <= text.count("}")


def _complete(field: Field, text: str, keys: list[re.Match[str]]) -> Any:
    """Return the value after the only key, if it goes on in no way.

    Raises
    ------
    ValueError
        If it may, or if there is none.
    """
    (key,) = keys
    value, end = json.JSONDecoder(object_pairs_hook=object_of).raw_decode(text, key.end())
    after = text[end:].strip()
    # A number may have more digits. A quote may stand within a text.
    is_open = isinstance(value, int | float) and not isinstance(value, bool)
    is_open = is_open or holds_any_text(field)
    if key[1] != '"' or (is_open if not after else after[0] not in ",}]"):
        msg = "it may go on"
        raise ValueError(msg)
    return value


def _arguments(value: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return the arguments in an object that calls a function with the outputs, others as it is."""
    if {"name", "function"} & value.keys() and value.keys() <= _OF_A_CALL - set(names):
        inner = next((value[key] for key in ("arguments", "parameters") if key in value), None)
        if isinstance(inner, str):
            try:
                inner = near_json(inner)
            except ValueError:
                return value
        if isinstance(inner, dict):
            return inner
    return value


def _outputs_in(value: Any, names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return what an object gives for each of `names`: one value, or all that it might be."""
    while True:
        if isinstance(value, list) and len(value) == 1:
            (value,) = value
        if not isinstance(value, dict):
            return {}
        value = _arguments(value, names)
        given = by_name(value, names)
        found = {name: given[name] for name in names if name in given}
        if found or len(value) != 1:
            return found
        (value,) = value.values()  # {"output": {…}}, or {"json": "{…}"}
        if isinstance(value, str) and value.lstrip().startswith("{"):
            try:
                value = near_json(value)
            except ValueError:
                return {}
