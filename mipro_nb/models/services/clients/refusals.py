"""Why a server refuses a call, read from what it says: servers differ in all but that."""

from __future__ import annotations

import re
from typing import NamedTuple

from mipro_nb.errors import (
    EmptyAnswerError,
    LMError,
    LMUnavailableError,
    PromptFilteredError,
    PromptTooLongError,
    RequestRefusedError,
)
from mipro_nb.models.calls import Call
from mipro_nb.models.tokens import count_message_tokens
from mipro_nb.runs.events import RefusalKind

# A prompt that is shorter by so much may fit, where a server does not say how long it may be.
_SHORTER = 0.75
# Gateways name their own settings in every error: "context_window_fallbacks=None".
_OWN_SETTINGS = re.compile(r"\S*fallbacks?\b\S*", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context[_ -]?(?:length|size|window|limit)|exceed_context|context the overflows"
    r"|maximum (?:context|input|prompt|number of (?:input )?tokens)|max_model_len|max_seq_len"
    r"|(?:prompt|input|messages?|request)s? (?:is|are|was|were)? ?too (?:long|large)"
    r"|too many (?:input |prompt )?tokens|(?:input|prompt) token count|max_new_tokens` must be"
    r"|reduce (?:the|your) (?:length|prompt|input|message)|shorter (?:input|prompt)|input length"
    r"|payload too large|request entity too large",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[_ ]?filter|content management polic|responsible ?ai|content ?polic\w+ ?violation"
    r"|violat\w+ (?:\S+ ){0,6}polic|usage polic|moderation|\bflagged\b|data_?inspection"
    r"|inappropriate content|content exists risk|sensitive (?:content|information|words?)"
    r"|invalid_prompt|(?:prompt|input|content) (?:was|is|has been) (?:blocked|rejected)"
    r"|safety (?:filter|system|polic|reason|setting|guideline)|prohibited[_ ]content",
    re.IGNORECASE,
)
_NUMBER = r"\(?`?([\d][\d,_]*)`?\)?"
_CONTEXT = (
    rf"n_ctx\W{{1,5}}{_NUMBER}",
    r"(?:context|maximum)[_ -](?:length|size|window|limit|input)\w*(?: of| is|:)?(?: only)? "
    + _NUMBER,
    rf"maximum context (?:length|size|window)(?: of| is|:)? {_NUMBER}",
    rf"> {_NUMBER} maximum",
    rf"tokens allowed {_NUMBER}",
    rf"must be <= {_NUMBER}",
    rf"at most {_NUMBER}",
    rf"limit(?: is|:)? {_NUMBER}",
)
_SENT = (
    rf"n_prompt_tokens\W{{1,5}}{_NUMBER}",
    rf"{_NUMBER}(?: tokens)? in (?:the|your) (?:messages|prompt|input)",
    rf"(?:request has|contains(?: at least)?|have) {_NUMBER} (?:input |prompt )?tokens",
    rf"resulted in {_NUMBER} tokens",
    rf"too (?:long|large): {_NUMBER} tokens >",
    rf"token count {_NUMBER}",
    rf"given: {_NUMBER} `?inputs",
    rf"(?:sent|requested|requested tokens|request|first) {_NUMBER}(?: tokens)?",
)


class Refusal(NamedTuple):
    """Why a call was refused.

    Attributes
    ----------
    kind
        What was wrong with it.
    context_tokens, prompt_tokens
        How long prompts may be and how long this one was, as the server counts; None where it
        does not say.
    """

    kind: RefusalKind
    context_tokens: int | None = None
    prompt_tokens: int | None = None


def kind_of(error: LMError) -> RefusalKind | None:
    """Return as what kind of refusal an error is recorded, None if it is not a refusal."""
    match error:
        case PromptTooLongError():
            return "too long"
        case PromptFilteredError():
            return "filtered"
        case RequestRefusedError():
            return "other"
        case EmptyAnswerError():
            return "empty"
        case LMUnavailableError():
            return "unavailable"
    return None


def refused_again(kind: RefusalKind, text: str, room: int | None, predictor: str | None) -> LMError:
    """Return the error of a refusal that is read from the record."""
    if kind == "filtered":
        return PromptFilteredError(text)
    if kind == "other":
        return RequestRefusedError(text)
    if kind == "empty":
        return EmptyAnswerError(text)
    error = PromptTooLongError(text)
    error.room, error.predictor = room, predictor
    return error


def refused(call: Call, said: str, shown: str) -> LMError:
    """Return the error of a call that a server refused for what it holds.

    Parameters
    ----------
    call
        The call.
    said
        What the server said.
    shown
        The same as it may be shown.
    """
    kind = refusal_in(said).kind
    if kind == "too long":
        too_long = PromptTooLongError(f"{call.model} has no room for this prompt: {shown}")
        too_long.room = int(count_message_tokens(call.messages) * _SHORTER)
        too_long.predictor = call.predictor
        return too_long
    if kind == "filtered":
        return PromptFilteredError(f"{call.model} filters this prompt: {shown}")
    return RequestRefusedError(f"{call.model} refused the call: {shown}")


def refusal_in(said: str) -> Refusal:
    """Return why a server that said this refuses a call."""
    said = _OWN_SETTINGS.sub(" ", said)
    if _TOO_LONG.search(said):
        return Refusal("too long", _first(_CONTEXT, said), _first(_SENT, said))
    return Refusal("filtered" if _FILTERED.search(said) else "other")


def _first(patterns: tuple[str, ...], said: str) -> int | None:
    for pattern in patterns:
        if match := re.search(pattern, said, re.IGNORECASE):
            number = int(re.sub(r"[,_]", "", match[1])[:12])
            if number > 0:
                return number
    return None
