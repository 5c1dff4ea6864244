"""The watcher: what has changed among all runs of a record since it was last looked."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from mipro_nb.errors import RecordError
from mipro_nb.runs.following.protocol import RunsMessage
from mipro_nb.runs.state import GOING_ON
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import HistoryRow, LiveRunRow, RunSummary
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
        self.record = record
        self._marks: dict[str, _Mark] = {}
        self._rows: dict[str, HistoryRow] = {}
        self._views: dict[str, RunView] = {}
        self._live: list[LiveRunRow] = []

    @property
    def all(self) -> RunsMessage:
        """Return all runs, as they were at the last look."""
        rows = sorted(self._rows.values(), key=lambda row: -row["created"])
        return runs_message(rows, live=self._live, whole=True)

    def look(self) -> RunsMessage | None:
        """Return what has changed since the last look; None if nothing has."""
        marks: dict[str, _Mark] = {run_id: (*m,) for run_id, *m in self.record.query(_MARKS)}
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
        read = self._read()
        folded = {run_id: view.state for run_id, view in read.items()}
        self._marks = marks
        changed = [
            row
            for row in (history_rows(self.record, doubtful, folded) if doubtful else [])
            if row != self._rows.get(row["id"])
        ]
        self._rows.update({row["id"]: row for row in changed})
        before, self._live = self._live, self._going_on(read)
        if not (changed or gone or before or self._live):
            return None
        return runs_message(changed, gone=gone, live=self._live)

    def _going_on(self, read: Collection[str]) -> list[LiveRunRow]:
        """Return how each run stands that goes on in some process; see `_read` for `read`."""
        found = []
        for run_id, view in self._read(read).items():
            row = self._rows[run_id]
            view.call(row["name"], row["tags"])
            summary = view.summary(now=time.time(), in_flight=None)
            if summary["lives"] != "ended":
                found.append(_live_run_row(summary))
        return found

    def _read(self, read: Collection[str] = ()) -> dict[str, RunView]:
        """Return a view of each run that goes on, up to its last event; those `read` are so."""
        going_on = [run_id for run_id, row in self._rows.items() if row["state"] in GOING_ON]
        self._views = {
            run_id: self._views.get(run_id) or RunView(self.record, run_id) for run_id in going_on
        }
        return {
            run_id: view
            for run_id, view in self._views.items()
            if run_id in read or self._is_read(view)
        }

    def _is_read(self, view: RunView) -> bool:
        """Read what is new of a run; tell whether it can be read: else its row tells how far."""
        try:
            view.apply(self.record.events(view.run_id, view.seq))
        except RecordError:
            return False
        return True


def runs_message(
    rows: list[HistoryRow],
    *,
    gone: list[str] | None = None,
    live: list[LiveRunRow] | None = None,
    whole: bool = False,
    error: str | None = None,
) -> RunsMessage:
    """Return a message on these runs."""
    return {
        "kind": "runs",
        "rows": rows,
        "whole": whole,
        "gone": gone or [],
        "live": live or [],
        "error": error,
    }


def _live_run_row(summary: RunSummary) -> LiveRunRow:
    """Return of a run that goes on what a list shows of it."""
    phases = [each["phase"] for each in summary["phases"] if each["state"] == "running"]
    best, spend = summary["best"], summary["spend"]
    return {
        "id": summary["id"],
        "name": summary["name"],
        "program": summary["program"],
        "state": summary["state"],
        "phase": phases[-1] if phases else None,
        "done": summary["done"],
        "total": summary["total"],
        "eta": summary["eta"],
        "score": best["score"] if best else None,
        "usd": spend["usd"],
        "about": spend["about"],
    }
