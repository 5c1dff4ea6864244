"""The news of all runs: those of whatever record is there, also where it is replaced or damaged."""

from __future__ import annotations

from collections.abc import Callable

from mipro_nb.errors import MiproError
from mipro_nb.runs.following.protocol import RunsMessage
from mipro_nb.runs.store.record import Record
from mipro_nb.server.runs_watcher import RunsWatcher, runs_message


class RunsNews:
    """What there is to tell those who list the runs.

    Its methods are called one at a time.

    Parameters
    ----------
    opened
        Returns the record; None while there is none.
    """

    def __init__(self, opened: Callable[[], Record | None]) -> None:
        self._opened = opened
        self._watcher: RunsWatcher | None = None
        self._error: str | None = None

    @property
    def all(self) -> RunsMessage:
        """Return all runs, as they were at the last look, or why they cannot be read."""
        if self._watcher is not None:
            return self._watcher.all
        # What was listed before an error is still the best that is known.
        return runs_message([], whole=self._error is None, error=self._error)

    def look(self) -> RunsMessage | None:
        """Return what has changed since the last look; None if nothing has."""
        before = (self._watcher, self._error)
        changed = None
        try:
            self._take(self._opened())
            if self._watcher is not None:
                changed = self._watcher.look()
            self._error = None
        except MiproError as error:
            # What was read till then is not to be relied on: once it can be, all is read again.
            self._watcher, self._error = None, str(error)
        return changed if (self._watcher, self._error) == before else self.all

    def _take(self, record: Record | None) -> None:
        """Watch this record, with a new watcher where another file has taken its place."""
        if record is None:
            self._watcher = None
        elif self._watcher is None or self._watcher.record is not record:
            self._watcher = RunsWatcher(record)
