"""Batches: calls of a gate are gathered, sent as one batch, and answered when it is over.

They are gathered until no example at work could add to them. A batch is in the record before it is
sent: where the same calls are made later, after a restart, they wait for that batch and are not
sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from mipro_nb.amounts import format_count
from mipro_nb.errors import MiproError, RecordError
from mipro_nb.models.calls import Answer, Call, Note
from mipro_nb.models.gate.batching.at_work import AtWork
from mipro_nb.models.gate.batching.batch import Batch, BatchedAttempt, Heard, WaitingCall
from mipro_nb.models.services.batching.batch_states import why_not_done
from mipro_nb.models.services.clients.dialect import Spoken
from mipro_nb.runs.store.batches import (
    BatchedCall,
    batched_call,
    batched_calls,
    put_batch,
    put_batch_id,
)
from mipro_nb.runs.store.record import Record

if TYPE_CHECKING:
    from mipro_nb.models.services.batching.batches import BatchClient

# Programs that are due one after the other belong to one batch.
_QUIET_SECONDS = 1.0
# Where a program works on for so long, the others do not wait for it.
_LONGEST_GATHERING_SECONDS = 60.0
# OpenAI takes 50,000 calls and 200 MB; what comes back shall fit into memory.
_MOST_CALLS = 5_000
_ID_LETTERS = 48


class NotSentError(Exception):
    """A call was never sent, since something else came first."""

    def __init__(self, why: BaseException) -> None:
        super().__init__(str(why))
        self.why = why


_attempt: ContextVar[BatchedAttempt | None] = ContextVar("mipro_batched_attempt", default=None)


@contextlib.contextmanager
def in_batch(attempt: BatchedAttempt | None) -> Iterator[None]:
    """Have `Batches.answer` in the block be that attempt."""
    token = _attempt.set(attempt)
    try:
        yield
    finally:
        _attempt.reset(token)


class Batches:
    """The batches of one gate; used on the core loop only.

    Parameters
    ----------
    record
        Where batches are noted before they are sent.
    run_id
        The run whose calls they are; None for a person's own.
    say
        Tells the user something, once.

    Attributes
    ----------
    at_work
        The examples whose calls are gathered.
    """

    def __init__(
        self, record: Callable[[], Record], run_id: str | None, say: Callable[[Note], None]
    ) -> None:
        self._record, self._run_id, self._say = record, run_id, say
        self.at_work = AtWork(self._gather_no_more)
        self._gathered: dict[BatchClient, list[WaitingCall]] = {}
        self._out: dict[str, Batch] = {}
        self._most: dict[BatchClient, int] = {}
        self._names: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def recorded(self) -> Mapping[str, BatchedCall]:
        """Return the calls of the run that are in batches, by custom id."""
        return batched_calls(self._record(), self._run_id)

    @contextlib.contextmanager
    def named(self, call: Call) -> Iterator[str]:
        """Have a name for `call` that no other one has meanwhile, the same in every process."""
        number = 1
        while (name := f"{call.key[:_ID_LETTERS]}-{number}") in self._names:
            number += 1
        self._names.add(name)
        try:
            yield name
        finally:
            self._names.discard(name)

    def earlier(self, custom_id: str) -> BatchedCall | None:
        """Return the batch that has a call already; None if it is to be sent in another one."""
        found = batched_call(self._record(), self._run_id, custom_id)
        if found is None:
            return None
        known = self._out.get(found.own_id)
        return found if known is None or known.has(custom_id) else None

    async def answer(self, client: BatchClient, call: Call) -> Answer:
        """Return the answer to `call`, once the batch that `client` sent it in is over.

        Raises
        ------
        NotSentError
            If it was given up, or could not be noted, before it was sent.
        RetryableError, LMError
            As `BatchClient` raises them.
        """
        attempt = _attempt.get()
        if attempt is None:
            msg = "A call in a batch is a gate's attempt."
            raise TypeError(msg)
        spoken = client.spoken(call)
        if attempt.earlier is not None:
            batch = self._batch_of(client, attempt.earlier)
            line, state = await self._heard(client, attempt, spoken, batch)
            if why_not_done(line, state) is None:
                return client.answer(call, spoken, line, state)
            # It was given up, or expired, before this call was made: that is not its failure.
        line, state = await self._heard(client, attempt, spoken)
        return client.answer(call, spoken, line, state)

    async def _heard(
        self,
        client: BatchClient,
        attempt: BatchedAttempt,
        spoken: Spoken,
        batch: Batch | None = None,
    ) -> Heard:
        """Return what came of a call in its batch, or in one that is gathered now."""
        waiting = WaitingCall(attempt, spoken, asyncio.get_running_loop().create_future())
        if batch is None:
            self._gather(client, waiting)
        else:
            batch.join(waiting)
        try:
            return await waiting.came
        except asyncio.CancelledError as cancelled:
            if waiting.batch is not None:
                waiting.batch.leave(waiting)
                raise
            with contextlib.suppress(ValueError):  # it may have been refused meanwhile
                self._gathered[client].remove(waiting)
            raise NotSentError(cancelled) from None

    def _gather(self, client: BatchClient, waiting: WaitingCall) -> None:
        gathered = self._gathered.setdefault(client, [])
        gathered.append(waiting)
        if len(gathered) >= self._most.get(client, _MOST_CALLS):
            self._send(client)
        elif self.at_work.at_rest:
            self._gather_no_more()
        elif self._timer is None:
            self._timer = _later(_LONGEST_GATHERING_SECONDS, self.flush)

    def _gather_no_more(self) -> None:
        """Send what is gathered soon, unless an example is at work again by then."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if any(self._gathered.values()):
            self._timer = _later(_QUIET_SECONDS, self._flush_at_rest)

    def _flush_at_rest(self) -> None:
        if self.at_work.at_rest:
            self.flush()
        else:
            self._timer = _later(_LONGEST_GATHERING_SECONDS, self.flush)

    def flush(self) -> None:
        """Send what is gathered now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for client in self._gathered:
            self._send(client)

    def refuse(self, error: MiproError) -> None:
        """Send nothing of what is gathered."""
        for gathered in self._gathered.values():
            while gathered:
                gathered.pop().fail(NotSentError(error))

    def _send(self, client: BatchClient) -> None:
        gathered, most = self._gathered[client], self._most.get(client, _MOST_CALLS)
        while gathered:
            sent, gathered[:] = gathered[:most], gathered[most:]
            own_id = secrets.token_hex(12)
            usages = {each.attempt.custom_id: each.attempt.usage for each in sent}
            try:
                put_batch(self._record(), self._run_id, own_id, usages)
            except RecordError as error:
                for each in sent:
                    each.fail(NotSentError(error))
                continue
            batch = self._out[own_id] = Batch(own_id, client, None, self)
            batch.begin(sent)

    def _batch_of(self, client: BatchClient, found: BatchedCall) -> Batch:
        batch = self._out.get(found.own_id)
        if batch is None:
            batch = self._out[found.own_id] = Batch(found.own_id, client, found.batch_id, self)
            self.say(
                f"A batch of {client.where} was out already "
                f"({found.batch_id or 'its id is not known yet'}): what it answers is not sent "
                "again."
            )
        return batch

    def say(self, text: str) -> None:
        """Tell the user something about batches, once."""
        self._say(Note("batches", text))

    def note_id(self, own_id: str, batch_id: str) -> None:
        """Note what the provider calls a batch; without it, it is found by our own name."""
        with contextlib.suppress(RecordError):
            put_batch_id(self._record(), own_id, batch_id)

    def sends_smaller(self, client: BatchClient, calls: int) -> bool:
        """Send smaller batches, unless others of ours take the room that so many calls lack."""
        others = any(each.client is client and each.is_out for each in self._out.values())
        if others:
            return False
        if calls == 1:
            self._most.pop(client, None)  # smaller ones would not help
            self.say(
                f"{client.where} has no room for a single call in a batch: others of your "
                "organization may take it. It is tried again every minute, for a day at most."
            )
            return False
        self._most[client] = (calls + 1) // 2
        self.say(
            f"{client.where} has no room for {format_count(calls)} calls in a batch: batches "
            f"of at most {format_count(self._most[client])} are sent."
        )
        return True


def _later(seconds: float, do: Callable[[], None]) -> asyncio.TimerHandle:
    """Do something later that belongs to no example."""
    loop = asyncio.get_running_loop()
    return loop.call_later(seconds, do, context=contextvars.Context())
