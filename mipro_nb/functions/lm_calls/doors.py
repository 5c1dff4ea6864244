"""The doors: where LM calls that user code makes by itself turn to the gate of a run.

Whatever library a program or a metric asks an LM by, a request leaves through ``Client.send`` or
``AsyncClient.send`` of httpx, or of httpx2, which openai's SDK uses. They are wrapped while such
code is executed for a run, a rehearsal or an evaluation of ours, and put back after that. Calls of
anybody else's pass through them untouched meanwhile.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import json
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import ModuleType
from typing import Any, Literal, NamedTuple

from mipro_nb.core_loop import core, in_worker, on_core
from mipro_nb.errors import ProgramError, shown
from mipro_nb.functions.apis import Api, api_of
from mipro_nb.functions.executions import FunctionExecution, execution_here
from mipro_nb.functions.lm_calls.call import CaughtCall, answered
from mipro_nb.functions.lm_calls.connections import let_go, own_connections
from mipro_nb.functions.lm_calls.failures import Response, as_response
from mipro_nb.functions.lm_calls.lookups import let_by, looking_up
from mipro_nb.models.gate.attempts import is_under_way
from mipro_nb.models.gate.gate import gate_here, run_gate

LIBRARIES = ("httpx", "httpx2")
# What is paid for, and told in the plan as neither counted nor capped.
_EMBEDDINGS = re.compile(
    r"/(?:embeddings|embed|rerank)$|:(?:e|batchE)mbedContents?$"
    r"|/model/[^/]*(?:embed|rerank)[^/]*/invoke$|/models/[^/:]*embed[^/:]*:predict$"
)
# How services are asked for what we can neither count nor keep: text in other ways, text that comes
# later, images, speech.
_UNKNOWN = re.compile(
    r"/v1/completions$|/openai/deployments/[^/]+/completions$|/v1/complete$"
    r"|:(?:streamG|g)enerateContent$|:(?:raw|streamRaw)?[pP]redict$"
    r"|/model/[^/]+/(?:converse|invoke)(?:-stream|-with-response-stream)?$"
    r"|/threads(?:/[^/]+)?/runs(?:/[^/]+/submit_tool_outputs)?$|/responses/compact$"
    r"|/(?:v1|messages)/batches$|/v1/videos$"
    r"|/images/(?:generations|edits|variations)$"
    r"|/audio/(?:speech|transcriptions|translations)$"
)
# Where other services than LMs are found as well: it is an LM that is asked where a model is named.
_PERHAPS_UNKNOWN = re.compile(r"/api/(?:chat|generate)$|/v\d/chat$")
_OF_A_QUESTION = frozenset({"messages", "input", "model", "prompt"})
_OF_THE_BODY = frozenset({"content-length", "transfer-encoding"})
# A request that is sent on would be one that is not counted.
_ONE_REQUEST = {"stream": False, "follow_redirects": False}


class _Wrapped(NamedTuple):
    """An attribute that is wrapped: whose it is, what we have put there, what was there before."""

    owner: Any
    name: str
    made: Any
    original: Any


_lock = threading.Lock()
_open = 0
_wrapped: list[_Wrapped] = []


@contextmanager
def open_doors() -> Iterator[None]:
    """Have calls made inside the block find the gate they belong to."""
    global _open  # noqa: PLW0603 - it is one door for the whole process
    with _lock:
        _wrap_all()  # other code may have put back since what it had found
        _open += 1
    try:
        yield
    finally:
        with _lock:
            _open -= 1
            if _open == 0:
                _unwrap_all()
                let_go()


def _wrap_all() -> None:
    _wrap(socket, "getaddrinfo", looking_up)
    for library in _libraries():
        _wrap(library.Client, "send", functools.partial(sending, library=library))
        _wrap(library.AsyncClient, "send", functools.partial(sending_async, library=library))


@functools.cache
def _libraries() -> list[ModuleType]:
    found = (name for name in LIBRARIES if importlib.util.find_spec(name) is not None)
    return [importlib.import_module(name) for name in found]


def _wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    # Twice does no harm where somebody has wrapped it after us: what passed the outer one is known.
    if any(each.made is original for each in _wrapped):
        return
    made = make(original)
    _wrapped.append(_Wrapped(owner, name, made, original))
    setattr(owner, name, made)


def _unwrap_all() -> None:
    left = []
    for each in reversed(_wrapped):
        if vars(each.owner).get(each.name) is each.made:
            setattr(each.owner, each.name, each.original)
        else:  # somebody has wrapped it after us, and ours is inside
            left.append(each)
    _wrapped[:] = reversed(left)


def sending(original: Callable[..., Any], library: ModuleType) -> Callable[..., Any]:
    """Return ``Client.send`` by way of the gate, for calls that belong to one."""

    @functools.wraps(original)
    def send(self: Any, request: Any, **options: Any) -> Any:
        async def attempt(body: bytes) -> Response:
            again = _with_body(library, request, body)
            return _read(await in_worker(original, self, again, **{**options, **_ONE_REQUEST}))

        asked = _asked(request, attempt)
        given = None if asked is None else core().wait_for(asked())
        if given is not None:
            return _made(library, request, given, options)
        with let_by():
            return original(self, request, **options)

    return send


def sending_async(original: Callable[..., Any], library: ModuleType) -> Callable[..., Any]:
    """Return ``AsyncClient.send`` by way of the gate, likewise."""

    @functools.wraps(original)
    async def send(self: Any, request: Any, **options: Any) -> Any:
        home = asyncio.get_running_loop()

        async def attempt(body: bytes) -> Response:
            again = _with_body(library, request, body)

            async def sent() -> Response:
                async with own_connections(self, library) as client:
                    return _read(await original(client, again, **{**options, **_ONE_REQUEST}))

            return await _at_home(home, sent())

        asked = _asked(request, attempt)
        given = None if asked is None else await on_core(asked())
        if given is not None:
            return _made(library, request, given, options)
        with let_by():
            return await original(self, request, **options)

    return send


async def _at_home(
    home: asyncio.AbstractEventLoop, sent: Coroutine[Any, Any, Response]
) -> Response:
    """Await what is sent on the loop of the code that calls."""
    if asyncio.get_running_loop() is home:
        return await sent
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(sent, home))


def _asked(
    request: Any, attempt: Callable[[bytes], Awaitable[Response]]
) -> Callable[[], Coroutine[Any, Any, Response | None]] | None:
    """Return what brings the response to a request, None if it is none of ours.

    It brings None where the request may be sent as it is.
    """
    if request.method != "POST" or is_under_way() or gate_here() is None:
        return None
    execution = execution_here()
    # In a run, code whose origin is not known cannot be told from the user's own.
    if execution is None and run_gate.get() is not None:
        return None
    path, body = request.url.path, _body_of(request)
    kind = _kind_of(path, body)
    if kind == "embedding":
        return None if execution is None else _embedding
    if kind == "unknown":
        return functools.partial(_refused, execution, path)
    if kind is None or body is None:
        return None
    asked = CaughtCall(kind, str(request.url), dict(request.headers), body, attempt)
    return functools.partial(answered, asked, execution)


def _kind_of(
    path: str, body: Mapping[str, Any] | None
) -> Api | Literal["embedding", "unknown"] | None:
    """Return in which way an LM is asked, None if none is."""
    if _EMBEDDINGS.search(path):
        return "embedding"
    api, names_model = api_of(path), body is None or "model" in body
    if _UNKNOWN.search(path) or (_PERHAPS_UNKNOWN.search(path) and names_model):
        return "unknown"
    # Another service may have a path that ends alike.
    if api is None or (body is not None and not body.keys() & _OF_A_QUESTION):
        return None
    return api if body is not None and body.keys() & {"messages", "input"} else "unknown"


def _body_of(request: Any) -> Mapping[str, Any] | None:
    """Return the JSON object that a request sends, None if it is something else."""
    try:
        body = json.loads(request.content)
    except (ValueError, RuntimeError):  # it is uploaded as a stream
        return None
    return body if isinstance(body, Mapping) else None


async def _embedding() -> None:
    gate = gate_here()
    if gate is not None:
        await gate.let_by()


async def _refused(execution: FunctionExecution | None, path: str) -> Response:
    error = ProgramError(
        f"It asks an LM at {shown(path, 80)}, in a form that mipro_nb does not know: such calls "
        "can be neither counted nor capped. Ask it for text by Chat Completions, Responses or "
        "Messages: many services have an address that takes one of them. Have anything else made "
        "before the run, and give it to the program as an input."
    )
    if execution is not None:
        execution.failure = error
    return as_response(error, None)


def _with_body(library: ModuleType, request: Any, body: bytes) -> Any:
    """Return the request with another body."""
    headers = [
        (name, value)
        for name, value in request.headers.multi_items()
        if name.lower() not in _OF_THE_BODY
    ]
    return library.Request(
        request.method, request.url, headers=headers, content=body, extensions=request.extensions
    )


def _read(response: Any) -> Response:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status_code, response.content, headers)


def _made(library: ModuleType, request: Any, given: Response, options: Mapping[str, Any]) -> Any:
    body = library.ByteStream(given.content)
    response = library.Response(
        given.status, headers=dict(given.headers), stream=body, request=request
    )
    if not options.get("stream"):  # else the caller reads it, by whatever way it likes
        response.read()
    response.elapsed = timedelta(0)
    return response
