"""The ledger: every (configuration, example) is scored once, whatever asks for it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections import Counter

import pytest

import mipro_nb as mipro
from mipro_nb.errors import (
    LMError,
    LMUnavailableError,
    MetricError,
    ReplyError,
    TooManyErrorsError,
)
from mipro_nb.evaluate.ledger import Ledger
from mipro_nb.evaluate.metric import Metric
from mipro_nb.evaluate.slots import Slots

ROWS = [mipro.Example(n=n).with_inputs("n") for n in range(10)]


class Counted(mipro.Module):
    """Answers n, counts how often it is run on it, and fails on some."""

    def __init__(self, *failing, error=ValueError):
        self.runs = Counter()
        self.failing, self.error = failing, error
        self.gate = asyncio.Event()
        self.gate.set()

    async def aforward(self, n):
        self.runs[n] += 1
        await self.gate.wait()
        if n in self.failing:
            msg = f"{n} fails"
            raise self.error(msg)
        return mipro.Prediction(n=n)


def ledger_of(metric=lambda e, p: e.n == p.n, slots=100, max_errors=5):
    return Ledger(ROWS, Metric(metric), Slots(slots), max_errors)


async def some_rounds():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_results_come_in_the_order_that_was_asked_for():
    results = await ledger_of().evaluate("a", Counted(), [7, 1, 4])
    assert [result.index for result in results] == [7, 1, 4]
    assert [result.prediction.n for result in results] == [7, 1, 4]


async def test_a_full_evaluation_adds_what_a_minibatch_left():
    ledger, program, scored = ledger_of(), Counted(), []
    await ledger.evaluate("a", program, [0, 1, 2])
    await ledger.evaluate("a", program, range(10), on_result=lambda r: scored.append(r.index))
    assert set(program.runs.values()) == {1}
    assert sorted(scored) == [3, 4, 5, 6, 7, 8, 9]


async def test_configurations_do_not_share_cells():
    ledger, program = ledger_of(), Counted()
    await ledger.evaluate("a", program, range(10))
    await ledger.evaluate("b", program, range(10))
    assert set(program.runs.values()) == {2}


async def test_overlapping_evaluations_pay_once():
    ledger, program = ledger_of(), Counted()
    program.gate.clear()
    first = asyncio.create_task(ledger.evaluate("a", program, range(6)))
    second = asyncio.create_task(ledger.evaluate("a", program, range(3, 10)))
    await some_rounds()
    assert ledger.begun("a") == set(range(10))
    assert ledger.begun("b") == set()
    program.gate.set()
    assert [r.index for r in await first] == [0, 1, 2, 3, 4, 5]
    assert [r.index for r in await second] == [3, 4, 5, 6, 7, 8, 9]
    assert set(program.runs.values()) == {1}


async def test_an_evaluation_scores_what_another_gave_up():
    ledger, program = ledger_of(), Counted()
    program.gate.clear()
    first = asyncio.create_task(ledger.evaluate("a", program, range(6)))
    second = asyncio.create_task(ledger.evaluate("a", program, range(3, 10)))
    await some_rounds()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    program.gate.set()
    assert [r.index for r in await second] == [3, 4, 5, 6, 7, 8, 9]
    assert program.runs == {0: 1, 1: 1, 2: 1, 3: 2, 4: 2, 5: 2, 6: 1, 7: 1, 8: 1, 9: 1}
    assert ledger.begun("a") == {3, 4, 5, 6, 7, 8, 9}


async def test_two_evaluations_that_wait_for_what_a_third_gave_up_pay_once():
    ledger, program = ledger_of(), Counted()
    program.gate.clear()
    given_up = asyncio.create_task(ledger.evaluate("a", program, range(10)))
    await some_rounds()
    others = [asyncio.create_task(ledger.evaluate("a", program, range(10))) for _ in range(2)]
    await some_rounds()
    given_up.cancel()
    await asyncio.wait([given_up])
    program.gate.set()
    for results in await asyncio.gather(*others):
        assert [r.index for r in results] == list(range(10))
    assert set(program.runs.values()) == {2}


class Thing:
    """Something that can be seen to be gone."""


held = contextvars.ContextVar("held")


class Leaves(mipro.Module):
    """Leaves a thing in its context variables and in its frame."""

    def __init__(self, error=None):
        self.error = error
        self.left = []

    async def aforward(self, n):
        thing = Thing()
        held.set(Thing())
        self.left += [weakref.ref(thing), weakref.ref(held.get())]
        if self.error:
            raise self.error
        return mipro.Prediction(n=n)


@pytest.mark.parametrize("error", [None, ReplyError("The field 'n' is missing.", "What?", {})])
async def test_a_scored_example_keeps_nothing_alive_but_its_result(error):
    ledger, program = ledger_of(), Leaves(error)
    results = await ledger.evaluate("a", program, range(10))
    gc.collect()
    assert len(program.left) == 20
    assert [left() for left in program.left] == [None] * 20
    assert [r.error for r in results] == [error] * 10


async def test_a_cancelled_evaluation_leaves_nothing_running():
    ledger, program = ledger_of(slots=2), Counted()
    program.gate.clear()
    task = asyncio.create_task(ledger.evaluate("a", program, range(10)))
    await some_rounds()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert program.runs == {0: 1, 1: 1}


async def test_the_lowest_priority_is_served_first():
    ledger, order = ledger_of(slots=1), []
    late = ledger.evaluate(
        "b", Counted(), range(5), priority=2, on_result=lambda r: order.append("b")
    )
    early = ledger.evaluate(
        "a", Counted(), range(5), priority=1, on_result=lambda r: order.append("a")
    )
    await asyncio.gather(late, early)
    assert order == ["b", *"aaaaa", *"bbbb"]  # the one that was under way, then the older ones


async def test_failures_below_the_limit_score_zero():
    results = await ledger_of(max_errors=3).evaluate("a", Counted(2, 5), range(10))
    assert [r.index for r in results if r.error is not None] == [2, 5]
    assert [r.score for r in results] == [1, 1, 0, 1, 1, 0, 1, 1, 1, 1]
    assert str(results[2].error) == "2 fails"


async def test_too_many_failures_end_the_evaluation_and_tell_the_first_of_them():
    with pytest.raises(TooManyErrorsError, match="3 examples failed, which max_errors=3") as caught:
        await ledger_of(max_errors=3).evaluate("a", Counted(2, 5, 7, 8), range(10))
    assert "example 2: ValueError: 2 fails" in str(caught.value)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_failures_are_counted_for_each_evaluation_alone():
    ledger, program = ledger_of(max_errors=2), Counted(0, 9)
    await ledger.evaluate("a", program, range(5))
    await ledger.evaluate("a", program, range(5, 10))
    with pytest.raises(TooManyErrorsError):
        await ledger.evaluate("a", program, range(10))
    assert set(program.runs.values()) == {1}


async def test_failures_that_are_known_are_counted_before_anything_is_paid():
    ledger, program = ledger_of(max_errors=2), Counted(0, 5)
    await ledger.evaluate("a", program, [0])
    await ledger.evaluate("a", program, [5])
    with pytest.raises(TooManyErrorsError, match=r"(?s)0 fails.*5 fails"):
        await ledger.evaluate("a", program, range(10))
    assert program.runs == {0: 1, 5: 1}


async def test_failed_calls_count_and_the_unreachable_lm_ends_all_at_once():
    failing = Counted(*range(10), error=LMError)
    with pytest.raises(TooManyErrorsError):
        await ledger_of(max_errors=10).evaluate("a", failing, range(10))
    gone = Counted(*range(10), error=LMUnavailableError)
    with pytest.raises(LMUnavailableError, match="fails"):
        await ledger_of(slots=2, max_errors=10).evaluate("a", gone, range(10))
    assert sum(gone.runs.values()) <= 3


async def test_a_metric_that_raises_on_the_very_first_example_ends_the_evaluation():
    with pytest.raises(MetricError, match="ZeroDivisionError"):
        await ledger_of(lambda e, p: 1 / 0).evaluate("a", Counted(), range(10))


async def test_a_metric_that_raises_later_is_a_failure_of_that_example():
    ledger = ledger_of(lambda e, p: 1 / abs(e.n - 5), slots=1)
    results = await ledger.evaluate("a", Counted(), range(10))
    assert [r.index for r in results if r.error is not None] == [5]
    assert isinstance(results[5].error, MetricError)


@pytest.mark.parametrize("odd", [0, 5])
async def test_a_score_that_is_not_finite_is_a_failure_of_that_example(odd):
    ledger = ledger_of(lambda e, p: float("nan") if e.n == odd else 1.0, slots=1)
    results = await ledger.evaluate("a", Counted(), range(10))
    assert [r.index for r in results if r.counts_as_error] == [odd]
    assert sum(r.score for r in results) == 9


async def test_scores_that_are_not_finite_count_against_max_errors():
    with pytest.raises(TooManyErrorsError, match="returned nan, which is not a score"):
        await ledger_of(lambda e, p: float("nan")).evaluate("a", Counted(), range(10))


async def test_a_metric_without_a_return_in_one_branch_fails_that_example():
    ledger = ledger_of(lambda e, p: None if e.n == 5 else 1.0, slots=1)
    results = await ledger.evaluate("a", Counted(), range(10))
    assert [r.index for r in results if r.counts_as_error] == [5]


async def test_a_metric_that_returns_nothing_at_all_ends_the_evaluation_at_once():
    with pytest.raises(MetricError, match="does it lack a return"):
        await ledger_of(lambda e, p: None, slots=1).evaluate("a", Counted(), range(10))


class Quits(mipro.Module):
    """Ends or cancels the task that runs it."""

    def __init__(self, how):
        self.how = how

    async def aforward(self, n):
        raise self.how


@pytest.mark.parametrize("how", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
async def test_a_program_that_leaves_is_a_failure_like_others(how):
    with pytest.raises(TooManyErrorsError, match=f"Quits raised {how.__name__}"):
        await ledger_of(max_errors=5).evaluate("a", Quits(how), range(10))
