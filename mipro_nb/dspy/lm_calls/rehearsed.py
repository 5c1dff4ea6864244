"""Made-up replies to a program's calls, in the form that its adapter asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import dspy

from mipro_nb.dspy.lm_calls.callers import proxy_of
from mipro_nb.dspy.signatures import own_signature
from mipro_nb.language.lms.lm_protocol import LanguageModel, LMRequest
from mipro_nb.language.signatures.signature import SignatureMeta

_TOOL, _ARGUMENTS, _FINISH = "next_tool_name", "next_tool_args", "finish"


async def made_up_reply(
    stand_in: LanguageModel,
    predictor: Any,
    messages: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
) -> str:
    """Return what `stand_in` answers to a call of `predictor`."""
    proxy = proxy_of(predictor)

    def write(_: SignatureMeta, outputs: Mapping[str, Any]) -> str:
        return written_reply(
            predictor.signature, outputs, wants_json=_wants_json(messages, options)
        )

    request = LMRequest(
        [dict(message) for message in messages],
        {},
        signature=own_signature(predictor.signature) if proxy is None else proxy.signature,
        predictor=None if proxy is None else proxy.bound_name,
        write_answer=write,
    )
    return (await stand_in.acomplete(request)).text


def adapter_in_force() -> Any:
    """Return what writes prompts here: the adapter that is configured, or DSPy's default."""
    return dspy.settings.adapter or dspy.ChatAdapter()


def written_reply(signature: Any, outputs: Mapping[str, Any], *, wants_json: bool = False) -> str:
    """Return the reply with `outputs` that the adapter in force could read."""
    values = dict(outputs)
    if _TOOL in values:  # an agent: whatever its tools do, it does not without permission
        values |= {_TOOL: _FINISH, _ARGUMENTS: {}}
    adapter = adapter_in_force()
    if wants_json and isinstance(adapter, dspy.ChatAdapter):
        adapter = dspy.JSONAdapter()
    try:
        return str(adapter.format_assistant_message_content(signature, values))
    except Exception:  # noqa: BLE001 - an adapter of the user's own, or one that asks twice
        return json.dumps(values, default=str)


def _wants_json(messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> bool:
    last = messages[-1].get("content") if messages else ""
    return "response_format" in options or "Respond with a JSON object" in str(last)
