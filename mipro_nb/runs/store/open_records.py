"""The records that this process has open, and which one is meant where none is named."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_data_path

from mipro_nb.errors import RecordError
from mipro_nb.files import expanded
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.store.transaction import identity

_chosen: Callable[[], Path | None] | None = None
_open: dict[tuple[int, tuple[int, int] | None], Record] = {}  # by process and file
_open_lock = threading.Lock()


def _renew_lock() -> None:
    """Let go, in a forked process, of a lock that another thread held when it was forked."""
    global _open_lock  # noqa: PLW0603 - the records are also the process's own
    _open_lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # where processes can be forked
    os.register_at_fork(after_in_child=_renew_lock)


def default_path() -> Path:
    """Return the default record file: in ``MIPRO_HOME``, else in the user's data folder.

    Raises
    ------
    InvalidArgumentError
        If ``MIPRO_HOME`` begins with the ``~`` of nobody.
    RecordError
        If the user has no data folder.
    """
    home = os.environ.get("MIPRO_HOME")
    return (expanded(home, "MIPRO_HOME") if home else _data_folder()) / "record.sqlite"


def _data_folder() -> Path:
    try:
        return user_data_path("mipro_nb", appauthor=False)
    except RuntimeError as error:
        msg = (
            f"There is no folder for the record ({error}). Set MIPRO_HOME to a folder that you can "
            "write to, or give a file with record=…."
        )
        raise RecordError(msg) from error


def prefer(chosen: Callable[[], Path | None]) -> None:
    """Have `open_record` ask `chosen` for the file, where none is given, before the default."""
    global _chosen  # noqa: PLW0603 - so are the settings that it comes from
    _chosen = chosen


def open_record(path: Path | str | None = None) -> Record:
    """Return the record at `path`, opened once per process.

    Without a path it is the one in the settings, or else that of `default_path`.

    Raises
    ------
    InvalidArgumentError
        If its path begins with the ``~`` of nobody.
    RecordError
        If it cannot be opened, or none is given and the user has no data folder.
    """
    where = record_path(path)
    with _open_lock:
        known = identity(where)
        record = None if known is None else _open.get((os.getpid(), known))
        if record is None or record.closed:
            for (process, _), former in _open.items():
                if process == os.getpid() and former.path == where.resolve() and not former.closed:
                    former.step_aside()
            record = Record(where.resolve())
            _open[os.getpid(), identity(record.path)] = record
        return record


def record_path(path: Path | str | None = None) -> Path:
    """Return which file `open_record` would open.

    Raises
    ------
    InvalidArgumentError
        If its path begins with the ``~`` of nobody.
    RecordError
        If no file can have that name, or none is given and the user has no data folder.
    """
    if path is None and _chosen is not None:
        path = _chosen()
    where = default_path() if path is None else expanded(path, "record")
    if "\0" in str(where):
        msg = f"Cannot open the record {str(where)!r}: no file's name holds a null character."
        raise RecordError(f"{msg} Give another file with record=….")
    return where


@atexit.register
def close_records(within: Path | None = None) -> None:
    """Close the records that this process has opened (`within` a folder): each is one file again.

    What a parent process had open before a fork is the parent's to close.
    """
    with _open_lock:
        for key, record in list(_open.items()):
            if key[0] == os.getpid() and (
                within is None or record.path.is_relative_to(within.resolve())
            ):
                _open.pop(key).close()
