"""Dispatch: each call is sent in its turn, as often as it takes, within permission and caps."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from mipro_nb.errors import (
    CapReachedError,
    LMError,
    LMUnavailableError,
    MiproError,
    RecordError,
)
from mipro_nb.models.calls import Answer, Call, call_labels
from mipro_nb.models.gate.attempts import under_way
from mipro_nb.models.gate.batching.batch import BatchedAttempt
from mipro_nb.models.gate.batching.batches import Batches, NotSentError, in_batch
from mipro_nb.models.gate.limits.caps import Meter, worst_usage
from mipro_nb.models.gate.limits.permission import Permission
from mipro_nb.models.gate.pacing.hedging import Hedge, Hedging, first_of
from mipro_nb.models.gate.pacing.limiter import Limiter
from mipro_nb.models.gate.pacing.pace import Pace
from mipro_nb.models.gate.recording.call_log import CallLog
from mipro_nb.models.gate.sent_call import Send, SentCall, as_dear_as, last_word, usage_of
from mipro_nb.models.retryable import RetryableError, pause_seconds
from mipro_nb.runs.usage import Usage

_NOTHING = Usage()
# No call has so many parameters that a server could refuse.
_MOST_TERMS = 12


class TakenOver(Exception):  # noqa: N818 - no error: the answer comes from elsewhere
    """A call that was never sent need not be: it was sent elsewhere meanwhile."""


class Dispatch:
    """Sends calls; used on the core loop only.

    What others wait for goes first: measuring formats, proposals and bootstrapping, then the
    baseline, then trials, the oldest first.

    Parameters
    ----------
    permission
        Asked before every attempt.
    meter
        Counts every attempt.
    call_log
        Told what came of every call.
    concurrency
        Calls in flight at once, at most.
    on_cap
        Told when an attempt is held back because of a cap; permission is paused from then on.
    hold
        Called with an error that every other call would meet as well. If it returns True,
        permission is paused: what met the error is done again after that. If False, the error is
        raised.
    hedge
        Which slow calls are sent a second time; none of those in batches is.
    batches
        What sends calls in batches.
    """

    def __init__(
        self,
        permission: Permission,
        meter: Meter,
        call_log: CallLog,
        concurrency: int,
        *,
        on_cap: Callable[[CapReachedError], None],
        hold: Callable[[MiproError], bool],
        hedge: Hedge,
        batches: Batches,
    ) -> None:
        self._permission, self._meter, self._call_log = permission, meter, call_log
        self._concurrency, self._hedging = concurrency, Hedging(hedge, concurrency)
        self._on_cap, self._hold = on_cap, hold
        self._batches = batches
        # What was out in batches when the run was resumed, by custom id.
        self._out: dict[str, Usage] = {}
        self._turns = Limiter(concurrency)
        self._paces: dict[tuple[str, str, bool], Pace] = {}
        self._arrivals = itertools.count()
        self._to_settle = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._attempts = 0

    @property
    def in_flight(self) -> int:
        """Return how many attempts are sent and not answered yet, or not recorded yet."""
        return max(self._attempts, self._to_settle)

    async def drained(self) -> None:
        """Wait until no attempt is in flight."""
        await self._idle.wait()

    def recall(self) -> None:
        """Count what calls may still cost that are out in batches since before a resumption."""
        for custom_id, out in self._batches.recorded().items():
            self._out[custom_id] = out.usage
            self._meter.count(out.usage)

    def let_go(self) -> None:
        """Have all who wait for a turn hear soon that permission was withdrawn."""
        for pace in self._paces.values():
            pace.let_go()

    async def send(
        self, call: Call, send: Send, taken: Callable[[], bool] = lambda: False
    ) -> Answer:
        """Return the server's answer, after as many attempts as are needed and allowed.

        Raises
        ------
        TakenOver
            If `taken` says so when its turn has come, and it was never sent.
        CallRefusedError
            If permission is withdrawn.
        LMError
            If the call failed for good.
        """
        number = next(self._arrivals)
        if not call.batched:
            return await self._sent(number, call, send, taken, None)
        with self._batches.named(call) as custom_id:
            return await self._sent(number, call, send, taken, custom_id)

    async def _sent(
        self,
        number: int,
        call: Call,
        send: Send,
        taken: Callable[[], bool],
        custom_id: str | None,
    ) -> Answer:
        pace, priority = self._pace_of(call), (*_rank(), number)
        while True:
            batched = None if custom_id is None else BatchedAttempt(custom_id)
            trip = SentCall(number, call, send, pace, priority, taken, batched)
            over = partial(self._call_log.over, number, batched=batched)
            try:
                answer = await self._get_through(trip)
            except LMError as error:
                down = isinstance(error, LMUnavailableError)
                # A server may fail on one format and be there for others: who measures formats
                # finds out, and holds the run.
                measures = call_labels.get().phase == "formats"
                again = down and pace.has_answered and not measures and self._hold(error)
                final = not again and not (down and measures)
                over(partial(self._tell_failed, trip, error, final=final))
                if not again:
                    raise
            else:
                over(partial(self._tell_answered, trip, answer), answers=1)
                return answer

    async def _get_through(self, trip: SentCall) -> Answer:
        """Travel; where an attempt could not be noted before it was sent, wait and go on."""
        while True:
            try:
                return await self._travel(trip)
            except RecordError as error:
                if not self._hold(error):
                    raise

    def _tell_answered(self, trip: SentCall, answer: Answer) -> None:
        aside = len(trip.given_up) + len(trip.broken)
        self._call_log.answered(
            trip.call,
            answer,
            seconds=trip.seconds,
            attempts=trip.attempts - aside,
            hedged=trip.hedged,
            retryable_errors=trip.retryable_errors,
            reckoned=trip.reckoned,
        )
        self._tell_broken(trip)
        for seconds, reckoned in trip.given_up:
            given_up = as_dear_as(answer)
            told = usage_of(trip.call, given_up)
            self._call_log.failed(
                trip.call,
                given_up,
                seconds=seconds,
                attempts=1,
                final=False,
                reckoned=reckoned.beyond(told),
            )

    def _tell_failed(self, trip: SentCall, error: LMError, *, final: bool) -> None:
        self._call_log.failed(
            trip.call,
            error,
            seconds=trip.seconds,
            attempts=trip.attempts - len(trip.broken),
            hedged=trip.hedged,
            final=final,
            retryable_errors=trip.retryable_errors,
            reckoned=trip.reckoned,
        )
        self._tell_broken(trip)

    def _tell_broken(self, trip: SentCall) -> None:
        """Record the answers that are paid for and were of no use."""
        for seconds, retryable in trip.broken:
            self._call_log.failed(
                trip.call, retryable.error(1), seconds=seconds, attempts=1, final=False
            )

    def _pace_of(self, call: Call) -> Pace:
        endpoint = (call.server, call.model, call.batched)
        if endpoint not in self._paces:
            most = self._concurrency if call.at_once is None else call.at_once
            self._paces[endpoint] = Pace(min(most, self._concurrency), of_batches=call.batched)
        return self._paces[endpoint]

    async def _travel(self, trip: SentCall) -> Answer:
        failures = 0
        while True:
            try:
                return await self._attempt(trip)
            except RetryableError as met:
                retryable = met
            if retryable.kind == "other terms":  # the next attempt is another call to the server
                if trip.retryable_errors[retryable.kind] > _MOST_TERMS:
                    raise last_word(trip, retryable)
                continue
            if retryable.kind == "turned away":  # not a failure: it waits for its turn
                if trip.pace.is_given_up(trip.call.num_retries):
                    raise last_word(trip, retryable)
                if retryable.wait is not None:
                    await self._permission.rest(retryable.wait)
                continue
            failures += 1
            if failures > trip.call.num_retries:
                # The failure itself tells what its last attempt cost.
                trip.broken = [each for each in trip.broken if each[1] is not retryable]
                raise last_word(trip, retryable)
            if retryable.wait is None and trip.batched is None:  # a batch takes long enough
                await self._permission.rest(pause_seconds(failures))

    async def _attempt(self, trip: SentCall) -> Answer:
        """Send the call once (twice, if it is hedged), as soon as that may be."""
        while True:
            await self._permission.ask()
            if trip.batched is not None:  # a batch takes nobody's turn
                if trip.attempts == 0 and trip.taken():
                    raise TakenOver
                reservation = self._reserved_in_batch(trip, trip.batched)
                if reservation is not None:
                    with self._unsettled():
                        return await self._fly(trip, reservation)
                if self._permission.given:
                    await self._meter.room()
                continue
            async with trip.pace.turns.hold(trip.priority), self._turns.hold(trip.priority):
                if not self._permission.given or trip.pace.held:
                    continue  # that changed while it waited
                if trip.attempts == 0 and trip.taken():
                    raise TakenOver
                reservation = self._reserved(trip)
                if reservation is not None:
                    with self._unsettled():
                        return await self._flown(trip, reservation)
            if self._permission.given:
                await self._meter.room()

    def _reserved(self, trip: SentCall) -> int | None:
        return self._noted(trip, self._reservation(trip.call))

    def _reservation(self, call: Call) -> int | None:
        try:
            return self._meter.reserve(call)
        except CapReachedError as reached:
            self._permission.pause()
            self._batches.flush()  # what is gathered was admitted: it is in flight
            self._on_cap(reached)
            return None

    def _reserved_in_batch(self, trip: SentCall, batched: BatchedAttempt) -> int | None:
        """Return the reservation of a call that its batch notes, or one before the resumption."""
        earlier = batched.earlier = self._batches.earlier(batched.custom_id)
        worst = worst_usage(trip.call)
        if out := self._out.pop(batched.custom_id, None):
            self._meter.uncount(out)
        if earlier is None:
            reservation = self._reservation(trip.call)
            if reservation is not None:
                batched.usage = trip.usage = trip.usage + worst
            return reservation
        if trip.attempts == 0:  # those of an earlier process are told with this one
            trip.attempts = earlier.usage.calls - 1
            trip.reckoned = earlier.usage.beyond(worst)
        batched.usage = trip.usage = earlier.usage
        return self._meter.adopt(earlier.usage)

    def _noted(self, trip: SentCall, reservation: int | None) -> int | None:
        """Write down, before the call is sent, what it takes at the worst."""
        if reservation is not None:
            usage = trip.usage + self._meter.worst(reservation)
            try:
                self._call_log.sent(trip.number, usage)
            except BaseException:
                self._meter.release(reservation)
                raise
            trip.usage = usage
        return reservation

    async def _flown(self, trip: SentCall, reservation: int) -> Answer:
        def begin() -> Awaitable[Answer]:
            return self._fly(trip, reservation)

        with self._hedging.under_way(trip.call, trip.pace) as due:
            if due is None:
                return await begin()
            return await first_of(begin, lambda: self._fly_beside(trip), due)

    async def _fly_beside(self, trip: SentCall) -> Answer | None:
        """Send the call a second time, if that takes nobody's turn and fits below the caps."""
        with trip.pace.turns.hold_if_free() as its_turn, self._turns.hold_if_free() as gates_turn:
            if not (its_turn and gates_turn and self._permission.given) or trip.pace.held:
                return None
            try:
                second = self._meter.reserve_second(trip.call, self._hedging.share)
                reservation = self._noted(trip, second)
            except RecordError:
                return None
            if reservation is None:
                return None
            trip.hedged += 1
            return await self._fly(trip, reservation)

    @contextmanager
    def _unsettled(self) -> Iterator[None]:
        """Have who waits for all answers wait for that of the block, until it is recorded.

        That of a hedged call is known some turns of the event loop after it has come back.
        """
        self._to_settle += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._to_settle -= 1
            if self._to_settle == 0:
                self._idle.set()

    async def _fly(self, trip: SentCall, reservation: int) -> Answer:
        """Make one attempt."""
        came: Answer | LMError | None = None
        was_sent = True
        worst = self._meter.worst(reservation)
        trip.attempts += 1
        self._attempts += 1
        flight = trip.pace.begin()
        try:
            with under_way(), in_batch(trip.batched):
                came = answer = await trip.send(self._meter.as_sent(trip.call))
            trip.pace.got_through(flight, answered=True)
        except NotSentError as never:
            trip.attempts -= 1
            was_sent = False
            raise never.why from None
        except asyncio.CancelledError:
            trip.given_up.append((time.monotonic() - flight.begun, worst))
            raise
        except RetryableError as retryable:
            trip.retryable_errors[retryable.kind] += 1
            if retryable.billed is None:
                trip.reckoned += worst.beyond(_NOTHING)
            else:
                came = retryable.error(trip.attempts)
                if any(retryable.billed):
                    trip.broken.append((time.monotonic() - flight.begun, retryable))
            trip.pace.set_back(flight, retryable)
            raise
        except LMError as error:
            came = error
            trip.pace.got_through(flight, answered=False)
            raise
        finally:
            trip.seconds = time.monotonic() - flight.begun
            trip.pace.end()
            self._attempts -= 1
            if was_sent:
                self._meter.settle(reservation, trip.call, came)
            else:
                self._meter.release(reservation)
        if trip.answer is None:
            trip.answer = answer
        else:
            trip.given_up.append((trip.seconds, usage_of(trip.call, answer)))
        return trip.answer


def _rank() -> tuple[int, int]:
    labels = call_labels.get()
    if labels.phase in ("formats", "propose", "bootstrap"):
        return (0, 0)
    return (1, labels.trial or 0)
