"""The pace of an endpoint: how many calls it is sent at once, learnt from how it answers.

No server tells beforehand how much it bears. So an endpoint gets all the calls at once that the
gate allows, until it turns one away (429). Then there are two cases:

- The server bears so many calls *at once*. Those that were in flight beside the one turned away
  show how many: from then on as many are in flight, and now and then one more is tried, more and
  more rarely as long as that fails.
- The server bears so many calls *a minute*. It turns calls away though it bore more of them before:
  the number in flight is halved each time. It grows again by one with every call that gets
  through, so that it doubles in the time that a call takes.

Servers in trouble (5xx, time-outs, lost connections) get half as many calls, unless that is the
exception. Where a server asks to wait (Retry-After), no call is sent for so long; but if it turned
a call away as one too many at once, only that call waits, and the others go on in their smaller
number. Where it turned away the only call in flight, none is sent for a while either.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from mipro_nb.models.gate.pacing.limiter import Limiter
from mipro_nb.models.retryable import RetryableError, pause_seconds

# An endpoint that let calls through until so recently still does: calls wait, and do not fail.
PATIENCE_SECONDS = 120.0
# There may be no room for a batch until others are over, which takes up to a day.
PATIENCE_WITH_BATCHES_SECONDS = 24 * 3600.0
# One that failed so often in a row, and more than two calls may be tried, is down.
_DOWN = 16
# One more call at once is tried after so many windows of calls; that gets rarer where it failed.
_FIRST_PROBE = 2.0
_RAREST_PROBE = 256.0
_RARER = 8
# Each failure weighs so much among the recent ones; from this level on it is trouble.
_WEIGHT = 0.1
_TROUBLE = 0.25
# Hedging: latencies that are remembered, and how many it takes to call a call slow.
_REMEMBERED = 256
_ENOUGH = 20
_SLOW = 0.95


@dataclass(eq=False)
class Flight:
    """An attempt on its way.

    Attributes
    ----------
    begun
        When it was sent, in seconds of the monotonic clock.
    cuts
        How often the window had been cut until then.
    """

    begun: float
    cuts: int


class Pace:
    """What is known of one endpoint; used on the core loop only.

    Parameters
    ----------
    most
        Calls in flight at once, at most.
    of_batches
        Whether calls go there in batches.

    Attributes
    ----------
    turns
        The sender of a call holds one.
    """

    def __init__(self, most: int, *, of_batches: bool = False) -> None:
        self.turns = Limiter(most)
        self._most = most
        self._of_batches = of_batches
        self._first_at: float | None = None
        self._window = most
        self._ceiling = most
        self._cuts = 0
        self._flying = 0
        self._probing = False  # the ceiling is one higher than what is known to be borne
        self._probe_after = _FIRST_PROBE
        self._smooth = 0  # calls that got through since the last probe or cut
        self._trouble = 0.0
        self._in_vain = 0
        self._failed_in_a_row = 0
        self._through_at: float | None = None
        self._held_until = 0.0
        self._waking: asyncio.TimerHandle | None = None
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def held(self) -> bool:
        """Tell whether no call may be sent for now."""
        return self._waking is not None

    @property
    def has_answered(self) -> bool:
        """Tell whether any call was answered as it should."""
        return bool(self._latencies)

    @property
    def slow_seconds(self) -> float | None:
        """Return the 95th percentile of the latest latencies, None while there are too few."""
        if len(self._latencies) < _ENOUGH:
            return None
        return sorted(self._latencies)[int(_SLOW * len(self._latencies))]

    def begin(self) -> Flight:
        """Note that an attempt is sent."""
        self._flying += 1
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
        return Flight(now, self._cuts)

    def end(self) -> None:
        """Note that an attempt is over, whatever came of it; after what came of it was noted."""
        self._flying -= 1

    def got_through(self, flight: Flight, *, answered: bool) -> None:
        """Note that the server took the call, and whether it answered it as it should."""
        self._through_at = time.monotonic()
        if answered:
            self._latencies.append(self._through_at - flight.begun)
        self._in_vain = self._failed_in_a_row = 0
        self._trouble *= 1 - _WEIGHT
        if self._window < self._ceiling:
            self._window += 1
            self.turns.resize(self._size)
        elif self._ceiling < self._most:
            self._smooth += 1
            if self._smooth >= self._probe_after * self._window:
                self._probe()

    def set_back(self, flight: Flight, retryable: RetryableError) -> None:
        """Note that an attempt failed in a way that may pass."""
        if retryable.kind == "other terms":  # the server is well
            return
        if retryable.kind != "turned away":
            self._failed_in_a_row += 1
        if retryable.kind == "turned away":
            if self._turned_away(flight):
                return
            if retryable.wait is None and self._flying == 1:
                self._hold(pause_seconds(self._in_vain))
        elif retryable.kind in ("in trouble", "no answer"):
            self._trouble += (1 - self._trouble) * _WEIGHT
            if self._trouble > _TROUBLE and flight.cuts == self._cuts:
                self._trouble = 0.0
                self._cut(self._window // 2, self._ceiling)
        if retryable.wait is not None:
            self._hold(retryable.wait)

    def _turned_away(self, flight: Flight) -> bool:
        """Cut the window; tell whether the call was but one too many at once."""
        others = self._flying - 1
        unproven = self._cuts == 0 or self._probing or flight.cuts < self._cuts
        if others == 0:  # no server bears no call at all: how many at once is not known
            self._in_vain += 1
            self._cut(1, self._most)
        elif flight.cuts < self._cuts:  # it was sent before the last cut, as one of too many
            self._cut(min(self._window, others), min(self._ceiling, others))
        elif self._probing and others == self._ceiling - 1:
            self._probe_after = min(_RAREST_PROBE, self._probe_after * _RARER)
            self._cut(others, others)
        else:
            self._cut(others // 2, others)
        return unproven and others > 0

    def _probe(self) -> None:
        """Try one more call at once; if the last probe was borne, sooner than before."""
        self._probing = True
        self._probe_after = max(1.0, self._probe_after / 2)
        self._smooth = 0
        self._ceiling += 1
        self._window += 1
        self.turns.resize(self._size)

    def _cut(self, window: int, ceiling: int) -> None:
        self._cuts += 1
        self._probing = False
        self._smooth = 0
        self._window, self._ceiling = max(1, window), max(1, ceiling)
        self.turns.resize(self._size)

    def is_given_up(self, num_retries: int) -> bool:
        """Tell whether a call that was turned away need not be tried again.

        That is so if none is in flight that could make room, and none has got through lately. For a
        batch, others may make room that are not of this run: it is tried for a day.
        """
        if self._flying > 0 or self._in_vain <= num_retries:
            return False
        if self._of_batches:
            last = self._through_at or self._first_at
            return last is not None and time.monotonic() - last > PATIENCE_WITH_BATCHES_SECONDS
        seconds = self.seconds_in_vain
        return seconds is None or seconds > PATIENCE_SECONDS

    def failures_of_one_that_is_down(self, num_retries: int) -> int | None:
        """Return how many attempts in a row failed if it answered before and now is down."""
        failures = self._failed_in_a_row
        is_down = self.has_answered and failures >= max(_DOWN, 2 * (num_retries + 1))
        return failures if is_down else None

    @property
    def seconds_in_vain(self) -> float | None:
        """Return how long ago a call last got through; None if none ever did."""
        return None if self._through_at is None else time.monotonic() - self._through_at

    def let_go(self) -> None:
        """Hold nobody back for the sake of the server any more."""
        self._held_until = 0.0
        self._wake()

    @property
    def _size(self) -> int:
        return 0 if self.held else self._window

    def _hold(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if until <= self._held_until:
            return
        self._held_until = until
        if self._waking is not None:
            self._waking.cancel()
        self._waking = loop.call_at(until, self._wake)
        self.turns.resize(self._size)

    def _wake(self) -> None:
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None
        self.turns.resize(self._size)
