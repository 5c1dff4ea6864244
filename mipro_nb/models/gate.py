"""The admission gate: the one way from a program to a server.

Every call of every phase passes, in this order: permission, the answers already in the record,
concurrency, caps, the client. It is the only place where calls are counted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pydantic import ValidationError

from mipro_nb.core_loop import core
from mipro_nb.errors import CallRefusedError, CapReachedError, LMError
from mipro_nb.language.settings import settings
from mipro_nb.models.calls import Answer, Call, call_labels
from mipro_nb.models.caps import Caps, Meter, usd_of
from mipro_nb.runs.events import AnyEvent, LMCallAnswered, LMCallFailed, TextRef
from mipro_nb.runs.record import Record, open_record, prefer

Send = Callable[[Call], Awaitable[Answer]]

_SESSION_CONCURRENCY = 256
# Parameters that people put keys into; they are sent, but never written down.
_MAY_BE_SECRET = frozenset({"extra_body", "extra_headers", "extra_query"})

prefer(lambda: settings.record)  # the record itself knows nothing of settings


class Gate:
    """Admits LM calls; used on the core loop only.

    Parameters
    ----------
    record
        Where answers are kept and looked up.
    concurrency
        Calls in flight at once, at most.
    emit
        Takes the event of every call; None where calls belong to no run.
    caps
        What the calls may cost in all.
    on_cap
        Told when a call is held back because of a cap. From then on all calls wait: those in
        flight are paid for and shall come back before the run is ended.

    Attributes
    ----------
    in_flight
        Calls that are sent and not answered yet.
    """

    def __init__(
        self,
        record: Callable[[], Record],
        concurrency: int,
        emit: Callable[[AnyEvent], None] | None = None,
        *,
        caps: Caps | None = None,
        on_cap: Callable[[CapReachedError], None] = lambda _: None,
    ) -> None:
        self._record = record
        self._slots = asyncio.Semaphore(concurrency)
        self._emit = emit
        self._meter = Meter(caps or Caps())
        self._on_cap = on_cap
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self._refusal: str | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.in_flight = 0

    def refuse(self, reason: str) -> None:
        """Let no further call through; `reason` is a sentence."""
        self._refusal = reason
        self._open.set()  # who waits for the end of a pause hears of it, too

    def pause(self) -> None:
        """Have further calls wait, until `resume`; those in flight come back."""
        if self._refusal is None:
            self._open.clear()

    def resume(self) -> None:
        """Let calls through again."""
        self._open.set()

    async def drained(self) -> None:
        """Wait until no call is in flight."""
        await self._idle.wait()

    async def admit(self, call: Call, send: Send) -> Answer:
        """Return the answer to `call`: a kept one, one in flight, or the server's.

        Raises
        ------
        CallRefusedError
            If there is no permission.
        LMError
            If the call was sent and failed.
        """
        await self._clearance()
        if not call.cache:
            return await self._sent(call, send)
        answer = self._kept(call)
        if answer is not None:
            self._note(call, answer, seconds=0.0, from_cache=True)
            return answer
        return await self._shared(call, send)

    def _kept(self, call: Call) -> Answer | None:
        kept = self._record().answer(call.key)
        try:
            return None if kept is None else Answer.model_validate_json(kept)
        except ValidationError:
            return None  # damaged: asked anew, and replaced

    async def _shared(self, call: Call, send: Send) -> Answer:
        """Send `call`, or wait for an equal one that is already in flight."""
        key = call.key
        while key in self._asked:
            try:
                answer = await asyncio.shield(self._asked[key])
            except asyncio.CancelledError:
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    raise
                continue  # whoever sent it was cancelled: send it ourselves
            self._note(call, answer, seconds=0.0, from_cache=True)
            return answer
        pending = asyncio.get_running_loop().create_future()
        self._asked[key] = pending
        try:
            answer = await self._sent(call, send)
            pending.set_result(answer)
        except BaseException as error:
            if isinstance(error, Exception):
                pending.set_exception(error)
                pending.exception()  # retrieved: nobody may be waiting for it
            else:
                pending.cancel()
            raise
        finally:
            del self._asked[key]
        return answer

    async def _clearance(self) -> None:
        await self._open.wait()
        if self._refusal is not None:
            raise CallRefusedError(self._refusal)

    async def _reserved(self, call: Call) -> int:
        """Return the call's reservation, as soon as it fits below the caps."""
        while True:
            await self._clearance()
            try:
                reservation = self._meter.reserve(call)
            except CapReachedError as reached:
                self.pause()
                self._on_cap(reached)
                continue
            if reservation is not None:
                return reservation
            await self._meter.room()

    async def _sent(self, call: Call, send: Send) -> Answer:
        async with self._slots:
            reservation = await self._reserved(call)
            came: Answer | LMError | None = None
            self.in_flight += 1
            self._idle.clear()
            begun = time.monotonic()
            try:
                came = answer = await send(call)
            except LMError as error:
                came = error
                self._note_failure(call, error, time.monotonic() - begun)
                raise
            finally:
                self.in_flight -= 1
                if self.in_flight == 0:
                    self._idle.set()
                self._meter.settle(reservation, call, came)
            self._note(call, answer, seconds=time.monotonic() - begun, from_cache=False)
            return answer

    def _note(self, call: Call, answer: Answer, *, seconds: float, from_cache: bool) -> None:
        """Write answer, texts and event in one transaction: what was paid for is kept."""
        if self._emit is None and (from_cache or not call.cache):
            return
        record = self._record()
        with record.writing():
            if call.cache and not from_cache:
                record.put_answer(call.key, answer.model_dump_json())
            if self._emit is not None:
                self._emit(self._event(record, call, answer, seconds, from_cache=from_cache))

    def _event(
        self, record: Record, call: Call, answer: Answer, seconds: float, *, from_cache: bool
    ) -> LMCallAnswered:
        labels = call_labels.get()
        prompt_head, prompt_tail = _kept_prompt(record, call)
        return LMCallAnswered(
            phase=labels.phase,
            trial=labels.trial,
            example=labels.example,
            model=call.model,
            prompt_head=prompt_head,
            prompt_tail=prompt_tail,
            reply=record.put_text(answer.text),
            truncated=answer.truncated,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cached_input_tokens=answer.cached_input_tokens,
            usd=0.0 if from_cache else usd_of(call, answer),
            from_cache=from_cache,
            seconds=seconds,
            predictor=call.predictor,
        )

    def _note_failure(self, call: Call, error: LMError, seconds: float) -> None:
        if self._emit is None:
            return
        labels, record = call_labels.get(), self._record()
        with record.writing():
            prompt_head, prompt_tail = _kept_prompt(record, call)
            self._emit(
                LMCallFailed(
                    phase=labels.phase,
                    trial=labels.trial,
                    example=labels.example,
                    model=call.model,
                    error=str(error),
                    seconds=seconds,
                    input_tokens=error.input_tokens,
                    output_tokens=error.output_tokens,
                    usd=usd_of(call, error) if error.input_tokens or error.output_tokens else 0.0,
                    predictor=call.predictor,
                    prompt_head=prompt_head,
                    prompt_tail=prompt_tail,
                )
            )


def _kept_prompt(record: Record, call: Call) -> tuple[TextRef, TextRef]:
    """Keep a call's prompt in two texts: what many calls share, and its last message."""
    head: dict[str, Any] = {
        "parameters": {n: v for n, v in call.parameters.items() if n not in _MAY_BE_SECRET},
        "messages": list(call.messages[:-1]),
    }
    return (
        record.put_text(json.dumps(head, default=str)),
        record.put_text(json.dumps(call.messages[-1])),
    )


run_gate: ContextVar[Gate | None] = ContextVar("mipro_gate", default=None)
_session_gates: dict[int, Gate] = {}
_refusals: list[str] = []


def current_gate() -> Gate:
    """Return the gate of the run that the caller belongs to, or the session's own.

    Calls outside runs are the user's own: permitted, cached in the configured record, uncounted.
    """
    gate = run_gate.get()
    if gate is not None:
        return gate
    return _refusing_gate(_refusals[-1]) if _refusals else session_gate()


def session_gate() -> Gate:
    """Return the gate of the calls that belong to no run."""
    loop = core()
    if id(loop) not in _session_gates:
        _session_gates.clear()
        _session_gates[id(loop)] = Gate(open_record, _SESSION_CONCURRENCY)
    return _session_gates[id(loop)]


@contextmanager
def all_calls_refused(reason: str) -> Iterator[None]:
    """Refuse every call made inside the block.

    That goes for calls from threads which user code starts inside it, too: they inherit no
    context, so calls of unknown origin are refused altogether while it lasts.
    """
    token = run_gate.set(_refusing_gate(reason))
    _refusals.append(reason)
    try:
        yield
    finally:
        _refusals.remove(reason)
        run_gate.reset(token)


@contextmanager
def own_calls() -> Iterator[None]:
    """Have calls inside the block pass the session's gate, unless they belong to a run."""
    token = run_gate.set(run_gate.get() or session_gate())
    try:
        yield
    finally:
        run_gate.reset(token)


def _refusing_gate(reason: str) -> Gate:
    gate = Gate(open_record, 1)
    gate.refuse(reason)
    return gate
