"""Dispatch: each call is sent in its turn, as often as it takes, within permission and caps."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from mipro_nb.amounts import format_duration
from mipro_nb.errors import (
    CapReachedError,
    LMError,
    LMUnavailableError,
    MiproError,
    RecordError,
)
from mipro_nb.models.calls import Answer, Call, call_labels
from mipro_nb.models.gate.attempts import under_way
from mipro_nb.models.gate.call_log import CallLog
from mipro_nb.models.gate.caps import Meter, usd_of
from mipro_nb.models.gate.hedging import Hedge, Hedging, first_of
from mipro_nb.models.gate.limiter import Limiter, Priority
from mipro_nb.models.gate.pace import Pace
from mipro_nb.models.gate.permission import Permission
from mipro_nb.models.retryable import RetryableError, pause_seconds
from mipro_nb.runs.usage import Usage

Send = Callable[[Call], Awaitable[Answer]]
"""Makes one attempt; raises a RetryableError if another one may succeed, an LMError if not."""

_NOTHING = Usage()
# No call has so many parameters that a server could refuse.
_MOST_TERMS = 12
_GIVEN_UP = "It took long and was sent a second time: given up for the other one's answer."


class TakenOver(Exception):  # noqa: N818 - no error: the answer comes from elsewhere
    """A call that was never sent need not be: it was sent elsewhere meanwhile."""


@dataclass
class _SentCall:
    """One call on its way: where it goes, and how it went so far."""

    number: int
    call: Call
    send: Send
    pace: Pace
    priority: Priority
    taken: Callable[[], bool]
    attempts: int = 0
    hedged: int = 0  # of them, those beside another one
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    answer: Answer | None = None
    retryable_errors: Counter[str] = field(default_factory=Counter)
    # Attempts that were billed for nothing, and their seconds.
    broken: list[tuple[float, RetryableError]] = field(default_factory=list)
    # Attempts that were given up for the other one's answer: their seconds, and what the caps
    # count them at.
    given_up: list[tuple[float, Usage]] = field(default_factory=list)
    # What the caps count unresolved attempts at.
    reckoned: Usage = field(default_factory=Usage)


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
        Which slow calls are sent a second time.

    Attributes
    ----------
    in_flight
        Attempts that are sent and not answered yet.
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
    ) -> None:
        self._permission, self._meter, self._call_log = permission, meter, call_log
        self._concurrency, self._hedging = concurrency, Hedging(hedge, concurrency)
        self._on_cap, self._hold = on_cap, hold
        self._turns = Limiter(concurrency)
        self._paces: dict[tuple[str, str], Pace] = {}
        self._arrivals = itertools.count()
        self._idle = asyncio.Event()
        self._idle.set()
        self._not_settled = 0
        self.in_flight = 0

    async def drained(self) -> None:
        """Wait until no attempt is in flight, and their answers are about to be told."""
        await self._idle.wait()

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
        pace, priority = self._pace_of(call), (*_rank(), number)
        while True:
            trip = _SentCall(number, call, send, pace, priority, taken)
            try:
                answer = await self._get_through(trip)
            except LMError as error:
                down = isinstance(error, LMUnavailableError)
                # A server may fail on one format and be there for others: who measures formats
                # finds out, and holds the run.
                measures = call_labels.get().phase == "formats"
                again = down and pace.has_answered and not measures and self._hold(error)
                final = not again and not (down and measures)
                self._call_log.over(number, partial(self._tell_failed, trip, error, final=final))
                if not again:
                    raise
            else:
                self._call_log.over(number, partial(self._tell_answered, trip, answer), answers=1)
                return answer

    async def _get_through(self, trip: _SentCall) -> Answer:
        """Travel; where an attempt could not be noted before it was sent, wait and go on."""
        while True:
            try:
                return await self._travel(trip)
            except RecordError as error:
                if not self._hold(error):
                    raise

    def _tell_answered(self, trip: _SentCall, answer: Answer) -> None:
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
            given_up = _as_dear_as(answer)
            told = _usage_of(trip.call, given_up)
            self._call_log.failed(
                trip.call,
                given_up,
                seconds=seconds,
                attempts=1,
                final=False,
                reckoned=reckoned.beyond(told),
            )

    def _tell_failed(self, trip: _SentCall, error: LMError, *, final: bool) -> None:
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

    def _tell_broken(self, trip: _SentCall) -> None:
        """Record the answers that are paid for and were of no use."""
        for seconds, retryable in trip.broken:
            self._call_log.failed(
                trip.call, retryable.error(1), seconds=seconds, attempts=1, final=False
            )

    def _pace_of(self, call: Call) -> Pace:
        endpoint = (call.server, call.model)
        if endpoint not in self._paces:
            most = self._concurrency if call.at_once is None else call.at_once
            self._paces[endpoint] = Pace(min(most, self._concurrency))
        return self._paces[endpoint]

    async def _travel(self, trip: _SentCall) -> Answer:
        failures = 0
        while True:
            try:
                return await self._attempt(trip)
            except RetryableError as met:
                retryable = met
            if retryable.kind == "other terms":  # the next attempt is another call to the server
                if trip.retryable_errors[retryable.kind] > _MOST_TERMS:
                    raise _last_word(trip, retryable)
                continue
            if retryable.kind == "turned away":  # not a failure: it waits for its turn
                if trip.pace.is_given_up(trip.call.num_retries):
                    raise _last_word(trip, retryable)
                if retryable.wait is not None:
                    await self._permission.rest(retryable.wait)
                continue
            failures += 1
            if failures > trip.call.num_retries:
                # The failure itself tells what its last attempt cost.
                trip.broken = [each for each in trip.broken if each[1] is not retryable]
                raise _last_word(trip, retryable)
            if retryable.wait is None:
                await self._permission.rest(pause_seconds(failures))

    async def _attempt(self, trip: _SentCall) -> Answer:
        """Send the call once (twice, if it is hedged), as soon as that may be."""
        while True:
            await self._permission.ask()
            async with trip.pace.turns.hold(trip.priority), self._turns.hold(trip.priority):
                if not self._permission.given or trip.pace.held:
                    continue  # that changed while it waited
                if trip.attempts == 0 and trip.taken():
                    raise TakenOver
                reservation = self._reserved(trip)
                if reservation is not None:
                    return await self._flown(trip, reservation)
            if self._permission.given:
                await self._meter.room()

    def _reserved(self, trip: _SentCall) -> int | None:
        try:
            reservation = self._meter.reserve(trip.call)
        except CapReachedError as reached:
            self._permission.pause()
            self._on_cap(reached)
            return None
        return self._noted(trip, reservation)

    def _noted(self, trip: _SentCall, reservation: int | None) -> int | None:
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

    async def _flown(self, trip: _SentCall, reservation: int) -> Answer:
        def begin() -> Awaitable[Answer]:
            return self._fly(trip, reservation)

        with self._unsettled(), self._hedging.under_way(trip.call, trip.pace) as due:
            if due is None:
                return await begin()
            return await first_of(begin, lambda: self._fly_beside(trip), due)

    @contextmanager
    def _unsettled(self) -> Iterator[None]:
        """Have nothing be drained during the block.

        An attempt may be a task of its own. When that is over, its answer is not told yet: a run
        that ends once all is drained would lose it.
        """
        self._not_settled += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._not_settled -= 1
            if self._not_settled == 0:
                self._idle.set()

    async def _fly_beside(self, trip: _SentCall) -> Answer | None:
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

    async def _fly(self, trip: _SentCall, reservation: int) -> Answer:
        """Make one attempt."""
        came: Answer | LMError | None = None
        worst = self._meter.worst(reservation)
        trip.attempts += 1
        self.in_flight += 1
        flight = trip.pace.begin()
        try:
            with under_way():
                came = answer = await trip.send(self._meter.as_sent(trip.call))
            trip.pace.got_through(flight, answered=True)
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
            self.in_flight -= 1
            self._meter.settle(reservation, trip.call, came)
        if trip.answer is None:
            trip.answer = answer
        else:
            trip.given_up.append((trip.seconds, _usage_of(trip.call, answer)))
        return trip.answer


def _rank() -> tuple[int, int]:
    labels = call_labels.get()
    if labels.phase in ("formats", "propose", "bootstrap"):
        return (0, 0)
    return (1, labels.trial or 0)


def _last_word(trip: _SentCall, retryable: RetryableError) -> LMError:
    """Return the error of a call that is not tried again."""
    seconds = trip.pace.seconds_in_vain
    if retryable.kind == "turned away" and seconds is not None:
        last = format_duration(seconds)
        return LMUnavailableError(
            f"{retryable.what}, as all others in the last {last}: {retryable.said}"
        )
    failures = trip.pace.failures_of_one_that_is_down(trip.call.num_retries)
    error = retryable.error(trip.attempts)
    if failures is None or isinstance(error, LMUnavailableError):
        return error
    down = LMUnavailableError(
        f"{retryable.what}, as did all of the last {failures} attempts: {retryable.said}"
    )
    down.input_tokens, down.output_tokens = error.input_tokens, error.output_tokens
    return down


def _usage_of(call: Call, came: Answer | LMError) -> Usage:
    return Usage(1, came.input_tokens + came.output_tokens, usd_of(call, came) or 0.0)


def _as_dear_as(answer: Answer) -> LMError:
    """Return the error of a call given up for `answer`: the server bills it, likely for as much."""
    error = LMError(_GIVEN_UP)
    error.input_tokens = answer.input_tokens
    error.output_tokens = answer.output_tokens
    error.cached_input_tokens = answer.cached_input_tokens
    return error
