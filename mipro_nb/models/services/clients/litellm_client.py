"""Making one attempt at a call through LiteLLM: its errors are openai's, and so are its answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import openai

from mipro_nb.errors import LMUnavailableError, causes_of, shown
from mipro_nb.models.services.clients.client import Client
from mipro_nb.models.services.clients.dialect import Spoken
from mipro_nb.models.services.clients.status_errors import status_error
from mipro_nb.models.services.known.litellm import address_of, library, secrets_of
from mipro_nb.models.services.known.registry import Endpoint
from mipro_nb.redaction import secrets

# The gate retries, keeps answers, counts and paces: LiteLLM does none of it a second time.
_ONE_ATTEMPT: Mapping[str, Any] = {
    "num_retries": 0,
    "max_retries": 0,
    "caching": False,
    "cache": {"no-cache": True, "no-store": True},
    "no-log": True,
}
# Whose errors are those of a connection.
_HTTP = frozenset({"aiohttp", "httpcore", "httpx", "httpx2", "botocore"})
# What it says itself, before anything is sent.
_NO_ACCESS = re.compile(
    r"missing credentials|unable to locate credentials|api_key client option must be set"
    r"|missing .{0,40}api[ _]key",
    re.IGNORECASE,
)


class LiteLLMClient(Client):
    """The way to one model by LiteLLM.

    Parameters
    ----------
    endpoint
        Model, service and key.
    timeout
        Seconds after which an attempt is given up.
    stream
        Whether answers are asked for as a stream.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float, stream: bool = False) -> None:
        super().__init__(endpoint, timeout=timeout, stream=stream)
        self._library = library()
        secrets.add(secrets_of(endpoint))

    def like_this(self, endpoint: Endpoint, *, timeout: float) -> LiteLLMClient:
        """Return a client of its own for another endpoint."""
        return LiteLLMClient(endpoint, timeout=timeout, stream=self._stream)

    def _ready(self) -> None:
        """Return at once: LiteLLM opens its connections itself."""

    async def _posted(self, spoken: Spoken, seconds: float) -> object:
        """Return the chat completion.

        Raises
        ------
        LMUnavailableError
            If a library that LiteLLM needs for this service is not installed.
        openai.OpenAIError
            If the attempt failed.
        """
        endpoint = self._endpoint
        where = {"api_key": endpoint.api_key} if endpoint.has_key else {}
        if address := address_of(endpoint):
            where["api_base"] = address
        asked = {
            **spoken.call.parameters,
            "model": f"{endpoint.provider}/{endpoint.model}",
            "messages": list(spoken.call.messages),
            "timeout": seconds,
            "stream": spoken.stream,
            **where,
            **_ONE_ATTEMPT,
        }
        try:
            completion = await self._library.acompletion(**asked)
            if spoken.stream:
                completion = self._library.stream_chunk_builder([each async for each in completion])
        except Exception as error:
            raise self._as_openais(error) from error
        return completion.model_dump()

    def _as_openais(self, error: Exception) -> Exception:
        """Return an error as openai's client would raise it: LiteLLM's lack some of its parts."""
        causes = list(causes_of(error))
        said = secrets.taken_out(str(error))
        if missing := next((each for each in causes if isinstance(each, ImportError)), None):
            needed = shown(secrets.taken_out(str(missing)))
            return LMUnavailableError(f"{self.where} cannot be reached: {needed}")
        status = getattr(error, "status_code", None)
        if _NO_ACCESS.search(said):
            status = HTTPStatus.UNAUTHORIZED
        if isinstance(error, openai.APITimeoutError | TimeoutError):
            return TimeoutError(said)
        if isinstance(error, openai.APIConnectionError) or not isinstance(status, int):
            lost = any(type(each).__module__.partition(".")[0] in _HTTP for each in causes)
            return (
                openai.APIConnectionError(message=said, request=None)  # type: ignore[arg-type]
                if lost
                else (openai.OpenAIError(f"{type(error).__name__}: {said}"))
            )
        headers = getattr(getattr(error, "response", None), "headers", None)
        headers = getattr(error, "litellm_response_headers", None) or headers or {}
        return status_error(status, said, headers=dict(headers))
