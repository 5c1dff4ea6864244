"""The bounds of a rehearsal: how long user code may work, and what it came to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mipro_nb.amounts import format_duration
from mipro_nb.optimizer.estimating.rehearsing.blocking import Watch
from mipro_nb.optimizer.estimating.rehearsing.stand_in import MOST_CALLS, StandIn

_SECONDS = 10.0
"""How long the rehearsal of all rows may take."""
# How long code that was ended may take to come back, before it is left to itself.
_GRACE_SECONDS = 1.0
_TICK_SECONDS = 0.02
EMBEDDED = (
    "Nothing may be sent before permission. In the run embeddings are sent, but neither counted "
    "nor capped."
)


@dataclass
class RehearsedRun:
    """What user code came to: a result, an error, or neither if it was ended.

    Attributes
    ----------
    took
        Seconds after which it was ended because of the time.
    is_users_limit
        Whether that was ``example_timeout``.
    left
        Whether it goes on even so.
    blocked
        Whether it held up the event loop until it was ended.
    """

    result: Any = None
    error: Exception | None = None
    took: float = 0.0
    is_users_limit: bool = False
    left: bool = False
    blocked: bool = False


class Bounds:
    """The time that user code has in a rehearsal.

    Parameters
    ----------
    example_timeout
        Seconds that program and metric may work on one row; None for ever. The rehearsal ends
        after some seconds all the same.
    others_go_on
        Says whether other runs of this process go on, on the same event loop.
    """

    def __init__(self, example_timeout: float | None, others_go_on: Callable[[], bool]) -> None:
        self._timeout = example_timeout
        self._others_go_on = others_go_on
        self._ends = time.monotonic() + _SECONDS

    @property
    def seconds_left(self) -> float:
        """What is left of the time for all rows."""
        return self._ends - time.monotonic()

    async def run(self, work: Awaitable[Any], stand_in: StandIn) -> RehearsedRun:
        """Return what `work`, user code, comes to, within the time that is left."""
        limit = self.seconds_left
        is_users_limit = self._timeout is not None and self._timeout < limit
        if self._timeout is not None and is_users_limit:
            limit = self._timeout
        ends = time.monotonic() + max(limit, _TICK_SECONDS)
        with Watch(ends, self._others_go_on) as watch:
            running = asyncio.ensure_future(work)
            while not running.done() and stand_in.ended is None and time.monotonic() < ends:
                watch.tick()
                await asyncio.wait({running}, timeout=_TICK_SECONDS)
        ran = RehearsedRun(blocked=watch.has_ended_it)
        if stand_in.ended is None and (ran.blocked or not running.done()):
            ran.took, ran.is_users_limit = limit, is_users_limit
            stand_in.stop("time")
        if not running.done():
            await asyncio.wait({running}, timeout=_GRACE_SECONDS)
        if not running.done():
            ran.left = True
            running.cancel()
            await asyncio.wait({running})
        error = None if running.cancelled() else running.exception()
        if running.cancelled() or stand_in.ended is not None:
            return ran  # whatever code that was ended came to
        if error is None:
            ran.result = running.result()
        elif isinstance(error, Exception):
            ran.error = error
        else:
            raise error
        return ran


def how_it_ended(name: str, ran: RehearsedRun, stand_in: StandIn) -> tuple[str, str]:
    """Return a note of the code `name` that was ended, and why the estimate is a guess."""
    if stand_in.ended == "direct call":
        note = (
            f"{name} calls an LM directly, not through a predictor: the rehearsal ended it "
            "there. Such calls, and what comes after them, are not in the estimate."
        )
        guess = "direct LM calls are left out"
    elif stand_in.ended == "embedding":
        note = f"{name} asks an embedder: the rehearsal ended it there. {EMBEDDED}"
        guess = "what comes after an embedder is not rehearsed"
    elif stand_in.ended == "calls":
        note = (
            f"{name} did not end within {MOST_CALLS} LM calls on made-up answers, which may "
            "never say what it waits for: the rehearsal ended it. If a model may do the same, "
            "bound its loop."
        )
        guess = f"{name} was ended after {MOST_CALLS} calls"
        if ran.left:
            note += " It catches even what ends it: its thread is left to wait for ever."
    else:
        note = (
            f"{name} had not come back after {format_duration(ran.took)} of rehearsal, with no "
            "model to wait for; the estimate rests on what it had called by then."
        )
        guess = f"{name} was ended after {format_duration(ran.took)}"
        if ran.blocked:
            note += (
                " It is async and does not await: so it holds up every run of this process. "
                "Await what takes long, or have asyncio.to_thread(…) do it."
            )
        if ran.left:
            note += (
                " It is left to itself, and ends at its next LM call. Should it loop without "
                "one, it goes on computing until the kernel is restarted: have its loops end."
            )
    return note, guess
