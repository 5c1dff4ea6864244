"""Files that hold runs, in the folder of the Jupyter server: shown, and never written to.

A file is copied into a record of its own, which only lives as long as somebody looks at it: neither
is an older record upgraded, nor does anything come to lie beside it.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mipro_nb.errors import MiproError, RecordError
from mipro_nb.runs.archive import SUFFIX, import_run
from mipro_nb.runs.following.protocol import (
    Answers,
    WidgetAnswer,
    WidgetRefusal,
    refusal,
    reply_to,
    requests_of,
)
from mipro_nb.runs.following.recorded_requests import CHANGES, RecordedRequests
from mipro_nb.runs.store.open_records import close_records, open_record
from mipro_nb.runs.store.schema import APPLICATION_ID

_MOST_OPEN = 4

_Mark = tuple[int, int]


class RunFiles:
    """Answers what pages ask about the runs in a file."""

    def __init__(self) -> None:
        self._open: dict[Path, _OpenFile] = {}  # the one asked for last comes last
        self._lock = threading.Lock()

    def reply(self, number: int, what: Any, ask: Any, file: Path) -> WidgetAnswer | WidgetRefusal:
        """Return the answer to a request about the runs in a file, or why there is none."""
        try:
            # Who asks for the runs begins to look: a file that has changed is read again then.
            answers = self._opened(file, anew=what == "history").answers
        except MiproError as error:
            return refusal(number, str(error))
        return reply_to(number, what, ask, answers)

    def _opened(self, file: Path, *, anew: bool) -> _OpenFile:
        with self._lock:
            opened = self._open.pop(file, None)
            if opened is not None and anew and opened.mark != _mark(file):
                opened.close()
                opened = None
            self._open[file] = opened or _OpenFile(file)
            while len(self._open) > _MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            return self._open[file]


class _OpenFile:
    """A file that somebody looks at, as a record of its own."""

    def __init__(self, file: Path) -> None:
        self.mark = _mark(file)
        self._folder = TemporaryDirectory(prefix="mipro-nb-")
        try:
            copy = Path(self._folder.name) / "record.sqlite"
            if not file.name.endswith(SUFFIX):
                _copy_record(file, copy)
            record = open_record(copy)
            if file.name.endswith(SUFFIX):
                import_run(record, file)
        except BaseException:
            self._remove()
            raise
        self._requests = RecordedRequests(record, lambda *_: None)
        self.answers: Answers = {
            name: answer
            for name, answer in requests_of(self._requests).items()
            if name not in CHANGES
        }

    def close(self) -> None:
        """Look no more."""
        self._requests.close()
        self._remove()

    def _remove(self) -> None:
        close_records(Path(self._folder.name))
        self._folder.cleanup()


def _mark(file: Path) -> tuple[_Mark | None, ...]:
    """Return what tells whether a file has changed."""
    marks: list[_Mark | None] = []
    for each in (file, _beside(file)):
        try:
            found = each.stat()
        except OSError:
            marks.append(None)
        else:
            marks.append((found.st_mtime_ns, found.st_size))
    return tuple(marks)


def _beside(file: Path) -> Path:
    """Return the file in which SQLite keeps what is new."""
    return file.with_name(f"{file.name}-wal")


def _copy_record(file: Path, copy: Path) -> None:
    """Copy a record, if it is one, as of now: others may be writing into it.

    Raises
    ------
    RecordError
        If it is not one, or cannot be read.
    """
    # SQLite leaves files beside one that it reads, unless it is told that nobody writes.
    how = "mode=ro" if _beside(file).exists() else "immutable=1"
    try:
        with (
            closing(sqlite3.connect(f"{file.as_uri()}?{how}", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            if source.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                msg = f"{file.name} is not a record of mipro_nb: open it with what made it."
                raise RecordError(msg)
            source.backup(target)
    except sqlite3.Error as error:
        msg = (
            f"Cannot read the record {file.name}: {error}. See that it is one, that the Jupyter "
            "server may read it, and that it was copied whole."
        )
        raise RecordError(msg) from error
