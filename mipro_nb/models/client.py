"""Making one attempt at a call through openai's async client, and what its failures mean."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import openai
from openai import AsyncOpenAI, DefaultAioHttpClient

from mipro_nb.core_loop import CoreLoop, core
from mipro_nb.errors import LMError, LMUnavailableError, shown
from mipro_nb.models.calls import OPTIONS, Answer, Call
from mipro_nb.models.providers import Endpoint
from mipro_nb.models.redaction import (
    openai_headers,
    secrets,
    shown_url,
    texts_of_openai_headers,
)
from mipro_nb.models.setbacks import Setback, SetbackKind, Tokens, asked_to_wait
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.numbers import is_number

# Nothing answers at the address, as opposed to a connection that was lost.
_NO_CONNECTION = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    ConnectionRefusedError,
)
# What of an answer cannot be read, though the server may well have billed it.
_HALF_AN_ANSWER = (
    json.JSONDecodeError,
    UnicodeDecodeError,
    RecursionError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientResponseError,
)
_FAILURES = (
    openai.OpenAIError,
    aiohttp.ClientError,
    TimeoutError,
    ValueError,
    TypeError,
    RecursionError,
)
_LONGEST_BODY = 64 * 2**20
_TEXT_PARTS = ("text", "output_text")
_REDIRECTS = (301, 302, 303, 307, 308)
_IS_IT_THERE = "Check base_url and that the server is running."
# The share of an attempt's time in which the connection has to be there.
_CONNECTING = 0.9
# A server may send a page of any length; no more of it is looked through.
_LONGEST_SAID = 4000
# A count beyond this is none: the record could not hold it, and no call costs so much.
_MOST_TOKENS = 10**9


class Client:
    """The connection to one endpoint, opened on the core loop at the first call.

    Parameters
    ----------
    endpoint
        Model, server and key.
    timeout
        Seconds after which an attempt is given up.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float) -> None:
        self._endpoint = endpoint
        self.timeout = timeout
        self._openai: AsyncOpenAI | None = None
        self._loop: CoreLoop | None = None

    async def send(self, call: Call) -> Answer:
        """Return the server's answer; runs on the core loop.

        Raises
        ------
        Setback
            If this attempt failed and another one may succeed.
        LMUnavailableError
            If no call to this endpoint can succeed.
        LMError
            If this call failed.
        """
        seconds = _seconds(call.parameters.get("timeout")) or self.timeout
        connection = self._connected()
        try:
            # Beside the time-out of each read: a server that sends a byte now and then keeps that.
            async with asyncio.timeout(seconds):
                # Not chat.completions.create, which takes three times as long: it looks through
                # the messages for what has to be transformed (nothing), and checks none of the
                # answer.
                completion = await connection.post(
                    "/chat/completions",
                    cast_to=object,
                    **_request(call, seconds),
                )
        except _FAILURES as error:
            failure = self._explained(error, seconds)
        else:
            return self._answer(call, completion)
        # Not inside the except block: the client's own error, which holds the request and with it
        # the key, shall not hang on to ours.
        raise failure

    def _connected(self) -> AsyncOpenAI:
        loop = core()
        if self._openai is None or self._loop is not loop:  # after a fork there is a new loop
            self._loop = loop
            # The client would write the path of a call behind the query.
            where = urlsplit(self._endpoint.base_url)
            secrets.add(texts_of_openai_headers())
            self._openai = AsyncOpenAI(
                api_key=self._endpoint.api_key,
                default_headers=self._headers(),
                base_url=where._replace(query="", fragment="").geturl(),
                default_query=dict(parse_qsl(where.query)),
                max_retries=0,  # each attempt has to pass the gate
                # A request sent on would be one that is not counted.
                http_client=DefaultAioHttpClient(
                    follow_redirects=False,
                    event_hooks={"response": [_bound]},
                    # No proxy leads back to this machine, whatever HTTP_PROXY says.
                    trust_env=not _is_on_loopback(where.hostname),
                ),
            )
            loop.on_close(self._openai.close)
        return self._openai

    def _headers(self) -> dict[str, Any] | None:
        """Return what keeps headers that are meant for OpenAI from any other server."""
        if self._endpoint.is_openais_own:
            return None
        headers: dict[str, Any] = dict.fromkeys(openai_headers(), openai.Omit())
        own = {"authorization": f"Bearer {self._endpoint.api_key}"}
        return {name: own.get(name.lower(), left_out) for name, left_out in headers.items()}

    @property
    def _where(self) -> str:
        return f"{self._endpoint.model} at {self._endpoint.shown_url}"

    def _answer(self, call: Call, completion: object) -> Answer:
        # Servers send what they like, and openai's client does not check it.
        completion = _read(completion)
        if not isinstance(completion, Mapping):
            raise self._broken("no chat completion", self._told(completion), None)
        usage = _mapping(completion.get("usage"))
        input_tokens = _count(usage, "prompt_tokens")
        output_tokens = _count(usage, "completion_tokens")
        billed = None if input_tokens is None else (input_tokens, output_tokens or 0)
        choices = completion.get("choices")
        choices = [_mapping(choice) for choice in choices] if isinstance(choices, list) else []
        if not choices or choices[0].get("message") is None:
            said = self._told(completion.get("error", completion))
            raise self._broken("an answer without choices", said, billed)
        if input_tokens is None:
            input_tokens = count_message_tokens(call.messages)
        if output_tokens is None:
            output_tokens = sum(map(_tokens_of_choice, choices))
        cached = _count(_mapping(usage.get("prompt_tokens_details")), "cached_tokens")
        return Answer(
            text=self._text(choices[0], (input_tokens, output_tokens)),
            truncated=choices[0].get("finish_reason") == "length",
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_input_tokens=min(input_tokens, cached or 0),
        )

    def _text(self, choice: Mapping[str, Any], billed: Tokens) -> str:
        message, why = _mapping(choice["message"]), choice.get("finish_reason")
        text = _joined(message.get("content"))
        says_why = message.get("refusal") or message.get("tool_calls")
        if text is None and isinstance(choice["message"], Mapping) and not says_why:
            text = ""  # thoughts and nothing else, or nothing at all: whoever reads it asks again
        if not isinstance(text, str):
            what = message.get("refusal") or text or why
            raise _unusable(f"{self._where} sent no text but {self._told(what)}.", billed)
        if why == "content_filter":
            msg = f"{self._where} withheld its answer: its content filter ended it."
            raise _unusable(msg, billed)
        # Lone surrogates could neither be kept nor be sent in a later prompt. A reply may quote
        # what it was sent with.
        return secrets.keys_taken_out(text.encode("utf-8", "backslashreplace").decode("utf-8"))

    def _explained(self, error: Exception, seconds: float) -> Setback | LMError:
        match error:
            case openai.APIStatusError():
                return self._refused(error)
            case openai.APIConnectionError() | TimeoutError():
                return self._connection_lost(error, seconds)
            case _ if isinstance(error, _HALF_AN_ANSWER):
                return self._broken("no valid answer", self._redacted(error), None)
        return LMError(f"{self._where} failed: {self._redacted(error)}")

    def _refused(self, error: openai.APIStatusError) -> Setback | LMError:
        where, said = self._where, self._redacted(error)
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                variable = self._endpoint.key_variable
                remedy = f" or set {variable}" if variable else ""
                return LMUnavailableError(
                    f"{where} refused the key: give LM(…, api_key=…){remedy}. "
                    f"The server said: {said}"
                )
            case openai.NotFoundError():
                return LMUnavailableError(
                    f"{self._endpoint.shown_url} does not know the model {self._endpoint.model!r}: "
                    f"check its name and base_url. The server said: {said}"
                )
            case (
                openai.RateLimitError(code="insufficient_quota")
                | openai.APIStatusError(status_code=HTTPStatus.PAYMENT_REQUIRED)
            ):
                return LMUnavailableError(
                    f"{where}: the account's quota is used up. The server said: {said}"
                )
            case openai.APIStatusError(status_code=status) if (
                status in _REDIRECTS and "location" in error.response.headers
            ):
                return self._sent_on(error)
        kind = _passing(error)
        if kind is None:
            return LMError(f"{where} failed: {said}")
        return Setback(kind, f"{where} {_DID[kind]}", said, asked_to_wait(error.response.headers))

    def _sent_on(self, error: openai.APIStatusError) -> LMError:
        try:
            place = urljoin(str(error.request.url), error.response.headers["location"])
        except ValueError:
            place = ""
        place = self._redacted(shown_url(place)).removesuffix("/chat/completions")
        return LMUnavailableError(
            f"{self._where} redirects ({error.status_code}), which is not followed: point base_url "
            f"to where it leads, {place}"
        )

    def _connection_lost(self, error: Exception, seconds: float) -> Setback:
        # The aiohttp backend reports refused, lost and silent connections alike as time-outs;
        # what happened is in the chain of causes.
        causes = _causes(error)
        said = self._redacted(causes[1] if len(causes) > 1 else error) or "no whole answer came"
        if any(isinstance(cause, _NO_CONNECTION) for cause in causes):
            what = f"Cannot reach {self._endpoint.shown_url}"
            return Setback("unreachable", what, said, remedy=_IS_IT_THERE)
        if any(isinstance(cause, TimeoutError) for cause in causes):
            what = f"{self._where} gave no answer within {seconds:g} s"
        else:
            what = f"{self._where} broke off the connection"
        return Setback("no answer", what, said, billed=None)

    def _broken(self, what: str, said: str, billed: Tokens | None) -> Setback:
        return Setback("broken answer", f"{self._where} sent {what}", said, billed=billed)

    def _told(self, value: object) -> str:
        try:
            text = value if isinstance(value, str) else repr(value)
        except RecursionError:
            text = "lists within lists"
        return shown(self._redacted(text), 120)

    def _redacted(self, error: object) -> str:
        # Servers quote keys in their errors, whole or with asterisks in the middle.
        text = " ".join(str(error).split())[:_LONGEST_SAID]
        return shown(secrets.taken_out(text))


async def _bound(response: Any) -> None:
    """Have the reading of an answer end where it is longer than any: a little can unpack to a lot.

    Raises
    ------
    aiohttp.ClientPayloadError
        While it is read, if it is.
    """
    unpacked = response.aiter_bytes

    async def bounded(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in unpacked(chunk_size):
            size += len(chunk)
            if size > _LONGEST_BODY:
                msg = f"it is longer than {_LONGEST_BODY >> 20} MiB"
                raise aiohttp.ClientPayloadError(msg)
            yield chunk

    response.aiter_bytes = bounded


def _is_on_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _seconds(timeout: object) -> float | None:
    """Return the seconds of a call's own time-out, None if it has none that is a number above 0."""
    return timeout if is_number(timeout) and timeout > 0 else None


def _request(call: Call, seconds: float) -> dict[str, Any]:
    # Not in `send`, where tracebacks with local variables would show headers.
    body = {"model": call.model, "messages": list(call.messages), **call.parameters}
    options = {OPTIONS[name]: body.pop(name) for name in OPTIONS if name in body}
    # Connecting gets a little less, so that a host that cannot be reached is told as such.
    connecting = _CONNECTING * seconds
    options["timeout"] = openai.Timeout(seconds, connect=connecting, pool=connecting)
    return {"body": body, "options": options}


_DID: dict[SetbackKind, str] = {
    "turned away": "turned the call away",
    "in trouble": "failed",
    "try again": "failed",
}


def _passing(error: openai.APIStatusError) -> SetbackKind | None:
    """Return what kind of setback an HTTP status is, None if another attempt is of no use."""
    said = error.response.headers.get("x-should-retry")  # openai's own servers know best
    if said == "false":
        return None
    if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return "turned away"
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "in trouble"
    again = error.status_code in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT)
    return "try again" if again or said == "true" else None


def _read(completion: object) -> object:
    """Return what an answer holds, whatever type the server says that it has."""
    if not isinstance(completion, str):
        return completion
    try:
        return json.loads(completion)
    except (ValueError, RecursionError):
        return completion


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _joined(content: object) -> object:
    """Return the texts of a content that is a list of parts, without thoughts; others as is."""
    if not isinstance(content, list) or not all(_mapping(part).get("type") for part in content):
        return content
    texts = [part.get("text") for part in content if part["type"] in _TEXT_PARTS]
    return "".join(text for text in texts if isinstance(text, str))


def _tokens_of_choice(choice: Mapping[str, Any]) -> int:
    text = _joined(_mapping(choice.get("message")).get("content"))
    return count_tokens(text) if isinstance(text, str) else 0


def _unusable(message: str, billed: Tokens) -> LMError:
    """Return the error of an answer that came back, and is paid for, but cannot be used."""
    error = LMError(message)
    error.input_tokens, error.output_tokens = billed
    return error


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    if not is_number(value) or value != int(value) or not 0 <= value <= _MOST_TOKENS:
        return None
    return int(value)


def _causes(error: BaseException) -> list[BaseException]:
    """Return `error` and what led to it, the outermost first."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    return causes
