"""A run as a study of Optuna's, for its own plots and for optuna-dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs.configuration import split_variable
from mipro_nb.runs.views.trial_row import trial_row

if TYPE_CHECKING:
    from mipro_nb.runs.state import RunState
    from mipro_nb.runs.view_model import TrialRow

_TOLD = (
    "trial", "kind", "examples", "errors", "low", "high", "calls", "cached_calls", "input_tokens",
    "output_tokens", "usd",
)  # fmt: skip
_STATES = {
    "done": TrialState.COMPLETE,
    "given up": TrialState.PRUNED,
    "running": TrialState.RUNNING,
}


def study_of(
    state: RunState, run_id: str, storage: str | optuna.storages.BaseStorage | None
) -> optuna.Study:
    """Return a study with the trials of a run, in their order.

    Raises
    ------
    InvalidArgumentError
        If the storage has a study of that name.
    """
    try:
        study = optuna.create_study(storage=storage, study_name=run_id, direction="maximize")
    except optuna.exceptions.DuplicatedStudyError:
        raise InvalidArgumentError(
            "storage",
            storage,
            f"it has a study named {run_id!r} already: delete that one, or give another storage.",
        ) from None
    if state.planned is not None:
        study.set_user_attr("program", state.planned.program)
        study.set_user_attr("models", dict(state.planned.models))
    space = _space(state)
    rows = [trial_row(state, number) for number in sorted(state.trials)]
    study.add_trials([_trial(row, space) for row in rows])
    return study


def _space(state: RunState) -> dict[str, BaseDistribution]:
    """Return the candidates of each variable, those included that came while the run went on."""
    variables = sorted({name for trial in state.trials.values() for name in trial.configuration})
    return {
        variable: CategoricalDistribution(_candidates(state, variable)) for variable in variables
    }


def _candidates(state: RunState, variable: str) -> list[int]:
    predictor, part = split_variable(variable)
    made: Mapping[int, object]
    if part == "instruction":
        made = state.candidates.get(predictor, {})
    else:
        made = state.demo_sets.get(predictor, {})
    tried = {trial.configuration.get(variable, 0) for trial in state.trials.values()}
    return sorted({*made, *tried})


def _trial(row: TrialRow, space: Mapping[str, BaseDistribution]) -> FrozenTrial:
    # The baseline has no configuration: candidate 0 of each part is the student's own.
    trial = optuna.trial.create_trial(
        state=_STATES[row["state"]],
        value=row["score"] if row["state"] == "done" else None,
        params={variable: row["configuration"].get(variable, 0) for variable in space},
        distributions=dict(space),
        user_attrs={name: value for name, value in row.items() if name in _TOLD},
    )
    trial.datetime_start = datetime.fromtimestamp(row["asked_at"])  # noqa: DTZ006 - as Optuna's
    if row["state"] != "running":
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=row["seconds"] or 0.0)
    return trial
