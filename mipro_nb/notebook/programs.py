"""What a person does with a trial's program: takes its prompt along, saves it, or uses it here."""

from __future__ import annotations

import json
import keyword
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython

from mipro_nb.errors import InvalidArgumentError, MiproError
from mipro_nb.language.programs.foreign import as_program
from mipro_nb.language.programs.module import Module
from mipro_nb.language.saved_programs import saving
from mipro_nb.optimizer.running.run import runs_here
from mipro_nb.runs.recorded.recorded_runs import load_run
from mipro_nb.runs.store.record import Record


def prompt_text(record: Record, run: str, trial: int, form: str, predictor: str) -> str:
    """Return the prompt of a predictor of a trial's program, in a form of `Module.export`.

    Raises
    ------
    InvalidArgumentError
        If there is no such trial, form or predictor, or the form cannot have the prompt.
    MiproError
        If this kernel does not have the program.
    """
    program = as_program(program_of(record, run, trial))
    prompt = program.export(form, predictor=predictor)
    return prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False, indent=2)


def save_program(record: Record, run: str, trial: int, name: str) -> str:
    """Write a trial's program to a new file beside the notebook, and return where it is.

    Raises
    ------
    InvalidArgumentError
        If `name` is not that of a file, there is one already, or there is no such trial.
    MiproError
        If it cannot be written.
    """
    if not name or Path(name).name != name or name in (".", "..") or "\\" in name:
        remedy = "give the name of a file, without a folder, such as program.json."
        raise InvalidArgumentError("name", name, remedy)
    file = Path.cwd() / name
    if file.exists():
        raise InvalidArgumentError("name", name, "there is such a file already: give another name.")
    state = load_run(run, record.path).program_state(trial)
    assert state is not None  # noqa: S101 - that of a trial is
    try:
        saving.save(state, file)
    except (OSError, ValueError) as error:
        msg = f"The program cannot be written to {file}: {error}."
        raise MiproError(msg) from error
    return f"Saved to {file}: program.load({name!r}) reads it."


def use_program(record: Record, run: str, trial: int, name: str) -> str:
    """Have a variable of the notebook hold a trial's program, and return a sentence that says so.

    Raises
    ------
    InvalidArgumentError
        If `name` is not that of a variable, or of one that holds something else than a program;
        or there is no such trial.
    MiproError
        If this kernel does not have the program.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidArgumentError("name", name, "give the name of a variable.")
    namespace = _namespace()
    held = namespace.get(name)
    if held is not None and not isinstance(as_program(held), Module):
        remedy = "this variable holds something else than a program: give another name."
        raise InvalidArgumentError("name", name, remedy)
    namespace[name] = program_of(record, run, trial)
    replaced = "" if held is None else ", no longer the program that it was"
    return f"{name} is now the program of trial {trial}{replaced}."


def program_of(record: Record, run: str, trial: int) -> Any:
    """Return a trial's program, a new one: the run's own, or the student with the trial's state.

    Raises
    ------
    InvalidArgumentError
        If there is no such trial.
    MiproError
        If this kernel has neither.
    """
    recorded = load_run(run, record.path)
    state = recorded.program_state(trial)
    begun = runs_here.begun(run)
    if begun is not None and trial in begun.programs:
        return begun.programs[trial]
    planned = recorded.state.planned
    name = planned.names.get("student", "") if planned else ""
    program = as_program(_namespace().get(name))
    if state is None or not isinstance(program, Module):
        raise MiproError(_why_not_here(run, trial, name))
    found = program.deepcopy()
    found.load_state(state)
    return found.handed_over()


def _why_not_here(run: str, trial: int, name: str) -> str:
    """Return why a program cannot be had, and how it can: by its variable, if that is known."""
    remedy = f"Run the cells that make {name}, then try again."
    if not name.isidentifier():
        state = f'mipro_nb.runs.load("{run}").program_state({trial})'
        remedy = f"Make the program as for the run, then program.load_state({state})."
    return (
        "This kernel does not have the program of this run: the record has instructions and demos "
        f"alone, not the prompt around them. {remedy}"
    )


def _namespace() -> MutableMapping[str, Any]:
    shell = get_ipython()
    namespace: MutableMapping[str, Any] = {} if shell is None else shell.user_ns
    return namespace
