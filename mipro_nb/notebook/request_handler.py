"""The handler: answers what a widget asks about runs, and passes on what a person decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from mipro_nb.errors import InvalidArgumentError, RunEndedError
from mipro_nb.notebook.follower import Follower
from mipro_nb.notebook.programs import prompt_text, save_program, use_program
from mipro_nb.notebook.protocol import request
from mipro_nb.notebook.shared_page import shared_page
from mipro_nb.optimizer.running.run import Run, runs_here
from mipro_nb.runs.events import Part
from mipro_nb.runs.recorded_runs import compare_runs, delete_runs, rename_run, tag_run
from mipro_nb.runs.store.owners import lives_here
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import (
    CallDetail,
    Clip,
    HistoryRow,
    RunComparison,
    RunDelta,
    RunSnapshot,
    TrialDetail,
)
from mipro_nb.runs.views.details import demos, example_calls
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.whole_text import whole_text

Tell = Callable[[str, RunDelta], None]


class Added(TypedDict):
    """The index of a new candidate."""

    index: int


class RequestHandler:
    """Answers the requests of one widget.

    Parameters
    ----------
    record
        The record whose runs are shown.
    tell
        Takes the deltas of every run that the widget has asked for: (run id, delta).
    at_end
        Called with the id of a followed run that has ended.
    """

    def __init__(self, record: Record, tell: Tell, at_end: Callable[[str], None]) -> None:
        self._record = record
        self._tell, self._at_end = tell, at_end
        self._followers: dict[str, Follower] = {}

    @property
    def _path(self) -> Path:
        return self._record.path

    def follow(self, run_id: str) -> Follower:
        """Return the follower of a run; while the run goes on, its deltas are told."""
        follower = self._followers.get(run_id)
        if follower is None or (follower.over and lives_here(run_id)):  # it was resumed
            follower = Follower(
                self._record,
                run_id,
                lambda delta: self._tell(run_id, delta),
                lambda: self._at_end(run_id),
            )
            self._followers[run_id] = follower
            follower.begin()
        return follower

    def _live(self, run: str) -> Run:
        live = runs_here.find_live(run)
        if live is None:
            msg = f"Run {run} does not go on in this kernel: it has ended, or is in another one."
            raise RunEndedError(msg)
        return live

    @request
    def snapshot(self, run: str) -> RunSnapshot:
        """Return a fresh snapshot; the kernel then keeps sending deltas of this run."""
        return self.follow(run).snapshot()

    @request
    def trial(self, run: str, trial: int) -> TrialDetail:
        """Return a trial with its prompts and examples."""
        return self.follow(run).detail(trial)

    @request
    def calls(self, run: str, trial: int, example: int) -> list[CallDetail]:
        """Return the LM calls that an example took."""
        return example_calls(self._record, run, trial, example)

    @request
    def demos(self, run: str, predictor: str, index: int) -> list[dict[str, Clip]]:
        """Return all demos of a demo set."""
        return demos(self._record, run, predictor, index)

    @request
    def text(self, run: str, more: str) -> str:
        """Return the whole of a text that was cut; `more` is the Clip's."""
        return whole_text(self._record, run, more)

    @request
    def prompt(self, run: str, trial: int, form: str, predictor: str) -> str:
        """Return a predictor's prompt, as a trial had it, for use without mipro_nb."""
        return prompt_text(self._record, run, trial, form, predictor)

    @request
    def save(self, run: str, trial: int, name: str) -> str:
        """Write a trial's program to a new file of the kernel's folder, and tell where it is."""
        return save_program(self._record, run, trial, name)

    @request
    def use(self, run: str, trial: int, name: str) -> str:
        """Have a variable of the notebook hold a trial's program, and say so."""
        return use_program(self._record, run, trial, name)

    @request
    def share(self, run: str) -> str:
        """Return a page of a run for people without mipro_nb."""
        return shared_page(self.follow(run).for_saving())

    @request
    def pause(self, run: str) -> None:
        """Have no further call sent."""
        self._live(run).pause()

    @request
    def resume(self, run: str) -> None:
        """Have a paused run go on."""
        self._live(run).resume()

    @request
    def stop(self, run: str) -> None:
        """End a run early."""
        self._live(run).stop()

    @request
    def pin(self, *, run: str, predictor: str, part: Part, index: int, on: bool) -> None:
        """Have only pinned candidates of a part be tried, while any is pinned."""
        self._live(run).pin(predictor, index, part=part, on=on)

    @request
    def ban(self, *, run: str, predictor: str, part: Part, index: int, on: bool) -> None:
        """Have a candidate no longer be tried."""
        self._live(run).ban(predictor, index, part=part, on=on)

    @request
    def add(
        self, run: str, predictor: str, instruction: str, based_on: int | None, *, replaces: bool
    ) -> Added:
        """Add an instruction by hand; if it `replaces` `based_on`, in the place of that one."""
        live = self._live(run)
        index = live.add_instruction(predictor, instruction, based_on=based_on, replaces=replaces)
        return {"index": index}

    @request
    def history(self) -> list[HistoryRow]:
        """Return all recorded runs."""
        return history_rows(self._record)

    @request
    def rename(self, run: str, name: str) -> HistoryRow:
        """Give a run another name."""
        self._check_whole(run)
        rename_run(run, name, record=self._path)
        return history_rows(self._record, [run])[0]

    @request
    def tag(self, run: str, tags: list[str]) -> HistoryRow:
        """Give a run other tags."""
        self._check_whole(run)
        tag_run(run, *tags, record=self._path)
        return history_rows(self._record, [run])[0]

    @request
    def delete(self, runs: list[str]) -> None:
        """Delete runs from the record."""
        delete_runs(*runs, record=self._path)

    @request
    def compare(self, runs: list[str]) -> RunComparison:
        """Return runs side by side."""
        return compare_runs(*runs, record=self._path).shown()

    def _check_whole(self, run_id: str) -> None:
        """Refuse the beginning of an id: only who types it sees what it stands for."""
        if self._record.find_run(run_id) != run_id:
            raise InvalidArgumentError("run", run_id, "give the whole id.")
