"""The watcher: what has changed among all runs of a record since it was last looked."""

from __future__ import annotations

import threading
import time
from typing import Any

from mipro_nb.errors import RecordError
from mipro_nb.runs.following.protocol import RunsMessage
from mipro_nb.runs.state import GOING_ON
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import HistoryRow, RunSummary
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.view import RunView

# The last event of each run is found in the key of the table: no event is read for it.
_MARKS = """
SELECT run_id, name, tags, note, (SELECT max(seq) FROM events WHERE run_id = runs.run_id)
FROM runs WHERE typeof(run_id) = 'text'
"""

_Mark = tuple[Any, ...]


class RunsWatcher:
    """Reads of many runs only what is new.

    Parameters
    ----------
    record
        The record that is watched.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._marks: dict[str, _Mark] = {}
        self._rows: dict[str, HistoryRow] = {}
        self._views: dict[str, RunView] = {}
        self._live: list[RunSummary] = []

    def all(self) -> RunsMessage:
        """Return all runs."""
        with self._lock:
            self._look()
            rows = sorted(self._rows.values(), key=lambda row: -row["created"])
            return {"kind": "runs", "rows": rows, "gone": [], "live": self._live}

    def look(self) -> RunsMessage | None:
        """Return what has changed since the last look; None if nothing has."""
        with self._lock:
            return self._look()

    def _look(self) -> RunsMessage | None:
        marks: dict[str, _Mark] = {run_id: (*m,) for run_id, *m in self._record.query(_MARKS)}
        gone = [run_id for run_id in self._rows if run_id not in marks]
        for run_id in gone:
            del self._rows[run_id]
        # One that goes on may also have lost its process, and no event says so.
        open_ends = {run_id for run_id, row in self._rows.items() if row["state"] in GOING_ON}
        doubtful = [
            run_id
            for run_id, mark in marks.items()
            if run_id in open_ends or mark != self._marks.get(run_id)
        ]
        self._marks = marks
        changed = [
            row
            for row in (history_rows(self._record, doubtful) if doubtful else [])
            if row != self._rows.get(row["id"])
        ]
        self._rows.update({row["id"]: row for row in changed})
        before, self._live = self._live, self._summaries()
        if not (changed or gone or before or self._live):
            return None
        return {"kind": "runs", "rows": changed, "gone": gone, "live": self._live}

    def _summaries(self) -> list[RunSummary]:
        """Return how each run stands that goes on in some process."""
        going_on = [row for row in self._rows.values() if row["state"] in GOING_ON]
        ids = {row["id"] for row in going_on}
        self._views = {run_id: view for run_id, view in self._views.items() if run_id in ids}
        return [summary for row in going_on if (summary := self._summary(row)) is not None]

    def _summary(self, row: HistoryRow) -> RunSummary | None:
        run_id = row["id"]
        view = self._views.setdefault(run_id, RunView(self._record, run_id))
        try:
            view.apply(self._record.events(run_id, view.seq))
        except RecordError:  # its row tells how far it can be read
            return None
        view.call(row["name"], row["tags"])
        summary = view.summary(now=time.time(), in_flight=None)
        return None if summary["lives"] == "ended" else summary
