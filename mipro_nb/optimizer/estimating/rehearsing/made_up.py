"""Made-up answers: plain values of a field's type, where no LM may be asked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mipro_nb.language.signatures.fields import Field, adapter

_TEXT = "A sentence or two of plausible text stands here in place of what the model will write."
_REASONING_SENTENCES = 3
_FORMATS: Mapping[str, str] = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00",
    "time": "00:00:00",
    "duration": "PT1H",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "email": "somebody@example.com",
}
_DEEPEST = 5

Schema = Mapping[str, Any]


def made_up(field: Field, turn: int = 0) -> Any:
    """Return a plain value of the field's type; of a few choices, another one each `turn`."""
    if field.name == "reasoning" and field.type is str:
        return " ".join([_TEXT] * _REASONING_SENTENCES)
    if field.type is str and not field.bounds:
        return _TEXT
    reader = adapter(field)
    schema = reader.json_schema()
    value = _Choices(schema.get("$defs", {}), turn).of(schema, 0)
    try:
        return reader.validate_json(json.dumps(value))
    except ValidationError:
        return value  # the type has rules that its schema does not tell


def made_up_json(schema: Schema) -> Any:
    """Return a plain value that a JSON schema describes."""
    return _Choices(schema.get("$defs", {}), 0).of(schema, 0)


@dataclass(frozen=True)
class _Choices:
    definitions: Mapping[str, Schema]
    turn: int

    def of(self, schema: Schema, depth: int) -> Any:  # noqa: C901, PLR0911 - kinds
        """Return the JSON value that a schema's choices lead to."""
        if "$ref" in schema:
            return self.of(self.definitions[schema["$ref"].rsplit("/", 1)[-1]], depth + 1)
        for chosen in ("const", "default"):
            if chosen in schema:
                return schema[chosen]
        if "enum" in schema:
            return schema["enum"][self.turn % len(schema["enum"])]
        for union in ("anyOf", "oneOf", "allOf"):
            if union in schema:
                # What ends is last in recursive types ("Node | None"), what is usual is first.
                return self.of(schema[union][-1 if depth > _DEEPEST else 0], depth + 1)
        match schema.get("type"):
            case "object":
                properties = schema.get("properties", {})
                wanted = schema.get("required", ())
                return {name: self.of(properties[name], depth + 1) for name in wanted}
            case "array":
                items = [self.of(item, depth + 1) for item in schema.get("prefixItems", ())]
                missing = range(len(items), schema.get("minItems", 0))
                return items + [self.of(schema.get("items", {}), depth + 1) for _ in missing]
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return self.turn % 2 == 0
            case "null":
                return None
            case _:
                text = _FORMATS.get(schema.get("format", ""), _TEXT)
                repeated = text * (1 + schema.get("minLength", 0) // len(text))
                return repeated[: schema.get("maxLength", len(repeated))]


def _number(schema: Schema) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        middle = (low + high) / 2
        return float(middle) if schema["type"] == "number" else math.ceil(middle)
    if low is not None:
        return low if "minimum" in schema else low + 1  # type: ignore[no-any-return]
    if high is not None:
        return high if "maximum" in schema else high - 1  # type: ignore[no-any-return]
    return 1
