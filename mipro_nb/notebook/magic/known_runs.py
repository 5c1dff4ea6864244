"""Runs by what people type for them: a beginning of the id, ``last``, or a variable's name."""

from __future__ import annotations

from argparse import ArgumentTypeError

from IPython.core.error import UsageError

from mipro_nb import runs
from mipro_nb.errors import RecordError, shown
from mipro_nb.language import Module
from mipro_nb.language.programs import foreign
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.magic.words import Offered, did_you_mean
from mipro_nb.optimizer import Run
from mipro_nb.optimizer.running.run import live_runs, runs_here
from mipro_nb.runs import RecordedRun
from mipro_nb.runs.sentences.resume import RESUMABLE, names_in_lines
from mipro_nb.runs.views.history import history_rows

_NEWEST = ("last", "-1")
_LISTED = 5


def run_ids() -> list[str]:
    """Return the ids of all runs, the newest first; live ones may be in another record, or none."""
    recorded = [run_id for run_id, _ in runs.open_record().run_ids()]
    others = [run.id for run in live_runs() if run.id not in recorded]
    return [*reversed(others), *recorded]


def read_run(notebook: Notebook, text: str) -> str:
    """Return the id of the run that `text` stands for.

    Raises
    ------
    ArgumentTypeError
        If it stands for none, or for more than one.
    """
    held = notebook.namespace.get(text)
    if isinstance(held, Module):
        held = getattr(held, "run", None)
    if isinstance(held, Run | RecordedRun):
        return held.id
    ids = run_ids()
    if text in _NEWEST:
        if not ids:
            msg = "no run is recorded yet; %mipro run begins one."
            raise ArgumentTypeError(msg)
        return ids[0]
    found = [run_id for run_id in ids if run_id.startswith(text)]
    if text in found:
        return text
    if len(found) > 1:
        msg = f"{len(found)} runs begin with {text!r}: {_list(found)}. Type more of the id."
        raise ArgumentTypeError(msg)
    if not found:
        msg = f"no run begins with {shown(text, 80)!r}.{did_you_mean(text, ids)}"
        raise ArgumentTypeError(msg)
    return found[0]


def read_resumable(notebook: Notebook, text: str) -> str | Module:
    """Return what `read_run` does, or the program of this name if no run begins so."""
    try:
        return read_run(notebook, text)
    except ArgumentTypeError:
        held = notebook.namespace.get(text)
        if isinstance(held, Module):
            return held
        raise


def read_exported(notebook: Notebook, text: str) -> str | Module:
    """Return the program of this name, or what `read_run` does if there is none."""
    held = notebook.namespace.get(text)
    if isinstance(held, Module):
        return held
    try:
        return read_run(notebook, text)
    except ArgumentTypeError:
        if isinstance(foreign.as_program(held), Module):
            msg = (
                f"{text} is a program of another library, which has its prompt: save it by that "
                "library. For DSPy's, the guide From DSPy shows how to get its messages."
            )
            raise ArgumentTypeError(msg) from None
        raise


def complete_exported(notebook: Notebook, typed: str) -> list[str]:
    """Return what `complete_run` does, then the names of programs."""
    programs = notebook.names(lambda value: isinstance(value, Module), typed)
    return complete_run(notebook, typed) + programs


def program_here(notebook: Notebook, what: str | Module) -> Module:
    """Return a program, or the one of this notebook that a run has returned.

    Raises
    ------
    UsageError
        If no variable holds what the run has returned.
    """
    if isinstance(what, Module):
        return what
    for held in notebook.namespace.values():
        if isinstance(held, Module) and getattr(getattr(held, "run", None), "id", None) == what:
            return held
    msg = (
        f"No variable holds the program that run {what} has returned: name a program. The record "
        "has instructions and demos alone, not the prompt around them."
    )
    raise UsageError(msg)


def run_of(what: str | Module) -> str:
    """Return the id of a run, or that of the run that returned a program.

    Raises
    ------
    UsageError
        If the program comes of no run.
    """
    if isinstance(what, str):
        return what
    run = getattr(what, "run", None)
    if run is None:
        msg = "That program comes of no run: --as FORM exports its prompt."
        raise UsageError(msg)
    return str(run.id)


def complete_run(notebook: Notebook, typed: str) -> list[str]:
    """Return the ids that begin with `typed`, the newest first, then variables that hold runs."""
    try:
        ids = run_ids()
    except RecordError:
        ids = []  # the verb itself will tell
    names = notebook.names(lambda value: isinstance(value, Run | RecordedRun), typed)
    return [run_id for run_id in (*ids, _NEWEST[0]) if run_id.startswith(typed)] + names


def complete_resumable(notebook: Notebook, typed: str) -> list[str]:
    """Return what `complete_run` does of runs that are paused or ended early, with their state."""
    try:
        rows = history_rows(runs.open_record())
    except RecordError:
        rows = []  # the verb itself will tell
    states = {run.id: run.status for run in reversed(live_runs())}
    states |= {row["id"]: row["state"] for row in rows if row["id"] not in states}
    found = [Offered(run_id, state) for run_id, state in states.items() if _can_go_on(state)]
    names = notebook.names(
        lambda value: isinstance(value, Run | RecordedRun) and _can_go_on(value.status), typed
    )
    return [run_id for run_id in found if run_id.startswith(typed)] + names


def _can_go_on(state: str) -> bool:
    return state == "paused" or state in RESUMABLE


def newest_run() -> str:
    """Return the id of the run that is meant where none is named: a live one, or else the newest.

    Raises
    ------
    UsageError
        If there is none.
    """
    live = live_runs()
    ids = [live[-1].id] if live else run_ids()
    if not ids:
        msg = "No run is recorded yet; %mipro run begins one."
        raise UsageError(msg)
    return ids[0]


def known_run(run_id: str) -> Run | RecordedRun:
    """Return a run: the object itself if it goes on in this kernel, else as it is recorded."""
    return runs_here.find_live(run_id) or runs.load(run_id)


def run_begun_here(run_id: str) -> Run:
    """Return a run that was begun in this kernel, ended or not.

    Raises
    ------
    UsageError
        If it was begun elsewhere.
    """
    begun = runs_here.begun(run_id)
    if begun is None:
        student, metric = names_in_lines(runs.load(run_id).state)
        msg = (
            f"Run {run_id} was not begun in this kernel: "
            f"%mipro resume {run_id} {student} --metric {metric} --test ROWS tests it."
        )
        raise UsageError(msg)
    return begun


def live_run(run_id: str | None) -> Run:
    """Return a run of this kernel that has not ended: the given one, or else the only one.

    Raises
    ------
    UsageError
        If there is none, or none was named and there are several.
    """
    if run_id is not None:
        run = known_run(run_id)
        if isinstance(run, RecordedRun):
            raise UsageError(_why_not_live(run))
        return run
    live = live_runs()
    if len(live) > 1:
        msg = f"Several runs are live: {_list([run.id for run in live])}. Name one of them."
        raise UsageError(msg)
    if not live:
        raise UsageError(_why_none_is_live())
    return live[0]


def run_to_resume() -> str:
    """Return the id of the run to go on with where none is named: the live one, or the newest.

    Raises
    ------
    UsageError
        If there is none that ended early, or several are live.
    """
    if live_runs():
        return live_run(None).id
    newest = runs.load(ids[0]) if (ids := run_ids()) else None
    if newest is None:
        msg = "No run is recorded yet; %mipro run begins one."
        raise UsageError(msg)
    if newest.status not in RESUMABLE:
        msg = (
            f"The newest run, {newest.id}, is {newest.status}. Name the run to resume: "
            "%mipro history lists them all."
        )
        raise UsageError(msg)
    return newest.id


def run_to_resume_of(program: Module) -> str:
    """Return the id of the newest run of a program of this class that ended early.

    Raises
    ------
    UsageError
        If there is none.
    """
    name = type(program).__name__
    for row in history_rows(runs.open_record()):
        if row["state"] in RESUMABLE and row["program"] == name:
            return row["id"]
    msg = f"No run of {name} can be resumed; %mipro history lists all runs."
    raise UsageError(msg)


def _why_none_is_live() -> str:
    newest = runs.load(ids[0]) if (ids := run_ids()) else None
    if newest is not None and newest.status == "cut off":
        return _why_not_live(newest)
    return "No run is live in this kernel; %mipro run --background begins one."


def _why_not_live(run: RecordedRun) -> str:
    if run.status == "cut off":
        return f"Run {run.id} was cut off when its kernel ended: %mipro resume {run.id} resumes it."
    if run.state.goes_on:
        return f"Run {run.id} goes on in another kernel: steer it from there."
    return f"Run {run.id} has ended: it is {run.status}."


def _list(ids: list[str]) -> str:
    return ", ".join(ids[:_LISTED]) + (", …" if len(ids) > _LISTED else "")
