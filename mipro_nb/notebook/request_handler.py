"""The handler: answers what a widget asks about runs, and passes on what a person decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from mipro_nb.errors import RunEndedError
from mipro_nb.notebook.programs import prompt_text, save_program, use_program
from mipro_nb.notebook.saved.shared_page import shared_page
from mipro_nb.optimizer.running.run import Run, runs_here
from mipro_nb.runs.events import Part
from mipro_nb.runs.following.protocol import request
from mipro_nb.runs.following.recorded_requests import RecordedRequests, Tell
from mipro_nb.runs.store.commands import Command
from mipro_nb.runs.store.record import Record


class Added(TypedDict):
    """The index of a new candidate."""

    index: int


class RequestHandler(RecordedRequests):
    """Answers the requests of one widget.

    Parameters
    ----------
    record
        The record whose runs are shown.
    tell
        Takes the deltas of every run that the widget has asked for: (run id, delta).
    at_end
        Called with the id of a followed run that has ended.
    at_rating
        Called with the id of a run that is over and was rated.
    """

    def __init__(
        self,
        record: Record,
        tell: Tell,
        at_end: Callable[[str], None],
        at_rating: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(record, tell, at_end, at_rating, runs_here.find_live)
        runs_here.watch(self)

    def _live(self, run: str) -> Run:
        live = runs_here.find_live(run)
        if live is None:
            msg = f"Run {run} does not go on in this kernel: it has ended, or is in another one."
            raise RunEndedError(msg)
        return live

    def _command(self, run_id: str, command: Command) -> None:
        live = runs_here.find_live(run_id)
        if live is None:
            super()._command(run_id, command)
        else:
            {"pause": live.pause, "resume": live.resume, "stop": live.stop}[command]()

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
    def pin(self, *, run: str, predictor: str, part: Part, index: int, on: bool) -> None:
        """Have only pinned candidates of a part be tried, while any is pinned."""
        self._live(run).pin(predictor, index, part=part, on=on)

    @request
    def ban(self, *, run: str, predictor: str, part: Part, index: int, on: bool) -> None:
        """Have a candidate no longer be tried."""
        self._live(run).ban(predictor, index, part=part, on=on)

    @request
    def approve(self, run: str, predictor: str | None, index: int | None) -> None:
        """Let a new instruction be tried that waits for a decision; null: all of them."""
        self._live(run).approve(predictor, index)

    @request
    def add(
        self, run: str, predictor: str, instruction: str, based_on: int | None, *, replaces: bool
    ) -> Added:
        """Add an instruction by hand; if it `replaces` `based_on`, in the place of that one."""
        live = self._live(run)
        index = live.add_instruction(predictor, instruction, based_on=based_on, replaces=replaces)
        return {"index": index}
