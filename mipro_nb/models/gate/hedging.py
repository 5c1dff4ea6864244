"""Hedging: what takes unusually long is begun a second time, and the first result counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def first_of(
    begin: Callable[[], Awaitable[T]],
    begin_again: Callable[[], Awaitable[T | None]],
    after: float,
) -> T:
    """Return the first result; what is still on its way is cancelled, and over, by then.

    A failure counts only if there is no result at all.

    Parameters
    ----------
    begin
        Brings the result.
    begin_again
        Brings it as well, or None at once where it cannot.
    after
        Seconds after which the result is late.
    """
    first = asyncio.ensure_future(begin())
    tasks: list[asyncio.Future[T] | asyncio.Future[T | None]] = [first]
    try:
        await asyncio.wait(tasks, timeout=after)
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
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
