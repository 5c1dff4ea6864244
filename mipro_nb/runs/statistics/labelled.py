"""Plain labelled demos: how the student's own instructions score with them and nothing else."""

from __future__ import annotations

from mipro_nb.runs.configuration import Configuration, split_variable
from mipro_nb.runs.state import RunState, TrialState


def labelled_evaluation(state: RunState) -> TrialState | None:
    """Return the full evaluation of the student's instructions with labelled demos, None if none.

    A run begins its search with it; it may also be a trial of one that an older version made.
    """
    full = state.full_evaluations
    return next((t for t in full if labelled_demos(state, t.configuration)), None)


def labelled_demos(state: RunState, configuration: Configuration) -> int:
    """Return how many labelled demos a configuration adds to the student; 0 if it changes more."""
    demos = 0
    for variable, index in configuration.items():
        predictor, part = split_variable(variable)
        if part != "demos":
            if index != 0:
                return 0
            continue
        built = state.demo_sets.get(predictor, {}).get(index)
        if built is None or built.bootstrapped:
            return 0
        demos += built.labelled
    return demos
