"""Requests about runs of a record: what can be answered wherever the record can be read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from mipro_nb.errors import InvalidArgumentError, RunEndedError
from mipro_nb.runs.events import Rating
from mipro_nb.runs.following.follower import FindLive, Follower
from mipro_nb.runs.following.protocol import request
from mipro_nb.runs.recorded.ratings import rate_reply
from mipro_nb.runs.recorded.recorded_runs import (
    compare_runs,
    delete_runs,
    load_run,
    note_run,
    rename_run,
    tag_run,
)
from mipro_nb.runs.state import GOING_ON
from mipro_nb.runs.store.commands import Command, command_run
from mipro_nb.runs.store.owners import lives_here
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import (
    CallDetail,
    Clip,
    HistoryRow,
    RunComparison,
    RunDelta,
    RunSnapshot,
    TestsetDetail,
    TrialDetail,
)
from mipro_nb.runs.views.drill_down.details import demos, example_calls
from mipro_nb.runs.views.drill_down.whole_text import whole_text
from mipro_nb.runs.views.history import history_rows

Tell = Callable[[str, RunDelta], None]

CHANGES = frozenset({"rename", "tag", "note", "rate", "delete", "pause", "resume", "stop"})
"""Requests that change the record, or a run; the others only read."""
# Runs that are read once are looked into again: as many stay folded.
_MOST_FOLLOWERS = 16


class RecordedRequests:
    """Answers what views ask about runs, whether these go on, and where, or are over.

    Parameters
    ----------
    record
        The record whose runs are shown.
    tell
        Takes the deltas of every run that a view has asked for: (run id, delta).
    at_end
        Called with the id of a followed run that has ended.
    at_rating
        Called with the id of a run that is over and was rated.
    find_live
        Finds runs of this process.
    follows
        Whether a run that goes on is followed: not in a copy, where nothing more comes.
    """

    def __init__(
        self,
        record: Record,
        tell: Tell,
        at_end: Callable[[str], None] = lambda _: None,
        at_rating: Callable[[str], None] = lambda _: None,
        find_live: FindLive = lambda _: None,
        *,
        follows: bool = True,
    ) -> None:
        self._record = record
        self._tell, self._at_end, self._at_rating = tell, at_end, at_rating
        self._find_live = find_live
        self._follows = follows
        self._followers: dict[str, Follower] = {}
        self._lock = threading.Lock()

    @property
    def _path(self) -> Path:
        return self._record.path

    def follow(self, run_id: str) -> Follower:
        """Return the follower of a run; while the run goes on, its deltas are told."""
        with self._lock:
            follower = self._followers.pop(run_id, None)
            is_new = follower is None or (
                self._follows and follower.over and _goes_on_again(follower)
            )
            if follower is None or is_new:
                follower = Follower(
                    self._record,
                    run_id,
                    lambda delta: self._tell(run_id, delta),
                    lambda: self._at_end(run_id),
                    self._find_live,
                )
            self._followers[run_id] = follower  # the last, for it was asked for last
            self._forget_some()
        if not self._follows:
            follower.close()
        elif is_new:
            follower.begin()  # it may tell at once that the run is over, and who hears asks again
        return follower

    def look_again(self, run_id: str) -> None:
        """Tell how a run stands that was over when a view asked for it: it may have gone on."""
        with self._lock:
            follower = self._followers.get(run_id)
        if follower is not None and follower.over and self.follow(run_id) is follower:
            follower.tell_now()

    def _forget_some(self) -> None:
        """Let go of runs that nothing more comes of, those that were asked for first."""
        over = [run_id for run_id, follower in self._followers.items() if follower.over]
        for run_id in over[: max(0, len(self._followers) - _MOST_FOLLOWERS)]:
            del self._followers[run_id]

    def leave(self, run_id: str) -> None:
        """Tell no more of a run."""
        with self._lock:
            follower = self._followers.pop(run_id, None)
        if follower is not None:
            follower.close()

    def close(self) -> None:
        """Tell no more of any run."""
        for run_id in list(self._followers):
            self.leave(run_id)

    @request
    def snapshot(self, run: str) -> RunSnapshot:
        """Return a fresh snapshot; deltas of this run are sent from then on."""
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
    def tested(self, run: str) -> TestsetDetail | None:
        """Return the rows of the testset and what became of them; null where none is scored."""
        return self.follow(run).tested()

    @request
    def tested_calls(self, run: str, example: int) -> list[CallDetail]:
        """Return the LM calls that a row of the testset took, with student and result."""
        return self.follow(run).tested_calls(example)

    @request
    def demos(self, run: str, predictor: str, index: int) -> list[dict[str, Clip]]:
        """Return all demos of a demo set."""
        return demos(self._record, run, predictor, index)

    @request
    def text(self, run: str, more: str) -> str:
        """Return the whole of a text that was cut; `more` is the Clip's."""
        return whole_text(self._record, run, more)

    @request
    def history(self) -> list[HistoryRow]:
        """Return all recorded runs."""
        return history_rows(self._record)

    @request
    def rename(self, run: str, name: str) -> HistoryRow:
        """Give a run another name."""
        self._check_whole(run)
        return rename_run(run, name, record=self._path).row

    @request
    def tag(self, run: str, tags: list[str]) -> HistoryRow:
        """Give a run other tags."""
        self._check_whole(run)
        return tag_run(run, *tags, record=self._path).row

    @request
    def note(self, run: str, note: str) -> HistoryRow:
        """Give a run another note; an empty one takes it away."""
        self._check_whole(run)
        return note_run(run, note, record=self._path).row

    @request
    def rate(
        self, *, run: str, trial: int, example: int, rating: Rating | None, reason: str
    ) -> None:
        """Take what a person thinks of a reply; null withdraws it."""
        self._check_whole(run)
        rate_reply(self._record, run, trial, example, rating, reason=reason)
        follower = self.follow(run)
        if follower.over:  # else its thread tells
            follower.tell_now()
            self._at_rating(run)

    @request
    def delete(self, runs: list[str]) -> None:
        """Delete runs from the record."""
        delete_runs(*runs, record=self._path)

    @request
    def compare(self, runs: list[str]) -> RunComparison:
        """Return runs side by side."""
        return compare_runs(*runs, record=self._path).shown()

    @request
    def pause(self, run: str) -> None:
        """Have no further call sent."""
        self._command(run, "pause")

    @request
    def resume(self, run: str) -> None:
        """Have a paused run go on."""
        self._command(run, "resume")

    @request
    def stop(self, run: str) -> None:
        """End a run early."""
        self._command(run, "stop")

    def _command(self, run_id: str, command: Command) -> None:
        """Have a run do something, in whatever process it goes on."""
        self._check_whole(run_id)
        state = load_run(run_id, self._path).status
        if state not in GOING_ON:
            msg = f"Run {run_id} is {state}: it does not go on."
            raise RunEndedError(msg)
        command_run(self._record, run_id, command)

    def _check_whole(self, run_id: str) -> None:
        """Refuse the beginning of an id: only who types it sees what it stands for."""
        if self._record.find_run(run_id) != run_id:
            raise InvalidArgumentError("run", run_id, "give the whole id.")


def _goes_on_again(follower: Follower) -> bool:
    """Tell whether a run that was over is not: it was resumed."""
    return lives_here(follower.run_id) or follower.goes_on()
