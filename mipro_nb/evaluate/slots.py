"""Slots for programs in flight, given to the oldest evaluation first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """At most `size` holders at once; waiters are served by priority, then in order of arrival.

    What fails for one example alone is a result. So a holder that raises has met something that
    all others would meet, too: whoever waits fails alike, without a try of its own.

    Used on the core loop only.

    Parameters
    ----------
    size
        Number of slots.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()
        self._failure: Exception | None = None

    @asynccontextmanager
    async def hold(self, priority: int = 0) -> AsyncIterator[None]:
        """Wait for a slot and keep it for the block; the lowest `priority` is served first."""
        await self._take(priority)
        try:
            self._refuse_after_failure()
            yield
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._give_back()

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            # Another object, so that tasks do not write into each other's traceback.
            twin = type(self._failure).__new__(type(self._failure), *self._failure.args)
            twin.__dict__.update(vars(self._failure))
            raise twin from None

    async def _take(self, priority: int) -> None:
        if self._free > 0:
            self._free -= 1
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
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
