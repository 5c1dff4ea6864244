"""What LM calls took, or may have taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
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

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def beyond(self, told: Usage) -> Usage:
        """Return what it takes more of than `told`, calls left out."""
        return Usage(0, max(0, self.tokens - told.tokens), max(0.0, self.usd - told.usd))
