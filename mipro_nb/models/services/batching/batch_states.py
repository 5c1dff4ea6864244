"""How a batch of calls stands at its provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_GOING_ON = ("validating", "in_progress", "finalizing", "cancelling")
_FULL = "token_limit"
NOT_BEGUN = "not begun"
"""The status of a batch that its provider does not know by our name."""

_ENDS = {"expired": "expired", "cancelled": "was cancelled", NOT_BEGUN: "was never begun"}
_ENDS_OF_CALLS = {"batch_expired": _ENDS["expired"], "batch_cancelled": _ENDS["cancelled"]}

Lines = Mapping[str, Mapping[str, Any]]
"""Custom id → what the provider says of that call."""


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
    """

    status: str
    files: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def goes_on(self) -> bool:
        """Tell whether more is to come."""
        return self.status in _GOING_ON

    @property
    def is_full(self) -> bool:
        """Tell whether it was not taken because the provider has no room for it now."""
        return _FULL in self.refusal


def why_not_done(line: Mapping[str, Any] | None, state: BatchState) -> str | None:
    """Return how a batch ended before a call in it was done; None if that is not why it failed.

    Such a call is not billed.
    """
    if line is None:
        return _ENDS.get(state.status)
    error = line.get("error")
    return _ENDS_OF_CALLS.get(str(error.get("code"))) if isinstance(error, Mapping) else None
