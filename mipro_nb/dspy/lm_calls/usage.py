"""The tokens of an answer, as DSPy's usage trackers count them, wherever it comes from."""

from __future__ import annotations

from typing import Any

import dspy

from mipro_nb.models.calls import Answer


def tell_usage(lm: Any, answer: Answer) -> None:
    """Tell DSPy's usage tracker, where there is one, of an answer: whether sent, kept or made up.

    A metric may score by it, and scores shall be the same where a run is repeated or resumed.
    """
    tracker = dspy.settings.usage_tracker
    if tracker is None:
        return
    tracker.add_usage(lm.model, usage_of(answer))


def usage_of(answer: Answer) -> dict[str, Any]:
    """Return the tokens of an answer, as DSPy has them."""
    read, wrote = answer.input_tokens, answer.output_tokens
    return {
        "prompt_tokens": read,
        "completion_tokens": wrote,
        "total_tokens": read + wrote,
        "prompt_tokens_details": {"cached_tokens": answer.cached_input_tokens},
    }
