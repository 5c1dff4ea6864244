"""The journal of a run: what happens is recorded, folded into its state, and reported."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mipro_nb.errors import RecordError
from mipro_nb.language.saved_programs.saving import kept_text
from mipro_nb.models.gate.recording.backlog import Backlog, Work
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.runs.events import (
    AnyEvent,
    NoteTopic,
    ReplyRated,
    RunEnded,
    RunNoted,
    RunPaused,
    TextRef,
)
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.owners import leave
from mipro_nb.runs.store.record import Record, RecordedEvent

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Journal:
    """Writes a run's events into the record, folds them, and tells who listens.

    An event is seen once the transaction that it is part of is over: what could not be recorded has
    not happened, and is told again under the same number. While the record cannot be written, and
    somebody sees to that, what is to be told waits in its order.

    Parameters
    ----------
    record
        The record.
    run_id
        The run.
    progress
        What happened before the run was resumed; that is not recorded a second time.
    hold
        Told when the record cannot be written, and whether somebody sees to it: see `Backlog`.
    """

    def __init__(
        self,
        record: Record,
        run_id: str,
        progress: RecordedProgress,
        *,
        hold: Callable[[RecordError], bool] = lambda _: False,
    ) -> None:
        self.record = record
        self.run_id = run_id
        self.state = progress.state
        self._next = progress.next
        self._facts = progress.facts
        self._ended = False
        self._noted: set[str] = set()
        # The record's own, so that there is one order of locks for who reads and who writes.
        self._lock = record.lock
        self._listeners: list[Callable[[RecordedEvent], None]] = []
        self.backlog = Backlog(record, hold)

    def emit(self, event: AnyEvent) -> None:
        """Record `event`, fold it into the state, and pass it to every listener.

        The end of the run is its last event: a call that was given up may still come back after
        it. Its answer is kept, but the run tells no more.
        """
        self.backlog.write(lambda: self._record(event))

    def note(self, topic: NoteTopic, text: str) -> None:
        """Tell the user, once, what turned out on the way."""
        if text not in self._noted:
            self._noted.add(text)
            self.emit(RunNoted(topic=topic, text=text))

    def write(self, work: Work) -> None:
        """Do `work`, which emits and keeps what belongs together, in one transaction."""
        self.backlog.write(work)

    def write_now(self, work: Work) -> None:
        """Do `work` after all that waits.

        Raises
        ------
        RecordError
            If the record cannot be written, even if somebody sees to it.
        """
        self.backlog.write_now(work)

    def emit_now(self, event: AnyEvent) -> None:
        """Record `event` after all that waits; errors of `write_now`."""
        self.write_now(lambda: self._record(event))

    def once_kept(self, act: Callable[[], None]) -> None:
        """Do `act` once what is being written is in the file; at once if nothing is."""
        self.record.at_the_end(act, lambda: None)

    def catch_up(self) -> None:
        """Record all that waits; errors of `write_now`."""
        self.backlog.catch_up()

    def show(self, event: RunPaused | RunEnded) -> None:
        """Fold `event` in and pass it on although the record cannot be written now.

        A pause is recorded, as of now, before anything else once the record can be written again.
        """
        with self._lock:
            shown = RecordedEvent(self.run_id, self._next, time.time(), event)
            if isinstance(event, RunEnded):
                self._ended = True
                leave(self.run_id, self)
            else:
                self.backlog.put(lambda: self._record(event, shown.at))
            self._tell(shown)

    def _record(self, event: AnyEvent, at: float | None = None) -> None:
        with self._lock:
            if self._ended or event.fact in self._facts:
                return
            if isinstance(event, RunEnded):
                leave(self.run_id, self)
            recorded = self.record.append(self.run_id, event, self._next, at)
            self._next += 1
            self._ended = isinstance(event, RunEnded)
            self.record.at_the_end(lambda: self._tell(recorded), lambda: self._take_back(recorded))

    def _tell(self, recorded: RecordedEvent) -> None:
        """Fold in what is recorded, and pass it on."""
        self.state.apply(recorded)
        for listener in tuple(self._listeners):
            try:
                listener(recorded)
            except Exception:  # noqa: BLE001 - a listener must not end the run
                _log.exception("A listener of run %s failed and hears no more.", self.run_id)
                self._listeners.remove(listener)

    def _take_back(self, recorded: RecordedEvent) -> None:
        """Forget what was not recorded after all: it may be told again."""
        self._next, self._ended = recorded.seq, False

    def take_ratings(self, recorded: Sequence[RecordedEvent]) -> bool:
        """Take ratings into account that were recorded while this journal wrote nothing.

        Return whether they are that alone; if not, others have resumed the run.
        """
        if not all(isinstance(each.event, ReplyRated) for each in recorded):
            return False
        for each in recorded:
            self.state.apply(each)
            self._next = each.seq + 1
        return True

    def listen(self, listener: Callable[[RecordedEvent], None]) -> None:
        """Pass every later event to `listener`, in the thread that emits it."""
        with self._lock:
            self._listeners.append(listener)

    def read(self, view: Callable[[RunState], T]) -> T:
        """Return ``view(state)``, while no event changes the state.

        After the end of the run the ratings that came since are in it.
        """
        with self._lock:
            if self._ended:
                with contextlib.suppress(RecordError):  # what is known is told without the file
                    since = self.record.events(self.run_id, self._next - 1, ["reply_rated"])
                    self.take_ratings(since)
            return view(self.state)

    def keep(self, value: Any) -> TextRef:
        """Keep `value` as JSON text in the record and return its reference.

        Within one `write` with the event that refers to it: a text that nothing refers to may be
        removed at any time.
        """
        return self.record.put_text(kept_text(value, "value"))
