"""One JSON object with a key for each output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mipro_nb.language.example import Example
from mipro_nb.language.fields import json_value
from mipro_nb.language.formats.description import described
from mipro_nb.language.formats.lines import write_fields
from mipro_nb.language.formats.protocol import Found
from mipro_nb.language.keys import by_name, in_doubt
from mipro_nb.language.near_json import near_json
from mipro_nb.language.signature import SignatureMeta
from mipro_nb.language.values import quoted

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
            return Found(before=reply)
        given = _outputs_in(value, tuple(signature.output_fields))
        return Found(
            values={name: values[0] for name, values in given.items() if len(values) == 1},
            refused={name: in_doubt(values) for name, values in given.items() if len(values) > 1},
            notes=tuple(notes),
        )


def _outputs_in(value: Any, names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return what an object gives for each of `names`: one value, or all that it might be."""
    while True:
        if isinstance(value, list) and len(value) == 1:
            (value,) = value
        if not isinstance(value, dict):
            return {}
        given = by_name(value, names)
        found = {name: given[name] for name in names if name in given}
        if found or len(value) != 1:
            return found
        (value,) = value.values()  # {"output": {…}}
