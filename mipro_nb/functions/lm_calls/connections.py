"""Connections of async clients: those of a run are its own.

A connection belongs to the event loop that it was opened on. A client that was used in a cell holds
some of the notebook's loop, while a run's functions are awaited on another one; and once the run is
over, the cell must not find connections of the run's. So attempts are made by a copy of the client
that has everything of it but the connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from mipro_nb.core_loop import core

_of_core: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


@asynccontextmanager
async def own_connections(client: Any, library: ModuleType) -> AsyncIterator[Any]:
    """Give the block what sends as `client` does, by connections of the loop that is running.

    Those of the core loop are kept for the next call.
    """
    if asyncio.get_running_loop() is core().loop:
        if client not in _of_core:
            _of_core[client] = _copied(client, library)
        yield _of_core[client]
        return
    twin = _copied(client, library)
    try:
        yield twin
    finally:
        await _closed(twin, client)


def let_go() -> None:
    """Close the connections that are kept; nothing may be in flight."""
    pairs = list(_of_core.items())
    _of_core.clear()
    if pairs:
        core().submit(_all_closed(pairs))


async def _all_closed(pairs: list[tuple[Any, Any]]) -> None:
    for client, twin in pairs:
        await _closed(twin, client)


async def _closed(twin: Any, client: Any) -> None:
    shared = [*map(id, _transports(client))]
    for transport in _transports(twin):
        if id(transport) not in shared:
            with contextlib.suppress(Exception):  # its server may have done so before
                await transport.aclose()


def _transports(client: Any) -> list[Any]:
    mounted = getattr(client, "_mounts", {}).values()
    return [each for each in (client._transport, *mounted) if each is not None]  # noqa: SLF001


def _copied(client: Any, library: ModuleType) -> Any:
    twin = copy.copy(client)
    with contextlib.suppress(AttributeError):  # of a version that keeps them elsewhere
        own = _fresh(client._transport, library)  # noqa: SLF001
        twin._mounts = {  # noqa: SLF001
            pattern: None if mounted is None else _fresh(mounted, library)
            for pattern, mounted in client._mounts.items()  # noqa: SLF001
        }
        twin._transport = own  # noqa: SLF001
    return twin


def _fresh(transport: Any, library: ModuleType) -> Any:
    """Return a transport like this one without connections; one of another kind as it is."""
    if type(transport) is not library.AsyncHTTPTransport:
        return transport
    made, pool = copy.copy(transport), copy.copy(transport._pool)  # noqa: SLF001
    pool._connections, pool._requests = [], []  # noqa: SLF001
    pool._optional_thread_lock = type(pool._optional_thread_lock)()  # noqa: SLF001
    made._pool = pool  # noqa: SLF001
    return made
