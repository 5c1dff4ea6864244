"""Running a user's program or metric."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from mipro_nb.evaluate.user_code import run_user_code


async def test_code_that_is_cancelled_before_it_begins_is_closed():
    async def program():
        return 1

    work = program()
    running = asyncio.create_task(run_user_code("program", work))
    await asyncio.sleep(0)
    assert inspect.getcoroutinestate(work) == inspect.CORO_CREATED
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED
