"""DSPy's LMs as ours: they write proposals, and tell what a plan has to know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from mipro_nb.core_loop import on_core
from mipro_nb.dspy.lm_calls.asked import Asked
from mipro_nb.dspy.lm_calls.call import (
    CLIENT_SETTINGS,
    answered,
    call_of,
    keeps_answers,
    price_of,
    server_of,
)
from mipro_nb.dspy.lm_calls.failures import ours
from mipro_nb.dspy.lm_calls.temperature import OurTemperature
from mipro_nb.dspy.versions import LM_ERRORS
from mipro_nb.errors import LMError
from mipro_nb.language.lms.lm_protocol import Completion, LMRequest
from mipro_nb.models.calls import Call
from mipro_nb.models.messages import written
from mipro_nb.models.prices import Price, listed_context
from mipro_nb.models.services.known.unpriced import unpriced_text
from mipro_nb.models.services.worst_case import LIMITS
from mipro_nb.redaction import shown_parameters, shown_url


class DSPyLM:
    """A ``dspy.LM`` that the optimizer can ask: see `mipro_nb.models.counted.CountedLM`."""

    structured_outputs = False
    prompt_format: str | None = None

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.name: str = inner.model
        self.cache = keeps_answers(inner)
        self._temperature = OurTemperature()

    @property
    def price(self) -> Price | None:
        """Return the prices of the model as its LM has them now, None if they are not known."""
        return price_of(self.inner)

    @property
    def unpriced(self) -> str | None:
        """Return why its price is not known and how to give it; None if it is known."""
        if self.price is not None:
            return None
        remedy = f"set lm.price = (input, output) of dspy.LM({self.name!r})"
        return unpriced_text(self.name, [server_of(self.inner)], remedy)

    @property
    def context_tokens(self) -> int | None:
        """Return how many tokens prompt and reply may have together, None if that is not known."""
        provider, _, model = self.name.partition("/")
        return listed_context(provider, model) if model else None

    @property
    def max_tokens(self) -> int | None:
        """Return the longest reply in tokens, None if only the server limits it."""
        return next((v for name in LIMITS if (v := self.inner.kwargs.get(name)) is not None), None)

    async def acomplete(self, request: LMRequest) -> Completion:
        """Return the answer to `request`, sent through the gate of the run it belongs to."""
        return await on_core(self._complete(request))

    async def _complete(self, request: LMRequest) -> Completion:
        options = self._options(request)
        asked = Asked(
            self.inner, (), options, type(self.inner).__call__, temperature=self._temperature
        )
        try:
            given = await answered(asked)
        except Exception as error:
            failure = ours(error)
            if failure is None and not isinstance(error, LM_ERRORS):
                raise
            raise (failure or LMError(str(error))) from None
        output = given[0]
        if isinstance(output, Mapping):
            thoughts = output.get("reasoning_content") or ""
            return Completion(output.get("text") or "", thoughts=thoughts)
        return Completion(output or "")

    def _options(self, request: LMRequest) -> dict[str, Any]:
        rollout = {"rollout_id": request.rollout} if request.rollout else {}
        return {"messages": list(request.messages), **request.options, **rollout}

    def call_for(self, request: LMRequest) -> Call:
        """Return the call that `request` leads to, without making it."""
        options = self._options(request)
        return call_of(self.inner, written(request.messages), options, request.predictor)

    def shown_settings(self) -> dict[str, Any]:
        """Return what answers and their price depend on, without anything that may be a key."""
        server, price = server_of(self.inner), self.price
        given = {
            name: value
            for name, value in self.inner.kwargs.items()
            if value is not None and name not in CLIENT_SETTINGS
        }
        return {
            "server": shown_url(server) if "://" in server else server,
            **shown_parameters(given),
            "structured_outputs": self.structured_outputs,
            "prompt_format": self.prompt_format,
            "price": price and [price.input, price.output, price.cached_input],
        }

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # programs that are copied share it

    def __repr__(self) -> str:
        return f"DSPyLM({self.name!r})"
