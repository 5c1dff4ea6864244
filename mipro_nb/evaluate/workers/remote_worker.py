"""One worker, as the core sees it: what is sent to it, and what it says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from mipro_nb.errors import LMError, ProgramError
from mipro_nb.evaluate.workers import messages as m
from mipro_nb.evaluate.workers.lm_of_core import reference_of
from mipro_nb.evaluate.workers.pickling import Lent, dumps_for_workers, loads_in_core
from mipro_nb.evaluate.workers.worker import refused
from mipro_nb.models.calls import Answer, Call


class Channel(Protocol):
    """The way to a worker."""

    def send(self, message: bytes) -> None:
        """Send a message; it is not waited for."""
        ...

    def close(self) -> None:
        """Have the worker end its work for the core."""
        ...


class RemoteExecution(Protocol):
    """A program and its metric on one example, on a worker."""

    def asked(self, asked: m.AskLM | m.AdmitCall) -> asyncio.Task[m.CodeOutcome]:
        """Return what is to come of an LM call."""
        ...

    def withdrawn(self, call: asyncio.Task[m.CodeOutcome]) -> None:
        """Note that the program does not wait for an LM call any more."""
        ...


class WorkerGone(Exception):  # noqa: N818 - what to do about it is decided where it is caught
    """A worker ended while it worked on an example; `at_fault` if nobody had told it to."""

    def __init__(self, *, at_fault: bool) -> None:
        super().__init__()
        self.at_fault = at_fault


class SenderLostError(LMError):
    """A worker ended while a client of its own waited for an answer: nobody knows it."""

    def __init__(self) -> None:
        super().__init__("The worker that had sent the call ended before it was answered.")


class RemoteWorker:
    """One worker; used on the core loop only.

    Parameters
    ----------
    channel
        The way to it.
    lent
        The LMs that it may ask, and what else it names by number.
    ready
        Called when it has said what it runs on.

    Attributes
    ----------
    versions
        What it runs on; empty until it has said so.
    place
        Where it is.
    executions
        How many it works on.
    is_alone
        Whether what it works on is kept apart from others.
    """

    def __init__(self, channel: Channel, lent: Lent, ready: Callable[[RemoteWorker], None]) -> None:
        self._channel, self._lent, self._ready = channel, lent, ready
        self.versions: Mapping[str, str] = {}
        self.place = ""
        self.is_alone = False
        self.executions = 0
        self._leaving = self._gone = False
        self._loaded: dict[int, asyncio.Future[str]] = {}
        self._executions: dict[int, RemoteExecution] = {}
        self._waiting: dict[int, asyncio.Future[m.CodeOutcome]] = {}
        self._calls: dict[int, asyncio.Task[m.CodeOutcome]] = {}
        self._attempts: dict[int, asyncio.Future[m.CodeOutcome]] = {}
        self._numbers = itertools.count()

    def load(self, number: int, pickled: bytes) -> asyncio.Future[str]:
        """Have the worker know a program or a metric; brings what kept it from that, or ""."""
        if number not in self._loaded:
            self._loaded[number] = asyncio.get_running_loop().create_future()
            self._tell(m.Load(number, pickled))
        return self._loaded[number]

    def forget(self, number: int) -> None:
        """Have the worker forget a program or a metric."""
        if self._loaded.pop(number, None) is not None:
            self._tell(m.Forget(number))

    async def begin(self, execution: RemoteExecution, begin: m.Begin) -> m.CodeOutcome:
        """Return what comes of the program; it has loaded program and metric before.

        Raises
        ------
        WorkerGone
            If the worker ends before.
        """
        self._executions[begin.execution] = execution
        return await self._asked(begin.execution, begin)

    async def score(self, execution: int, *, with_trace: bool) -> m.CodeOutcome:
        """Return what comes of the metric; errors as in `begin`."""
        return await self._asked(execution, m.HaveScored(execution, with_trace))

    def leave(self, execution: int) -> None:
        """Have the worker give up an execution, or forget it."""
        if self._executions.pop(execution, None) is not None:
            self._tell(m.Leave(execution))

    def close(self) -> None:
        """Have the worker end its work for the core."""
        self._channel.close()

    async def _asked(self, execution: int, message: object) -> m.CodeOutcome:
        if self._gone:  # while it worked on nothing of the execution
            raise WorkerGone(at_fault=False)
        answer = self._waiting[execution] = asyncio.get_running_loop().create_future()
        self._tell(message)
        try:
            came: m.CodeOutcome = await answer
        finally:
            self._waiting.pop(execution, None)
        return came

    def lost(self) -> None:
        """Note that the worker is gone."""
        self._gone = True
        for answer in [*self._waiting.values()]:
            if not answer.done():
                answer.set_exception(WorkerGone(at_fault=not self._leaving))
        for attempt in self._attempts.values():
            if not attempt.done():
                attempt.set_result(m.CodeOutcome(error=SenderLostError()))
        for loaded in self._loaded.values():
            if not loaded.done():
                loaded.set_result("it ended before it had loaded it.")
        self._executions.clear()

    def take(self, pickled: bytes) -> None:
        """Do what a message of the worker's says."""
        message = loads_in_core(pickled, self._lent)
        if isinstance(message, m.Hello):
            self.versions, self.place = message.versions, message.place
            self._ready(self)
        elif isinstance(message, m.Loaded):
            loaded = self._loaded.get(message.number)
            if loaded is not None:
                loaded.set_result(message.problem)
        elif isinstance(message, m.AskLM | m.AdmitCall):
            self._ask(message)
        elif isinstance(message, m.Sent):
            attempt = self._attempts.get(message.attempt)
            if attempt is not None and not attempt.done():
                attempt.set_result(self._read(message.outcome))
        elif isinstance(message, m.Withdrawn):
            self._withdraw(message)
        elif isinstance(message, m.Done):
            self._finish(message)
        elif isinstance(message, m.Leaving):
            self._leaving = True

    async def send(self, call: int, as_sent: Call) -> Answer:
        """Have the worker make an attempt at a call that it wanted to be admitted.

        Raises
        ------
        SenderLostError
            If the worker ends before.
        LMError
            If the attempt fails.
        """
        if self._gone:
            raise SenderLostError
        attempt = next(self._numbers)
        answer = self._attempts[attempt] = asyncio.get_running_loop().create_future()
        self._tell(m.Send(attempt, call, replace(as_sent, request=None)))
        try:
            outcome = await answer
        except asyncio.CancelledError:
            self._tell(m.StopSending(attempt))
            raise
        finally:
            del self._attempts[attempt]
        if outcome.error is not None:
            raise outcome.error
        sent: Answer = outcome.value
        return sent

    def _ask(self, asked: m.AskLM | m.AdmitCall) -> None:
        execution = self._executions.get(asked.execution)
        if execution is None:
            self._answer(asked.call, refused())
            return
        made = self._calls[asked.call] = execution.asked(asked)

        def answer(made: asyncio.Task[m.CodeOutcome]) -> None:
            if self._calls.pop(asked.call, None) is not None and not made.cancelled():
                self._answer(asked.call, made.result())

        made.add_done_callback(answer)

    def _withdraw(self, withdrawn: m.Withdrawn) -> None:
        made = self._calls.pop(withdrawn.call, None)
        execution = self._executions.get(withdrawn.execution)
        if made is not None and execution is not None:
            execution.withdrawn(made)

    def _finish(self, done: m.Done) -> None:
        answer = self._waiting.get(done.execution)
        if answer is None or answer.done():
            return
        answer.set_result(self._read(done.outcome))

    def _read(self, pickled: bytes) -> m.CodeOutcome:
        try:
            outcome: m.CodeOutcome = loads_in_core(pickled, self._lent)
        except Exception as error:  # noqa: BLE001 - making a user's own values again raises anything
            return m.CodeOutcome(error=error)
        return outcome

    def _answer(self, call: int, outcome: m.CodeOutcome) -> None:
        try:
            pickled = self.pickled(outcome)
        except Exception as error:  # noqa: BLE001 - an error of a user's own LM may hold anything
            told = ProgramError(f"{type(outcome.error).__name__}: {outcome.error} ({error})")
            pickled = self.pickled(m.CodeOutcome(error=told))
        self._tell(m.LMAnswered(call, pickled))

    def _tell(self, message: object) -> None:
        self._channel.send(self.pickled(message))

    def pickled(self, thing: Any) -> bytes:
        """Return what the worker can read."""
        return pickled_for_workers(thing, self._lent)


def pickled_for_workers(thing: Any, lent: Lent) -> bytes:
    """Return what workers can read; LMs in it go as their number."""
    return dumps_for_workers(thing, lambda lm: reference_of(lm, lent.number_of_lm(lm)), lent)
