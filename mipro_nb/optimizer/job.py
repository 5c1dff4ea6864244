"""A job: all that a run needs to know before it starts; and the journal it writes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mipro_nb.evaluate.metric import Metric
from mipro_nb.language.lm_protocol import LanguageModel
from mipro_nb.language.module import Module
from mipro_nb.language.saving import jsonable
from mipro_nb.optimizer.plan import Plan
from mipro_nb.optimizer.rows import Rows
from mipro_nb.optimizer.source import ProgramSource, function_source
from mipro_nb.runs.events import AnyEvent, RunEnded, TextRef
from mipro_nb.runs.living import leave
from mipro_nb.runs.record import Record, RecordedEvent
from mipro_nb.runs.state import RunState, fold

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """Everything about a run that is known before its first LM call.

    Attributes
    ----------
    student
        A copy of the user's program; never changed.
    task_lm
        Runs the program.
    prompt_lm
        Writes summaries and instructions.
    teacher_lm
        Bootstraps demos; None for the program's own LMs.
    """

    plan: Plan
    student: Module
    rows: Rows
    metric: Metric
    source: ProgramSource
    task_lm: LanguageModel
    prompt_lm: LanguageModel
    teacher_lm: LanguageModel | None
    verbose: bool
    track_stats: bool

    def sources(self) -> dict[str, str]:
        """Return the user's own part in the run, by role: code, and the student's state."""
        return {
            "program": self.source.text,
            "metric": function_source(self.metric.function),
            "student": json.dumps(self.student.dump_state(), indent=1, ensure_ascii=False),
        }


class Journal:
    """Writes a run's events into the record, folds them, and tells who listens.

    An event is recorded before anyone sees it; it is safe with the transaction that it is part of.

    Parameters
    ----------
    record
        The record.
    run_id
        The run.
    told
        What happened before the run was carried on.
    facts
        The facts among that, which are not recorded a second time.
    """

    def __init__(
        self,
        record: Record,
        run_id: str,
        told: Sequence[RecordedEvent] = (),
        facts: Iterable[tuple[object, ...]] = (),
    ) -> None:
        self.record = record
        self.run_id = run_id
        self.state = fold(told)
        self._next = told[-1].seq + 1 if told else 0
        self._facts = set(facts)
        self._ended = False
        # The record's own, so that there is one order of locks for who reads and who writes.
        self._lock = record.lock
        self._listeners: list[Callable[[RecordedEvent], None]] = []

    def emit(self, event: AnyEvent) -> None:
        """Record `event`, fold it into the state, and pass it to every listener.

        The end of the run is the last event: a call that was given up may still come back after
        it. Its answer is kept, but the run tells no more.
        """
        with self._lock:
            if self._ended or event.fact in self._facts:
                return
            self._ended = isinstance(event, RunEnded)
            if self._ended:
                leave(self.run_id)
            recorded = self.record.append(self.run_id, event, self._next)
            self._next += 1
            self.state.apply(recorded)
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(recorded)
            except Exception:  # noqa: BLE001 - whoever looks on must not end the run
                _log.exception("A listener of run %s failed and hears no more.", self.run_id)
                with self._lock:
                    self._listeners.remove(listener)

    def listen(self, listener: Callable[[RecordedEvent], None]) -> None:
        """Pass every later event to `listener`, in the thread that emits it."""
        with self._lock:
            self._listeners.append(listener)

    def read(self, view: Callable[[RunState], T]) -> T:
        """Return ``view(state)``, while no event changes the state."""
        with self._lock:
            return view(self.state)

    def keep(self, value: Any) -> TextRef:
        """Keep `value` as JSON text in the record and return its reference.

        Within one ``record.writing()`` with the event that refers to it: a text that nothing
        refers to may be removed at any time.
        """
        return self.record.put_text(json.dumps(jsonable(value, "value"), ensure_ascii=False))
