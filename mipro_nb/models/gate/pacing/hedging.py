"""Hedging: what takes unusually long is begun a second time, and the first result counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

from mipro_nb.models.calls import Call
from mipro_nb.models.gate.pacing.pace import Pace

T = TypeVar("T")

Hedge = Literal["tail"] | bool
"""Which slow calls are sent a second time: the last ones that a run waits for, all, or none."""

SHARE = 0.03
"""With ``hedge="tail"``, calls that are sent a second time, of those that are sent, at most."""

LEAST_SECONDS = 1.0
"""With ``hedge="tail"``, what comes back sooner is not slow: it is not worth a second call."""

# The last calls are those that take up so small a part of the slots, or one call.
_LAST = 8


class Hedging:
    """Which slow calls are sent a second time, and when; used on the core loop only.

    With ``"tail"`` it is those that the whole run waits for. Where next to all slots are idle,
    nothing else can be sent until the last calls in flight have come back.

    Parameters
    ----------
    hedge
        Which ones.
    slots
        Calls in flight at once, at most.

    Attributes
    ----------
    share
        How many there may be, of all calls; None for any number.
    """

    def __init__(self, hedge: Hedge, slots: int) -> None:
        self.share = SHARE if hedge == "tail" else None
        self._hedge = hedge
        self._last = max(1, slots // _LAST)
        self._under_way = 0
        self._late: dict[asyncio.Future[None], None] = {}  # in the order in which they were late

    @contextmanager
    def under_way(self, call: Call, pace: Pace) -> Iterator[asyncio.Future[None] | None]:
        """Have `call` be under way for the block, first of all attempts.

        What is yielded is done as soon as the call is to be sent a second time; None if it never
        is, as calls to the embedded model, or as long as too few calls were seen.
        """
        slow = pace.slow_seconds if self._hedge and call.hedged else None
        self._under_way += 1
        if slow is None:
            try:
                yield None
            finally:
                self._is_over()
            return
        loop = asyncio.get_running_loop()
        due: asyncio.Future[None] = loop.create_future()
        seconds = max(slow, LEAST_SECONDS) if self._hedge == "tail" else slow
        timer = loop.call_later(seconds, self._is_late, due)
        try:
            yield due
        finally:
            timer.cancel()
            due.cancel()
            self._late.pop(due, None)
            self._is_over()

    def _is_over(self) -> None:
        self._under_way -= 1
        self._look()

    def _is_late(self, due: asyncio.Future[None]) -> None:
        self._late[due] = None
        self._look()

    def _look(self) -> None:
        """Have those sent a second time that are late, and that the run now waits for."""
        if self._hedge == "tail" and self._under_way > self._last:
            return
        for due in [*self._late]:
            del self._late[due]
            if not due.done():  # its call was answered just now, and waits to be told
                due.set_result(None)


async def first_of(
    begin: Callable[[], Awaitable[T]],
    begin_again: Callable[[], Awaitable[T | None]],
    due: Awaitable[None],
) -> T:
    """Return the first result; what is still on its way is cancelled, and over, by then.

    A failure counts only if there is no result at all.

    Parameters
    ----------
    begin
        Brings the result.
    begin_again
        Brings it as well, or None at once where it cannot.
    due
        Is over when that is to begin, unless the result is there, or has failed.
    """
    first = asyncio.ensure_future(begin())
    waiting = asyncio.ensure_future(due)
    tasks: list[asyncio.Future[T] | asyncio.Future[T | None]] = [first]
    try:
        await asyncio.wait([first, waiting], return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            tasks.append(asyncio.ensure_future(begin_again()))
        while True:
            for task in tasks:
                if task.done() and task.exception() is None:
                    result = task.result()
                    if result is not None:
                        return result
            running = [task for task in tasks if not task.done()]
            if not running:
                return first.result()
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (*tasks, waiting):
            each.cancel()
        await asyncio.gather(*tasks, waiting, return_exceptions=True)
