"""Followers: a thread that reads a run from its record and tells a view what changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from mipro_nb.runs.recorded.ratings import GOES_ON_ELSEWHERE
from mipro_nb.runs.recorded.recorded_runs import load_run
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import CallDetail, RunDelta, RunSnapshot, TestsetDetail, TrialDetail
from mipro_nb.runs.views.drill_down.details import trial_detail
from mipro_nb.runs.views.drill_down.testset import calls_of_row, rows_of_testset
from mipro_nb.runs.views.view import RunView


class LiveRun(Protocol):
    """What a run that goes on in this process says about itself."""

    @property
    def permitted(self) -> bool:
        """Tell whether it has begun."""
        ...

    @property
    def in_flight(self) -> int:
        """Return how many LM calls are in flight."""
        ...

    def read(self, view: Callable[[RunState], Any]) -> Any:
        """Return what `view` makes of its state."""
        ...


FindLive = Callable[[str], LiveRun | None]
"""Finds the run of an id, if it goes on in this process."""

_Told = TypeVar("_Told", RunSnapshot, RunDelta)

_log = logging.getLogger(__name__)

# What the examples of one trial may take up in a saved notebook.
_SAVED_CHARACTERS = 100_000
# Ten times a second is as smooth as a chart of trials can be seen.
_LIVE_SECONDS = 0.1
_ELSEWHERE_SECONDS = 0.5
# A run that waits for slow answers still has its clock and its calls in flight shown.
_IDLE_SECONDS = 1.0


class Follower:
    """Follows one run until it ends, or until it is closed.

    Whatever it tells comes from the record, whether the run is in this process, in another one or
    long over.

    Parameters
    ----------
    record, run_id
        The run.
    tell
        Takes every delta; called in the follower's thread.
    at_end
        Called once, after the last delta of a run that has ended.
    find_live
        Finds runs of this process.
    """

    def __init__(
        self,
        record: Record,
        run_id: str,
        tell: Callable[[RunDelta], None],
        at_end: Callable[[], None] = lambda: None,
        find_live: FindLive = lambda _: None,
    ) -> None:
        self.run_id = run_id
        self.record = record
        self._tell, self._at_end = tell, at_end
        self._find_live = find_live
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._view = RunView(record, run_id)
        self.snapshot()
        self._thread = threading.Thread(target=self._follow, name="mipro-view", daemon=True)

    @property
    def over(self) -> bool:
        """Tell whether there is nothing more to follow."""
        return self._closed.is_set()

    def begin(self) -> None:
        """Start to tell what changes, unless the run is over."""
        if self.goes_on():
            self._thread.start()
        else:
            self._closed.set()
            self._at_end()

    def close(self) -> None:
        """Tell no more."""
        self._closed.set()

    def snapshot(self, details: tuple[int, ...] = (), *, tests: bool = False) -> RunSnapshot:
        """Return all that is known of the run, with the details of some trials, and of `tests`.

        Raises
        ------
        UnknownRunError
            If it was deleted.
        """
        with self._lock:
            recorded = load_run(self.run_id, self.record.path)
            self._view.call(recorded.name, recorded.tags)
            self._read()
            found = [
                trial_detail(
                    self.record, self.run_id, self._view.state, trial, characters=_SAVED_CHARACTERS
                )
                for trial in details
                if trial in self._view.state.trials
            ]
            tested = self._tested(_SAVED_CHARACTERS) if tests else None
            told = self._view.snapshot(
                now=time.time(), in_flight=self._in_flight(), details=found, tested=tested
            )
            return self._with_pause(told)

    def for_saving(self) -> RunSnapshot:
        """Return all that is known, with what can be looked into without a kernel.

        That is the student as given and the best trial, those are what one compares, and the rows
        that tested both.
        """
        with self._lock:
            self._read()
            best = self._view.state.best
        trials = {0} if best is None else {0, best.trial}
        return self.snapshot(tuple(sorted(trials)), tests=True)

    def detail(self, trial: int) -> TrialDetail:
        """Return what can be seen of one trial."""
        with self._lock:
            self._read()
            detail = trial_detail(self.record, self.run_id, self._view.state, trial)
            lives = self._view.lives(here=self._in_flight() is not None)
        return {**detail, "unrateable": GOES_ON_ELSEWHERE} if lives == "elsewhere" else detail

    def tested(self) -> TestsetDetail | None:
        """Return the rows of the testset; None where none is scored."""
        with self._lock:
            self._read()
            return self._tested()

    def tested_calls(self, example: int) -> list[CallDetail]:
        """Return the LM calls that a row of the testset took."""
        with self._lock:
            self._read()
            return calls_of_row(self.record, self.run_id, self._view.state, example)

    def _tested(self, characters: int = 1_000_000) -> TestsetDetail | None:
        return rows_of_testset(self.record, self.run_id, self._view.state, characters=characters)

    def tell_now(self) -> None:
        """Tell how a run stands that is over: it may still be rated."""
        with self._lock:
            self._read()
            delta = self._view.delta(now=time.time(), in_flight=self._in_flight())
        self._tell(delta)

    def _read(self) -> bool:
        """Take into account what was recorded since, and tell whether there was any."""
        return self._view.apply(self.record.events(self.run_id, self._view.seq))

    def _in_flight(self) -> int | None:
        live = self._find_live(self.run_id)
        # One that waits for permission to resume is as it was before.
        return None if live is None or not live.permitted else live.in_flight

    def _with_pause(self, told: _Told) -> _Told:
        """Return what is `told`, with a pause that only the run itself knows of.

        One that pauses because its record cannot be written cannot record that either.
        """
        live = self._find_live(self.run_id)
        summary = told["summary"]
        if live is None or summary["state"] != "running":
            return told
        state, reason = live.read(lambda state: (state.state, state.pause_reason))
        if state != "paused":
            return told
        paused = told.copy()
        paused["summary"] = {**summary, "state": state, "reason": reason}
        return paused

    def goes_on(self) -> bool:
        """Tell whether the run goes on, in this process or in another."""
        with self._lock:
            self._read()
            return self._view.lives(here=self._in_flight() is not None) != "ended"

    def _follow(self) -> None:
        told_at = 0.0
        try:
            while not self._closed.wait(self._pause()):
                with self._lock:
                    news = self._read()
                    now = time.time()
                    if not news and now - told_at < _IDLE_SECONDS:
                        continue
                    delta = self._view.delta(now=now, in_flight=self._in_flight())
                    delta = self._with_pause(delta)
                told_at = now
                self._tell(delta)
                if delta["summary"]["lives"] == "ended":
                    self._closed.set()  # who rates a reply from now on tells that
                    self._at_end()
                    break
        except Exception:  # noqa: BLE001 - nobody waits for this thread; the run itself goes on
            # The record went away, or the run was deleted: there is nothing more to show.
            _log.exception("The view of run %s has stopped.", self.run_id)
        finally:
            self._closed.set()

    def _pause(self) -> float:
        return _ELSEWHERE_SECONDS if self._find_live(self.run_id) is None else _LIVE_SECONDS
