"""The record: one SQLite file with runs, their events, the texts they refer to, and LM answers.

The file is opened in WAL mode, so that a run can write while others read. Whatever belongs
together (an answer that was paid for, its texts, its event) is written in one transaction.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path
from pydantic import ValidationError

from mipro_nb.errors import RecordError, UnknownRunError
from mipro_nb.runs.events import AnyEvent, TextRef, read_event

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x4D49504F  # "MIPO": tells our files from other SQLite files
_BUSY_SECONDS = 30.0

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
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            msg = (
                f"Cannot open the record {path}: {error}. Give another file with record=… or set "
                "MIPRO_HOME to a folder that you can write to."
            )
            raise RecordError(msg) from error

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA foreign_keys=ON")
        with self._transaction():
            version = self._one("PRAGMA user_version")
            tables = self._one("SELECT count(*) FROM sqlite_master")
            if version == 0 and tables == 0:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
                return
        if self._one("PRAGMA application_id") != _APPLICATION_ID:
            msg = f"{self.path} is an SQLite file, but no record of mipro_nb."
            raise RecordError(msg)
        if version > SCHEMA_VERSION:
            msg = (
                f"{self.path} was written by a newer mipro_nb (schema {version}, this one reads "
                f"{SCHEMA_VERSION}): upgrade mipro_nb."
            )
            raise RecordError(msg)

    def _one(self, query: str, *values: object) -> int:
        return int(self._db.execute(query, values).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

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
        row = (run_id, seq, recorded.at, event.type, event.version, event.model_dump_json())
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
        with self._lock:
            row = self._db.execute("SELECT text FROM texts WHERE ref = ?", (ref,)).fetchone()
        if row is None:
            msg = f"The record {self.path} has no text {ref!r}."
            raise RecordError(msg)
        return str(row[0])

    def put_answer(self, key: str, body: str) -> None:
        """Keep an LM's answer under `key`; a later answer replaces an earlier one."""
        with self.writing():
            row = (key, time.time(), body)
            self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)

    def answer(self, key: str) -> str | None:
        """Return the answer kept under `key`, None if there is none."""
        with self._lock:
            row = self._db.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def run_ids(self) -> list[tuple[str, float]]:
        """Return (run id, Unix time of its start), the newest run first."""
        with self._lock:
            rows = self._db.execute("SELECT run_id, created FROM runs ORDER BY created DESC")
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
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, at, body FROM events WHERE run_id = ? AND seq > ? ORDER BY seq",
                (run_id, after),
            ).fetchall()
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


_open: dict[tuple[int, Path], Record] = {}
_open_lock = threading.Lock()


def open_record(path: Path | str | None = None) -> Record:
    """Return the record at `path` (default: `default_path`), opened once per process."""
    where = Path(path).expanduser().resolve() if path is not None else default_path().resolve()
    with _open_lock:
        key = (os.getpid(), where)
        if key not in _open or not where.exists():
            _open[key] = Record(where)
        return _open[key]
