"""A call at its worst: the most tokens that it can take, known before it is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mipro_nb.models.calls import OPTIONS, Call
from mipro_nb.models.services.known.registry import is_reasoning_model

# The longest reply of a call that names no limit; under a cap in tokens or USD it is sent along.
UNLIMITED_REPLY_TOKENS = 4096
# Hidden thoughts count as a part of the reply.
UNLIMITED_REASONING_TOKENS = 16_384
# The two names of a limit; which of them a server takes differs.
LIMITS = ("max_tokens", "max_completion_tokens")
_REPLIES = ("n", "best_of")
# What a chat template may write by itself: marks, today's date, a system prompt of its own.
_TEMPLATE_TOKENS = 128


def worst_tokens(call: Call) -> tuple[int, int]:
    """Return the most tokens that `call`, if it is sent `limited`, can read and write.

    No tokenizer makes more tokens of a text than the text has bytes. The bytes are those of all
    that is sent, tools and schemas among it.
    """
    body = _sent(call)
    longest = _limit_of(body) or unlimited_reply_tokens(call.model)
    replies = max(_whole(body.get(name)) or 1 for name in _REPLIES)
    written = longest * replies
    if "prediction" in body:  # what a reply does not take over of it is billed as if it was written
        written += _bytes(body["prediction"])
    return _bytes(body) + call.media_tokens + _TEMPLATE_TOKENS, written


def unlimited_reply_tokens(model: str) -> int:
    """Return the longest reply assumed of a call without a limit, in tokens."""
    return UNLIMITED_REASONING_TOKENS if is_reasoning_model(model) else UNLIMITED_REPLY_TOKENS


def names_limit(call: Call) -> bool:
    """Tell whether a call says how long its reply may be."""
    return _limit_of(_sent(call)) is not None


def limited(call: Call) -> Call:
    """Return `call` with a limit of its reply: its own, or the one assumed.

    A cap rests on it: it is sent under whatever name the server takes, or the call is not.
    """
    if names_limit(call):
        return replace(call, capped=True)
    parameters = _without_limits(call.parameters)
    if isinstance(parameters.get("extra_body"), Mapping):
        parameters["extra_body"] = _without_limits(parameters["extra_body"])
    fitting = LIMITS[1] if is_reasoning_model(call.model) else LIMITS[0]
    parameters[fitting] = unlimited_reply_tokens(call.model)
    return replace(call, parameters=parameters, capped=True)


def _without_limits(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in LIMITS}


def _sent(call: Call) -> dict[str, Any]:
    body = {"model": call.model, "messages": list(call.messages), **call.parameters}
    extra = body.get("extra_body")
    body = {name: value for name, value in body.items() if name not in OPTIONS}
    return {**body, **extra} if isinstance(extra, Mapping) else body


def _limit_of(body: Mapping[str, Any]) -> int | None:
    """Return the limit of a reply, None if there is none.

    Servers differ in which of two limits they heed, and some take 0 or -1 for none.
    """
    limits = [_whole(body[name]) for name in LIMITS if name in body]
    known = [limit for limit in limits if limit is not None]
    return max(known) if known and len(known) == len(limits) else None


def _whole(value: object) -> int | None:
    """Return a number as servers read it, also from a text; None if it is not above 0."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return math.ceil(number) if 0 < number < math.inf else None


def _bytes(value: object) -> int:
    text = json.dumps(value, ensure_ascii=False, skipkeys=True, default=str)
    return len(text.encode("utf-8", "surrogatepass"))
