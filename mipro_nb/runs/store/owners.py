"""Which runs go on: those that this process has entered, and those whose own process is there."""

from __future__ import annotations

import os
from functools import cache
from typing import Protocol

import psutil

from mipro_nb.runs.events import AnyEvent
from mipro_nb.runs.store.record import Record


class Writer(Protocol):
    """Carries a run out, and alone writes its events meanwhile."""

    @property
    def record(self) -> Record:
        """The record that it writes into."""
        ...

    def emit_now(self, event: AnyEvent) -> None:
        """Write an event."""
        ...


# By run, what carries it out: a copy in another record has the same id, and goes on beside it.
_here: dict[str, set[Writer]] = {}
# Systems tell when a process began to a hundredth of a second, and round it in their own ways.
_SAME_START_SECONDS = 1.0


def enter(run_id: str, by: Writer) -> None:
    """Have a run count as one that goes on in this process, carried out `by` its writer."""
    _here.setdefault(run_id, set()).add(by)


def leave(run_id: str, by: Writer) -> None:
    """Have it do so no more, unless something else carries out a copy of it."""
    entered = _here.get(run_id, set())
    entered.discard(by)
    if not entered:
        _here.pop(run_id, None)


def writer_of(run_id: str, record: Record) -> Writer | None:
    """Return what carries a run of a record out in this process; None if nothing does."""
    writers = tuple(_here.get(run_id, ()))  # others may enter meanwhile
    return next((each for each in writers if each.record.path == record.path), None)


def lives_here(run_id: str) -> bool:
    """Tell whether a run goes on in this process."""
    return run_id in _here


def own_start() -> float:
    """Return the Unix time at which this process began."""
    return _start_of(os.getpid())


@cache
def _start_of(process: int) -> float:
    return float(psutil.Process(process).create_time())


def lives(run_id: str, process: int, started: float | None) -> bool:
    """Tell whether a run that was begun by `process` goes on.

    One of this process that it does not know is lost: another process had the same number once.
    So is one whose process `started` (Unix time) at another time than the one of that number did.
    """
    return run_id in _here if process == os.getpid() else _is_there(process, started)


def _is_there(process: int, started: float | None) -> bool:
    try:
        found = psutil.Process(process)
        if found.status() == psutil.STATUS_ZOMBIE:
            return False
        return started is not None and abs(found.create_time() - started) < _SAME_START_SECONDS
    except (psutil.NoSuchProcess, OverflowError, ValueError):
        return False
    except psutil.AccessDenied:
        return True
