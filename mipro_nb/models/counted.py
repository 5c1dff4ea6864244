"""LMs whose calls pass the gate: they are counted, capped, kept, and answered when it resumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from mipro_nb.language.lms.lm_protocol import Completion, LMRequest
from mipro_nb.models.calls import Call
from mipro_nb.models.prices import Price


@runtime_checkable
class CountedLM(Protocol):
    """An LM of whose calls all is known before they are sent.

    Attributes
    ----------
    name, structured_outputs
        As in `LanguageModel`.
    cache
        Whether equal calls are answered from the record.
    """

    name: str
    structured_outputs: bool
    cache: bool

    @property
    def price(self) -> Price | None:
        """Return the prices of the model, None if they are not known."""
        ...

    @property
    def unpriced(self) -> str | None:
        """Return why its price is not known and how to give it; None if it is known."""
        ...

    @property
    def context_tokens(self) -> int | None:
        """Return how many tokens prompt and reply may have together, None if that is not known."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """Return the longest reply in tokens, None if only the server limits it."""
        ...

    async def acomplete(self, request: LMRequest) -> Completion:
        """Return the answer to `request`; may be awaited on any event loop."""
        ...

    def call_for(self, request: LMRequest) -> Call:
        """Return the call that `request` leads to, without making it."""
        ...

    def shown_settings(self) -> Mapping[str, Any]:
        """Return what answers and their price depend on, without anything that may be a key."""
        ...
