"""The program of a trial, as the record has it: the student's state with other texts and demos."""

from __future__ import annotations

from typing import Any

from mipro_nb.errors import InvalidArgumentError, RecordError
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.state import RunState, choices_of
from mipro_nb.runs.store.json_values import FIELDS, ROWS, kept
from mipro_nb.runs.store.record import Record


def trial_program(record: Record, state: RunState, trial: int) -> dict[str, Any]:
    """Return the saved state of a trial's program.

    Raises
    ------
    InvalidArgumentError
        If there is no such trial.
    RecordError
        If the record does not have what the program consists of.
    """
    if trial not in state.trials:
        known = ", ".join(map(str, sorted(state.trials))) or "none"
        raise InvalidArgumentError("trial", trial, f"the run's trials are {known}.")
    student = None if state.planned is None else state.planned.sources.get("student")
    if student is None:
        msg = "The record does not have the student's state: it is damaged."
        raise RecordError(msg)
    saved = kept(record, student, FIELDS)
    predictors = {name: dict(entry) for name, entry in saved.get("predictors", {}).items()}
    try:
        configuration = state.trials[trial].configuration
        for name, prompt_format in _formats(state, configuration).items():
            predictors[name]["prompt_format"] = prompt_format
        for choice in choices_of(configuration):
            if choice.part == "format":
                continue
            entry = predictors[choice.predictor]
            if choice.part == "instruction":
                candidate = state.candidates[choice.predictor][choice.index]
                entry["instructions"] = candidate.instruction
            else:
                built = state.demo_sets[choice.predictor][choice.index]
                entry["demos"] = kept(record, built.demos, ROWS)
    except KeyError as error:
        msg = f"The record does not have the candidates of trial {trial}: it is damaged."
        raise RecordError(msg) from error
    return {**saved, "predictors": predictors}


def _formats(state: RunState, configuration: Configuration) -> dict[str, str]:
    """Return in which format each predictor is asked whose format was measured."""
    chosen = state.format_chosen
    if chosen is None:
        return {}
    searched = state.format_of(configuration)
    return chosen.formats if searched is None else {**chosen.formats, **chosen.searched[searched]}
