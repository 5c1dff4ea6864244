"""The runs of this process that have not ended."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from mipro_nb.optimizer.running.run import Run

# In their order, and not by id: a copy of a run in another record has the same one.
_runs: WeakValueDictionary[int, Run] = WeakValueDictionary()
_numbers = itertools.count()
_begun: WeakValueDictionary[str, Run] = WeakValueDictionary()


def enter(run: Run) -> None:
    """Have `run` be found from now on, until it has ended."""
    _runs[next(_numbers)] = run


def leave(run: Run) -> None:
    """Have `run` be found no more: it stands for another one, which is found."""
    for number, other in list(_runs.items()):
        if other is run:
            del _runs[number]


def live_runs() -> list[Run]:
    """Return the runs that go on in this process, those that wait for permission too.

    The one begun last comes last.
    """
    # A list of references first: another thread may enter a run meanwhile.
    runs = [reference() for reference in _runs.valuerefs()]
    return [run for run in runs if run is not None and not run.done]


def begin(run: Run) -> None:
    """Have `run` be known as one that was begun here, as long as anybody holds on to it."""
    _begun[run.id] = run


def begun_here(run_id: str) -> Run | None:
    """Return the run of this id, ended or not, None if it is not known here."""
    return _begun.get(run_id)


def find_live(run_id: str) -> Run | None:
    """Return the run of this id, None if it does not go on in this process; the one begun last."""
    return next((run for run in reversed(live_runs()) if run.id == run_id), None)
