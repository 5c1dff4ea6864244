"""Runs of the same specification in the record: nothing that they paid for is paid twice.

One that goes on already may be joined. The answers of one that has ended are in the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mipro_nb.amounts import format_count
from mipro_nb.errors import RecordError
from mipro_nb.models.lm import as_counted
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.running.asking.outlook import Answered
from mipro_nb.optimizer.running.resuming.differences import (
    differences,
    may_be_the_same,
    parts_of_others,
)
from mipro_nb.optimizer.running.run import Run, live_runs
from mipro_nb.runs.sentences.resume import RESUMABLE
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import HistoryRow

_GOING_ON = ("running", "paused")
_TWIN = (
    "Run {run_id} of this very plan is going on already. Instead of starting another one, you can "
    "join it: choose that where you are asked, or call MIPROv2.join({run_id!r}). If you start "
    "another one, both share their answers and the calls in flight: nothing is paid twice."
)
_OTHER_CAPS = (
    "That run has other caps: {its}, where this plan has {own}. Joining keeps those of the "
    "run that goes on."
)
_TWIN_ELSEWHERE = (
    "Run {run_id} of this very plan is going on in another process: it cannot be joined from here. "
    "mipro_nb.runs.load({run_id!r}) shows how it stands, and so does mipro_nb.history(). Answers "
    "that it has kept are not paid for again; calls in flight are not shared."
)
_FINISHED = (
    "Run {run_id} of this very plan is finished: mipro_nb.runs.load({run_id!r}) shows what came of "
    "it. {kept}"
)
_ENDED_EARLY = (
    "Run {run_id} of this very plan ended early ({state}): resume=True resumes it. {kept}"
)
_KEPT = (
    "The record keeps the answers to its {calls} LM calls: repeating them costs nothing. The "
    "amounts below do not count on that."
)
# Each of them is read whole, which takes a moment.
_LOOKED_AT = 5


def twin_of(record: Record, spec: RunSpec) -> Run | None:
    """Return the run of the same specification that this process has under way, if any."""
    going_on = {
        run.id: run
        for run in reversed(live_runs())
        if run.permitted and run.record.path == record.path
    }
    found = _alike(record, spec, going_on)
    return None if found is None else going_on[found]


@dataclass(frozen=True)
class Alike:
    """What to know of another run of the same specification.

    Attributes
    ----------
    told
        That in sentences; empty if there is none.
    goes_on
        Whether it goes on, here or elsewhere.
    answered
        What it was answered, if it has ended; None if nothing of that is kept.
    """

    told: str = ""
    goes_on: bool = False
    answered: Answered | None = None


def noted(
    record: Record, spec: RunSpec, twin: Run | None, rows: Sequence[HistoryRow], *, resumes: bool
) -> Alike:
    """Return what to know of another run of the same specification, from the record's `rows`.

    Of one that has ended a run is not told that `resumes` one.
    """
    if twin is not None:
        told = _TWIN.format(run_id=twin.id)
        its, own = twin.plan.caps, spec.plan.caps
        if its != own:
            told = f"{told} {_OTHER_CAPS.format(its=its.text(), own=own.text())}"
        return Alike(told, goes_on=True)
    elsewhere = [row["id"] for row in rows if row["state"] in _GOING_ON and not row["here"]]
    if (run_id := _alike(record, spec, elsewhere)) is not None:
        return Alike(_TWIN_ELSEWHERE.format(run_id=run_id), goes_on=True)
    return Alike() if resumes else _earlier(record, spec, rows)


def _earlier(record: Record, spec: RunSpec, rows: Iterable[HistoryRow]) -> Alike:
    """Return what to know of the newest run of the same specification that has ended.

    Where an LM's answers are not kept, an earlier run saves nothing.
    """
    lms = filter(None, (spec.task_lm, spec.prompt_lm, spec.teacher_lm))
    if not all(as_counted(lm).cache for lm in lms):
        return Alike()
    ended = {
        row["id"]: row
        for row in rows
        if row["program"] == spec.plan.program
        and row["state"] in ("finished", *RESUMABLE)
        and may_be_the_same(row, spec.plan)
    }
    found = _alike(record, spec, [*ended][:_LOOKED_AT])
    if found is None:
        return Alike()
    of_run = RecordedProgress.of(record, found).state
    if of_run.last_at is None or not record.keeps_answers_since(of_run.last_at):
        return Alike()
    state = of_run.state
    steered = bool(of_run.pinned or of_run.banned) or any(
        each.source == "user" for made in of_run.candidates.values() for each in made.values()
    )
    answered = Answered.by(found, of_run.spend, all_of_it=state == "finished" and not steered)
    if not answered.calls:
        return Alike()
    kept = _KEPT.format(calls=format_count(answered.calls))
    told = _FINISHED if state == "finished" else _ENDED_EARLY
    return Alike(told.format(run_id=found, state=state, kept=kept), answered=answered)


def _alike(record: Record, spec: RunSpec, run_ids: Iterable[str]) -> str | None:
    """Return which of these runs, the newest first, has this specification; None if none has."""
    for run_id in run_ids:
        try:
            progress = RecordedProgress.of(record, run_id)
            if not parts_of_others(progress, spec, list(differences(progress, spec))):
                return run_id
        except RecordError:
            continue  # it waits for permission, or is in another record
    return None
