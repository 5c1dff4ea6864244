"""An LM class of a user's own as a service, so that calls to it pass the gate as all others do."""

from __future__ import annotations

from dataclasses import replace

from mipro_nb.language.lms.lm_protocol import LanguageModel, LMRequest
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.services.worst_case import LIMITS


class OwnClass:
    """Answers calls by ``acomplete`` of a user's object.

    Parameters
    ----------
    lm
        The user's object. Its attributes ``price``, ``concurrency`` and ``context_tokens`` are
        those of a `Service`.
    """

    def __init__(self, lm: LanguageModel) -> None:
        kind = type(lm)
        self._lm = lm
        self.name = f"{kind.__module__}.{kind.__qualname__}"
        self.price = getattr(lm, "price", None)
        self.concurrency = getattr(lm, "concurrency", None)
        self.context_tokens = getattr(lm, "context_tokens", None)

    async def send(self, call: Call) -> Answer:
        """Return the answer of the user's object, which is given what the predictor asked for."""
        request = call.request or LMRequest(call.messages)
        limits = {name: call.parameters[name] for name in LIMITS if name in call.parameters}
        if limits:
            request = replace(request, options={**request.options, **limits})
        completion = await self._lm.acomplete(request)
        return Answer(
            text=completion.text,
            truncated=completion.truncated,
            thoughts=completion.thoughts,
            problem=completion.problem,
        )
