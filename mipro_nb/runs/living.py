"""Which runs go on: those that this process has entered, and those whose own process is there."""

from __future__ import annotations

import os

_here: set[str] = set()


def enter(run_id: str) -> None:
    """Have a run count as one that goes on in this process."""
    _here.add(run_id)


def leave(run_id: str) -> None:
    """Have it do so no more."""
    _here.discard(run_id)


def lives_here(run_id: str) -> bool:
    """Tell whether a run goes on in this process."""
    return run_id in _here


def lives(run_id: str, process: int) -> bool:
    """Tell whether a run that was begun by `process` goes on.

    One of this process that it does not know is lost: another process had the same number once.
    """
    return run_id in _here if process == os.getpid() else _is_there(process)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except (PermissionError, OSError):
        return True
    return True
