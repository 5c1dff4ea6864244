"""Old runs, read back from the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from mipro_nb.runs.record import Record, RecordedEvent, open_record
from mipro_nb.runs.report import write_report
from mipro_nb.runs.state import RunState, fold


@dataclass(frozen=True)
class RecordedRun:
    """A run as its events tell it; nothing in it is live.

    Attributes
    ----------
    id
        The run's id.
    created
        When it was planned, UTC.
    record
        The record it is in.
    """

    id: str
    created: datetime
    record: Record

    def events(self) -> Sequence[RecordedEvent]:
        """Return the run's events in order."""
        return self.record.events(self.id)

    @cached_property
    def state(self) -> RunState:
        """The fold of the events, as of the first time it is asked for."""
        return fold(self.events())

    @property
    def status(self) -> str:
        """How the run stands: planned, running, finished, stopped, capped, failed, cut off."""
        return self.state.state

    @property
    def score(self) -> float | None:
        """The returned program's score on the valset, 0–100; None before the end."""
        return self.state.ended.score if self.state.ended else None

    def program_state(self) -> dict[str, Any] | None:
        """Return the saved state of the best program, for ``program.load_state(…)``."""
        ended = self.state.ended
        if ended is None or ended.program is None:
            return None
        return dict(json.loads(self.record.text(ended.program)))

    def report(self) -> str:
        """Return the run's report as text."""
        return write_report(self.id, self.state)

    def __repr__(self) -> str:
        planned = self.state.planned
        score = "–" if self.score is None else f"{self.score:.1f}"
        program = planned.program if planned else "?"
        return f"Run({self.id} {self.created:%Y-%m-%d %H:%M} {program} {self.status} {score})"


def list_runs(record: str | Path | None = None) -> list[RecordedRun]:
    """Return all runs of a record, the newest first.

    Parameters
    ----------
    record
        The record file; the configured one, or else the default, if None.
    """
    opened = open_record(record)
    return [
        RecordedRun(run_id, datetime.fromtimestamp(created, UTC), opened)
        for run_id, created in opened.run_ids()
    ]


def load_run(run_id: str, record: str | Path | None = None) -> RecordedRun:
    """Return one run by its id, or by as much of the id's beginning as is unique.

    Raises
    ------
    UnknownRunError
        If no run, or more than one, has an id that begins so.
    """
    opened = open_record(record)
    found = opened.find_run(run_id)
    created = dict(opened.run_ids())[found]
    return RecordedRun(found, datetime.fromtimestamp(created, UTC), opened)
