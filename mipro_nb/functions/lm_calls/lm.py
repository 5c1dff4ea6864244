"""The LMs that a function asks by itself, as a plan has to know them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Self

from mipro_nb.errors import ProgramError
from mipro_nb.functions.executions import Observed
from mipro_nb.language.lms.lm_protocol import Completion, LMRequest
from mipro_nb.models.calls import Call
from mipro_nb.models.prices import Price
from mipro_nb.models.services.known.unpriced import unpriced_text
from mipro_nb.models.services.worst_case import LIMITS
from mipro_nb.redaction import shown_parameters, shown_url

_TYPICAL = 1_000


class OwnLM:
    """What a function asks: known by its calls in the rehearsal, and asked by the function alone.

    See `mipro_nb.models.counted.CountedLM`.
    """

    structured_outputs = False
    prompt_format: str | None = None
    cache = True

    def __init__(self, function: str, observed: Observed, price: Price | None) -> None:
        self.function, self._observed, self._price = function, observed, price

    @property
    def calls(self) -> Sequence[Call]:
        """Return a call to each model, as far as they are known."""
        return list(self._observed.calls.values())

    @property
    def name(self) -> str:
        """Return the models that are asked."""
        return ", ".join(self._observed.calls) or f"the LM of {self.function}"

    @name.setter
    def name(self, _: str) -> NoReturn:
        raise AttributeError

    @property
    def price(self) -> Price | None:
        """Return the prices of the dearest model, None if one is not known."""
        prices = [call.price for call in self.calls]
        known = [price for price in prices if price is not None]
        if not known or len(known) < len(prices):
            return self._price
        return max(known, key=lambda price: price.usd(_TYPICAL, _TYPICAL))

    @property
    def unpriced(self) -> str | None:
        """Return why its price is not known and how to give it; None if it is known."""
        if self.price is not None:
            return None
        lacking = [call for call in self.calls if call.price is None]
        models = ", ".join(dict.fromkeys(call.model for call in lacking)) or self.name
        remedy = f"give mipro.program({self.function}, …, price=(input, output))"
        return unpriced_text(models, [call.server for call in lacking], remedy)

    @property
    def context_tokens(self) -> int | None:
        """Return None: prompts that are too long are found out when they are sent."""
        return None

    @property
    def max_tokens(self) -> int | None:
        """Return the longest reply in tokens, None if only the server limits it."""
        limits = [
            next((call.parameters[n] for n in LIMITS if n in call.parameters), None)
            for call in self.calls
        ]
        known = [limit for limit in limits if isinstance(limit, int)]
        return max(known) if known and len(known) == len(limits) else None

    async def acomplete(self, request: LMRequest) -> Completion:
        """Refuse: it is asked by the function alone."""
        del request
        msg = f"{self.name} is asked by {self.function} alone: give prompt_model for proposals."
        raise ProgramError(msg)

    def call_for(self, request: LMRequest) -> Call:
        """Return a call as the function makes it."""
        del request
        if self.calls:
            return self.calls[0]
        return Call(self.name, "", [], {}, 0, cache=True, price=self.price)

    def shown_settings(self) -> dict[str, Any]:
        """Return what answers and their price depend on, without anything that may be a key."""
        price = self.price
        return {
            "server": ", ".join(dict.fromkeys(shown_url(call.server) for call in self.calls)),
            "model": self.name,
            **(shown_parameters(self.calls[0].parameters) if self.calls else {}),
            "price": price and [price.input, price.output, price.cached_input],
        }

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        return f"OwnLM({self.name!r})"
