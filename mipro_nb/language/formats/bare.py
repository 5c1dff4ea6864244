"""The value alone, where a signature has one output."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from mipro_nb.language.formats.description import listed
from mipro_nb.language.formats.json_object import JsonObject
from mipro_nb.language.formats.lines import Lines, write_fields
from mipro_nb.language.formats.protocol import Found
from mipro_nb.language.formats.tags import Tags
from mipro_nb.language.formats.unmarked import NoValueError, whole
from mipro_nb.language.reading.notation.backslashes import meant
from mipro_nb.language.reading.values import quoted, write_value
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import choices, json_value
from mipro_nb.language.signatures.signature import SignatureMeta

_ASKED = "Answer with the value of this field and nothing else:"


class Bare:
    """The format of a bare value."""

    name = "value"
    called = "the value alone"

    def fits(self, signature: SignatureMeta) -> bool:
        """Tell whether there is one output."""
        return len(signature.output_fields) == 1

    def asked(self, signature: SignatureMeta) -> str:
        """Return which value to reply with, and what it is."""
        (output,) = signature.output_fields.values()
        return f"{_ASKED}\n{listed(output)}"

    def write_inputs(self, signature: SignatureMeta, values: Mapping[str, Any] | Example) -> str:
        """Return a line for each input."""
        return write_fields(signature, signature.input_fields, values)

    def write_answer(self, signature: SignatureMeta, values: Mapping[str, Any] | Example) -> str:
        """Return the value."""
        (output,) = signature.output_fields.values()
        text = write_value(output, values[output.name])
        if text in labels_of(signature) or _stands_alone(signature, self.asked(signature), text):
            return text
        text = quoted(json_value(output, values[output.name]))
        # A text in quotes is read as such; in a list or an object, a tag would be taken for one.
        return text if text.startswith('"') else text.replace("<", "\\u003c")

    def find(self, signature: SignatureMeta, reply: str) -> Found:
        """Return the reply if it is a text in quotes or one of the output's labels.

        Any other may be in another format, or in none.
        """
        (output,) = signature.output_fields.values()
        text = reply.strip()
        if text in labels_of(signature):
            return Found({output.name: text}, last=output.name)
        if text[:1] == '"':
            try:
                return Found({output.name: quoted(json.loads(meant(text)[0]))})
            except ValueError:
                pass
        return Found(before=reply)


@lru_cache(maxsize=256)
def labels_of(signature: SignatureMeta) -> Sequence[str]:
    """Return the texts of which a reply is one, empty unless there is one output of few values."""
    output, *others = signature.output_fields.values()
    if others:
        return ()
    values = (True, False) if output.type is bool else choices(output.type) or ()
    return tuple(write_value(output, value) for value in values)


def _stands_alone(signature: SignatureMeta, asked: str, text: str) -> bool:
    """Tell whether `text` is read as a value although nothing marks it."""
    if any(len(each.find(signature, text)) for each in (Lines(), Tags(), JsonObject())):
        return False
    try:
        return whole(signature, asked, text) == text
    except NoValueError:
        return False
