"""What a forked process inherits of a record, and must leave alone.

It gets copies of open connections and of locks, as they were. SQLite does not know that they are
copies: writing through one, or only closing it, may damage what the other process writes. And a
lock that another thread held will never be released in it.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import threading
from pathlib import Path
from weakref import WeakSet

from mipro_nb.errors import RecordError


class OwnLock:
    """A re-entrant lock that is refused, and not waited for, in a process forked from its own.

    Parameters
    ----------
    path
        The file of the record that it guards.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._process = path, os.getpid()
        self._lock = threading.RLock()

    def acquire(self) -> None:
        """Wait for it, and hold it.

        Raises
        ------
        RecordError
            In a forked process.
        """
        if self.is_inherited:
            msg = (
                f"The record {self._path} was opened before this process was forked, and can be "
                "used only where it was opened: open it again with mipro_nb.runs.open_record, or "
                "use threads or async code instead of a forked process."
            )
            raise RecordError(msg)
        self._lock.acquire()

    @property
    def is_inherited(self) -> bool:
        """Tell whether this process was forked from the lock's own."""
        return os.getpid() != self._process

    def release(self) -> None:
        """Hold it no more."""
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Connection(sqlite3.Connection):
    """A connection that a forked process neither uses nor closes."""

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args, **settings)  # type: ignore[arg-type]
        _open.add(self)


_open: WeakSet[Connection] = WeakSet()


def _keep_open() -> None:
    """Have no connection be closed in this forked process, not even as the interpreter exits."""
    for connection in list(_open):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


if hasattr(os, "register_at_fork"):  # where processes can be forked
    os.register_at_fork(after_in_child=_keep_open)
