"""Transactions of a record: whole or not at all, and only into the file that is in its place."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from mipro_nb.errors import RecordError
from mipro_nb.runs.store.file_errors import FAILURES, not_written
from mipro_nb.runs.store.forks import OwnLock

Then = Callable[[], None]


class Transaction(AbstractContextManager[None]):
    """Begins with the outermost block and ends with it.

    One object serves all blocks of a record, and is no generator: several stand around every event.

    Parameters
    ----------
    path
        The record's file.
    db
        Its connection, which has made the file ready for use.
    lock
        Held inside the blocks; re-entrant.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, lock: OwnLock) -> None:
        self._path, self._db, self._lock = path, db, lock
        self._depth = 0
        self._ends: list[tuple[Then, Then]] = []
        # SQLite goes on writing into a file that was deleted, and nobody would ever read it.
        beside = path.with_name(f"{path.name}-wal")
        self._files = tuple((file, identity(file)) for file in (path, beside))

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            if self._depth == 0:
                self._see_that_the_file_is_there()
                self._db.execute("BEGIN IMMEDIATE")
            else:
                self._see_that_it_goes_on()
            self._depth += 1
        except BaseException as error:
            self._lock.release()
            self._raise_readable(error)
            raise

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._lock.is_inherited:  # the block was entered, and is left, by the other process
            return
        self._depth -= 1
        try:
            if self._depth == 0:
                self._end(failed=error is not None)
        except FAILURES as own_error:
            self._raise_readable(own_error)
        finally:
            self._lock.release()
        self._raise_readable(error)

    def at_the_end(self, kept: Then, undone: Then) -> None:
        """Call one of the two once it is known whether what is being written is kept.

        Where nothing is being written, `kept` is called at once.
        """
        with self._lock:
            if self._depth == 0:
                kept()
            else:
                self._ends.append((kept, undone))

    def step_aside(self) -> None:
        """Where another file is in the record's place, leave nothing beside it that is not its own.

        What is written last is in a file beside: SQLite would take it for the other one's.
        """
        file, beside = (identity(file) == known for file, known in self._files)
        if beside and not file:
            with self._lock, contextlib.suppress(*FAILURES):
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _see_that_the_file_is_there(self) -> None:
        for file, known in self._files:
            if identity(file) != known:
                self.step_aside()
                msg = (
                    f"Cannot write the record {self._path}: {file.name} was deleted, moved or "
                    "replaced while it was in use, and nothing that came since is in it. Move it "
                    "back and try again, or go on with another file: record=…."
                )
                raise RecordError(msg)

    def _see_that_it_goes_on(self) -> None:
        if not self._db.in_transaction:  # SQLite undoes it by itself on a full disk
            msg = (
                f"Cannot write the record {self._path}: a write before this one failed, and all "
                "that belongs to it was undone. Try all of it again."
            )
            raise RecordError(msg)

    def _end(self, *, failed: bool) -> None:
        ends, self._ends = self._ends, []
        try:
            if not failed:
                self._db.execute("COMMIT")
        except BaseException:
            failed = True
            raise
        finally:
            if failed:
                self._undo(ends)
        for kept, _ in ends if not failed else ():
            kept()

    def _undo(self, ends: list[tuple[Then, Then]]) -> None:
        try:
            if self._db.in_transaction:  # SQLite itself may have undone it
                self._db.execute("ROLLBACK")
        finally:
            for _, undone in reversed(ends):
                undone()

    def _raise_readable(self, error: BaseException | None) -> None:
        if isinstance(error, FAILURES):
            raise not_written(self._path, error) from error


def identity(file: Path) -> tuple[int, int] | None:
    """Return what a file is known by, whatever way its path is written; None if there is none."""
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
