"""Turns: never more holders than there are turns, whichever leaves, and the first in rank first."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.models.gate.pacing.limiter import Limiter


async def holder(turns, priority, name, served):
    async with turns.hold(priority):
        served.append(name)
        await asyncio.sleep(0)


async def test_the_lowest_priority_is_served_first_and_equals_in_order_of_arrival():
    turns, served = Limiter(1), []
    arriving = [
        ((0, 0), "first"),
        ((3, 0), "d"),
        ((1, 9), "b"),
        ((3, 0), "e"),
        ((-2, 5), "a"),
        ((3, -1), "c"),
    ]
    await asyncio.gather(*(holder(turns, p, name, served) for p, name in arriving))
    assert served == ["first", "a", "b", "c", "d", "e"]


@given(st.integers(1, 5), st.lists(st.integers(-2, 3), max_size=30), st.integers(0, 99))
def test_all_are_served_and_never_more_than_there_are_turns(size, priorities, seed):
    asyncio.run(_serve_all(size, priorities, random.Random(seed)))


async def _serve_all(size, priorities, rng):
    turns, holding, most = Limiter(size), 0, 0

    async def hold(priority):
        nonlocal holding, most
        async with turns.hold((priority,)):
            holding += 1
            most = max(most, holding)
            try:
                for _ in range(rng.randint(0, 3)):
                    await asyncio.sleep(0)
            finally:
                holding -= 1

    tasks = [asyncio.create_task(hold(priority)) for priority in priorities]
    for task in tasks:
        if rng.random() < 0.2:
            await asyncio.sleep(0)
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(r is None or isinstance(r, asyncio.CancelledError) for r in results)
    assert most <= size
    # Nobody took a turn away.
    async with asyncio.timeout(5):
        for _ in range(size):
            await turns.take(())


async def test_a_waiter_that_is_cancelled_when_its_turn_comes_passes_it_on():
    turns = Limiter(1)
    await turns.take(())
    waiting = asyncio.create_task(turns.take((0,)))
    behind = asyncio.create_task(turns.take((1,)))
    await asyncio.sleep(0)
    turns.give_back()  # it is the first waiter's turn …
    waiting.cancel()  # … which leaves before it takes it
    async with asyncio.timeout(5):
        await behind
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_with_fewer_turns_nobody_is_served_until_enough_have_left():
    turns, served = Limiter(3), []
    for _ in range(3):
        await turns.take(())
    turns.resize(1)
    waiting = asyncio.create_task(holder(turns, (), "waiter", served))
    for held in (2, 1):
        await asyncio.sleep(0)
        turns.give_back()
        assert (turns._held, served) == (held, [])
    turns.give_back()
    await waiting
    assert served == ["waiter"]


async def test_with_more_turns_those_who_wait_are_served_at_once():
    turns, served = Limiter(0), []
    waiting = [asyncio.create_task(holder(turns, (), n, served)) for n in range(3)]
    await asyncio.sleep(0)
    assert served == []
    turns.resize(2)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2]


async def test_only_a_free_turn_can_be_had_without_waiting():
    turns = Limiter(1)
    with turns.hold_if_free() as first, turns.hold_if_free() as second:
        assert (first, second) == (True, False)
    with turns.hold_if_free() as again:
        assert again
