"""The admission gate: the one way from a program to a server.

Every call of every phase passes, in this order: permission, the answers that are known already,
its turn, the caps, the client. An attempt that failed and is made again passes permission, turn
and caps again. It is the only place where calls are counted.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mipro_nb.core_loop import CoreLoop, core
from mipro_nb.errors import (
    CallRefusedError,
    CapReachedError,
    LMError,
    MiproError,
    ProgramError,
)
from mipro_nb.language.lms.settings import settings
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.batching.at_work import AtWork, example_at_work
from mipro_nb.models.gate.batching.batches import Batches
from mipro_nb.models.gate.dispatch import Dispatch, TakenOver
from mipro_nb.models.gate.limits.caps import Caps, Meter
from mipro_nb.models.gate.limits.permission import Permission
from mipro_nb.models.gate.pacing.hedging import Hedge
from mipro_nb.models.gate.recording.backlog import Backlog
from mipro_nb.models.gate.recording.call_log import CallLog
from mipro_nb.models.gate.recording.draws import as_drawn
from mipro_nb.models.gate.recording.earlier_calls import Before
from mipro_nb.models.gate.sent_call import Send
from mipro_nb.runs.events import AnyEvent
from mipro_nb.runs.store.open_records import open_record, prefer
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.usage import Usage

if TYPE_CHECKING:
    from mipro_nb.models.services.batching.batches import BatchClient

_SESSION_CONCURRENCY = 256
_FORKED = (
    "A forked process cannot call an LM of a run: caps and record are those of the process that it "
    "was forked from. Use threads or async code instead."
)

prefer(lambda: settings.record)  # the record itself knows nothing of settings


@dataclass
class _Asked:
    """A call that a gate has asked for.

    Attributes
    ----------
    pending
        The answer to come.
    offer
        The same for other gates; cancelled where they need not wait for it any more.
    flying
        Attempts that are sent and not answered yet.
    withdrawn
        Whether an offer was taken back.
    """

    pending: asyncio.Future[Answer]
    offer: asyncio.Future[Answer]
    flying: int = 0
    withdrawn: bool = False

    def withdraw(self) -> None:
        """Have other gates ask themselves."""
        if self.offer.cancel():
            self.withdrawn = True

    def renew(self) -> None:
        """Offer it again."""
        if self.offer.cancelled():
            self.offer = self.pending.get_loop().create_future()

    def over(self, tell: Callable[[asyncio.Future[Answer]], object]) -> None:
        """Tell all who wait what came of it."""
        for future in (self.pending, self.offer):
            if not future.done():
                tell(future)


class Gate:
    """Admits LM calls; used on the core loop only, and only in the process that made it.

    Parameters
    ----------
    record
        Where answers are kept and looked up.
    concurrency
        Calls in flight at once, at most. A server that is overloaded gets fewer at a time: see
        `mipro_nb.models.gate.pacing.pace`.
    emit
        Takes the event of every call; None where calls belong to no run.
    run_id
        The run that they belong to; None likewise.
    before
        What the run did before it was resumed; None for a new one.
    backlog
        Writes what belongs together; None where calls belong to no run.
    caps
        What the calls may cost in all.
    on_cap
        Told when a call is held back because of a cap. From then on all calls wait: those in
        flight are paid for and shall come back before the run is ended.
    hold
        Called with an error that every other call would meet as well: the server that answered
        before no longer does, or it cannot be noted in the record that a call is sent. It may pause
        and return True: what met the error is done again after the pause.
    hedge
        Which calls that take longer than 95 % of the latest ones to their endpoint are sent a
        second time, if that takes nobody's turn: see `mipro_nb.models.gate.pacing.hedging`. The
        first answer counts and both are paid for. What the other one costs is never known: the
        caps count its longest reply, its event the tokens of the one that was answered.
    foreseen
        Calls that are sure to be sent in all: how many may be hedged follows from it.
    """

    def __init__(
        self,
        record: Callable[[], Record],
        concurrency: int,
        emit: Callable[[AnyEvent], None] | None = None,
        *,
        run_id: str | None = None,
        before: Before | None = None,
        backlog: Backlog | None = None,
        caps: Caps | None = None,
        on_cap: Callable[[CapReachedError], None] = lambda _: None,
        hold: Callable[[MiproError], bool] = lambda _: False,
        hedge: Hedge = False,
        foreseen: float = 0,
    ) -> None:
        self._process = os.getpid()
        self._permission = Permission()
        self._call_log = CallLog(record, emit, run_id, before.calls if before else None, backlog)
        meter = Meter(caps or Caps(), before.spent if before else Usage(), foreseen)
        self._meter = meter
        self._batches = Batches(record, run_id, self._call_log.say)
        self._dispatch = Dispatch(
            self._permission,
            meter,
            self._call_log,
            concurrency,
            on_cap=on_cap,
            hold=hold,
            hedge=hedge,
            batches=self._batches,
        )
        self._hold = hold
        if before is not None:
            self._dispatch.recall()
        self._asked: dict[str, _Asked] = {}
        self._beside: list[Gate] = [self]  # the same list for all that share

    @property
    def in_flight(self) -> int:
        """Return how many calls are sent and not answered yet."""
        return self._dispatch.in_flight

    @property
    def at_work(self) -> AtWork:
        """Return the examples that are scored with calls that it admits."""
        return self._batches.at_work

    @property
    def dearest_call(self) -> Usage:
        """Return the most that one call so far might have taken."""
        return self._meter.dearest

    def refuse(self, reason: str) -> None:
        """Let no further call through; `reason` is a sentence."""
        self._permission.withdraw(reason)
        self._batches.refuse(CallRefusedError(reason))
        self._dispatch.let_go()
        self._call_log.forget()
        if len(self._beside) > 1 and self in self._beside:
            self._beside.remove(self)

    def pause(self) -> None:
        """Have further calls wait, until `resume`; those in flight come back.

        What is gathered for a batch is sent now: it was let through.
        Other gates do not wait for those that are not sent yet.
        """
        self._permission.pause()
        self._batches.flush()
        for asked in self._asked.values():
            if not asked.flying:
                asked.withdraw()

    def resume(self) -> None:
        """Let calls through again."""
        for asked in self._asked.values():
            asked.renew()
        self._permission.resume()

    async def ready(self) -> None:
        """Wait while it is paused.

        Raises
        ------
        CallRefusedError
            If it lets no call through any more.
        """
        await self._permission.ask()

    async def held(self, error: MiproError) -> bool:
        """Pause because of `error` and wait until the run goes on; False if nobody could resume."""
        held = self._hold(error)
        if held:
            await self.ready()
        return held

    async def drained(self) -> None:
        """Wait until no call is in flight."""
        await self._dispatch.drained()

    async def admit(self, call: Call, send: Send, batches: BatchClient | None = None) -> Answer:
        """Return the answer to `call`: a known one, one in flight, or the server's.

        Parameters
        ----------
        call
            The call.
        send
            What sends it by itself.
        batches
            What sends it in a batch, if it is one that may wait.

        Raises
        ------
        ProgramError
            In a process that was forked from the gate's own. The run does not refuse it: only
            the example whose code has forked fails.
        CallRefusedError
            If there is no permission.
        LMError
            If the call was sent and failed, now or before the run was resumed.
        """
        if os.getpid() != self._process:
            raise ProgramError(_FORKED)
        call = as_drawn(call)  # before anything is awaited: equal calls are numbered as they come
        example = example_at_work()
        if batches is None or example is None:
            return await self._admitted(call, send)
        async with example.aside():
            return await self._admitted(call, partial(self._batches.answer, batches))

    async def _admitted(self, call: Call, send: Send) -> Answer:
        await self._permission.ask()
        recalled = self._call_log.recalled(call)
        if recalled is not None:
            return recalled
        if not self._call_log.shares(call):
            return await self._dispatch.send(call, send)
        return await self._shared(call, send)

    async def let_by(self) -> None:
        """Return where something may be sent that costs, but is not counted: an embedding, say."""

    async def _shared(self, call: Call, send: Send) -> Answer:
        """Return a known answer; send `call`, or wait for an equal one that is in flight."""
        while True:
            answer = self._call_log.known(call)
            if answer is None:
                asked = self._in_flight_of(call.key)
                if asked is None:
                    try:
                        return await self._sent(call, send)
                    except TakenOver:
                        continue
                try:
                    answer = await asyncio.shield(asked)
                except asyncio.CancelledError:
                    current = asyncio.current_task()
                    if current is not None and current.cancelling():
                        raise
                    continue  # its sender was cancelled, or pauses: send it ourselves
            self._call_log.found(call, answer)
            return answer

    async def _sent(self, call: Call, send: Send) -> Answer:
        """Send `call`; others may wait for it meanwhile."""
        key, loop = call.key, asyncio.get_running_loop()
        asked = self._asked[key] = _Asked(loop.create_future(), loop.create_future())

        async def attempted(as_sent: Call) -> Answer:
            asked.flying += 1
            try:
                return await send(as_sent)
            except BaseException:
                asked.flying -= 1
                if not (asked.flying or self._permission.given):
                    asked.withdraw()  # it is tried again after the pause only
                raise

        def taken() -> bool:
            return asked.withdrawn and (
                self._offered_beside(key) is not None or self._call_log.known(call) is not None
            )

        try:
            answer = await self._dispatch.send(call, attempted, taken)
            asked.over(lambda future: future.set_result(answer))
        except LMError as error:
            failure = error

            def failed(future: asyncio.Future[Answer]) -> None:
                future.set_exception(failure)
                future.exception()  # retrieved: nobody may be waiting for it

            asked.over(failed)
            raise
        except BaseException:
            asked.over(lambda future: future.cancel())  # not let through, or given up: no answer
            raise
        finally:
            del self._asked[key]
        return answer

    def share_with(self, other: Gate) -> None:
        """Have the gates wait for one another's calls that are in flight, and not send them.

        That goes for all gates that `other` shares with. Their answers are in the record.
        """
        other._beside.append(self)
        self._beside = other._beside

    def _in_flight_of(self, key: str) -> asyncio.Future[Answer] | None:
        """Return the answer to come of an equal call, None if none is in flight."""
        asked = self._asked.get(key)
        return self._offered_beside(key) if asked is None else asked.pending

    def _offered_beside(self, key: str) -> asyncio.Future[Answer] | None:
        found = (gate.offered(key) for gate in self._beside if gate is not self)
        return next((asked for asked in found if asked is not None), None)

    def offered(self, key: str) -> asyncio.Future[Answer] | None:
        """Return the answer to come of a call in flight, for another gate.

        None for what waits until the end of a pause: the other one need not.
        """
        asked = self._asked.get(key)
        if asked is None or asked.offer.cancelled():
            return None
        return asked.offer if asked.flying or self._permission.given else None


class _SessionGate(Gate):
    """The gate of the calls that belong to no run; a forked process makes its own."""

    def __init__(self) -> None:
        super().__init__(open_record, _SESSION_CONCURRENCY)


run_gate: ContextVar[Gate | None] = ContextVar("mipro_gate", default=None)
_session_gates: dict[CoreLoop, Gate] = {}
_gates_of_all: list[Gate] = []


def current_gate() -> Gate:
    """Return the gate of the run that the caller belongs to, or the session's own.

    Calls outside runs are the user's own: permitted, cached in the configured record, uncounted.
    """
    gate = run_gate.get()
    if isinstance(gate, _SessionGate):
        return session_gate()
    if gate is not None:
        return gate
    return _gates_of_all[-1] if _gates_of_all else session_gate()


def gate_here() -> Gate | None:
    """Return what `current_gate` does, but None where calls belong to nothing that we do."""
    gate = run_gate.get()
    if gate is None:
        return _gates_of_all[-1] if _gates_of_all else None
    return current_gate()


def session_gate() -> Gate:
    """Return the gate of the calls that belong to no run."""
    loop = core()
    if loop not in _session_gates:
        _session_gates.clear()
        _session_gates[loop] = _SessionGate()
    return _session_gates[loop]


@contextmanager
def all_calls_through(gate: Gate) -> Iterator[None]:
    """Have every call made inside the block pass `gate`.

    That also goes for calls from threads which work for user code inside it, although they were
    there before: calls of unknown origin pass it as well while it lasts.
    """
    token = run_gate.set(gate)
    _gates_of_all.append(gate)
    try:
        yield
    finally:
        _gates_of_all.remove(gate)
        run_gate.reset(token)


@contextmanager
def session_calls() -> Iterator[None]:
    """Have calls inside the block pass the session's gate, unless they belong to a run."""
    token = run_gate.set(run_gate.get() or session_gate())
    try:
        yield
    finally:
        run_gate.reset(token)
