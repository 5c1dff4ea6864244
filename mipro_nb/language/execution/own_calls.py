"""LM calls that a user's program or metric makes by a client of its own, such as openai's SDK.

They pass the gate of the run as all others do. Who knows such clients says, as `mipro_nb` is
imported, how their calls are caught.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from mipro_nb.errors import MiproError, causes_of

# What errors of HTTP clients, and of SDKs that use them, keep of what was sent.
_OF_A_REQUEST = frozenset({"request", "_request", "response"})


class OwnCalls(Protocol):
    """The calls that a block of code makes by clients of its own.

    Attributes
    ----------
    failure
        Why the latest one failed; None if it did not.
    """

    failure: MiproError | None


@dataclass
class SeenOwnCalls:
    """What a rehearsal saw of such calls.

    Attributes
    ----------
    calls
        Model → the first call to it.
    places
        Hosts that the code asks for something else.
    """

    calls: dict[str, Any] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)


class _NoOwnCalls:
    failure: MiproError | None = None


_catch: list[Callable[[], AbstractContextManager[OwnCalls]]] = [lambda: nullcontext(_NoOwnCalls())]
_seen: ContextVar[SeenOwnCalls | None] = ContextVar("mipro_seen_own_calls", default=None)


def catch_own_calls_by(catch: Callable[[], AbstractContextManager[OwnCalls]]) -> None:
    """Have `catch` return what catches such calls of a block; importing mipro_nb says it."""
    _catch[:] = [catch]


def caught_own_calls() -> AbstractContextManager[OwnCalls]:
    """Have such calls of the block, and of all that it calls, pass the gate that it belongs to."""
    return _catch[-1]()


def comes_of_a_client(error: BaseException) -> bool:
    """Tell whether the error of a client, for a request that it made, led to `error`."""
    return any(_OF_A_REQUEST & vars(cause).keys() for cause in causes_of(error))


@contextmanager
def watching_own_calls() -> Iterator[SeenOwnCalls]:
    """Have what is seen of such calls in the block be kept."""
    seen = SeenOwnCalls()
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def seen_own_calls() -> SeenOwnCalls:
    """Return where what is seen of such calls is kept; it is of no use outside a rehearsal."""
    return _seen.get() or SeenOwnCalls()
