"""Sending one call through openai's async client, and what its failures mean to a person."""

from __future__ import annotations

from typing import Any

import aiohttp
import openai
from openai import AsyncOpenAI, DefaultAioHttpClient
from openai.types.chat import ChatCompletion

from mipro_nb.core_loop import core
from mipro_nb.errors import LMError, LMUnavailableError, shown
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.providers import Endpoint
from mipro_nb.models.tokens import count_message_tokens, count_tokens


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
                **call.parameters,
            )
        except openai.OpenAIError as error:
            raise self._explained(error) from None
        except (ValueError, aiohttp.ClientError) as error:
            msg = f"{self._where} sent no valid answer: {self._redacted(error)}"
            raise LMError(msg) from None
        return self._answer(call, completion)

    def _connected(self) -> AsyncOpenAI:
        if self._openai is None:
            self._openai = AsyncOpenAI(
                api_key=self._endpoint.api_key,
                base_url=self._endpoint.base_url,
                timeout=self._timeout,
                max_retries=self._num_retries,
                http_client=DefaultAioHttpClient(),
            )
            core().on_close(self._openai.close)
        return self._openai

    @property
    def _where(self) -> str:
        return f"{self._endpoint.model} at {self._endpoint.base_url}"

    def _answer(self, call: Call, completion: ChatCompletion | Any) -> Answer:
        if not isinstance(completion, ChatCompletion):
            msg = f"{self._where} sent no chat completion but {shown(repr(completion), 120)}"
            raise LMError(msg)
        if not completion.choices:
            msg = f"{self._where} sent an answer without choices."
            raise LMError(msg)
        choice = completion.choices[0]
        text = choice.message.content
        if text is None:
            what = choice.message.refusal or choice.finish_reason
            msg = f"{self._where} sent no text but {shown(str(what), 120)}."
            raise LMError(msg)
        usage = completion.usage
        details = usage.prompt_tokens_details if usage else None
        return Answer(
            text=text,
            truncated=choice.finish_reason == "length",
            input_tokens=usage.prompt_tokens if usage else count_message_tokens(call.messages),
            output_tokens=usage.completion_tokens if usage else count_tokens(text),
            cached_input_tokens=(details.cached_tokens or 0) if details else 0,
        )

    def _explained(self, error: openai.OpenAIError) -> LMError:
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                variable = self._endpoint.key_variable
                remedy = f" or set {variable}" if variable else ""
                return LMUnavailableError(
                    f"{self._where} refused the key: give LM(…, api_key=…){remedy}. "
                    f"The server said: {self._redacted(error)}"
                )
            case openai.NotFoundError():
                return LMUnavailableError(
                    f"{self._endpoint.base_url} does not know the model {self._endpoint.model!r}: "
                    f"check its name and base_url. The server said: {self._redacted(error)}"
                )
            case openai.RateLimitError(code="insufficient_quota"):
                return LMUnavailableError(
                    f"{self._where}: the account's quota is used up. "
                    f"The server said: {self._redacted(error)}"
                )
            case openai.APIConnectionError() if _refused(error):
                return LMUnavailableError(
                    f"Cannot reach {self._endpoint.base_url}: check base_url, and that the server "
                    f"is running ({self._redacted(error.__cause__ or error)})."
                )
            case openai.APITimeoutError():
                return LMError(
                    f"{self._where} gave no answer within {self._timeout:g} s, "
                    f"tried {self._num_retries + 1} times ({self._redacted(error.__cause__)})."
                )
        return LMError(f"{self._where} failed: {self._redacted(error)}")

    def _redacted(self, error: object) -> str:
        # Servers quote keys in their errors, whole or in part.
        text = shown(str(error))
        key = self._endpoint.api_key
        return text.replace(key, "<key>") if len(key) > 4 else text  # noqa: PLR2004


def _refused(error: BaseException) -> bool:
    """Return whether nothing listens at the address, as opposed to a connection that was lost."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, aiohttp.ClientConnectorError | ConnectionRefusedError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
