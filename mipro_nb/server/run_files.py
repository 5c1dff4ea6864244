"""Files that hold runs, in the folder of the Jupyter server: shown, and never written to.

A file is copied into a record of its own, which stays until four others were opened, or the server
ends: neither is an older record upgraded, nor does anything come to lie beside it.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mipro_nb.errors import MiproError, RecordError
from mipro_nb.runs.following.protocol import (
    Answers,
    WidgetAnswer,
    WidgetRefusal,
    refusal,
    reply_to,
    requests_of,
)
from mipro_nb.runs.following.recorded_requests import CHANGES, RecordedRequests
from mipro_nb.runs.recorded.archive import import_run
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
            answers = self._opened(file).answers(anew=what == "history")
        except MiproError as error:
            return refusal(number, str(error))
        return reply_to(number, what, ask, answers)

    def _opened(self, file: Path) -> _OpenFile:
        with self._lock:
            opened = self._open.pop(file, None) or _OpenFile(file)
            self._open[file] = opened
            too_many = list(self._open)[: max(0, len(self._open) - _MOST_OPEN)]
            let_go = [self._open.pop(each) for each in too_many]
        for each in let_go:
            each.close()
        return opened


class _OpenFile:
    """A file that somebody looks at; it is copied without holding up those who look at others."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._copy: _Copy | None = None
        self._lock = threading.Lock()

    def answers(self, *, anew: bool) -> Answers:
        """Return what answers about its runs; `anew`: as they are now."""
        with self._lock:
            if self._copy is not None and anew and self._copy.mark != _mark(self._file):
                self._copy.close()
                self._copy = None
            if self._copy is None:
                self._copy = _Copy(self._file)
            return self._copy.answers

    def close(self) -> None:
        """Look no more."""
        with self._lock:
            if self._copy is not None:
                self._copy.close()
                self._copy = None


class _Copy:
    """The runs of a file in a record of its own, as they were when it was read."""

    def __init__(self, file: Path) -> None:
        self.mark = _mark(file)
        self._folder = TemporaryDirectory(prefix="mipro-nb-")
        try:
            copy = Path(self._folder.name) / "record.sqlite"
            # Whatever its case, or the number that a browser gives a second download.
            is_exported = file.suffix.lower() == ".json"
            if not is_exported:
                _copy_record(file, copy)
            record = open_record(copy)
            if is_exported:
                import_run(record, file)
        except BaseException:
            self._remove()
            raise
        self._requests = RecordedRequests(record, lambda *_: None, follows=False)
        self.answers: Answers = {
            name: answer
            for name, answer in requests_of(self._requests).items()
            if name not in CHANGES
        }

    def close(self) -> None:
        """Remove it."""
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


def _beside(file: Path, end: str = "-wal") -> Path:
    """Return the file in which SQLite keeps what is new, or another one of its own."""
    return file.with_name(f"{file.name}{end}")


def _copy_record(file: Path, copy: Path) -> None:
    """Copy a record, if it is one, as of now: others may be writing into it.

    Raises
    ------
    RecordError
        If it is not one, or cannot be read.
    """
    name = file.name
    try:
        if _beside(file).exists() and not _beside(file, "-shm").exists():
            # Nobody has it open, and to read what is new SQLite would make a file beside it.
            read = copy.with_name("read.sqlite")
            shutil.copyfile(file, read)
            shutil.copyfile(_beside(file), _beside(read))
            file = read
        # SQLite leaves files beside one that it reads, unless it is told that nobody writes.
        how = "mode=ro" if _beside(file).exists() else "immutable=1"
        with (
            closing(sqlite3.connect(f"{file.as_uri()}?{how}", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            if source.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                msg = f"{name} is not a record of mipro_nb: open it with what made it."
                raise RecordError(msg)
            source.backup(target)
    except (sqlite3.Error, OSError) as error:
        msg = (
            f"Cannot read the record {name}: {error}. See that it is one, that the Jupyter "
            "server may read it, and that it was copied whole."
        )
        raise RecordError(msg) from error
