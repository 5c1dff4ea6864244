"""A chat server for tests, OpenAI-compatible, on loopback, with scripted answers.

It lets a test drive the real ``openai`` client over real HTTP: a plain Python
callable decides what the "model" says, and the server records what it was asked::

    script = Script().when("capital of France", "Paris").otherwise("no idea")
    with ScriptedServer(script) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from scripted_batches import ScriptedBatches

_MAX_BODY_BYTES = 64 * 1024 * 1024
_SHUTDOWN_SECONDS = 0.5
_LOOK_SECONDS = 0.005

_DEFAULT_ERRORS: dict[int, dict[str, str | None]] = {
    400: {
        "message": "The request is invalid.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    },
    401: {
        "message": "Incorrect API key provided.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    },
    404: {
        "message": "The model does not exist or you do not have access to it.",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    },
    429: {
        "message": "Rate limit reached for requests.",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    },
    500: {
        "message": "The server had an error while processing your request.",
        "type": "server_error",
        "param": None,
        "code": None,
    },
}


@dataclass(frozen=True)
class Request:
    """One chat request as it arrived.

    Attributes
    ----------
    body
        The whole decoded JSON body.
    messages
        ``body["messages"]``.
    model
        ``body["model"]``.
    authorization
        The ``Authorization`` header, or ``""``.
    number
        Position in the order of arrival, from 0.
    is_anthropics
        Whether it came to ``/v1/messages``.
    """

    body: dict[str, Any]
    messages: list[dict[str, Any]]
    model: str
    authorization: str
    number: int
    is_anthropics: bool = False

    @property
    def texts(self) -> list[str]:
        """The text of every message, in order."""
        return [_message_text(message) for message in self.messages]

    @property
    def last_user(self) -> str:
        """The text of the last user message, or ``""``."""
        return self._texts_of("user")[-1]

    @property
    def system(self) -> str:
        """The text of the first system message, or ``""``."""
        return self._texts_of("system")[0]

    def _texts_of(self, role: str) -> list[str]:
        """Return the texts of one role's messages, or one empty text if there are none."""
        texts = [_message_text(message) for message in self.messages if message["role"] == role]
        return texts or [""]


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    Attributes
    ----------
    text
        The assistant's message, or the error message when ``status`` is 400 or above.
    status
        HTTP status.
    finish_reason
        As in the API: ``"stop"``, ``"length"``, ``"content_filter"``...
    delay
        Seconds to wait before answering, on top of the server's ``latency``.
    headers
        Extra response headers.
    raw_body
        Bytes to send in place of any generated body.
    content_type
        The ``Content-Type`` header.
    arrivals
        Wait first until so many requests have arrived, refused ones included.
    once
        Wait first until this is true.
    drop
        Close the connection (after ``delay``) without answering.
    hang
        Do not answer until the server closes or the client goes away.
    prompt_tokens, completion_tokens
        Reported usage. Counted as whitespace-separated words when ``None``.
    cached_tokens
        Reported cached part of the prompt. 0 when ``None``.
    empty_choices
        Answer with ``"choices": []``.
    tool_call
        Answer with a call of a tool named ``scripted_tool`` and no text.
    error
        The inner error object sent when ``status`` is 400 or above. A default that
        suits the status when ``None``.
    refusal
        Answer with this refusal and no text.
    """

    text: str = ""
    status: int = 200
    finish_reason: str = "stop"
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    raw_body: bytes | None = None
    content_type: str = "application/json"
    arrivals: int = 0
    once: Callable[[], bool] = lambda: True
    drop: bool = False
    hang: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    empty_choices: bool = False
    tool_call: bool = False
    error: dict[str, Any] | None = None
    refusal: str | None = None


Answer: TypeAlias = Callable[[Request], Reply | str]
Matcher: TypeAlias = str | Callable[[Request], bool]


@dataclass
class _Rule:
    matches: Callable[[Request], bool]
    answer: Answer
    times_left: int | None


class Script:
    """Ordered rules that choose a reply; an instance is itself an ``answer``.

    The first rule that matches and is not used up replies. A request that no rule
    matches raises `LookupError`, which the server records and reports as a 500.
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._otherwise: Answer | None = None

    def when(self, matcher: Matcher, reply: Reply | str | Answer, times: int | None = None) -> Self:
        """Add a rule after the existing ones.

        Parameters
        ----------
        matcher
            A predicate on the request, or a substring of any one message's text.
        reply
            The reply, or a callable that makes it from the request.
        times
            How many requests the rule may answer. ``None`` for no bound.

        Returns
        -------
        Script
            This script, for chaining.
        """
        matches = _mentions(matcher) if isinstance(matcher, str) else matcher
        self._rules.append(_Rule(matches, _as_answer(reply), times))
        return self

    def otherwise(self, reply: Reply | str | Answer) -> Self:
        """Set the reply to requests that no rule answers.

        Parameters
        ----------
        reply
            The reply, or a callable that makes it from the request.

        Returns
        -------
        Script
            This script, for chaining.
        """
        self._otherwise = _as_answer(reply)
        return self

    def __call__(self, request: Request) -> Reply | str:
        """Answer a request by the first rule that applies."""
        for rule in self._rules:
            if rule.times_left == 0 or not rule.matches(request):
                continue
            if rule.times_left is not None:
                rule.times_left -= 1
            return rule.answer(request)
        if self._otherwise is not None:
            return self._otherwise(request)
        message = f"no rule matches request {request.number}: {request.texts!r}"
        raise LookupError(message)


class ScriptedServer:
    """A chat-completions server on a free loopback port, in its own thread.

    Use it as a context manager. ``answer`` runs in the server's thread, one call at a
    time and in order of arrival, so it may keep state without locks; it must not block
    (ask for a ``delay`` instead). If it raises, the client gets a 500 that the
    ``openai`` client does not retry, and the exception is kept in `exceptions`.

    Parameters
    ----------
    answer
        Decides the reply to each accepted request. A plain string is a `Reply` with
        that text.
    limit
        How many requests may be in flight. Those beyond it get a 429 at once.
    retry_after
        Seconds announced in the ``Retry-After`` header of those 429s.
    latency
        Seconds before every accepted request is answered, or a function of the
        request's number.
    models
        What ``GET /v1/models`` lists.
    known_models
        If given, any other model is a 404.
    api_key
        If given, any other key is a 401.
    streams
        Whether answers may, must or must not be asked for as a stream.
    port
        Where to listen; a free one if 0.
    batches
        What answers ``/v1/files`` and ``/v1/batches``: see `scripted_batches`. Nothing does if
        ``None``.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        limit: int | None = None,
        retry_after: float = 0.05,
        latency: Callable[[int], float] | float = 0.0,
        models: Sequence[str] = ("scripted",),
        known_models: Collection[str] | None = None,
        api_key: str | None = None,
        streams: Literal["may", "must", "must not"] = "must not",
        port: int = 0,
        batches: ScriptedBatches | None = None,
    ) -> None:
        self._answer = answer
        self.batches = batches
        self._limit = limit
        self._retry_after = retry_after
        self._latency = latency
        self._models = tuple(models)
        self._known_models = known_models
        self._api_key = api_key
        self._streams = streams

        # Written by the server's thread alone; other threads read whole values or copies.
        self._requests: list[Request] = []
        self._exceptions: list[BaseException] = []
        self._in_flight = 0
        self._max_in_flight = 0

        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._closing: asyncio.Event
        self._port = port

    def __enter__(self) -> Self:
        """Start serving."""
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)), name="scripted-server", daemon=True
        )
        self._thread.start()
        started.result()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop serving."""
        self.close()

    def close(self) -> None:
        """Drop the requests still in flight and stop. Safe to call again; never raises."""
        if self._thread is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # another thread has closed it just now
                self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()

    @property
    def base_url(self) -> str:
        """The URL to give to a client."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def requests(self) -> list[Request]:
        """A copy of the chat requests so far, refused ones included, in order of arrival."""
        return list(self._requests)

    @property
    def count(self) -> int:
        """How many chat requests have arrived, refused ones included."""
        return len(self._requests)

    @property
    def exceptions(self) -> list[BaseException]:
        """A copy of what ``answer`` has raised so far."""
        return list(self._exceptions)

    @property
    def in_flight(self) -> int:
        """How many accepted requests are being answered now."""
        return self._in_flight

    @property
    def max_in_flight(self) -> int:
        """The most accepted requests that were being answered at one time."""
        return self._max_in_flight

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_post("/v1/chat/completions", self._complete_chat)
        app.router.add_post("/v1/responses", self._complete_chat)
        app.router.add_post("/v1/messages", self._complete_chat)
        if self.batches is not None:
            self.batches.serve(app.router, self.answered)
        runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,  # so that a client that leaves is no longer in flight
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        try:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self._port, backlog=1024).start()
            self._port = runner.addresses[0][1]
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            started.set_exception(error)
        else:
            started.set_result(None)
            await self._closing.wait()
        finally:
            await runner.cleanup()

    async def _list_models(self, http_request: web.Request) -> web.StreamResponse:
        if not self._is_authorized(http_request):
            return _error_response(Reply(status=401))
        listed = [
            {"id": model, "object": "model", "created": 0, "owned_by": "scripted"}
            for model in self._models
        ]
        return web.json_response({"object": "list", "data": listed})

    async def _complete_chat(self, http_request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await http_request.read())
            request = Request(
                body=body,
                messages=_messages(body),
                model=body["model"],
                authorization=http_request.headers.get("Authorization", ""),
                number=len(self._requests),
                is_anthropics=http_request.path == "/v1/messages",
            )
        except (ValueError, KeyError, TypeError) as error:
            return _error_response(Reply(f"Malformed chat request: {error!r}", status=400))
        self._requests.append(request)

        refusal = self._refuse(request, http_request)
        if refusal is not None:
            return _error_response(refusal)

        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)
        try:
            return await self._reply(request, http_request)
        finally:
            self._in_flight -= 1

    def _refuse(self, request: Request, http_request: web.Request) -> Reply | None:
        """Choose the error for a request that must not reach ``answer``, if any."""
        if not self._is_authorized(http_request):
            return Reply(status=401)
        if self._known_models is not None and request.model not in self._known_models:
            return Reply(f"The model `{request.model}` does not exist.", status=404)
        if request.body.get("stream") and self._streams == "must not":
            return Reply("The scripted server does not stream.", status=400)
        if not request.body.get("stream") and self._streams == "must":
            return Reply("This model only support stream mode, enable stream.", status=400)
        if self._limit is not None and self._in_flight >= self._limit:
            return Reply(status=429, headers={"Retry-After": f"{self._retry_after:g}"})
        return None

    async def _reply(self, request: Request, http_request: web.Request) -> web.StreamResponse:
        try:
            answered = self._answer(request)
            reply = Reply(answered) if isinstance(answered, str) else answered
            response = _response(request, reply)
            latency = self._latency(request.number) if callable(self._latency) else self._latency
        except BaseException as error:  # noqa: BLE001 - pytest.fail is not an Exception
            self._exceptions.append(error)
            text = f"{type(error).__name__}: {error}"
            return _error_response(Reply(text, status=500, headers={"x-should-retry": "false"}))

        closing = False
        while not closing and not (len(self._requests) >= reply.arrivals and reply.once()):
            closing = await self._closes_within(_LOOK_SECONDS)
        if not closing:
            closing = await self._closes_within(None if reply.hang else latency + reply.delay)
        if (closing or reply.drop) and http_request.transport is not None:
            http_request.transport.abort()
        return response

    async def _closes_within(self, seconds: float | None) -> bool:
        """Wait, and tell whether the server began to close in the meantime."""
        if seconds == 0:
            return self._closing.is_set()
        try:
            async with asyncio.timeout(seconds):
                return await self._closing.wait()
        except TimeoutError:
            return False

    def answered(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Return status and body of the answer to a request that did not come by itself."""
        try:
            answered = self._answer(request)
        except BaseException as error:
            self._exceptions.append(error)
            raise
        reply = Reply(answered) if isinstance(answered, str) else answered
        return reply.status, json.loads(_response(request, reply).body)

    def _is_authorized(self, http_request: web.Request) -> bool:
        sent = http_request.headers.get("Authorization")
        return self._api_key is None or sent == f"Bearer {self._api_key}"


def _mentions(substring: str) -> Callable[[Request], bool]:
    return lambda request: any(substring in text for text in request.texts)


def _as_answer(reply: Reply | str | Answer) -> Answer:
    return reply if callable(reply) else lambda _: reply


def _message_text(message: dict[str, Any]) -> str:
    """Return a message's text, whether its content is a string, parts or nothing."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _response(request: Request, reply: Reply) -> web.Response:
    if reply.raw_body is not None:
        return _http_response(reply, reply.raw_body)
    if reply.status >= 400:
        return _error_response(reply)
    if "messages" not in request.body:
        return _http_response(reply, json.dumps(_as_response(request, reply)).encode())
    if request.is_anthropics:
        return _http_response(reply, json.dumps(_as_message(request, reply)).encode())
    completion = _completion(request, reply)
    if request.body.get("stream"):
        return _http_response(
            replace(reply, content_type="text/event-stream"), _chunked(completion)
        )
    return _http_response(reply, json.dumps(completion).encode())


def _as_response(request: Request, reply: Reply) -> dict[str, Any]:
    """Return what the Responses API answers."""
    usage = _usage(request, reply)
    part = {"type": "output_text", "text": reply.text, "annotations": []}
    item = {
        "type": "message",
        "id": f"msg_{request.number}",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    return {
        "id": f"resp_{request.number}",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": request.model,
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"],
        },
    }


def _as_message(request: Request, reply: Reply) -> dict[str, Any]:
    """Return what Anthropic's Messages API answers."""
    usage = _usage(request, reply)
    return {
        "id": f"msg_{request.number}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [{"type": "text", "text": reply.text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
        },
    }


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a request, in whatever form it has them."""
    first = body.get("instructions") or body.get("system")
    system = [{"role": "system", "content": first}] if first else []
    given = body["messages"] if "messages" in body else body["input"]
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    return [*system, *given]


def _chunked(completion: dict[str, Any]) -> bytes:
    """Return a completion as a stream: a chunk a word, and the usage where it was asked for."""
    chunks: list[dict[str, Any]] = []
    for choice in completion["choices"]:
        message, about = choice["message"], {"index": choice["index"], "finish_reason": None}
        chunks.append({"choices": [{**about, "delta": {"role": "assistant", "content": ""}}]})
        words = re.findall(r"\S+\s*|\s+", message.pop("content") or "")
        chunks += [{"choices": [{**about, "delta": {"content": word}}]} for word in words]
        rest = {**about, "delta": message, "finish_reason": choice["finish_reason"]}
        chunks.append({"choices": [rest]})
    if completion["usage"] is not None:
        chunks.append({"choices": [], "usage": completion["usage"]})
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([": a comment\n\n", *events, "data: [DONE]\n\n"]).encode()


def _error_response(reply: Reply) -> web.Response:
    error = reply.error
    if error is None:
        nearest = 400 if reply.status < 500 else 500
        error = dict(_DEFAULT_ERRORS.get(reply.status, _DEFAULT_ERRORS[nearest]))
        error["message"] = reply.text or error["message"]
    return _http_response(reply, json.dumps({"error": error}).encode())


def _http_response(reply: Reply, body: bytes) -> web.Response:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    return web.Response(body=body, status=reply.status, headers=headers)


def _completion(request: Request, reply: Reply) -> dict[str, Any]:
    """Return the body of a successful answer."""
    return {
        "id": f"chatcmpl-{request.number}",
        "object": "chat.completion",
        "created": 0,
        "model": request.model,
        "choices": [] if reply.empty_choices else [_choice(reply)],
        "usage": _usage(request, reply) if _is_counted(request) else None,
    }


def _choice(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    finish_reason = reply.finish_reason
    if reply.refusal is not None:
        message["content"] = None
    if reply.tool_call:
        function = {"name": "scripted_tool", "arguments": "{}"}
        message["content"] = None
        message["tool_calls"] = [{"id": "call_0", "type": "function", "function": function}]
        finish_reason = "tool_calls"
    return {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}


def _is_counted(request: Request) -> bool:
    options = request.body.get("stream_options") or {}
    return not request.body.get("stream") or bool(options.get("include_usage"))


def _usage(request: Request, reply: Reply) -> dict[str, Any]:
    prompt_tokens = reply.prompt_tokens
    if prompt_tokens is None:
        prompt_tokens = sum(len(text.split()) for text in request.texts)
    completion_tokens = reply.completion_tokens
    if completion_tokens is None:
        completion_tokens = len((reply.refusal or reply.text).split())
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens or 0},
    }
