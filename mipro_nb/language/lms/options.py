"""Options of LM calls: which are used, and which would be paid for and dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mipro_nb.arguments import misspelled, snake_case
from mipro_nb.checks import Temperature, check
from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError
from mipro_nb.language.from_dspy import dspy_names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# What servers take that is often written.
_SERVERS = (
    "temperature", "max_tokens", "max_completion_tokens", "seed", "top_p", "top_k", "min_p",
    "stop", "frequency_penalty", "presence_penalty", "repetition_penalty", "reasoning_effort",
    "logprobs", "top_logprobs", "logit_bias", "response_format", "verbosity", "service_tier",
    "user", "metadata", "extra_headers", "extra_body", "extra_query", "timeout", "grammar",
    "store", "safety_identifier", "prompt_cache_key",
)  # fmt: skip
# What an LM takes itself, and never sends.
_LMS = (
    "api_key", "base_url", "api_base", "cache", "price", "num_retries", "service", "stream",
    "structured_outputs",
)  # fmt: skip
_KNOWN = (*_SERVERS, *_LMS, "rollout", "prompt_format")
# Stricter than for our own parameters: servers have many, and some are alike.
_ALIKE = 0.85

# What is written for one of these names, and would be sent to the server as it is.
_OPTIONS_MEANT = {
    "address": "base_url", "base": "base_url", "server": "base_url",
    "auth": "api_key", "key": "api_key", "openai_key": "api_key",
    "retries": "num_retries", "retry": "num_retries", "max_retries": "num_retries",
    "temp": "temperature", "format": "prompt_format", "output_format": "prompt_format",
    "streaming": "stream",
}  # fmt: skip
_INSTRUCTION = "give the instruction to the signature: Signature('a -> b', 'Be brief.')."
_MODEL = "name the model as the first argument of LM(…)."
_ELSEWHERE = {
    "instruction": _INSTRUCTION, "instructions": _INSTRUCTION, "prompt": _INSTRUCTION,
    "system": _INSTRUCTION, "system_prompt": _INSTRUCTION,
    "model": _MODEL, "model_id": _MODEL, "model_name": _MODEL,
    "messages": "they are written from the signature; ChatPrompt(messages) takes your own.",
}  # fmt: skip
_OF_PREDICTORS = {
    "demos": "set them on the predictor: predict.demos = […].",
    "lm": "set it on the predictor: predict.lm = LM(…); program.set_lm(LM(…)) does so for all.",
    "name": "a predictor's name is that of the attribute it is kept in: drop it.",
}

_SECRETS = frozenset({
    "apikey", "auth", "authorization", "bearer", "credential", "credentials", "passwd", "password",
    "pwd", "secret",
})  # fmt: skip
_SECRETS_LAST = frozenset({"key", "keys", "token"})
_ADDRESSES = frozenset({"baseurl", "endpoint", "host", "hostname", "port", "uri", "url"})


def check_options(options: Mapping[str, Any]) -> None:
    """Return if all `options` of a predictor's calls are used.

    What only the server knows is passed on to it.

    Raises
    ------
    InvalidArgumentError
        If one asks for several replies, is not a valid temperature, cannot be sent, is an LM's or
        a predictor's own or is another word for a known one, or may be a key or an address.
    """
    for name, value in options.items():
        if name in _LMS:
            remedy = f"it is the LM's: set predict.lm = LM(…, {name}=…)."
            raise InvalidArgumentError(name, NOT_SHOWN, remedy)
        if said := told_of_option(name) or _why_not(name, value, of_lm=False):
            raise InvalidArgumentError(name, NOT_SHOWN, said)
    _check_values(options)
    _check_encodable(options)


def told_of_option(name: str) -> str:
    """Return where something is given that a predictor's calls do not take; empty if they may."""
    return _OF_PREDICTORS.get(name) or _ELSEWHERE.get(name, "")


def check_lm_options(
    options: Mapping[str, Any], others: Collection[str] = (), *, encoded: bool = True
) -> None:
    """Return if all `options` of an LM are used, as `check_options` does.

    Parameters
    ----------
    options
        What it is given that is not its own parameter.
    others
        Further names that are known where it sends its calls.
    encoded
        Whether they are sent as JSON.
    """
    for name, value in options.items():
        if name == "rollout":
            remedy = "it is a predictor's: Predict(…, rollout=…)."
            raise InvalidArgumentError(name, value, remedy)
        if name not in others and (said := _why_not(name, value, of_lm=True)):
            raise InvalidArgumentError(name, NOT_SHOWN, said)
    _check_values(options)
    if encoded:
        _check_encodable(options)


def _check_values(options: Mapping[str, Any]) -> None:
    if options.get("n") not in (None, 1):
        raise InvalidArgumentError(
            "n",
            options["n"],
            "only one reply of a call is read, and all would be paid for: drop it, and call as "
            "often as you want replies; at a temperature above 0 each call is a draw of its own.",
        )
    if (heat := options.get("temperature")) is not None:
        check("temperature", heat, Temperature)


def _check_encodable(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            remedy = "it is sent as JSON, which has no such value: give texts, numbers, lists."
            raise InvalidArgumentError(name, type(value), remedy) from None


def _why_not(name: str, value: Any, *, of_lm: bool) -> str:
    """Return why an option is refused that is none of ours; "" if a server may know it."""
    if name in _KNOWN:
        return ""
    word = snake_case(name)
    if said := dspy_names.told("parameter", name, dspy_names.OPTIONS) or _ELSEWHERE.get(word, ""):
        return said
    near = misspelled(word, _KNOWN, cutoff=_ALIKE)
    meant = _OPTIONS_MEANT.get(word) or near or _meant_by_look(word, value)
    if not meant:
        return ""
    place = f"{meant}=" if of_lm or meant not in _LMS else f"LM(…, {meant}=…)"
    return f"did you mean {place}? If the server takes {name}=, give it in extra_body=."


def _meant_by_look(word: str, value: Any) -> str:
    """Return what somebody means by a name that looks like that of a key or of an address."""
    parts = word.split("_")
    if _ADDRESSES.intersection(parts) or word.endswith("api_base"):
        return "base_url"
    # A server may have switches such as ban_eos_token.
    may_be_secret = value is not None and not isinstance(value, bool | int | float)
    if may_be_secret and (_SECRETS.intersection(parts) or parts[-1] in _SECRETS_LAST):
        return "api_key"
    return ""
