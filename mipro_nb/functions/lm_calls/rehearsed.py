"""Made-up replies to a function's calls, in the form that each call asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mipro_nb.functions.apis.protocol import Wanted
from mipro_nb.functions.turns import reply_of
from mipro_nb.language.lms.lm_protocol import LanguageModel, LMRequest, Message
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import Field
from mipro_nb.language.signatures.signature import SignatureMeta, make_signature
from mipro_nb.optimizer.estimating.rehearsing.made_up import made_up_json

_OF_NO_PROMPT = make_signature(
    "Call", {"text": Field("text", "input"), "reply": Field("reply", "output")}, "Reply."
)


def labels_in(stand_in: LanguageModel) -> Mapping[str, Any]:
    """Return the labels of the row that is rehearsed."""
    row = getattr(stand_in, "row", None)
    return row.labels().to_dict() if isinstance(row, Example) else {}


async def made_up_reply(
    stand_in: LanguageModel,
    messages: list[Message],
    wanted: Wanted,
    signature: SignatureMeta | None,
    name: str | None,
) -> str:
    """Return what `stand_in` answers: a text, or the JSON that is `wanted`."""
    labels = labels_in(stand_in)

    def write(_: SignatureMeta, outputs: Mapping[str, Any]) -> str:
        if wanted.kind == "text":
            return reply_of(labels or outputs, as_json=False)
        return _filled(wanted.schema, {**outputs, **labels})

    request = LMRequest(
        messages or [{"role": "user", "content": ""}],
        signature=signature or _OF_NO_PROMPT,
        predictor=name,
        write_answer=write,
    )
    return (await stand_in.acomplete(request)).text


def _filled(schema: Mapping[str, Any] | None, values: Mapping[str, Any]) -> str:
    """Return the JSON that a schema describes, with `values` where the names match."""
    made = dict(values) if not schema else made_up_json(schema)
    if isinstance(made, dict) and schema:
        made |= {name: values[name] for name in schema.get("properties", {}) if name in values}
    return json.dumps(made, ensure_ascii=False, default=str)
