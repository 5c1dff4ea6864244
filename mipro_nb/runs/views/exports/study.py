"""A run as a study of Optuna's, for its own plots and for optuna-dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError
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


@dataclass(frozen=True)
class StudyOfRun:
    """What a study of a run consists of: its trials, in their order, and whose they are."""

    run_id: str
    trials: Sequence[FrozenTrial]
    attributes: Mapping[str, Any]

    @classmethod
    def of(cls, state: RunState, run_id: str) -> Self:
        """Read it from the state of a run."""
        space, planned = _space(state), state.planned
        rows = [trial_row(state, number) for number in sorted(state.trials)]
        attributes: dict[str, Any] = {}
        if planned is not None:
            attributes = {"program": planned.program, "models": dict(planned.models)}
        if state.best is not None:
            attributes["best_trial"] = state.best.trial
        trials = [
            _trial(row, space, competes=not state.is_banned(row["configuration"])) for row in rows
        ]
        return cls(run_id, trials, attributes)

    def write(self, storage: str | BaseStorage | None) -> optuna.Study:
        """Return the study, in a storage.

        Raises
        ------
        InvalidArgumentError
            If the storage cannot be opened, or has a study of that name.
        """
        study = _new_study(self.run_id, storage)
        for name, value in self.attributes.items():
            study.set_user_attr(name, value)
        study.add_trials(self.trials)
        return study


def _new_study(name: str, storage: str | BaseStorage | None) -> optuna.Study:
    try:
        return optuna.create_study(storage=storage, study_name=name, direction="maximize")
    except optuna.exceptions.DuplicatedStudyError:
        remedy = f"it has a study named {name!r} already: delete that one, or give another storage."
    except Exception as error:  # noqa: BLE001 - of whatever database
        remedy = (
            f"it cannot be opened ({type(error).__name__}): give one such as sqlite:///study.db."
        )
    raise InvalidArgumentError("storage", NOT_SHOWN, remedy)  # its URL may hold a password


def _space(state: RunState) -> dict[str, BaseDistribution]:
    """Return the candidates of each variable, those included that came while the run went on."""
    variables = sorted({name for trial in state.trials.values() for name in trial.configuration})
    return {
        variable: CategoricalDistribution(_candidates(state, variable)) for variable in variables
    }


def _candidates(state: RunState, variable: str) -> list[int]:
    predictor, part = split_variable(variable)
    made: Iterable[int]
    if part == "instruction":
        made = state.candidates.get(predictor, {})
    elif part == "format":
        made = range(len(state.searched_formats))
    else:
        made = state.demo_sets.get(predictor, {})
    tried = {trial.configuration.get(variable, 0) for trial in state.trials.values()}
    return sorted({*made, *tried})


def _trial(row: TrialRow, space: Mapping[str, BaseDistribution], *, competes: bool) -> FrozenTrial:
    """Return a trial as Optuna's; it is complete if it `competes` and was scored on all rows.

    Otherwise a lucky minibatch would be the study's best trial: its score is an intermediate value.
    """
    competes = competes and row["kind"] != "minibatch"
    state, score = _STATES[row["state"]], row["score"]
    if state == TrialState.COMPLETE and not competes:
        state = TrialState.PRUNED
    # The baseline has no configuration: candidate 0 of each part is the student's own.
    trial = optuna.trial.create_trial(
        state=state,
        value=score if state == TrialState.COMPLETE else None,
        intermediate_values={} if competes or score is None else {row["examples"]: score},
        params={variable: row["configuration"].get(variable, 0) for variable in space},
        distributions=dict(space),
        user_attrs={name: value for name, value in row.items() if name in _TOLD},
    )
    trial.datetime_start = datetime.fromtimestamp(row["asked_at"])  # noqa: DTZ006 - as Optuna's
    if row["state"] != "running":
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=row["seconds"] or 0.0)
    return trial
