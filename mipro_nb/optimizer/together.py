"""Several coroutines awaited as one, with one result or one error."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, overload

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
