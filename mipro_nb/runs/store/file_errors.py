"""What went wrong with a record's file, said so that a person knows what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from mipro_nb.errors import RecordError

_DAMAGED = "It is damaged: mipro_nb.runs.check() tells how; go on with a backup or another file."
_HELD = "Another program holds it: close whatever has it open, and try again."
_NOT_WRITABLE = "Make the file and its folder writable, and try again."

FAILURES = (sqlite3.Error, UnicodeDecodeError, OverflowError)
"""What Python's sqlite3 raises: its own, for bytes that are not text, for numbers over 64 bits."""

# By SQLite's primary result codes.
_REMEDIES = {
    sqlite3.SQLITE_FULL: "Make room on the disk, and try again.",
    sqlite3.SQLITE_IOERR: "See that its disk is there, works and has room, and try again.",
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
    sqlite3.SQLITE_PROTOCOL: _HELD,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
# By extended ones: SQLite's own words speak of keys.
_MEANINGS = {
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "its run is not in it; it may have been deleted",
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "what has the same name is in it already",
}


def not_written(path: Path, error: Exception) -> RecordError:
    """Return the error of a write that failed; nothing of it is kept."""
    return _told("write", path, error)


def not_read(path: Path, error: Exception) -> RecordError:
    """Return the error of a read that failed."""
    return _told("read", path, error)


def _told(what: str, path: Path, error: Exception) -> RecordError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if isinstance(error, UnicodeDecodeError):
        code = sqlite3.SQLITE_CORRUPT
    meaning = _MEANINGS.get(code, str(error).removesuffix("."))
    remedy = _REMEDIES.get(code & 0xFF)
    return RecordError(f"Cannot {what} the record {path}: {meaning}.{f' {remedy}' * bool(remedy)}")
