"""What LM calls took, or may have taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outlay:
    """What some calls took.

    Attributes
    ----------
    calls
        Attempts that were sent.
    tokens
        Input and output tokens together.
    usd
        Their price, as far as prices are known.
    """

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Outlay) -> Outlay:
        return Outlay(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def beyond(self, told: Outlay) -> Outlay:
        """Return what it takes more of than `told`, calls left out."""
        return Outlay(0, max(0, self.tokens - told.tokens), max(0.0, self.usd - told.usd))
