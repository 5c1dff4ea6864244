"""The limiter: who goes next, where only so many may go at once."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

Priority = tuple[int, ...]
"""Who goes first: the lowest, compared place by place."""


class ReturnableTurn:
    """One holder's turn, which may be given back for a while."""

    def __init__(self, limiter: Limiter, priority: Priority) -> None:
        self._limiter, self._priority = limiter, priority
        self._held = False

    async def take(self) -> None:
        """Wait for it, unless it is held."""
        if not self._held:
            await self._limiter.take(self._priority)
            self._held = True

    def give_back(self) -> None:
        """Let another one have it, if it is held."""
        if self._held:
            self._held = False
            self._limiter.give_back()


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
    async def hold(self, priority: Priority = ()) -> AsyncIterator[ReturnableTurn]:
        """Wait for a turn and keep it for the block, unless its holder gives it back meanwhile."""
        turn = ReturnableTurn(self, priority)
        await turn.take()
        try:
            yield turn
        finally:
            turn.give_back()

    @contextmanager
    def hold_if_free(self) -> Iterator[bool]:
        """Keep a turn for the block if one is free, and tell whether it was."""
        free = self._held < self._size
        self._held += free
        try:
            yield free
        finally:
            if free:
                self.give_back()

    def resize(self, size: int) -> None:
        """Have another number of turns; those that are held stay so, even if they are more."""
        self._size = size
        self._serve()

    async def take(self, priority: Priority) -> None:
        """Wait for a turn, which is given back by `give_back`."""
        if self._held < self._size:
            self._held += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Let another one have a turn that was taken."""
        self._held -= 1
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._held < self._size:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._held += 1
                turn.set_result(None)
