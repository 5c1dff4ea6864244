"""Old runs, read back from the record; and what a person does with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from mipro_nb.amounts import format_score
from mipro_nb.arguments import only_known
from mipro_nb.checks import check
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.redaction import secrets
from mipro_nb.runs.events import Rating
from mipro_nb.runs.recorded.archive import (
    LONGEST_NAME,
    LONGEST_NOTE,
    LONGEST_TAG,
    MOST_TAGS,
    export_run,
)
from mipro_nb.runs.recorded.archive import import_run as read_archive
from mipro_nb.runs.recorded.ratings import Ratings, rate_reply
from mipro_nb.runs.state import GOING_ON, RunState, fold
from mipro_nb.runs.store.json_values import FIELDS, kept
from mipro_nb.runs.store.open_records import open_record
from mipro_nb.runs.store.record import Record, RecordedEvent
from mipro_nb.runs.view_model import HistoryRow
from mipro_nb.runs.views.comparison import Comparison, compare
from mipro_nb.runs.views.exports.frames import RunFrames
from mipro_nb.runs.views.history import SearchText, history_rows, matches
from mipro_nb.runs.views.report import write_report
from mipro_nb.runs.views.trial_program import trial_program

_Seen = TypeVar("_Seen")


@dataclass(frozen=True, repr=False)
class RecordedRun(RunFrames, Ratings):
    """A run as its events tell it; nothing in it is live.

    Attributes
    ----------
    row
        Its line of the history, as of when it was loaded.
    record
        The record it is in.

    Examples
    --------
    >>> run = load(run_id)
    >>> run.status, run.score
    ('finished', 100.0)
    >>> run.to_dataframe()["kind"].tolist()
    ['baseline', 'full', 'full', 'full']
    """

    row: HistoryRow
    record: Record

    @property
    def id(self) -> str:
        """The run's id."""
        return self.row["id"]

    @property
    def name(self) -> str:
        """Its name: that of its program, unless it was renamed."""
        return self.row["name"]

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return tuple(self.row["tags"])

    @property
    def note(self) -> str:
        """Its note, empty where it has none."""
        return self.row["note"]

    @property
    def created(self) -> datetime:
        """When it was planned, UTC."""
        return datetime.fromtimestamp(self.row["created"], UTC)

    @property
    def status(self) -> str:
        """How it stands: planned, running, paused, finished, stopped, capped, failed, cut off."""
        return self.row["state"]

    @property
    def score(self) -> float | None:
        """The returned program's score on the valset, 0–100; before the end, the best so far."""
        return self.row["score"]

    def events(self) -> Sequence[RecordedEvent]:
        """Return the run's events in order."""
        return self.record.events(self.id)

    @cached_property
    def state(self) -> RunState:
        """The fold of the events, as of the first time it is asked for."""
        return fold(self.events())

    def read(self, view: Callable[[RunState], _Seen]) -> _Seen:
        """Return what `view` makes of the state."""
        return view(self.state)

    def program_state(self, trial: int | None = None) -> dict[str, Any] | None:
        """Return the saved state of a program, for ``program.load_state(…)``.

        Parameters
        ----------
        trial
            The trial whose program it is; if None, the program that the run returned. There is
            none before the run has ended.

        Raises
        ------
        InvalidArgumentError
            If there is no such trial.
        """
        if trial is not None:
            return trial_program(self.record, self.state, trial)
        ended = self.state.ended
        if ended is None or ended.program is None:
            return None
        return kept(self.record, ended.program, FIELDS)

    def report(self) -> str:
        """Return the run's report as text."""
        return write_report(self.id, self.state)

    def __repr__(self) -> str:
        score = format_score(self.score)
        name = "" if self.name == self.row["program"] else f"{self.name!r} "
        what = f"{name}{self.row['program']} {self.status} {score}"
        return f"Run({self.id} {self.created:%Y-%m-%d %H:%M} {what})"


@only_known()
def list_runs(record: str | Path | None = None) -> list[RecordedRun]:
    """Return all runs of a record, the newest first.

    Parameters
    ----------
    record
        The record file; the configured one, or else the default, if None.
    """
    opened = open_record(record)
    return [RecordedRun(row, opened) for row in history_rows(opened)]


@only_known()
def search_runs(text: str, record: str | Path | None = None) -> list[RecordedRun]:
    """Return the runs in whose id, name, tags, note, program, state or models all words occur.

    Words with a ``=`` are looked for in the settings as well: ``search("spam auto=light")``.
    """
    check("text", text, SearchText)
    return [run for run in list_runs(record) if matches(run.row, text)]


@only_known()
def load_run(run_id: str, record: str | Path | None = None) -> RecordedRun:
    """Return one run by its id, or by as much of the id's beginning as is unique.

    Raises
    ------
    UnknownRunError
        If no run, or more than one, has an id that begins so.
    """
    opened = open_record(record)
    return _loaded(opened, opened.find_run(run_id))


def _loaded(record: Record, run_id: str) -> RecordedRun:
    (row,) = history_rows(record, [run_id])
    return RecordedRun(row, record)


@only_known()
def rename_run(run_id: str, name: str, record: str | Path | None = None) -> RecordedRun:
    """Give a run another name and return it.

    Raises
    ------
    InvalidArgumentError
        If the name is empty, or longer than 200 characters.
    UnknownRunError
        If no run, or more than one, has an id that begins with `run_id`.
    """
    kept = _short("name", name, LONGEST_NAME)
    opened = open_record(record)
    found = opened.find_run(run_id)
    opened.rename_run(found, kept)
    return _loaded(opened, found)


@only_known()
def tag_run(run_id: str, *tags: str, record: str | Path | None = None) -> RecordedRun:
    """Give a run these tags, in place of those that it had, and return it.

    Without tags it has none afterwards.

    Raises
    ------
    InvalidArgumentError
        If a tag is empty, or longer than 100 characters; or if there are more than 50.
    UnknownRunError
        If no run, or more than one, has an id that begins with `run_id`.
    """
    kept = list(dict.fromkeys(_short("tags", tag, LONGEST_TAG) for tag in tags))
    if len(kept) > MOST_TAGS:
        remedy = f"a run has at most {MOST_TAGS} tags: give fewer."
        raise InvalidArgumentError("tags", f"{len(kept)} tags", remedy)
    opened = open_record(record)
    found = opened.find_run(run_id)
    opened.tag_run(found, kept)
    return _loaded(opened, found)


def _short(argument: str, text: str, longest: int) -> str:
    """Return what is kept of a name or a tag: stripped, and without keys.

    Raises
    ------
    InvalidArgumentError
        If it is not a text, empty or longer than `longest` characters.
    """
    if not isinstance(text, str) or not 0 < len(text.strip()) <= longest:
        raise InvalidArgumentError(
            argument, text, f"give a text of 1 to {longest:,} characters, spaces apart."
        )
    return secrets.clean(text.strip())


@only_known()
def note_run(run_id: str, note: str, record: str | Path | None = None) -> RecordedRun:
    """Give a run this note, in place of the one that it had, and return it.

    An empty note takes it away.

    Raises
    ------
    InvalidArgumentError
        If the note is not a text, or longer than 10,000 characters.
    UnknownRunError
        If no run, or more than one, has an id that begins with `run_id`.
    """
    if not isinstance(note, str) or len(note) > LONGEST_NOTE:
        raise InvalidArgumentError(
            "note", note, f"a note is a text of at most {LONGEST_NOTE:,} characters."
        )
    opened = open_record(record)
    found = opened.find_run(run_id)
    opened.note_run(found, secrets.clean(note.strip()))
    return _loaded(opened, found)


@only_known()
def rate_run(
    run_id: str,
    trial: int,
    example: int,
    rating: Rating | None,
    *,
    reason: str = "",
    record: str | Path | None = None,
) -> RecordedRun:
    """Say what you think of a run's reply to an example, and return the run; no LM is called.

    Parameters
    ----------
    run_id
        The run's id, or as much of its beginning as is unique.
    trial, example, rating, reason
        As in `RecordedRun.rate`.
    record
        The record file; the configured one, or else the default, if None.

    Raises
    ------
    InvalidArgumentError
        As `RecordedRun.rate`.
    UnknownRunError
        If no run, or more than one, has an id that begins with `run_id`.
    """
    opened = open_record(record)
    found = opened.find_run(run_id)
    rate_reply(opened, found, trial, example, rating, reason=reason)
    return _loaded(opened, found)


@only_known()
def delete_runs(*run_ids: str, record: str | Path | None = None) -> None:
    """Delete runs for good: all of them, or none if one of them cannot be.

    Their events go, and every text that no other run refers to, out of the file itself. Kept
    answers of LMs stay, as they belong to no run: `Record.clear_answers` deletes them.

    Parameters
    ----------
    *run_ids
        Whole ids: a mistyped beginning deletes nothing.
    record
        The record file; the configured one, or else the default, if None.

    Raises
    ------
    InvalidArgumentError
        If a run is going on in some process.
    UnknownRunError
        If there is no run of an id.
    """
    opened = open_record(record)
    with opened.writing():  # nothing begins between the look and the deed
        for row in history_rows(opened, run_ids):
            if row["state"] in GOING_ON:
                raise InvalidArgumentError("run_ids", row["id"], _how_to_end(row))
        for run_id in dict.fromkeys(run_ids):
            opened.delete_run(run_id)
    opened.scrub()


def _how_to_end(row: HistoryRow) -> str:
    if row["here"]:
        return "this run is going on: stop it first."
    return "this run is going on in another process: stop it there, or end that process, first."


@only_known()
def export(
    run_id: str, path: str | Path, *, overwrite: bool = False, record: str | Path | None = None
) -> Path:
    """Write all that is recorded of a run to one JSON file and return its path.

    Raises
    ------
    InvalidArgumentError
        If `path` begins with the ``~`` of nobody.
    RecordError
        If the file is there already and `overwrite` is False, or cannot be written.
    UnknownRunError
        If no run, or more than one, has an id that begins with `run_id`.
    """
    opened = open_record(record)
    return export_run(opened, opened.find_run(run_id), Path(path), overwrite=overwrite)


@only_known()
def import_run(path: str | Path, record: str | Path | None = None) -> RecordedRun:
    """Enter a run from a file that `export` wrote, and return it.

    Raises
    ------
    InvalidArgumentError
        If `path` begins with the ``~`` of nobody.
    RecordError
        If the file cannot be read or is damaged, or the run is in the record already.
    """
    opened = open_record(record)
    return _loaded(opened, read_archive(opened, Path(path)))


@only_known()
def compare_runs(*run_ids: str, record: str | Path | None = None) -> Comparison:
    """Return how runs compare: scores, cost, settings, and the programs they returned.

    Raises
    ------
    InvalidArgumentError
        If fewer than two runs are given.
    UnknownRunError
        If no run, or more than one, has an id that begins so.
    """
    opened = open_record(record)
    found = list(dict.fromkeys(opened.find_run(run_id) for run_id in run_ids))
    if len(found) < 2:  # noqa: PLR2004 - it takes two to compare
        raise InvalidArgumentError("run_ids", run_ids, "give two runs or more.")
    return compare(opened, found)
