"""Sending one call through openai's async client, and what its failures mean to a person."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import openai
from openai import AsyncOpenAI, DefaultAioHttpClient
from openai.resources.chat import AsyncCompletions
from openai.types.chat import ChatCompletion

from mipro_nb.core_loop import CoreLoop, core
from mipro_nb.errors import LMError, LMUnavailableError, shown
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.providers import Endpoint
from mipro_nb.models.tokens import count_message_tokens, count_tokens

_KNOWN_ARGUMENTS = frozenset(inspect.signature(AsyncCompletions.create).parameters)
# Nothing answers at the address, as opposed to a connection that was lost.
_NO_CONNECTION = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    ConnectionRefusedError,
)
# A shorter key is a placeholder, such as "none", and may well be a word of the message.
_SHORTEST_SECRET = 4


class Client:
    """The connection to one endpoint, opened on the core loop at the first call.

    Parameters
    ----------
    endpoint
        Model, server and key.
    timeout
        Seconds after which a call is given up and tried again.
    num_retries
        How often a call is tried again after 429, 5xx, a time-out or a lost connection;
        Retry-After is honoured (openai's client does both).
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float, num_retries: int) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._num_retries = num_retries
        self._openai: AsyncOpenAI | None = None
        self._loop: CoreLoop | None = None

    async def send(self, call: Call) -> Answer:
        """Return the server's answer; runs on the core loop.

        Raises
        ------
        LMUnavailableError
            If no call to this endpoint can succeed.
        LMError
            If this call failed.
        """
        try:
            completion = await self._connected().chat.completions.create(
                model=call.model,
                messages=list(call.messages),  # type: ignore[arg-type]
                **_arguments(call.parameters),
            )
        except (openai.OpenAIError, aiohttp.ClientError, ValueError, TypeError) as error:
            failure = self._explained(error)
        else:
            return self._answer(call, completion)
        # Not inside the except block: the client's own error, which holds the request and with it
        # the key, shall not hang on to ours.
        raise failure

    def _connected(self) -> AsyncOpenAI:
        loop = core()
        if self._openai is None or self._loop is not loop:  # after a fork there is a new loop
            self._loop = loop
            self._openai = AsyncOpenAI(
                api_key=self._endpoint.api_key,
                base_url=self._endpoint.base_url,
                timeout=self._timeout,
                max_retries=self._num_retries,
                http_client=DefaultAioHttpClient(),
            )
            loop.on_close(self._openai.close)
        return self._openai

    @property
    def _where(self) -> str:
        return f"{self._endpoint.model} at {self._endpoint.shown_url}"

    def _answer(self, call: Call, completion: ChatCompletion | Any) -> Answer:
        # Servers send what they like, and openai's client does not check it.
        if not isinstance(completion, ChatCompletion):
            msg = f"{self._where} sent no chat completion but {self._told(completion)}"
            raise LMError(msg)
        usage = completion.usage
        details = getattr(usage, "prompt_tokens_details", None)
        input_tokens = _count(usage, "prompt_tokens")
        output_tokens = _count(usage, "completion_tokens")
        billed = (input_tokens or 0, output_tokens or 0)
        choices = completion.choices
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = getattr(choice, "message", None)
        if choice is None or message is None:
            error = (completion.model_extra or {}).get("error")
            said = "." if error is None else f" but an error: {self._told(error)}"
            raise _unusable(f"{self._where} sent an answer without choices{said}", billed)
        text = getattr(message, "content", None)
        if not isinstance(text, str):
            what = getattr(message, "refusal", None) or text or choice.finish_reason
            raise _unusable(f"{self._where} sent no text but {self._told(what)}.", billed)
        if input_tokens is None:
            input_tokens = count_message_tokens(call.messages)
        return Answer(
            # Lone surrogates could neither be kept nor be sent in a later prompt.
            text=text.encode("utf-8", "backslashreplace").decode("utf-8"),
            truncated=choice.finish_reason == "length",
            input_tokens=input_tokens,
            output_tokens=count_tokens(text) if output_tokens is None else output_tokens,
            cached_input_tokens=min(input_tokens, _count(details, "cached_tokens") or 0),
        )

    def _explained(self, error: Exception) -> LMError:
        where = self._where
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                variable = self._endpoint.key_variable
                remedy = f" or set {variable}" if variable else ""
                return LMUnavailableError(
                    f"{where} refused the key: give LM(…, api_key=…){remedy}. "
                    f"The server said: {self._redacted(error)}"
                )
            case openai.NotFoundError():
                return LMUnavailableError(
                    f"{self._endpoint.shown_url} does not know the model {self._endpoint.model!r}: "
                    f"check its name and base_url. The server said: {self._redacted(error)}"
                )
            case (
                openai.RateLimitError(code="insufficient_quota")
                | openai.APIStatusError(status_code=HTTPStatus.PAYMENT_REQUIRED)
            ):
                return LMUnavailableError(
                    f"{where}: the account's quota is used up. "
                    f"The server said: {self._redacted(error)}"
                )
            case openai.APIConnectionError():
                return self._connection_error(error)
            case json.JSONDecodeError() | aiohttp.ClientError():
                return LMError(f"{where} sent no valid answer: {self._redacted(error)}")
        return LMError(f"{where} failed: {self._redacted(error)}")

    def _connection_error(self, error: openai.APIConnectionError) -> LMError:
        # The aiohttp backend reports refused, lost and silent connections alike as time-outs;
        # what happened is in the chain of causes.
        causes = _causes(error)
        what = self._redacted(causes[1] if len(causes) > 1 else error)
        if any(isinstance(cause, _NO_CONNECTION) for cause in causes):
            return LMUnavailableError(
                f"Cannot reach {self._endpoint.shown_url}: check base_url, and that the server is "
                f"running ({what})."
            )
        tried = f"tried {self._num_retries + 1} times ({what})."
        if any(isinstance(cause, TimeoutError) for cause in causes):
            return LMError(f"{self._where} gave no answer within {self._timeout:g} s, {tried}")
        return LMError(f"{self._where} broke off the connection, {tried}")

    def _told(self, value: object) -> str:
        return shown(self._redacted(value if isinstance(value, str) else repr(value)), 120)

    def _redacted(self, error: object) -> str:
        # Servers quote keys in their errors, whole or with asterisks in the middle.
        text = " ".join(str(error).split())
        key = self._endpoint.api_key
        if len(key) > _SHORTEST_SECRET:
            text = text.replace(key, "<key>")
            text = re.sub(re.escape(key[:2]) + r"[\w-]*\*[\w*-]*", "<key>", text)
        return shown(text)


def _arguments(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return `parameters` as openai's client takes them: those it does not know go in the body."""
    known = {name: value for name, value in parameters.items() if name in _KNOWN_ARGUMENTS}
    unknown = {name: value for name, value in parameters.items() if name not in known}
    if unknown:
        known["extra_body"] = {**unknown, **known.get("extra_body", {})}
    return known


def _unusable(message: str, billed: tuple[int, int]) -> LMError:
    """Return the error of an answer that came back, and is paid for, but cannot be used."""
    error = LMError(message)
    error.input_tokens, error.output_tokens = billed
    return error


def _count(usage: object, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value >= 0 else None


def _causes(error: BaseException) -> list[BaseException]:
    """Return `error` and what led to it, the outermost first."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    return causes
