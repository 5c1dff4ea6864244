"""Programs and metrics that never return: bounded by example_timeout, the LMs' part left out."""

from __future__ import annotations

import asyncio
import threading

import pytest
from scripted_server import ScriptedServer
from scripted_sums import lm_of, right, rows, solve

import mipro_nb as mipro
from mipro_nb.errors import (
    CallRefusedError,
    ExampleTimeoutError,
    InvalidArgumentError,
    TooManyErrorsError,
)

pytestmark = pytest.mark.slow

_SOON = 1.5
_FIRST = "0 plus 1"


@pytest.fixture
def server():
    with ScriptedServer(solve) as running:
        mipro.configure(lm=lm_of(running))
        yield running


@pytest.fixture
def released():
    """Set at the end, so that no thread stays behind."""
    event = threading.Event()
    yield event
    event.set()


class Blocks(mipro.Module):
    """A sync program that waits on the first example, and then goes on."""

    def __init__(self, until):
        self.until = [until]
        self.ask = mipro.Predict("question -> answer")
        self.heard = []
        self.ended = threading.Event()

    def __deepcopy__(self, memo):
        return self

    def forward(self, question):
        if question == _FIRST:
            self.until[0].wait()
            try:
                self.go_on(question)
            except CallRefusedError as error:
                self.heard.append(error)
            finally:
                self.ended.set()
        return self.ask(question=question)

    def go_on(self, question):
        self.ask(question=question)


class BlocksAndStartsThreads(Blocks):
    def go_on(self, question):
        met = []

        def ask():
            try:
                mipro.settings.lm("question: 0 plus 1")
            except CallRefusedError as error:
                met.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        raise met[0]


class Awaits(mipro.Module):
    """An async program that waits for ever on the first example."""

    def __init__(self):
        self.ask = mipro.Predict("question -> answer")

    async def aforward(self, question):
        if question == _FIRST:
            await asyncio.Event().wait()
        return await self.ask.acall(question=question)


class WillNotBeCancelled(Awaits):
    def __init__(self, until):
        super().__init__()
        self.until = [until]

    async def aforward(self, question):
        while question == _FIRST and not self.until[0].is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        return await self.ask.acall(question=question)


def check(result):
    assert [failed.index for failed in result.failed] == [0]
    error = result.failed[0].error
    assert isinstance(error, ExampleTimeoutError)
    assert result.failed[0].counts_as_error
    return str(error)


def test_a_program_that_never_returns_fails_its_example_alone(server, released):
    evaluate = mipro.Evaluate(devset=rows(6), metric=right, example_timeout=_SOON)
    assert check(evaluate(Blocks(released))) == "Blocks took longer than example_timeout=1.5 s."
    assert "Awaits took longer" in check(evaluate(Awaits()))
    assert "WillNotBeCancelled took longer" in check(evaluate(WillNotBeCancelled(released)))


def test_a_metric_that_never_returns_fails_its_example_alone(server, released):
    def blocking(example, prediction, trace=None):
        if example.question == _FIRST:
            released.wait()
        return True

    async def awaiting(example, prediction, trace=None):
        if example.question == _FIRST:
            await asyncio.Event().wait()
        return True

    for metric in (blocking, awaiting):
        evaluate = mipro.Evaluate(devset=rows(6), metric=metric, example_timeout=_SOON)
        told = check(evaluate(mipro.Predict("question -> answer")))
        assert told == f"The metric {metric.__name__} took longer than example_timeout=1.5 s."


def test_program_and_metric_share_the_time_of_an_example(server):
    class Slow(mipro.Module):
        async def aforward(self, question):
            await asyncio.sleep(1)
            return mipro.Prediction(answer=question)

    async def slow(example, prediction, trace=None):
        await asyncio.sleep(2.5)
        return True

    evaluate = mipro.Evaluate(devset=rows(1), metric=slow, example_timeout=3)
    assert "The metric slow took longer" in check(evaluate(Slow()))


@pytest.mark.parametrize("program", [Blocks, BlocksAndStartsThreads])
def test_what_was_given_up_sends_nothing_more(server, released, program):
    blocked = program(released)
    evaluate = mipro.Evaluate(devset=rows(3), metric=right, example_timeout=_SOON)
    check(evaluate(blocked))
    sent = server.count
    released.set()
    assert blocked.ended.wait(30)
    assert "took longer than example_timeout" in str(blocked.heard[0])
    assert server.count == sent


def test_threads_of_an_evaluation_that_ended_early_send_nothing_more(server, released):
    blocked = Blocks(released)

    def raising(example, prediction, trace=None):
        raise mipro.errors.ProgramError("no")

    # One row is answered and one is blocked: no other call is in flight when the metric raises.
    with pytest.raises(TooManyErrorsError):
        mipro.Evaluate(devset=rows(2), metric=raising, max_errors=1)(blocked)
    sent = server.count
    released.set()
    assert blocked.ended.wait(30)
    assert "stopped" in str(blocked.heard[0])
    assert server.count == sent


def test_waiting_for_lm_answers_does_not_count():
    def asked(example, prediction, trace=None):
        return bool(mipro.settings.lm("question: 7 plus 1"))

    async def asked_from_async_code(example, prediction, trace=None):
        return bool(mipro.settings.lm("question: 8 plus 1"))

    with ScriptedServer(solve, latency=1.2) as slow:
        mipro.configure(lm=lm_of(slow, cache=False))
        for metric in (right, asked, asked_from_async_code):
            evaluate = mipro.Evaluate(devset=rows(2), metric=metric, example_timeout=1)
            assert evaluate(mipro.Predict("question -> answer")) == 100.0


def test_an_evaluation_within_a_metric_has_times_of_its_own(released):
    def inner(example, prediction, trace=None):
        within = mipro.Evaluate(devset=rows(2), metric=right, example_timeout=_SOON)
        return check(within(Blocks(released))) and 0.5

    with ScriptedServer(solve, latency=1.2) as slow:
        mipro.configure(lm=lm_of(slow))
        evaluate = mipro.Evaluate(devset=rows(2), metric=inner, example_timeout=5)
        assert evaluate(mipro.Predict("question -> answer")) == 50.0


@pytest.mark.parametrize("value", [0, -1, "1", True, float("nan")])
def test_a_time_is_a_number_above_0(value):
    with pytest.raises(InvalidArgumentError, match=r"example_timeout=.*more than 0"):
        mipro.Evaluate(devset=rows(1), metric=right, example_timeout=value)
