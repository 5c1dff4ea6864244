"""Slots: never more holders than there are slots, and the oldest evaluation first."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.errors import LMUnavailableError
from mipro_nb.evaluate.slots import Slots


async def holder(slots, priority, name, served, holding):
    async with slots.hold(priority):
        served.append(name)
        holding.append(name)
        assert len(holding) <= 1
        await asyncio.sleep(0)
        holding.remove(name)


async def test_the_lowest_priority_is_served_first_and_equals_in_order_of_arrival():
    slots, served, holding = Slots(1), [], []
    arriving = [(0, "first"), (3, "d"), (1, "b"), (3, "e"), (-2, "a"), (1, "c")]
    await asyncio.gather(*(holder(slots, p, name, served, holding) for p, name in arriving))
    assert served == ["first", "a", "b", "c", "d", "e"]


@given(st.integers(1, 5), st.lists(st.integers(-2, 3), max_size=30), st.integers(0, 99))
def test_all_are_served_and_never_more_than_there_are_slots(size, priorities, seed):
    asyncio.run(_serve_all(size, priorities, random.Random(seed)))


async def _serve_all(size, priorities, rng):
    slots, holding, most = Slots(size), 0, 0

    async def hold(priority):
        nonlocal holding, most
        async with slots.hold(priority):
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
    # Nobody took a slot away with it.
    async with asyncio.timeout(5):
        for _ in range(size):
            await slots._take(0)


async def test_a_waiter_that_is_cancelled_when_its_turn_comes_passes_it_on():
    slots = Slots(1)
    await slots._take(0)
    waiting = asyncio.create_task(slots._take(0))
    behind = asyncio.create_task(slots._take(1))
    await asyncio.sleep(0)
    slots._give_back()  # it is the first waiter's turn …
    waiting.cancel()  # … which leaves before it takes it
    async with asyncio.timeout(5):
        await behind
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_holder_that_is_cancelled_gives_its_slot_back():
    slots = Slots(1)
    with pytest.raises(asyncio.CancelledError):
        async with slots.hold():
            raise asyncio.CancelledError
    async with asyncio.timeout(5), slots.hold():
        pass


async def test_after_a_failure_that_all_would_share_nobody_tries_again():
    slots, tried = Slots(1), []

    async def call(number):
        async with slots.hold():
            tried.append(number)
            msg = "wrong key"
            raise LMUnavailableError(msg)

    results = await asyncio.gather(*map(call, range(5)), return_exceptions=True)
    assert tried == [0]
    assert [str(result) for result in results] == ["wrong key"] * 5
