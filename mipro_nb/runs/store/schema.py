"""The tables of a record file, and how a file of an older schema becomes one of the present.

| table | holds |
|---|---|
| `runs` | a row per run: id, time, name, tags, note |
| `events` | what happened, numbered per run; `trial` … `usd` are read from the JSON `body` |
| `texts` | texts that events refer to, each once |
| `run_texts` | which run refers to which text |
| `answers` | kept answers of LMs; they belong to no run |
| `flights` | LM calls of a run that are sent and have no event yet, at their worst |
| `commands` | what other processes want of a run that goes on, until it has answered |
| `batches` | batches of LM calls that are out at a provider, or about to be |
| `batched_calls` | the calls in them that nobody has told of, at their worst |

A new file goes through the same steps as an old one, so that both end up alike. A new type of event
is a step as well: older code cannot read a run that has it, and is told to upgrade.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

from mipro_nb.errors import RecordError
from mipro_nb.runs.events import TextRef

APPLICATION_ID = 0x4D49504F  # "MIPO": tells our files from other SQLite files

_TABLES = """
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    created REAL NOT NULL,
    name TEXT NOT NULL,
    tags TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    {fields},
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_type ON events (run_id, type, {indexed});
CREATE TABLE texts (ref TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE run_texts (
    ref TEXT NOT NULL REFERENCES texts (ref),
    run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    PRIMARY KEY (ref, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX texts_by_run ON run_texts (run_id);
CREATE TABLE answers (key TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE flights (
    run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    flight INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL,
    PRIMARY KEY (run_id, flight)
) STRICT, WITHOUT ROWID
"""
# Everything that a list of runs adds up is in the index itself: no event is read for it.
_INDEXED_FIELDS = ("trial", "example", "from_cache", "usd")
_FIELD = "{0} ANY AS (CASE WHEN json_valid(body) THEN json_extract(body, '$.{0}') END) VIRTUAL"

_REF = re.compile('"([0-9a-f]{32})"')


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """Return the schema's version of the record at `path`.

    Raises
    ------
    RecordError
        If the file cannot be read by this mipro_nb.
    """
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        msg = f"{path} is not a record of mipro_nb."
        raise RecordError(msg)
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        msg = (
            f"{path} was written by a newer mipro_nb (schema {version}, this one reads "
            f"{SCHEMA_VERSION}): upgrade mipro_nb. If a build from before the first release wrote "
            "it, no release reads it: give another file with record=…, or another folder with "
            "MIPRO_HOME."
        )
        raise RecordError(msg)
    return version


def upgrade(db: sqlite3.Connection, version: int) -> None:
    """Bring a file of schema `version` (0: an empty one) to the present one."""
    for step in _STEPS[version:]:
        step(db)
    if version < SCHEMA_VERSION:
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def note_texts(db: sqlite3.Connection, run_id: str, body: str) -> None:
    """Enter which texts an event with this JSON `body` refers to, whatever its type."""
    db.executemany(
        "INSERT OR IGNORE INTO run_texts SELECT ref, ? FROM texts WHERE ref = ?",
        [(run_id, ref) for ref in refs_in(body)],
    )


def refs_in(body: str) -> set[TextRef]:
    """Return every string in an event's JSON `body` that looks like a reference to a text."""
    return set(_REF.findall(body))


def _create(db: sqlite3.Connection) -> None:
    fields = ",\n    ".join(map(_FIELD.format, _INDEXED_FIELDS))
    tables = _TABLES.format(fields=fields, indexed=", ".join(_INDEXED_FIELDS))
    # Not executescript, which would end the transaction that all this happens in.
    for statement in tables.split(";"):
        db.execute(statement)


def _add_notes(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT ''")


def _add_commands(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE commands ("
        " command_id TEXT PRIMARY KEY,"
        " run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,"
        " command TEXT NOT NULL CHECK (command IN ('pause', 'resume', 'stop')),"
        " refusal TEXT"
        ") STRICT"
    )


def _add_batches(db: sqlite3.Connection) -> None:
    # Calls of a person's own belong to no run.
    db.execute(
        "CREATE TABLE batches ("
        " own_id TEXT PRIMARY KEY,"
        " run_id TEXT REFERENCES runs (run_id) ON DELETE CASCADE,"
        " at REAL NOT NULL,"
        " batch_id TEXT"
        ") STRICT"
    )
    db.execute(
        "CREATE TABLE batched_calls ("
        " own_id TEXT NOT NULL REFERENCES batches (own_id) ON DELETE CASCADE,"
        " custom_id TEXT NOT NULL,"
        " attempts INTEGER NOT NULL,"
        " tokens INTEGER NOT NULL,"
        " usd REAL NOT NULL,"
        " PRIMARY KEY (own_id, custom_id)"
        ") STRICT, WITHOUT ROWID"
    )


_STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _create,
    _add_notes,
    _add_commands,
    _add_batches,
)
SCHEMA_VERSION = len(_STEPS)
