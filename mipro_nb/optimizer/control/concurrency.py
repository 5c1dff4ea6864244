"""Several coroutines at once: awaited as one, or going on beside what awaits them one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar, overload

T = TypeVar("T")
First = TypeVar("First")
Second = TypeVar("Second")


@overload
async def together(
    first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second], /
) -> tuple[First, Second]: ...
@overload
async def together(*work: Coroutine[Any, Any, T]) -> tuple[T, ...]: ...
async def together(*work: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Run all of `work` at once and return the results in its order.

    As soon as one fails, or the caller is cancelled, the others are cancelled and waited for; the
    error is raised as it is, where a task group would wrap it.
    """
    tasks = [asyncio.create_task(each) for each in work]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Background:
    """Tasks that go on beside a block, and end with it.

    Those who await a task get its result, or its error as it is; nobody else hears of it. Where
    several do, each awaits it behind a shield: one of them that is cancelled would cancel it for
    all. A block that ends well waits for its tasks; one that fails or is cancelled cancels them
    first.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start `work`."""
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None:
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def in_order(tasks: Iterable[asyncio.Task[T]]) -> list[T]:
    """Return the results of all `tasks`; raise the first error as soon as there is one.

    They go on if the caller is cancelled: others may await them as well.
    """
    return await asyncio.gather(*map(asyncio.shield, tasks))
