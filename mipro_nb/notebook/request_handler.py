"""The handler: answers what a widget asks about runs, and passes on what a person decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mipro_nb.errors import InvalidArgumentError, RunEndedError
from mipro_nb.notebook.follower import Follower
from mipro_nb.notebook.widget import Answers
from mipro_nb.numbers import is_count
from mipro_nb.optimizer.running.run import Run, runs_here
from mipro_nb.runs.recorded_runs import compare_runs, delete_runs, rename_run, tag_run
from mipro_nb.runs.store.owners import lives_here
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.details import demos, example_calls
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.view import Json
from mipro_nb.runs.views.whole_text import whole_text

Tell = Callable[[str, Json], None]


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

    def answers(self) -> Answers:
        """Return what can be asked here; see ``js/shared/src/protocol.ts``."""
        return {
            "snapshot": lambda ask: self.follow(_text(ask, "run")).snapshot(),
            "trial": lambda ask: self._follower(ask).detail(_number(ask, "trial")),
            "calls": lambda ask: example_calls(
                self._record, _text(ask, "run"), _number(ask, "trial"), _number(ask, "example")
            ),
            "demos": lambda ask: demos(
                self._record, _text(ask, "run"), _text(ask, "predictor"), _number(ask, "index")
            ),
            "text": lambda ask: whole_text(self._record, _text(ask, "run"), _text(ask, "more")),
            "pause": lambda ask: self._live(ask).pause(),
            "resume": lambda ask: self._live(ask).resume(),
            "stop": lambda ask: self._live(ask).stop(),
            "pin": lambda ask: self._live(ask).pin(
                _text(ask, "predictor"),
                _number(ask, "index"),
                part=_text(ask, "part"),
                on=bool(ask["on"]),
            ),
            "ban": lambda ask: self._live(ask).ban(
                _text(ask, "predictor"),
                _number(ask, "index"),
                part=_text(ask, "part"),
                on=bool(ask["on"]),
            ),
            "add": self._add,
            "history": lambda _: history_rows(self._record),
            "rename": lambda ask: self._renamed(_text(ask, "run"), _text(ask, "name")),
            "tag": lambda ask: self._tagged(_text(ask, "run"), _texts(ask, "tags")),
            "delete": lambda ask: delete_runs(*_texts(ask, "runs"), record=self._path),
            "compare": lambda ask: compare_runs(*_texts(ask, "runs"), record=self._path),
        }

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

    def _follower(self, ask: Json) -> Follower:
        return self.follow(_text(ask, "run"))

    def _live(self, ask: Json) -> Run:
        run_id = _text(ask, "run")
        run = runs_here.find_live(run_id)
        if run is None:
            msg = f"Run {run_id} does not go on in this kernel: it has ended, or is in another one."
            raise RunEndedError(msg)
        return run

    def _add(self, ask: Json) -> Json:
        based_on = ask.get("based_on")
        index = self._live(ask).add_instruction(
            _text(ask, "predictor"),
            _text(ask, "instruction"),
            based_on=None if based_on is None else _number(ask, "based_on"),
        )
        return {"index": index}

    def _renamed(self, run_id: str, name: str) -> Any:
        self._check_whole(run_id)
        rename_run(run_id, name, record=self._path)
        return self._row(run_id)

    def _tagged(self, run_id: str, tags: list[str]) -> Any:
        self._check_whole(run_id)
        tag_run(run_id, *tags, record=self._path)
        return self._row(run_id)

    def _check_whole(self, run_id: str) -> None:
        """Refuse the beginning of an id: only who types it sees what it stands for."""
        if self._record.find_run(run_id) != run_id:
            raise InvalidArgumentError("run", run_id, "give the whole id.")

    def _row(self, run_id: str) -> Any:
        return history_rows(self._record, [run_id])[0]


def _text(ask: Json, name: str) -> str:
    value = ask.get(name)
    if not isinstance(value, str):
        raise InvalidArgumentError(name, value, "give a text.")
    return value


def _texts(ask: Json, name: str) -> list[str]:
    value = ask.get(name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidArgumentError(name, value, "give a list of texts.")
    return value


def _number(ask: Json, name: str) -> int:
    value = ask.get(name)
    if not is_count(value):
        raise InvalidArgumentError(name, value, "give a whole number.")
    return value
