"""Slots: never more holders than there are slots, and the oldest evaluation first."""

from __future__ import annotations

import asyncio

import pytest

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
