"""Making one attempt at a call through openai's async client, and what its failures mean."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, NoReturn, TypeGuard
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import openai
from openai import AsyncOpenAI, DefaultAioHttpClient, OpenAI

from mipro_nb.amounts import format_duration
from mipro_nb.core_loop import CoreLoop, core, in_worker
from mipro_nb.errors import (
    LMError,
    LMUnavailableError,
    PromptFilteredError,
    PromptTooLongError,
    RequestRefusedError,
    causes_of,
    shown,
)
from mipro_nb.models.calls import OPTIONS, Answer, Call, Note
from mipro_nb.models.retryable import RetryableError, RetryableKind, Tokens, asked_to_wait
from mipro_nb.models.services.clients.dialect import Spoken, dialect_of
from mipro_nb.models.services.clients.refusals import Refusal, refusal_in
from mipro_nb.models.services.clients.replies import parts_of_message, written_in
from mipro_nb.models.services.clients.status_errors import status_error
from mipro_nb.models.services.clients.streams import is_stream, whole
from mipro_nb.models.services.known.litellm import is_well_known
from mipro_nb.models.services.known.registry import Endpoint
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.numbers import is_number
from mipro_nb.redaction import (
    openai_headers,
    secrets,
    shown_url,
    texts_of_openai_headers,
    texts_of_unknown,
)

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
_FAILED_REPLY = "failed_generation"
# Some servers also tell by these what is wrong with a call.
_OR_TROUBLE = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.NOT_IMPLEMENTED)
_BAD_REQUESTS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
# A request that is larger than a minute's whole allowance is turned away for ever.
_NEVER_PASSES = re.compile(r"request too large|too large for", re.IGNORECASE)
# Where a server does not say how much too long a prompt is, one that is shorter by so much may fit.
_SHORTER = 0.75
_SPARE = 0.95
_LONGEST_BODY = 64 * 2**20
_REDIRECTS = (301, 302, 303, 307, 308)
_IS_IT_THERE = "Check base_url and that the server is running."
# The share of an attempt's time in which the connection has to be there.
_CONNECTING = 0.9
# A server may send a page of any length; no more of it is looked through.
_LONGEST_SAID = 4000
# A count beyond this is not believed: the record could not hold it, and no call costs so much.
_MOST_TOKENS = 10**9


class Client:
    """The connection to one endpoint, opened on the core loop at the first call.

    Parameters
    ----------
    endpoint
        Model, server and key.
    timeout
        Seconds after which an attempt is given up.
    stream
        Whether answers are asked for as a stream.
    given
        A user's own connection to it; None to open one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float,
        stream: bool = False,
        given: AsyncOpenAI | OpenAI | None = None,
    ) -> None:
        self._endpoint = endpoint
        # Each attempt has to pass the gate.
        self._given = None if given is None else given.with_options(max_retries=0)
        self.timeout = timeout
        self._stream = stream
        self._dialect = dialect_of(endpoint.base_url, endpoint.model, self.where)
        self._openai: AsyncOpenAI | None = None
        self._loop: CoreLoop | None = None

    def __reduce__(self) -> NoReturn:
        msg = "A connection, with its key, is not pickled: pickle the LM that it belongs to."
        raise TypeError(msg)

    @property
    def name(self) -> str:
        """Return what answers."""
        return self._endpoint.shown_url

    async def send(self, call: Call) -> Answer:
        """Return the server's answer; runs on the core loop.

        Raises
        ------
        RetryableError
            If this attempt failed and another one may succeed.
        LMUnavailableError
            If no call to this endpoint can succeed.
        CallRefusedError
            If a cap rests on a limit of the reply and the server takes none.
        LMError
            If this call failed; a RequestRefusedError if that is due to what it holds.
        """
        seconds = _seconds(call.parameters.get("timeout")) or self.timeout
        self._ready()
        spoken = self.spoken(call)
        try:
            # Beside the time-out of each read: a server that sends a byte now and then keeps that.
            async with asyncio.timeout(seconds):
                completion = await self._posted(spoken, seconds)
        except _FAILURES as error:
            failure = self._explained(error, seconds, call, spoken)
            if isinstance(failure, Answer):
                return failure
        else:
            return self._answer(call, spoken, completion)
        # Not inside the except block: the client's own error, which holds the request and with it
        # the key, shall not hang on to ours.
        raise failure

    def spoken(self, call: Call) -> Spoken:
        """Return `call` as the server takes it; a CallRefusedError as in `send`."""
        return self._dialect.spoken(call, stream=self._stream)

    def understood(self, status: int, body: object, call: Call, spoken: Spoken) -> Answer:
        """Return the answer to `call` that came by another way, with its status; errors of `send`.

        Where the status is 400 or above, `body` is what the server says of the error.
        """
        if status < HTTPStatus.BAD_REQUEST:
            return self._answer(call, spoken, body)
        error = status_error(status, str(body), headers={}, body=body)
        failure = self._explained(error, self.timeout, call, spoken)
        if isinstance(failure, Answer):
            return failure
        raise failure

    def failure_of(self, error: Exception) -> RetryableError | LMError:
        """Return what to raise where another request failed than a call, such as an upload."""
        secrets.add(secrets_of(self._given))
        if isinstance(error, openai.APIStatusError) and not _is_nothing_there(error):
            return self._refused(error)
        if isinstance(error, openai.APIConnectionError | TimeoutError) or _is_nothing_there(error):
            return self._connection_lost(error, self.timeout)
        return LMError(f"{self.where} failed: {self._redacted(error)}")

    @property
    def connection(self) -> AsyncOpenAI:
        """The connection, opened if it is not open yet; on the core loop."""
        return self._given if isinstance(self._given, AsyncOpenAI) else self._connected()

    def _ready(self) -> None:
        """Set the connection up before the clock runs, since that takes a while."""
        if self._given is None:
            self._connected()

    async def _posted(self, spoken: Spoken, seconds: float) -> object:
        """Return what the server sent, whatever it is."""
        connection = self._connected() if self._given is None else self._given
        # Not chat.completions.create, which takes three times as long: it looks through the
        # messages for what has to be transformed (nothing), and checks none of the answer.
        request = _request(spoken, seconds)
        post = partial(connection.post, "/chat/completions", cast_to=object, **request)
        if isinstance(connection, OpenAI):  # it blocks
            return await in_worker(post)
        return await post()  # type: ignore[misc]

    def like_this(self, endpoint: Endpoint, *, timeout: float) -> Client:
        """Return a client of its own for another endpoint, with the same connection if given."""
        return Client(endpoint, timeout=timeout, stream=self._stream, given=self._given)

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
    def where(self) -> str:
        """Model and server, in words."""
        return f"{self._endpoint.model} at {self._endpoint.shown_url}"

    def _answer(self, call: Call, spoken: Spoken, completion: object) -> Answer:
        # Servers send what they like, and openai's client does not check it.
        completion = _read(completion)
        if completion is None:
            raise self._broken("no valid answer", "its stream broke off", None)
        if not isinstance(completion, Mapping):
            raise self._broken("no chat completion", self._told(completion), None)
        usage = _mapping(completion.get("usage"))
        input_tokens = _count(usage, "prompt_tokens")
        output_tokens = _count(usage, "completion_tokens")
        billed = None if input_tokens is None else (input_tokens, output_tokens or 0)
        choices = _choices_of(completion)
        failed = completion.get("error") or (choices and choices[0].get("error"))
        if failed:
            refused = self._refused_for_what_it_holds(str(failed), None, call, spoken)
            if refused is not None:
                raise refused
        if not choices or failed:
            told = self._told(failed or completion)
            empty = choices is not None and not failed
            raise self._broken("an answer without choices", told, billed, empty=empty)
        counted = input_tokens is not None and output_tokens is not None
        if input_tokens is None:
            input_tokens = count_message_tokens(call.messages)
        if output_tokens is None:
            output_tokens = sum(count_tokens(written_in(choice)) for choice in choices)
        cached = _count(_mapping(usage.get("prompt_tokens_details")), "cached_tokens")
        return Answer(
            **parts_of_message(choices[0])._asdict(),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_input_tokens=min(input_tokens, cached or 0),
            counted=counted,
            notes=spoken.notes if counted else (*spoken.notes, self._uncounted),
        )

    @property
    def _uncounted(self) -> Note:
        text = f"{self.where} does not count its tokens: tokens and USD are about right."
        return Note("tokens", text)

    def _explained(
        self, error: Exception, seconds: float, call: Call, spoken: Spoken
    ) -> Answer | RetryableError | LMError:
        secrets.add(secrets_of(self._given))  # a key may be a new one each time
        match error:
            case openai.APIStatusError(body=Mapping() as body) if _FAILED_REPLY in body:
                return self._failed_reply(body, call, spoken)
            case openai.APIError() if _is_nothing_there(error):
                return self._connection_lost(error, seconds)
            case openai.APIStatusError():
                return self._about_what_it_holds(error, call, spoken) or self._refused(error)
            case openai.APIConnectionError() | TimeoutError():
                return self._connection_lost(error, seconds)
            case _ if isinstance(error, _HALF_AN_ANSWER):
                return self._broken("no valid answer", self._redacted(error), None)
        return LMError(f"{self.where} failed: {self._redacted(error)}")

    def _failed_reply(self, body: Mapping[str, Any], call: Call, spoken: Spoken) -> Answer:
        """Return a reply that the server has read itself and refused, as Groq's do."""
        written, told = body[_FAILED_REPLY], self._told(body.get("message") or "it is refused")
        said = parts_of_message({"message": written if isinstance(written, str) else None})
        return Answer(
            text=said.text,
            truncated=False,
            input_tokens=count_message_tokens(call.messages),
            output_tokens=count_tokens(said.text),
            problem=f"The server cannot use it: {told}",
            counted=False,
            notes=(*spoken.notes, self._uncounted),
        )

    def _about_what_it_holds(
        self, error: openai.APIStatusError, call: Call, spoken: Spoken
    ) -> RetryableError | LMError | None:
        """Return what to do if the call is refused for what it holds, None if it is not."""
        status, said = error.status_code, f"{error} {error.body or ''}"
        if status == HTTPStatus.TOO_MANY_REQUESTS and not _NEVER_PASSES.search(said):
            return None
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, *_REDIRECTS):
            return None
        refused = self._refused_for_what_it_holds(said, error.param, call, spoken)
        if refused is None and status in _BAD_REQUESTS:
            return RequestRefusedError(f"{self.where} failed: {self._redacted(error)}")
        if isinstance(refused, RetryableError) and status not in (*_BAD_REQUESTS, *_OR_TROUBLE):
            return None
        return refused

    def _refused_for_what_it_holds(
        self, said: str, parameter: str | None, call: Call, spoken: Spoken
    ) -> RetryableError | LMError | None:
        """Return what to do if these words refuse a call, None if they are of something else.

        A call whose parameters are refused is sent with others; a prompt cannot be helped.
        """
        refusal = refusal_in(said[:_LONGEST_SAID])
        shown_said = self._redacted(said)
        if refusal.kind == "filtered":
            return PromptFilteredError(f"{self.where} filters this prompt: {shown_said}")
        if refusal.kind == "too long":
            fits = self._dialect.learns_context(refusal, call, spoken)
        else:
            fits = self._dialect.learns(said, parameter, call, spoken)
        if fits:
            return RetryableError("other terms", f"{self.where} refused a parameter", shown_said)
        if refusal.kind == "too long":
            error = PromptTooLongError(
                f"{self.where} has no room for this prompt, {shown_said}. Fewer or shorter demos "
                "fit: lower max_labeled_demos and max_bootstrapped_demos."
            )
            error.room = _room(refusal, count_message_tokens(call.messages))
            error.predictor = call.predictor
            return error
        return None

    def _refused(self, error: openai.APIStatusError) -> RetryableError | LMError:
        where, said = self.where, self._redacted(error)
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
                    f"check its name and base_url{self._or_litellm}.{self._or_v1} "
                    f"The server said: {said}"
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
        return RetryableError(
            kind, f"{where} {_DID[kind]}", said, asked_to_wait(error.response.headers)
        )

    @property
    def _or_litellm(self) -> str:
        """Tell what the prefix of a model may have been meant for."""
        if self._endpoint.provider or not is_well_known(self._endpoint.model):
            return ""
        return ", or give api_base= for LiteLLM to reach the service of that prefix"

    @property
    def _or_v1(self) -> str:
        """Ask whether an address without a path lacks what most servers have there."""
        lacks = urlsplit(self._endpoint.base_url).path in ("", "/")
        return " Should base_url end in /v1?" if lacks else ""

    def _sent_on(self, error: openai.APIStatusError) -> LMError:
        try:
            place = urljoin(str(error.request.url), error.response.headers["location"])
        except ValueError:
            place = ""
        place = self._redacted(shown_url(place)).removesuffix("/chat/completions")
        return LMUnavailableError(
            f"{self.where} redirects ({error.status_code}), which is not followed: point base_url "
            f"to where it leads, {place}"
        )

    def _connection_lost(self, error: Exception, seconds: float) -> RetryableError:
        # The aiohttp backend reports refused, lost and silent connections alike as time-outs;
        # what happened is in the chain of causes.
        causes = list(causes_of(error))
        said = self._redacted(causes[1] if len(causes) > 1 else error) or "no whole answer came"
        if _is_nothing_there(error):
            what = f"Cannot reach {self._endpoint.shown_url}"
            return RetryableError("unreachable", what, said, remedy=_IS_IT_THERE)
        if any(isinstance(cause, TimeoutError) for cause in causes):
            what = f"{self.where} gave no answer within {format_duration(seconds)}"
        else:
            what = f"{self.where} broke off the connection"
        return RetryableError("no answer", what, said, billed=None)

    def _broken(
        self, what: str, said: str, billed: Tokens | None, *, empty: bool = False
    ) -> RetryableError:
        what = f"{self.where} sent {what}"
        return RetryableError("broken answer", what, said, billed=billed, empty=empty)

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


def is_openai_client(service: object) -> TypeGuard[AsyncOpenAI | OpenAI]:
    """Tell whether `service` is a client of openai's."""
    return isinstance(service, AsyncOpenAI | OpenAI)


def secrets_of(given: AsyncOpenAI | OpenAI | None) -> Iterator[str]:
    """Return what must not be seen of a user's own connection."""
    if given is None:
        return
    yield given.api_key
    yield from texts_of_unknown({"query": dict(given.default_query)})
    usual = ("x-stainless-", "accept", "content-type", "user-agent")
    headers = {n: v for n, v in given.default_headers.items() if not n.lower().startswith(usual)}
    yield from texts_of_unknown({"headers": headers})


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


def _is_nothing_there(error: Exception) -> bool:
    """Tell whether nothing answers at the address, whatever an attempt's error says of it."""
    return any(isinstance(cause, _NO_CONNECTION) for cause in causes_of(error))


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


def _room(refusal: Refusal, counted: int) -> int:
    """Return how long a prompt may be, as we count, if one of `counted` tokens is too long."""
    if refusal.context_tokens is None:
        return int(counted * _SHORTER)
    if refusal.prompt_tokens is not None and refusal.prompt_tokens > refusal.context_tokens:
        return int(counted * refusal.context_tokens / refusal.prompt_tokens * _SPARE)
    return int(min(refusal.context_tokens * _SPARE, counted * _SHORTER))


def body_of(spoken: Spoken) -> dict[str, Any]:
    """Return the body of a call, for where it goes without a request of its own."""
    body = _ordered(spoken.call, spoken.call.parameters)
    extra = body.get("extra_body")
    body = {name: value for name, value in body.items() if name not in OPTIONS}
    return {**body, **extra} if isinstance(extra, Mapping) else body


def _ordered(call: Call, parameters: Mapping[str, Any]) -> dict[str, Any]:
    # In the order that openai's own methods write them: what is exported sends the same bytes.
    ordered = {name: parameters[name] for name in sorted(parameters)}
    return {"model": call.model, "messages": list(call.messages), **ordered}


def _request(spoken: Spoken, seconds: float) -> dict[str, Any]:
    # Not in `send`, where tracebacks with local variables would show headers.
    call = spoken.call
    parameters = {**call.parameters, "stream": True} if spoken.stream else call.parameters
    body = _ordered(call, parameters)
    options = {OPTIONS[name]: body.pop(name) for name in OPTIONS if name in body}
    # Connecting gets a little less, so that a host that cannot be reached is told as such.
    connecting = _CONNECTING * seconds
    options["timeout"] = openai.Timeout(seconds, connect=connecting, pool=connecting)
    options["follow_redirects"] = False  # a request sent on would be one that is not counted
    return {"body": body, "options": options}


_DID: dict[RetryableKind, str] = {
    "turned away": "turned the call away",
    "in trouble": "failed",
    "try again": "failed",
}


def _passing(error: openai.APIStatusError) -> RetryableKind | None:
    """Return what kind of retryable error a status is, None if another attempt is of no use."""
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
    """Return what an answer holds, whatever type the server says that it has.

    None stands for a stream that broke off.
    """
    if not isinstance(completion, str):
        return completion if completion is not None else ""
    if is_stream(completion):
        return whole(completion)
    try:
        return json.loads(completion)
    except (ValueError, RecursionError):
        return completion


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _choices_of(completion: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """Return the choices of a completion, None if it is not a completion."""
    choices = completion.get("choices", ())
    if choices is None:  # as where a filter has left nothing of them
        choices = []
    if not isinstance(choices, list):
        return None
    found = [_mapping(choice) for choice in choices]
    return None if found and not found[0] else found


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    if not is_number(value) or value != int(value) or not 0 <= value <= _MOST_TOKENS:
        return None
    return int(value)
