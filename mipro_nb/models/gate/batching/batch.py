"""One batch of calls, from its upload to its end.

What waits for it may leave. When nothing waits any longer, the provider is asked to give it up; but
not where the process ends: then it goes on, and resuming the run finds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import math
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mipro_nb.errors import LMError
from mipro_nb.models.gate.attempts import under_way
from mipro_nb.models.retryable import RetryableError
from mipro_nb.models.services.batching.batch_states import NOT_BEGUN, BatchState, Lines
from mipro_nb.models.services.clients.dialect import Spoken
from mipro_nb.runs.store.batches import BatchedCall
from mipro_nb.runs.usage import Usage

if TYPE_CHECKING:
    from mipro_nb.models.services.batching.batches import BatchClient

_FIRST_LOOK_SECONDS = 5.0
_LONGEST_LOOK_SECONDS = 60.0
_SLOWER = 1.5
# Answers that are there come sooner or later, unless their file was deleted.
_LATE_SECONDS = 600.0

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class BatchedAttempt:
    """One attempt at a call in a batch.

    Attributes
    ----------
    custom_id
        Its name there.
    usage
        What the call takes at the worst, its earlier attempts included.
    earlier
        The batch that has it already; None if it is in none.
    own_id
        Our name of its batch, once it is in one.
    """

    custom_id: str
    usage: Usage = field(default_factory=Usage)
    earlier: BatchedCall | None = None
    own_id: str | None = None


Heard = tuple[Mapping[str, Any] | None, BatchState]
"""What the provider says of a call, None if nothing, and how its batch ended."""


@dataclass(eq=False)
class WaitingCall:
    """A call that waits for a batch, or for what comes of it."""

    attempt: BatchedAttempt
    spoken: Spoken
    came: asyncio.Future[Heard]
    batch: Batch | None = None

    def fail(self, error: Exception) -> None:
        """Have it hear of `error`, and wait no longer."""
        if not self.came.done():
            self.came.set_exception(error)


class News(Protocol):
    """Who hears of a batch."""

    def say(self, text: str) -> None:
        """Tell the user something, once."""

    def note_id(self, own_id: str, batch_id: str) -> None:
        """Note what the provider calls a batch."""

    def sends_smaller(self, client: BatchClient, calls: int) -> bool:
        """Tell whether smaller batches are sent, now that one of so many calls was too large."""
        ...


class Batch:
    """One batch, from its upload to its end.

    Parameters
    ----------
    own_id
        Our name of it.
    client
        The way to its provider.
    batch_id
        The provider's name of it, None if that is not known.
    news
        Hears of it.
    """

    def __init__(self, own_id: str, client: BatchClient, batch_id: str | None, news: News) -> None:
        self._own_id, self.client, self._batch_id = own_id, client, batch_id
        self._news = news
        self._waiting: dict[str, WaitingCall] = {}
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._end: BatchState | None = None
        self._lines: dict[str, Mapping[str, Any]] = {}  # that nobody has taken
        self._failed = False

    @property
    def is_out(self) -> bool:
        """Tell whether calls wait for what comes of it."""
        return self._goes_on and bool(self._waiting)

    @property
    def _goes_on(self) -> bool:
        return self._end is None and not self._failed

    def has(self, custom_id: str) -> bool:
        """Tell whether it may have an answer to a call that nobody has taken."""
        return self._goes_on or bool(self._lines.get(custom_id, {}).get("response"))

    def begin(self, gathered: list[WaitingCall]) -> None:
        """Send it with these calls."""
        calls = {each.attempt.custom_id: each.spoken for each in gathered}
        for each in gathered:
            self._take(each)
        self._task = _task(self._ended_by(self._sent(calls)))

    def join(self, waiting: WaitingCall) -> None:
        """Have one more call wait for what comes of it."""
        self._take(waiting)
        if self._end is not None:
            self._tell(self._end)
        elif self._task is None or self._task.done():
            self._task = _task(self._ended_by(self._watched()))

    def leave(self, waiting: WaitingCall) -> None:
        """Have a call no longer wait; if none does, the batch is given up."""
        self._waiting.pop(waiting.attempt.custom_id, None)
        self._changed.set()

    def _take(self, waiting: WaitingCall) -> None:
        waiting.batch = self
        waiting.attempt.own_id = self._own_id
        self._waiting[waiting.attempt.custom_id] = waiting

    async def _ended_by(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work`; where it fails, so do all calls that wait."""
        try:
            with under_way():
                await work
        except (RetryableError, LMError) as error:
            self._fail(error)

    async def _sent(self, calls: Mapping[str, Spoken]) -> None:
        try:
            self._batch_id = await self._begun(calls)
        except (RetryableError, LMError):
            self._failed = True
            raise
        if self._batch_id is not None:
            self._news.note_id(self._own_id, self._batch_id)
            await self._watched()

    async def _begun(self, calls: Mapping[str, Spoken]) -> str | None:
        """Return the provider's name of it; None if nobody waits for it by the time it is there."""
        file = await self.client.upload(self._own_id, calls)
        if not self._waiting:
            return None
        try:
            return await self.client.begin(self._own_id, file)
        except RetryableError as unheard:
            failure = unheard
        found = await self._found()  # it may have begun all the same
        if found is None:
            raise failure
        return found

    async def _found(self) -> str | None:
        """Return the provider's name of it, as soon as the provider answers; None if unknown."""
        seconds = _FIRST_LOOK_SECONDS
        while True:
            try:
                return await self.client.find(self._own_id)
            except RetryableError as met:
                self._say_unreachable(met)
            await asyncio.sleep(seconds)
            seconds = min(seconds * _SLOWER, _LONGEST_LOOK_SECONDS)

    async def _watched(self) -> None:
        """Look how it stands until it is over, or nobody waits for it any more."""
        self._batch_id = self._batch_id or await self._found()
        if self._batch_id is None:
            self._take_end({}, BatchState(NOT_BEGUN))
            return
        seconds, patient_until = _FIRST_LOOK_SECONDS, math.inf
        while True:
            if not self._waiting:
                await self._given_up(self._batch_id)
                if not self._waiting:  # nobody has joined meanwhile
                    return
            self._changed.clear()
            try:
                state = await self.client.look(self._batch_id)
                if not state.goes_on:
                    lines, lacks = await self.client.fetched(state)
                    patient_until = min(patient_until, time.monotonic() + _LATE_SECONDS)
                    if not lacks or time.monotonic() >= patient_until:
                        self._say_lost(lacks)
                        self._take_end(lines, state)
                        return
                    self._say_late(lacks)
            except RetryableError as met:
                self._say_unreachable(met)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            seconds = min(seconds * _SLOWER, _LONGEST_LOOK_SECONDS)

    async def _given_up(self, batch_id: str) -> None:
        try:
            await self.client.cancel(batch_id)
        except (RetryableError, LMError) as error:
            _log.warning("Batch %s could not be cancelled and goes on: %s", batch_id, error)
        else:
            self._news.say(
                f"Batch {batch_id} of {self.client.where} was cancelled, since nobody waits for it "
                "any more: what the provider had done by then is billed."
            )

    def _take_end(self, lines: Lines, state: BatchState) -> None:
        """Take what came of it, once it is over."""
        if state.status == "expired":
            self._news.say(
                f"Batch {self._batch_id} of {self.client.where} expired after 24 hours. What was "
                "not done by then is not billed, and is sent again."
            )
        self._lines, self._end = dict(lines), state
        if state.is_full and self._news.sends_smaller(self.client, len(self._waiting)):
            what = f"{self.client.where} has no room"
            self._fail(RetryableError("turned away", what, state.refusal, wait=0.0))
        self._tell(state)

    def _tell(self, state: BatchState) -> None:
        """Tell all who wait what came of their calls."""
        for custom_id, each in self._waiting.items():
            if not each.came.done():
                each.came.set_result((self._lines.pop(custom_id, None), state))
        self._waiting.clear()

    def _fail(self, error: Exception) -> None:
        for each in self._waiting.values():
            each.fail(error)
        self._waiting.clear()

    def _say_late(self, lacks: str) -> None:
        self._news.say(
            f"Batch {self._batch_id} is over, and {self.client.where} {lacks}: it is asked again "
            f"for {_LATE_SECONDS / 60:.0f} minutes before any of the calls is sent once more."
        )

    def _say_lost(self, lacks: str) -> None:
        if lacks:
            self._news.say(
                f"Of batch {self._batch_id}, answers are lost: {self.client.where} {lacks}. They "
                "may be billed, count at their worst, and are asked for again in another batch."
            )

    def _say_unreachable(self, met: RetryableError) -> None:
        self._news.say(
            f"{met.what}: {met.said}. A batch is out there and goes on; it is looked for again."
        )


def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin work that belongs to no example: it outlives the one that begins it."""
    return asyncio.get_running_loop().create_task(work, context=contextvars.Context())
