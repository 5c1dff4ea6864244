"""The limiter: who goes next, where only so many may go at once."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

Priority = tuple[int, ...]
"""Who goes first: the lowest, compared place by place."""


class Limiter:
    """At most `size` holders at once; waiters are served by priority, then in order of arrival.

    Used on the core loop only.

    Parameters
    ----------
    size
        How many turns may be held at once.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = 0
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    @asynccontextmanager
    async def hold(self, priority: Priority = ()) -> AsyncIterator[None]:
        """Wait for a turn and keep it for the block."""
        await self._take(priority)
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def hold_if_free(self) -> Iterator[bool]:
        """Keep a turn for the block if one is free, and tell whether it was."""
        free = self._held < self._size
        self._held += free
        try:
            yield free
        finally:
            if free:
                self._give_back()

    def resize(self, size: int) -> None:
        """Have another number of turns; those that are held stay so, even if they are more."""
        self._size = size
        self._serve()

    async def _take(self, priority: Priority) -> None:
        if self._held < self._size:
            self._held += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        self._held -= 1
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._held < self._size:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._held += 1
                turn.set_result(None)
