"""Examples at work: which of those that are scored may still ask for something before they wait.

What goes in batches is sent once nobody at work could add to it. An example that waits for a batch
does so aside: it is not at work, and others have its slot meanwhile. So a batch holds the calls of
all examples that are due, however few may be at work at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

from mipro_nb.models.gate.pacing.limiter import ReturnableTurn


class AtWork:
    """Counts the examples at work; used on the core loop only.

    Parameters
    ----------
    on_rest
        Called when none is at work any more.
    """

    def __init__(self, on_rest: Callable[[], None]) -> None:
        self._on_rest = on_rest
        self._count = 0

    @property
    def at_rest(self) -> bool:
        """Tell whether no example is at work: all of them wait aside, or there is none."""
        return self._count == 0

    @contextmanager
    def example(self) -> Iterator[None]:
        """Have the block be work on one example: it may wait aside."""
        example = ExampleAtWork(self)
        token = _example.set(example)
        self.begin()
        try:
            yield
        finally:
            _example.reset(token)
            example.end()

    def begin(self) -> None:
        """Note that one more is at work."""
        self._count += 1

    def end(self) -> None:
        """Note that one is not at work any more."""
        self._count -= 1
        if self._count == 0:
            self._on_rest()


class ExampleAtWork:
    """One example; its program may make several calls at once.

    Attributes
    ----------
    slot
        The turn that it holds while it is at work; None if it needs none.
    """

    def __init__(self, at_work: AtWork) -> None:
        self._at_work = at_work
        self.slot: ReturnableTurn | None = None
        self._waiting: set[asyncio.Task[Any] | None] = set()
        self._over = False

    def end(self) -> None:
        """Note that its score is there, or that nobody wants it any more.

        What still waits is given up: sync code, which waits in a thread, hears of it in no other
        way.
        """
        self._over = True
        if not self._waiting:
            self._at_work.end()
        for task in self._waiting:
            if task is not None:
                task.cancel()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Wait aside for the block, and come back to a slot after it."""
        task = asyncio.current_task()
        self._waiting.add(task)
        if len(self._waiting) == 1 and not self._over:
            self._at_work.end()
            if self.slot is not None:
                self.slot.give_back()
        given_up = False
        try:
            yield
        except asyncio.CancelledError:
            given_up = True
            raise
        finally:
            self._waiting.discard(task)
            if not self._waiting and not self._over:
                self._at_work.begin()
                if self.slot is not None and not given_up:
                    await self.slot.take()


_example: ContextVar[ExampleAtWork | None] = ContextVar("mipro_example_at_work", default=None)


def example_at_work() -> ExampleAtWork | None:
    """Return the example that the caller works on; None if it does not score one."""
    return _example.get()
