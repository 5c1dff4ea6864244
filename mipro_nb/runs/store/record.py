"""The record: one SQLite file with runs, their events, the texts they refer to, and LM answers.

The file is opened in WAL mode, so that a run can write while others read. Whatever belongs
together (an answer that was paid for, its texts, its event) is written in one transaction.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from mipro_nb.errors import InvalidArgumentError, RecordError, UnknownRunError
from mipro_nb.runs.events import LAST_SECOND, AnyEvent, TextRef, UnixTime, first_problem, read_event
from mipro_nb.runs.store.file_errors import FAILURES, not_read, not_written
from mipro_nb.runs.store.forks import Connection, OwnLock
from mipro_nb.runs.store.schema import (
    APPLICATION_ID,
    note_texts,
    upgrade,
    version_of,
)
from mipro_nb.runs.store.transaction import Transaction
from mipro_nb.runs.usage import Usage

_BUSY_SECONDS = 30.0
_BUSY_PAUSE_SECONDS = 0.01

_SEQ = TypeAdapter(Annotated[int, Field(ge=0)])
_TIME: TypeAdapter[float] = TypeAdapter(UnixTime)

_EVENTS = "SELECT seq, at, body FROM events WHERE run_id = ? AND seq > ? ORDER BY seq"
_EVENTS_OF_TYPES = (
    "SELECT seq, at, body FROM events INDEXED BY events_by_type "
    "WHERE run_id = ? AND seq > ? AND type IN (SELECT value FROM json_each(?)) ORDER BY seq"
)


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

    Examples
    --------
    >>> first = load(run_id).events()[0]
    >>> first.seq, first.event.type
    (0, 'run_planned')
    """

    run_id: str
    seq: int
    at: float
    event: AnyEvent


class AnswersKept(NamedTuple):
    """How many answers a record keeps, and the bytes that they take."""

    answers: int
    bytes: int


class Record:
    """An open record file; safe to use from any thread.

    Parameters
    ----------
    path
        The file; made, with its folder, if it is not there.

    Attributes
    ----------
    lock
        Held while the file is used; re-entrant. Refused in a process forked from this one.
    closed
        Whether it was closed.

    Raises
    ------
    RecordError
        If the file cannot be opened, is not a record, or was written by a newer mipro_nb.

    Examples
    --------
    >>> record = open_record()
    >>> record.query("SELECT count(*) FROM runs")
    [(2,)]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = OwnLock(path)
        self.closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path,
                timeout=_BUSY_SECONDS,
                check_same_thread=False,
                isolation_level=None,
                factory=Connection,
            )
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._not_opened(error) from error
        try:
            self._prepare()
        except FAILURES as error:
            self._db.close()
            raise self._not_opened(error) from error
        except BaseException:
            self._db.close()
            raise
        self._transaction = Transaction(path, self._db, self.lock)

    def _not_opened(self, error: Exception) -> RecordError:
        return RecordError(
            f"Cannot open the record {self.path}: {error}. Give another file with record=… or set "
            "MIPRO_HOME to a folder that you can write to."
        )

    def _prepare(self) -> None:
        if self._is_empty():
            self._db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        else:
            version_of(self._db, self.path)  # before it is written to: it may be another's file
        self._use_wal()
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA foreign_keys=ON")
        self._db.execute("PRAGMA secure_delete=ON")  # what a person deletes is overwritten
        self._db.execute("BEGIN IMMEDIATE")  # undone where it fails, because the file is closed
        if self._is_empty():
            self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            upgrade(self._db, 0)
        upgrade(self._db, version_of(self._db, self.path))
        self._db.execute("COMMIT")

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
        return self._db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None

    def query(self, sql: str, *values: object) -> list[Any]:
        """Return the rows that a reading SQL query finds.

        `mipro_nb.runs.store.schema` has the tables.

        Raises
        ------
        RecordError
            If the file cannot be read.
        """
        try:
            with self.lock:
                return self._db.execute(sql, values).fetchall()
        except FAILURES as error:
            raise not_read(self.path, error) from error

    def change(self, sql: str, *values: object) -> int:
        """Do one writing SQL statement and return how many rows it changed; errors of `writing`."""
        with self.writing():
            return int(self._db.execute(sql, values).rowcount)

    def writing(self) -> AbstractContextManager[None]:
        """Make everything written inside the block one transaction; blocks may be nested.

        Raises
        ------
        RecordError
            If the file cannot be written (full disk, locked for too long), or another one, or
            none, is in its place. Nothing of the block is kept then, so it can be done again.
        """
        return self._transaction

    def at_the_end(self, kept: Callable[[], None], undone: Callable[[], None]) -> None:
        """Call one of the two once the outermost `writing` block is left.

        It is `kept` if what was written is in the file, `undone` if nothing of it is. Outside of
        such a block `kept` is called at once.
        """
        self._transaction.at_the_end(kept, undone)

    def add_run(
        self,
        run_id: str,
        name: str,
        *,
        created: float | None = None,
        tags: Sequence[str] = (),
        note: str = "",
    ) -> None:
        """Enter a run; it was created now, unless the Unix time `created` is given."""
        with self.writing():
            at = time.time() if created is None else created
            row = (run_id, at, name, _tags(tags), _storable(note))
            self._db.execute(
                "INSERT INTO runs (run_id, created, name, tags, note) VALUES (?, ?, ?, ?, ?)", row
            )

    def rename_run(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        self._change_run(run_id, "UPDATE runs SET name = ? WHERE run_id = ?", name)

    def tag_run(self, run_id: str, tags: Sequence[str]) -> None:
        """Give a run these tags, in place of those that it had."""
        self._change_run(run_id, "UPDATE runs SET tags = ? WHERE run_id = ?", _tags(tags))

    def note_run(self, run_id: str, note: str) -> None:
        """Give a run this note, in place of the one that it had."""
        self._change_run(run_id, "UPDATE runs SET note = ? WHERE run_id = ?", _storable(note))

    def delete_run(self, run_id: str) -> None:
        """Delete a run, its events, and every text that no other run refers to.

        Kept answers stay: equal calls of later runs are answered from them. Until `scrub` is
        called, what was deleted may still be found in the file by those who search its bytes.
        """
        with self.writing():
            texts = self.query(
                "SELECT ref FROM run_texts AS mine WHERE run_id = ? AND NOT EXISTS"
                " (SELECT * FROM run_texts WHERE ref = mine.ref AND run_id != mine.run_id)",
                run_id,
            )
            self._change_run(run_id, "DELETE FROM runs WHERE run_id = ?")
            self._db.executemany("DELETE FROM texts WHERE ref = ?", texts)

    def _change_run(self, run_id: str, statement: str, *values: object) -> None:
        with self.writing():
            if self._db.execute(statement, (*values, run_id)).rowcount == 0:
                raise self._unknown(f"No run is called {run_id!r}")

    def scrub(self) -> None:
        """Take what was deleted out of the file, and give its space back, as far as others allow.

        While another process reads, some of it stays in the file beside this one until later;
        inside a `writing` block all of it does.
        """
        try:
            with self.lock:
                if not self._db.in_transaction:
                    # As a script, because sqlite3 makes but one step of a lone pragma.
                    self._db.executescript(
                        "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)"
                    )
        except FAILURES as error:
            raise not_written(self.path, error) from error

    def next_seq(self, run_id: str) -> int:
        """Return the number of a run's next event, for who writes it while nobody else does."""
        ((last,),) = self.query("SELECT max(seq) FROM events WHERE run_id = ?", run_id)
        return 0 if last is None else int(last) + 1

    def append(
        self, run_id: str, event: AnyEvent, seq: int, at: float | None = None
    ) -> RecordedEvent:
        """Write `event` as number `seq` of the run and return it as it is recorded.

        It happened now, unless the Unix time `at` is given.

        Raises
        ------
        RecordError
            If the run has an event of that number, or is not there: a run has one writer.
        """
        recorded = RecordedEvent(run_id, seq, time.time() if at is None else at, event)
        body = _body(event)
        row = (run_id, seq, recorded.at, event.type, event.version, body)
        with self.writing():
            try:
                self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
                    raise self._has_another_writer(run_id, seq) from error
                raise
            note_texts(self._db, run_id, body)
        return recorded

    def _has_another_writer(self, run_id: str, seq: int) -> RecordError:
        return RecordError(
            f"Cannot write the record {self.path}: event {seq} of run {run_id} is in it already, "
            "so another process has resumed this run. It has one writer: stop it here; "
            f"mipro_nb.runs.load({run_id!r}) shows how it stands."
        )

    def put_text(self, text: str) -> TextRef:
        """Keep `text` (once, however often it is put) and return its reference."""
        storable = _storable(text)
        ref = text_ref(storable)
        with self.writing():
            self._db.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (ref, storable))
        return ref

    def text(self, ref: TextRef) -> str:
        """Return the text that `ref` names.

        Raises
        ------
        RecordError
            If there is none, or it is not what was written.
        """
        rows = self.query("SELECT text FROM texts WHERE ref = ?", ref)
        if not rows:
            msg = f"The record {self.path} has no text {ref!r}."
            raise RecordError(msg)
        text = str(rows[0][0])
        if text_ref(text) != ref:
            msg = f"Text {ref} of the record {self.path} is damaged: it is not what was written."
            raise RecordError(msg)
        return text

    def put_flight(self, run_id: str, flight: int, sent: Usage) -> None:
        """Note that a call of a run is about to be sent, and what it takes at the worst."""
        with self.writing():
            row = (run_id, flight, sent.calls, sent.tokens, sent.usd)
            self._db.execute("INSERT OR REPLACE INTO flights VALUES (?, ?, ?, ?, ?)", row)

    def end_flight(self, run_id: str, flight: int) -> None:
        """Note that a call is told of: an event says what became of it."""
        with self.writing():
            self._db.execute(
                "DELETE FROM flights WHERE run_id = ? AND flight = ?", (run_id, flight)
            )

    def in_flight(self, run_id: str) -> Usage:
        """Return what the calls of a run take at the worst that nobody has told of."""
        ((calls, tokens, usd),) = self.query(
            "SELECT coalesce(sum(attempts), 0), coalesce(sum(tokens), 0),"
            " coalesce(sum(usd), 0.0) FROM flights WHERE run_id = ?",
            run_id,
        )
        return Usage(int(calls), int(tokens), float(usd))

    def take_lost(self, run_id: str) -> Usage:
        """Return the calls of a run that nobody told of, and forget them."""
        with self.writing():
            lost = self.in_flight(run_id)
            self._db.execute("DELETE FROM flights WHERE run_id = ?", (run_id,))
        return lost

    def put_answer(self, key: str, body: str) -> None:
        """Keep an LM's answer under `key`; a later answer replaces an earlier one."""
        with self.writing():
            row = (key, time.time(), body)
            self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)

    def answer(self, key: str) -> str | None:
        """Return the answer kept under `key`, None if there is none."""
        rows = self.query("SELECT body FROM answers WHERE key = ?", key)
        return str(rows[0][0]) if rows else None

    def answers_kept(self) -> AnswersKept:
        """Return how many answers are kept, and how much room they take."""
        ((count, size),) = self.query(
            "SELECT count(*), coalesce(sum(length(CAST(body AS BLOB))), 0) FROM answers"
        )
        return AnswersKept(int(count), int(size))

    def keeps_answers_since(self, at: float) -> bool:
        """Tell whether the answers that were kept at a Unix time still are: clearing clears all."""
        rows = self.query("SELECT 1 FROM answers WHERE at <= ? LIMIT 1", at)
        return bool(rows)

    def clear_answers(self) -> int:
        """Delete all kept answers and return how many there were: equal calls will cost again."""
        with self.writing():
            count = self._db.execute("DELETE FROM answers").rowcount
        self.scrub()
        return count

    def run_ids(self) -> list[tuple[str, float]]:
        """Return (run id, Unix time of its start), the newest run first."""
        rows = self.query(
            "SELECT run_id, created FROM runs WHERE typeof(run_id) = 'text'"
            " ORDER BY created DESC, rowid DESC"
        )
        return [(run_id, time_read(created)) for run_id, created in rows]

    def find_run(self, beginning: str) -> str:
        """Return the id of the one run whose id begins with `beginning`.

        Raises
        ------
        InvalidArgumentError
            If it is not a text.
        UnknownRunError
            If there is none, or more than one.
        """
        if not isinstance(beginning, str):
            remedy = "give the run's id, a text: run.id, or program.run.id."
            raise InvalidArgumentError("run_id", beginning, remedy)
        found = [run_id for run_id, _ in self.run_ids() if run_id.startswith(beginning)]
        if beginning in found:
            return beginning
        if len(found) != 1:
            many = f"{len(found)} runs begin" if found else "No run begins"
            raise self._unknown(f"{many} with {beginning!r}")
        return found[0]

    def _unknown(self, what: str) -> UnknownRunError:
        return UnknownRunError(f"{what} in {self.path}: mipro_nb.runs.list() shows all.")

    def events(
        self, run_id: str, after: int = -1, types: Collection[str] | None = None
    ) -> list[RecordedEvent]:
        """Return the events of a run in order.

        Parameters
        ----------
        run_id
            The run.
        after
            Only those after this number.
        types
            Only those of these types; all if None.

        Raises
        ------
        RecordError
            If an event cannot be read.
        """
        if types is None:
            rows = self.query(_EVENTS, run_id, after)
        else:
            rows = self.query(_EVENTS_OF_TYPES, run_id, after, json.dumps(list(types)))
        return [self.read_event(run_id, *row) for row in rows]

    def read_event(self, run_id: str, seq: int, at: float, body: str) -> RecordedEvent:
        """Return an event that was read from its row.

        Raises
        ------
        RecordError
            If it cannot be read.
        """
        try:
            return RecordedEvent(
                run_id,
                _SEQ.validate_python(seq),
                _TIME.validate_python(at),
                read_event.validate_json(body),
            )
        except ValidationError as error:
            msg = (
                f"Event {seq} of run {run_id} in {self.path} cannot be read: "
                f"{first_problem(error)}. mipro_nb.runs.check() tells what else cannot."
            )
            raise RecordError(msg) from error

    def is_free(self) -> bool:
        """Tell, without waiting, whether nobody else is writing into the file."""
        try:
            with closing(sqlite3.connect(self.path, timeout=0, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("ROLLBACK")
        except sqlite3.Error:
            return False
        return True

    def step_aside(self) -> None:
        """Where another file has taken the place of this one, leave nothing of this one beside it.

        Somebody who replaces the file of a record in use need not know that SQLite keeps a second
        one.
        """
        self._transaction.step_aside()

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            if not self.closed:
                self.step_aside()
            self._db.close()
            self.closed = True


def time_read(value: object) -> float:
    """Return a Unix time that was read; 0 where a damaged file holds something else."""
    if isinstance(value, int | float) and 0 <= value <= LAST_SECOND:
        return float(value)
    return 0.0


def text_ref(text: str) -> TextRef:
    """Return the reference that a text has in every record."""
    return hashlib.sha256(_storable(text).encode()).hexdigest()[:32]


def _storable(text: str) -> str:
    # Lone surrogates have no UTF-8 form; an LM's reply may hold them all the same.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _tags(tags: Sequence[str]) -> str:
    return json.dumps(list(dict.fromkeys(tags)))


def _body(event: AnyEvent) -> str:
    try:
        return event.model_dump_json()
    except PydanticSerializationError:
        # Lone surrogates again, in a field that holds its text itself.
        body = json.dumps(event.model_dump(), ensure_ascii=False)
        return body.encode("utf-8", "replace").decode("utf-8")
