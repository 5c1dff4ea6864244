"""A worker: runs programs and metrics on examples, and asks the core for all that LMs answer.

How messages get from the core to the worker and back is not known here.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import platform
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import replace
from typing import Any, NamedTuple

import cloudpickle
import pydantic

from mipro_nb.core_loop import core
from mipro_nb.errors import CallRefusedError, MiproError, ProgramError, shown
from mipro_nb.evaluate.user_code import run_program
from mipro_nb.evaluate.workers import messages as m
from mipro_nb.evaluate.workers.lm_of_core import (
    GateOfWorker,
    LMOfCore,
    execution_on_worker,
)
from mipro_nb.evaluate.workers.pickling import dumps, dumps_for_core, loads
from mipro_nb.language.execution.attempt import attempting
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.execution.tracing import Step, noting, tracing
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.lms.lm_protocol import Completion, LMRequest
from mipro_nb.language.lms.settings import context
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.attempts import under_way
from mipro_nb.models.gate.gate import run_gate
from mipro_nb.models.gate.sent_call import Send
from mipro_nb.version import __version__

VERSIONS = {
    "Python": ".".join(platform.python_version_tuple()[:2]),
    "mipro_nb": __version__,
    "cloudpickle": cloudpickle.__version__,
    "pydantic": pydantic.VERSION,
}
"""What has to be the same on both sides."""

_GONE = "The example was given up: the core wants nothing more of it."


class NotSent:
    """Stands for a value that cannot be pickled, and looks like it."""

    def __init__(self, value: object) -> None:
        self._shown = repr(value)

    def __repr__(self) -> str:
        return self._shown


class Worker:
    """Does what the core's messages say, and sends it messages.

    Parameters
    ----------
    send
        Sends a message to the core; called on the core loop of this process.
    place
        Where the worker is.
    """

    def __init__(self, send: Callable[[bytes], None], place: str) -> None:
        self._send = send
        self._loaded: dict[int, _Loaded] = {}
        self._executions: dict[int, _Execution] = {}
        self._calls: dict[int, asyncio.Future[m.CodeOutcome]] = {}
        self._sending: dict[int, Callable[[m.Send], asyncio.Task[None]]] = {}
        self._attempts: dict[int, asyncio.Task[None]] = {}
        self._numbers = itertools.count()
        self._gate = GateOfWorker()
        self._doing: dict[type, Callable[[Any], None]] = {
            m.Load: self._load,
            m.Forget: self._forget,
            m.Begin: self._begin,
            m.HaveScored: self._score,
            m.Leave: self._leave,
            m.LMAnswered: self._answered,
            m.Send: self._make_attempt,
            m.StopSending: self._stop_attempt,
        }
        self.tell(m.Hello(VERSIONS, place))

    def take(self, message: bytes) -> None:
        """Do what a message says; from any thread, in the order in which they were sent."""
        core().loop.call_soon_threadsafe(self._take, message)

    def end(self) -> None:
        """Give up everything; from any thread."""
        core().loop.call_soon_threadsafe(self._give_up_all)

    def tell(self, message: object) -> None:
        """Send a message to the core."""
        self._send(self.pickled(message))

    def pickled(self, thing: object) -> bytes:
        """Return what the core can read."""
        return dumps_for_core(thing, lambda lm: lm.reference)

    def read(self, pickled: bytes) -> Any:
        """Return what the core has pickled."""
        return loads(pickled, LMOfCore)

    def _take(self, pickled: bytes) -> None:
        message = self.read(pickled)
        self._doing[type(message)](message)

    def _begin(self, begin: m.Begin) -> None:
        begun = self._executions[begin.execution] = _Execution(self, begin)
        begun.begin(self._loaded[begin.program], self._loaded[begin.metric])

    def _score(self, score: m.HaveScored) -> None:
        self._executions[score.execution].scoring.set_result(score)

    def _leave(self, leave: m.Leave) -> None:
        execution = self._executions.pop(leave.execution, None)
        if execution is not None:
            execution.leave()

    def _forget(self, forget: m.Forget) -> None:
        self._loaded.pop(forget.number, None)

    def _answered(self, answered: m.LMAnswered) -> None:
        call = self._calls.get(answered.call)
        if call is not None and not call.done():
            call.set_result(self.read(answered.outcome))

    def _make_attempt(self, send: m.Send) -> None:
        sending = self._sending.get(send.call)
        if sending is not None:  # or the program waits for it no more
            self._attempts[send.attempt] = sending(send)

    def _stop_attempt(self, stop: m.StopSending) -> None:
        attempt = self._attempts.pop(stop.attempt, None)
        if attempt is not None:
            attempt.cancel()

    def _give_up_all(self) -> None:
        for execution in self._executions.values():
            execution.leave()
        self._executions.clear()

    def _load(self, message: m.Load) -> None:
        problem = ""
        try:
            thing = self.read(message.pickled)
        except BaseException as error:  # noqa: BLE001 - a module that is imported may exit as well
            problem = f"{type(error).__name__}: {shown(str(error))}"
            thing = _NotLoaded(problem)
        # Of no example: threads that were there before belong to none.
        surroundings = Context()
        if isinstance(thing, Module):
            surroundings.run(bind, thing.named_predictors())
        self._loaded[message.number] = _Loaded(thing, surroundings)
        self.tell(m.Loaded(message.number, problem))

    async def ask(self, execution: int, lm: int, request: LMRequest) -> m.CodeOutcome:
        """Return what comes of an LM call that the core makes."""
        if request.predictor is not None:  # the core has the signature
            request = replace(request, signature=None)
        call = next(self._numbers)
        asked = m.AskLM(execution, call, lm, replace(request, write_answer=None))
        return await self._outcome_of(execution, call, asked)

    async def admit(self, execution: int, wanted: Call, send: Send) -> m.CodeOutcome:
        """Return what comes of a call that is sent from here, once the core's gate admits it."""
        call, here = next(self._numbers), contextvars.copy_context()
        loop = asyncio.get_running_loop()

        async def attempted(message: m.Send) -> None:
            # A request that is caught here once more would wait for itself.
            with under_way():
                as_sent = replace(message.as_sent, request=wanted.request)
                outcome = await _outcome(send(as_sent))
            self._attempts.pop(message.attempt, None)
            self.tell(m.Sent(message.attempt, self.pickled_outcome(outcome)))

        self._sending[call] = lambda message: loop.create_task(
            attempted(message), context=here.copy()
        )
        asked = m.AdmitCall(execution, call, replace(wanted, request=None))
        try:
            return await self._outcome_of(execution, call, asked)
        finally:
            del self._sending[call]

    async def _outcome_of(self, execution: int, call: int, asked: object) -> m.CodeOutcome:
        answer = self._calls[call] = asyncio.get_running_loop().create_future()
        self.tell(asked)
        try:
            outcome: m.CodeOutcome = await answer
        except asyncio.CancelledError:
            self.tell(m.Withdrawn(execution, call))
            raise
        finally:
            del self._calls[call]
        return outcome._replace(met=call)

    def pickled_outcome(self, outcome: m.CodeOutcome) -> bytes:
        """Return what the core can read of what code returned or raised."""
        if outcome.met is not None:
            return self.pickled(m.CodeOutcome(met=outcome.met))
        if outcome.error is not None:
            return self.pickled(m.CodeOutcome(error=self._sendable(outcome.error)))
        try:
            return self.pickled(outcome)
        except Exception:  # noqa: BLE001 - what cannot be pickled raises anything
            value = outcome.value
            if isinstance(value, m.Ran):
                steps = [(name, self._without(i), self._without(p)) for name, i, p in value.steps]
                value = value._replace(prediction=self._without(value.prediction), steps=steps)
            return self.pickled(outcome._replace(value=value))

    def _without(self, prediction: Any) -> Any:
        """Return a prediction whose values that cannot be pickled are shown in their place."""
        if isinstance(prediction, Example | dict):
            kept = {name: self._without(value) for name, value in prediction.items()}
            return type(prediction)(kept)
        try:
            self.pickled(prediction)
        except Exception:  # noqa: BLE001 - as above
            return NotSent(prediction)
        return prediction

    def _sendable(self, error: Exception) -> Exception:
        try:
            self.read(dumps(error, lambda lm: lm.reference))
        except Exception:  # noqa: BLE001 - of a class that cannot be pickled, or made again
            return ProgramError(f"{type(error).__name__}: {error}")
        return error

    @property
    def gate(self) -> GateOfWorker:
        """What calls pass that are not made by LMs of the core."""
        return self._gate


class _Loaded(NamedTuple):
    """A program, a metric or what stands for it, and the context in which it was loaded."""

    thing: Any
    surroundings: Context


class _NotLoaded:
    """Stands for a program or a metric that could not be loaded."""

    def __init__(self, problem: str) -> None:
        self.problem = problem


class _Execution:
    """A program at work on one example, and its metric.

    Attributes
    ----------
    scoring
        Done once the score is wanted.
    """

    def __init__(self, worker: Worker, begin: m.Begin) -> None:
        self._worker, self._begin = worker, begin
        self._met: list[tuple[int, MiproError]] = []
        self._task: asyncio.Task[None] | None = None
        self.scoring: asyncio.Future[m.HaveScored] = asyncio.get_running_loop().create_future()

    def begin(self, program: _Loaded, metric: _Loaded) -> None:
        """Start to work, in a context of its own."""
        work = self._work(program.thing, metric.thing)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(work, context=program.surroundings.copy())

    def leave(self) -> None:
        """Stop the work; what does not stop hears at its next LM call that it is over."""
        if self._task is not None:
            self._task.cancel()

    async def ask(self, lm: int, request: LMRequest) -> Completion:
        """Return what an LM of the core answers."""
        asked = self._worker.ask(self._begin.execution, lm, request)
        completion: Completion = self._value_of(await asked)
        return completion

    async def admit(self, call: Call, send: Send) -> Answer:
        """Return the answer to a call of a client of the worker's own."""
        admitted = self._worker.admit(self._begin.execution, call, send)
        answer: Answer = self._value_of(await admitted)
        return answer

    def _value_of(self, outcome: m.CodeOutcome) -> Any:
        if outcome.error is None:
            return outcome.value
        if isinstance(outcome.error, MiproError) and outcome.met is not None:
            self._met.append((outcome.met, outcome.error))
        raise outcome.error

    async def _work(self, program: Any, metric: Any) -> None:
        try:
            await self._run_and_score(program, metric)
        except Exception as error:  # noqa: BLE001 - or the core would wait for ever
            told = f"The worker cannot run it: {type(error).__name__}: {error}"
            self._tell(m.CodeOutcome(error=ProgramError(told)))

    async def _run_and_score(self, program: Any, metric: Any) -> None:
        for thing in (program, metric):
            if isinstance(thing, _NotLoaded):
                raise ProgramError(thing.problem)
        example, lm, prompt_format, formats, taught = self._worker.read(self._begin.surroundings)
        FORMATS.update(formats)
        execution_on_worker.set(self)
        run_gate.set(self._worker.gate)
        own = context(lm=lm, prompt_format=prompt_format, executor=None, stand_in=None)
        with own, attempting(None):
            with tracing() as steps:
                ran = await self._outcome(self._run(program, example, steps, taught=taught))
            self._tell(ran)
            if ran.error is None:
                wanted = await self.scoring
                trace = steps if wanted.with_trace else None
                scored = metric.score(example, ran.value.prediction, trace)
                self._tell(await self._outcome(scored))

    async def _run(
        self, program: Module, example: Example, steps: list[Step], *, taught: bool
    ) -> m.Ran:
        with noting() as notes:
            prediction = await run_program(program, example, taught=taught)
        told = [(s.predictor.bound_name, s.inputs, s.prediction) for s in steps]
        return m.Ran(prediction, told if self._begin.traced else [], notes)

    async def _outcome(self, work: Coroutine[Any, Any, Any]) -> m.CodeOutcome:
        outcome = await _outcome(work)
        if outcome.error is not None and not isinstance(outcome.error, MiproError):
            outcome.error.add_note("".join(traceback.format_exception(outcome.error)).rstrip())
        met = next((call for call, known in self._met if known is outcome.error), None)
        return outcome._replace(met=met)

    def _tell(self, outcome: m.CodeOutcome) -> None:
        pickled = self._worker.pickled_outcome(outcome)
        self._worker.tell(m.Done(self._begin.execution, pickled))


async def _outcome(work: Awaitable[Any]) -> m.CodeOutcome:
    try:
        return m.CodeOutcome(await work)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the core's to judge
        return m.CodeOutcome(error=error)


def refused() -> m.CodeOutcome:
    """Return what an execution hears that nobody wants any more."""
    return m.CodeOutcome(error=CallRefusedError(_GONE))
