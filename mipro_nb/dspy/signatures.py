"""DSPy's signatures as ours: the same fields, types and texts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mipro_nb.errors import SignatureError
from mipro_nb.language.signatures.fields import Field, adapter
from mipro_nb.language.signatures.signature import SignatureMeta, make_signature


@lru_cache(maxsize=1024)
def own_signature(signature: Any) -> SignatureMeta:
    """Return a signature of ours with the fields and the instruction of one of DSPy's.

    Raises
    ------
    SignatureError
        If it has no output.
    """
    fields: dict[str, Field] = {}
    for name, info in signature.input_fields.items():
        fields[name] = _field(Field(name, "input", info.annotation, _description(name, info)))
    for name, info in signature.output_fields.items():
        fields[name] = _field(Field(name, "output", info.annotation, _description(name, info)))
    return make_signature(signature.__name__, fields, signature.instructions)


def _description(name: str, info: Any) -> str:
    told = (info.json_schema_extra or {}).get("desc") or ""
    return "" if told == f"${{{name}}}" else str(told)


def _field(field: Field) -> Field:
    """Return `field`, of any type where pydantic has no form for its own."""
    try:
        adapter(field)
    except (SignatureError, ValueError):
        return Field(field.name, field.kind, Any, field.desc)
    return field
