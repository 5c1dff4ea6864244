"""The record: one SQLite file with runs, their events, the texts they refer to, and LM answers.

The file is opened in WAL mode, so that a run can write while others read. Whatever belongs
together (an answer that was paid for, its texts, its event) is written in one transaction.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from mipro_nb.errors import RecordError, UnknownRunError
from mipro_nb.runs.events import AnyEvent, TextRef, read_event

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x4D49504F  # "MIPO": tells our files from other SQLite files
_BUSY_SECONDS = 30.0
_BUSY_PAUSE_SECONDS = 0.01

_SCHEMA = """
CREATE TABLE runs (run_id TEXT PRIMARY KEY, created REAL NOT NULL, name TEXT NOT NULL) STRICT;
CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE texts (ref TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE answers (key TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True)
class RecordedEvent:
    """An event with its place in the run.

    Attributes
    ----------
    run_id
        The run.
    seq
        Number of the event within the run, from 0.
    at
        Unix time in seconds.
    event
        The event.
    """

    run_id: str
    seq: int
    at: float
    event: AnyEvent


def default_path() -> Path:
    """Return the default record file: in ``MIPRO_HOME``, else in the user's data folder."""
    home = os.environ.get("MIPRO_HOME")
    folder = Path(home).expanduser() if home else user_data_path("mipro_nb", appauthor=False)
    return folder / "record.sqlite"


def prefer(chosen: Callable[[], Path | None]) -> None:
    """Have `open_record` ask `chosen` for the file, where none is given, before the default."""
    global _chosen  # noqa: PLW0603 - the settings that it comes from are the process's own, too
    _chosen = chosen


_chosen: Callable[[], Path | None] | None = None


class Record:
    """An open record file; safe to use from any thread.

    Parameters
    ----------
    path
        The file; made, with its folder, if it is not there.

    Raises
    ------
    RecordError
        If the file cannot be opened, is no record, or was written by a newer mipro_nb.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
        except (sqlite3.Error, OSError) as error:
            raise self._not_opened(error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise self._not_opened(error) from error
        except BaseException:
            self._db.close()
            raise

    def _not_opened(self, error: Exception) -> RecordError:
        return RecordError(
            f"Cannot open the record {self.path}: {error}. Give another file with record=… or set "
            "MIPRO_HOME to a folder that you can write to."
        )

    def _prepare(self) -> None:
        if not self._is_empty():
            self._check_ours()  # before anything is written: it may be somebody else's file
        self._use_wal()
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA foreign_keys=ON")
        with self._transaction():
            if self._is_empty():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            self._check_ours()

    def _use_wal(self) -> None:
        # Where several processes open a new file at once, SQLite does not wait by itself here.
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(_BUSY_PAUSE_SECONDS)
            else:
                return

    def _is_empty(self) -> bool:
        return self._one("SELECT count(*) FROM sqlite_master") == 0

    def _check_ours(self) -> None:
        if self._one("PRAGMA application_id") != _APPLICATION_ID:
            msg = f"{self.path} is an SQLite file, but no record of mipro_nb."
            raise RecordError(msg)
        version = self._one("PRAGMA user_version")
        if version > SCHEMA_VERSION:
            msg = (
                f"{self.path} was written by a newer mipro_nb (schema {version}, this one reads "
                f"{SCHEMA_VERSION}): upgrade mipro_nb."
            )
            raise RecordError(msg)

    def _one(self, query: str, *values: object) -> int:
        return int(self._db.execute(query, values).fetchone()[0])

    def _read(self, query: str, *values: object) -> list[Any]:
        try:
            with self._lock:
                return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            msg = f"Cannot read the record {self.path}: {error}."
            raise RecordError(msg) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite itself may have rolled back: on a full disk
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make everything written inside the block one transaction.

        Raises
        ------
        RecordError
            If the file cannot be written (full disk, removed, locked for too long).
        """
        try:
            with self._transaction():
                yield
        except sqlite3.Error as error:
            msg = f"Cannot write the record {self.path}: {error}."
            raise RecordError(msg) from error

    def add_run(self, run_id: str, name: str) -> None:
        """Enter a run."""
        with self.writing():
            row = (run_id, time.time(), name)
            self._db.execute("INSERT INTO runs VALUES (?, ?, ?)", row)

    def append(self, run_id: str, event: AnyEvent, seq: int) -> RecordedEvent:
        """Write `event` as number `seq` of the run and return it as it is recorded."""
        recorded = RecordedEvent(run_id, seq, time.time(), event)
        row = (run_id, seq, recorded.at, event.type, event.version, _body(event))
        with self.writing():
            self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
        return recorded

    def put_text(self, text: str) -> TextRef:
        """Keep `text` (once, however often it is put) and return its reference."""
        # Lone surrogates have no UTF-8 form; an LM's reply may hold them all the same.
        storable = text.encode("utf-8", "backslashreplace").decode("utf-8")
        ref = hashlib.sha256(storable.encode()).hexdigest()[:32]
        with self.writing():
            self._db.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (ref, storable))
        return ref

    def text(self, ref: TextRef) -> str:
        """Return the text that `ref` names."""
        rows = self._read("SELECT text FROM texts WHERE ref = ?", ref)
        if not rows:
            msg = f"The record {self.path} has no text {ref!r}."
            raise RecordError(msg)
        return str(rows[0][0])

    def put_answer(self, key: str, body: str) -> None:
        """Keep an LM's answer under `key`; a later answer replaces an earlier one."""
        with self.writing():
            row = (key, time.time(), body)
            self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)

    def answer(self, key: str) -> str | None:
        """Return the answer kept under `key`, None if there is none."""
        rows = self._read("SELECT body FROM answers WHERE key = ?", key)
        return str(rows[0][0]) if rows else None

    def run_ids(self) -> list[tuple[str, float]]:
        """Return (run id, Unix time of its start), the newest run first."""
        rows = self._read("SELECT run_id, created FROM runs ORDER BY created DESC, rowid DESC")
        return [(str(run_id), float(created)) for run_id, created in rows]

    def find_run(self, beginning: str) -> str:
        """Return the id of the one run whose id begins with `beginning`.

        Raises
        ------
        UnknownRunError
            If there is none, or more than one.
        """
        found = [run_id for run_id, _ in self.run_ids() if run_id.startswith(beginning)]
        if beginning in found:
            return beginning
        if len(found) != 1:
            many = f"{len(found)} runs begin" if found else "No run begins"
            msg = f"{many} with {beginning!r} in {self.path}: mipro_nb.runs.list() shows all."
            raise UnknownRunError(msg)
        return found[0]

    def events(self, run_id: str, after: int = -1) -> Sequence[RecordedEvent]:
        """Return the events of a run in order, those after number `after` only.

        Raises
        ------
        RecordError
            If an event cannot be read.
        """
        rows = self._read(
            "SELECT seq, at, body FROM events WHERE run_id = ? AND seq > ? ORDER BY seq",
            run_id,
            after,
        )
        events = []
        for seq, at, body in rows:
            try:
                events.append(RecordedEvent(run_id, seq, at, read_event.validate_json(body)))
            except ValidationError as error:
                msg = f"Event {seq} of run {run_id} in {self.path} cannot be read: {error}."
                raise RecordError(msg) from error
        return events

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _body(event: AnyEvent) -> str:
    try:
        return event.model_dump_json()
    except PydanticSerializationError:
        # Lone surrogates again, in a field that holds its text itself.
        body = json.dumps(event.model_dump(), ensure_ascii=False)
        return body.encode("utf-8", "replace").decode("utf-8")


_open: dict[tuple[int, Path], Record] = {}
_open_lock = threading.Lock()


def open_record(path: Path | str | None = None) -> Record:
    """Return the record at `path`, opened once per process.

    Without a path it is the one in the settings, or else that of `default_path`.
    """
    if path is None and _chosen is not None:
        path = _chosen()
    where = Path(default_path() if path is None else path).expanduser().resolve()
    with _open_lock:
        key = (os.getpid(), where)
        if key not in _open or not where.exists():
            _open[key] = Record(where)
        return _open[key]
