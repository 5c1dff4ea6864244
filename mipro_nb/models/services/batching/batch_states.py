"""How a batch of calls stands at its provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_GOING_ON = ("validating", "in_progress", "finalizing", "cancelling")
# A limit of tokens, or of calls, that wait in batches: OpenAI's and Azure's codes and words.
_FULL = re.compile(r"token_limit|\benqueued\b", re.IGNORECASE)
FORGOTTEN = "forgotten"
"""The status of a batch that its provider does not know, or not yet."""
NOT_BEGUN = "not begun"
"""The status of a batch that its provider does not know by our name."""

_ENDS = {"expired": "expired", "cancelled": "was cancelled", NOT_BEGUN: "was never begun"}
_ENDS_OF_CALLS = {"batch_expired": _ENDS["expired"], "batch_cancelled": _ENDS["cancelled"]}

Lines = Mapping[str, Mapping[str, Any]]
"""Custom id → what the provider says of that call."""


class Fetched(NamedTuple):
    """What came of the calls of a batch that is over.

    Attributes
    ----------
    lines
        The answers and errors.
    lacks
        What the provider has of them and does not give, a clause; "" if it gives all.
    """

    lines: Lines
    lacks: str = ""


@dataclass(frozen=True)
class BatchState:
    """How a batch stands.

    Attributes
    ----------
    status
        In the provider's word: ``"in_progress"``, ``"completed"``, ``"expired"``, …
    files
        The files of its answers and errors.
    refusal
        Code and words of why it was not taken at all; "" if it was.
    answers
        How many calls are answered, if the provider tells.
    has_answers
        Whether one of the files is that of the answers.
    """

    status: str
    files: tuple[str, ...] = ()
    refusal: str = ""
    answers: int = 0
    has_answers: bool = False

    @property
    def goes_on(self) -> bool:
        """Tell whether more is to come."""
        return self.status in _GOING_ON

    @property
    def is_full(self) -> bool:
        """Tell whether it was not taken because the provider has no room for it now."""
        return _FULL.search(self.refusal) is not None


def why_not_done(line: Mapping[str, Any] | None, state: BatchState) -> str | None:
    """Return how a batch ended before a call in it was done; None if that is not why it failed.

    Such a call is not billed.
    """
    if line is None:
        return _ENDS.get(state.status)
    error = line.get("error")
    return _ENDS_OF_CALLS.get(str(error.get("code"))) if isinstance(error, Mapping) else None
