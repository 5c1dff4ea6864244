"""Options of LM calls: which are used, and which would be paid for and dropped."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from mipro_nb.checks import Temperature, check
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language import dspy_names

if TYPE_CHECKING:
    from collections.abc import Mapping

# What servers take that is often written, and what LM takes itself.
_KNOWN = (
    "temperature", "max_tokens", "max_completion_tokens", "seed", "top_p", "top_k", "min_p",
    "stop", "frequency_penalty", "presence_penalty", "repetition_penalty", "reasoning_effort",
    "logprobs", "top_logprobs", "logit_bias", "response_format", "verbosity", "service_tier",
    "user", "metadata", "extra_headers", "extra_body", "extra_query", "timeout", "grammar",
    "store", "safety_identifier", "prompt_cache_key", "rollout", "api_key", "base_url",
    "api_base", "cache", "price", "num_retries", "structured_outputs",
    "prompt_format",
)  # fmt: skip
_HIDDEN = "(not shown)"  # somebody may have put a key here


def check_options(options: Mapping[str, Any], *known: str) -> None:
    """Return if all `options` are used; what only the server knows is passed on to it.

    Parameters
    ----------
    options
        Options of an LM or of a predictor's calls.
    *known
        Further names that there are.

    Raises
    ------
    InvalidArgumentError
        If one asks for several replies, is not a valid temperature, or is a known name misspelled.
    """
    if options.get("n") not in (None, 1):
        raise InvalidArgumentError(
            "n",
            options["n"],
            "only one reply of a call is read, and all would be paid for: drop it, and call as "
            "often as you want replies; at a temperature above 0 each call is a draw of its own.",
        )
    if (heat := options.get("temperature")) is not None:
        check("temperature", heat, Temperature)
    names = (*_KNOWN, *known)
    for name in options:
        if name in names:
            continue
        if said := dspy_names.told("parameter", name, dspy_names.OPTIONS):
            raise InvalidArgumentError(name, _HIDDEN, said)
        if near := difflib.get_close_matches(name, names, 1, cutoff=0.85):
            raise InvalidArgumentError(
                name,
                _HIDDEN,
                f"did you mean {near[0]}=? If the server takes {name}=, give it in extra_body=.",
            )
