"""What of this process can be found by its id: runs that go on, and those that were begun here."""

from __future__ import annotations

import itertools
import logging
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet, WeakValueDictionary

_log = logging.getLogger(__name__)


class Registered(Protocol):
    """What is found: a run, of which no more is known here."""

    id: str

    @property
    def done(self) -> bool:
        """Tell whether it has ended."""
        ...


class Watcher(Protocol):
    """Who shows runs, also those that are over, and may go on again."""

    def look_again(self, run_id: str) -> None:
        """Show how a run stands now."""
        ...


R = TypeVar("R", bound=Registered)


class Registry(Generic[R]):
    """Runs, each as long as anybody holds on to it."""

    def __init__(self) -> None:
        # In their order, and not by id: a copy of a run in another record has the same one.
        self._entered: WeakValueDictionary[int, R] = WeakValueDictionary()
        self._numbers = itertools.count()
        self._begun: WeakValueDictionary[str, R] = WeakValueDictionary()
        self._watchers: WeakSet[Watcher] = WeakSet()

    def enter(self, run: R) -> None:
        """Have `run` be found from now on, until it has ended."""
        self._entered[next(self._numbers)] = run

    def leave(self, run: R) -> None:
        """Have `run` be found no more: it stands for another one, which is found."""
        for number, other in list(self._entered.items()):
            if other is run:
                del self._entered[number]

    def live(self) -> list[R]:
        """Return those that have not ended; the one begun last comes last."""
        # A list of references first: another thread may enter a run meanwhile.
        runs = [reference() for reference in self._entered.valuerefs()]
        return [run for run in runs if run is not None and not run.done]

    def find_live(self, run_id: str) -> R | None:
        """Return the one of this id that goes on, None if there is none; the one begun last."""
        return next((run for run in reversed(self.live()) if run.id == run_id), None)

    def begin(self, run: R) -> None:
        """Have `run` be known as one that was begun here, or goes on here again."""
        self._begun[run.id] = run
        for watcher in list(self._watchers):
            try:
                watcher.look_again(run.id)
            except Exception:  # noqa: BLE001 - a view must not end the run
                _log.exception("A view does not show that run %s goes on.", run.id)

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` look again at each run that begins from now on, as long as it is held."""
        self._watchers.add(watcher)

    def begun(self, run_id: str) -> R | None:
        """Return the one of this id that was begun here, ended or not; None if there is none."""
        return self._begun.get(run_id)
