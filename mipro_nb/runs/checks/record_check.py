"""Whether a record is sound: its file, its tables, and every run in it."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mipro_nb.arguments import only_known
from mipro_nb.errors import RecordError, shown
from mipro_nb.runs.checks.consistency import incoherences
from mipro_nb.runs.events import TextRef, first_problem, read_event
from mipro_nb.runs.state import fold
from mipro_nb.runs.store.file_errors import FAILURES, not_read
from mipro_nb.runs.store.open_records import open_record, record_path
from mipro_nb.runs.store.record import RecordedEvent, text_ref
from mipro_nb.runs.store.schema import upgrade, version_of

_MOST_LINES = 50
_RUNS = "SELECT run_id, created, name, tags, note FROM runs"
_TABLES = "SELECT type, name, sql FROM sqlite_master"


@dataclass(frozen=True)
class Problem:
    """Something in a record that is not as it was written.

    Attributes
    ----------
    where
        The place: ``"file"``, ``"schema"``, ``"text …"``, ``"run …"``, ``"run …, event …"``.
    what
        What is wrong there, in a sentence's words.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, repr=False)
class CheckReport:
    """What `check_record` found; its text form tells all of it.

    Attributes
    ----------
    path
        The record's file.
    runs, events, texts
        How many were looked at.
    problems
        What is wrong, in the order in which it was found.

    Examples
    --------
    >>> check().ok
    True
    """

    path: Path
    runs: int
    events: int
    texts: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems

    def __repr__(self) -> str:
        counts = {"run": self.runs, "event": self.events, "text": self.texts}
        looked_at = ", ".join(_many(count, noun) for noun, count in counts.items())
        lines = [f"{self.path}: {looked_at}; {_many(len(self.problems), 'problem')}."]
        lines += [f"  {problem}" for problem in self.problems[:_MOST_LINES]]
        if len(self.problems) > _MOST_LINES:
            lines.append(f"  … and {len(self.problems) - _MOST_LINES:,} more in .problems")
        return "\n".join(lines)


@only_known()
def check_record(record: str | Path | None = None) -> CheckReport:
    """Look through a whole record and return what is wrong with it; nothing is changed.

    Looked at are the SQLite file and its tables; whether every event can be read, none is missing
    and they make sense together (no trial tries or scores what there is not); whether every text
    that they refer to is there, and is what was written. A damaged run hides no other. Runs
    may go on meanwhile.

    Parameters
    ----------
    record
        The record file; the configured one, or else the default, if None.

    Raises
    ------
    RecordError
        If there is no such file, or it is not a record that this mipro_nb can read.
    """
    path = record_path(record).resolve()
    if not path.is_file():
        msg = f"There is no record at {path}: give another file with record=…."
        raise RecordError(msg)
    try:
        with closing(_opened(path)) as db:
            version_of(db, path)
            check = _Check(db)
            check.all(path)
            return check.report(path)
    except FAILURES as error:
        raise not_read(path, error) from error


def _opened(path: Path) -> sqlite3.Connection:
    """Return a connection of its own, which holds up nobody who uses the record."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
    db.text_factory = lambda raw: raw.decode(
        "utf-8", "replace"
    )  # bytes that are not text do not stop it
    return db


class _Check:
    """Looks at one record, part by part."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._problems: list[Problem] = []
        self._texts: set[TextRef] = set()
        self._runs = self._events = 0

    def report(self, path: Path) -> CheckReport:
        """Return what was found."""
        return CheckReport(path, self._runs, self._events, len(self._texts), tuple(self._problems))

    def all(self, path: Path) -> None:
        """Look at everything."""
        try:
            open_record(path)  # which upgrades the file of an older version
        except RecordError as error:
            self._note("file", str(error))
        self._db.execute("BEGIN")  # as it is now, whatever is written meanwhile
        with self._going_on("file"):
            self._check_file()
        with self._going_on("schema"):
            self._check_schema()
        with self._going_on("texts"):
            self._check_texts()
        with self._going_on("runs"):
            for run_id, *row in self._db.execute(_RUNS):
                self._runs += 1
                with self._going_on(f"run {run_id}"):
                    self._check_run(str(run_id), *row)

    @contextmanager
    def _going_on(self, where: str) -> Iterator[None]:
        """Note what SQLite cannot read; the rest is looked at all the same."""
        try:
            yield
        except FAILURES as error:
            self._note(where, f"cannot be read: {error}")

    def _note(self, where: str, what: str) -> None:
        self._problems.append(Problem(where, what))

    def _check_file(self) -> None:
        for (found,) in self._db.execute("PRAGMA integrity_check"):
            for line in str(found).splitlines():
                if line != "ok" and not line.startswith("***"):
                    self._note("file", line)
        for table, _, parent, _ in self._db.execute("PRAGMA foreign_key_check"):
            self._note(f"table {table}", f"a row belongs to something that is not in {parent}")

    def _check_schema(self) -> None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as sound:
            upgrade(sound, 0)
            expected = {row[:2]: row[2] for row in sound.execute(_TABLES)}
        found = {row[:2]: row[2] for row in self._db.execute(_TABLES)}
        for (kind, name), sql in expected.items():
            if (kind, name) not in found:
                self._note("schema", f"the {kind} {name} is missing")
            elif found[kind, name] != sql:
                self._note("schema", f"the {kind} {name} is not as mipro_nb makes it")

    def _check_texts(self) -> None:
        for ref, text in self._db.execute("SELECT ref, text FROM texts"):
            self._texts.add(str(ref))
            if not isinstance(text, str) or text_ref(text) != ref:
                self._note(f"text {ref}", "is not what was written")

    def _check_run(self, run_id: str, created: Any, name: Any, tags: Any, note: Any) -> None:
        texts = isinstance(name, str) and isinstance(note, str)
        if not (_is_number(created) and texts and _are_tags(tags)):
            self._note(f"run {run_id}", "its time, name, tags or note cannot be read")
        events, all_read = self._read_events(run_id)
        self._check_references(run_id, events)
        self._check_flights(run_id)
        if all_read:  # else they need not make sense
            try:
                state = fold(events)
            except RecordError as error:
                self._note(f"run {run_id}", str(error))
            else:
                for problem in incoherences(state, self._text):
                    self._note(f"run {run_id}", problem)

    def _read_events(self, run_id: str) -> tuple[list[RecordedEvent], bool]:
        """Return a run's events, and whether these are all."""
        rows = self._db.execute(
            "SELECT seq, at, type, body FROM events WHERE run_id = ? ORDER BY seq", (run_id,)
        )
        events: list[RecordedEvent] = []
        following = count = 0
        for seq, at, kind, body in rows:
            if seq != following:
                self._note(f"run {run_id}", f"event {following} is missing before event {seq}")
            count += 1
            following = seq + 1 if isinstance(seq, int) else count
            try:
                event = read_event.validate_json(body)
            except ValidationError as error:
                self._note(_place(run_id, seq), f"cannot be read: {first_problem(error)}")
                continue
            if _is_number(at) and kind == event.type:
                events.append(RecordedEvent(run_id, seq, at, event))
            else:
                self._note(_place(run_id, seq), "its time or type cannot be read")
        self._events += count
        return events, len(events) == count

    def _check_references(self, run_id: str, events: Sequence[RecordedEvent]) -> None:
        rows = self._db.execute("SELECT ref FROM run_texts WHERE run_id = ?", (run_id,))
        own = {str(ref) for (ref,) in rows}
        for recorded in events:
            for ref in sorted(recorded.event.texts - own):
                missing = "is not noted as the run's" if ref in self._texts else "is missing"
                self._note(_place(run_id, recorded.seq), f"text {shown(ref, 40)} {missing}")
        for ref in sorted(own - self._texts):
            self._note(f"run {run_id}", f"text {shown(ref, 40)} is missing")

    def _text(self, ref: TextRef) -> str | None:
        """Return a text; None if it is missing or another, which is told elsewhere."""
        rows = self._db.execute("SELECT text FROM texts WHERE ref = ?", (ref,)).fetchall()
        text = rows[0][0] if rows else None
        return text if isinstance(text, str) and text_ref(text) == ref else None

    def _check_flights(self, run_id: str) -> None:
        for flight, *usage in self._db.execute(
            "SELECT flight, attempts, tokens, usd FROM flights WHERE run_id = ?", (run_id,)
        ):
            if not all(_is_number(value) and value >= 0 for value in usage):
                self._note(f"run {run_id}", f"call {flight}, without an event yet, took {usage}")


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _place(run_id: str, seq: int) -> str:
    return f"run {run_id}, event {seq}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _are_tags(text: object) -> bool:
    try:
        tags = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return False
    return isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
