"""Plain labelled demos: how the student's own instructions score with them and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mipro_nb.runs.configuration import Configuration, split_variable
from mipro_nb.runs.state import RunState, TrialState


@dataclass(frozen=True)
class LabelledComparison:
    """What plain labelled demos score, beside others on the same rows; scores in 0–100.

    Attributes
    ----------
    score
        With plain labelled demos.
    best
        Of the best program.
    student
        Of the student as given; None where it was not scored on all of these rows.
    rows
        How many rows these are.
    are_all
        Whether it is the whole valset.
    """

    score: float
    best: float
    student: float | None
    rows: int
    are_all: bool


def labelled_evaluation(state: RunState) -> TrialState | None:
    """Return the evaluation of the student's instructions with labelled demos, None if none.

    A run begins its search with it, on a sample of the rows; where that was among the best, all of
    them were scored, and it is this full evaluation. It may also be a trial of a run that an older
    version made.
    """
    told = [
        trial
        for trial in state.trials.values()
        if trial.score is not None
        and state.scores.get(trial.key)  # not so if the student itself has these demos
        and labelled_demos(state, trial.configuration)
    ]
    return max(told, key=lambda trial: (len(trial.examples), -trial.trial), default=None)


def labelled_comparison(state: RunState) -> LabelledComparison | None:
    """Return how plain labelled demos compare with the best program, on the rows of both.

    None where either was not scored, or where they are the best program.
    """
    labelled, best = labelled_evaluation(state), state.best
    if labelled is None or best is None or best.configuration == labelled.configuration:
        return None
    found, student = state.scores_with(best.configuration), state.scores_with({})
    rows = [row for row in labelled.examples if row in found]
    if not rows:
        return None
    return LabelledComparison(
        _mean(state.scores[labelled.key], rows),
        _mean(found, rows),
        _mean(student, rows) if all(row in student for row in rows) else None,
        len(rows),
        len(rows) == state.valset_size,
    )


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


def _mean(scores: Mapping[int, float], rows: Sequence[int]) -> float:
    return 100 * sum(scores[row] for row in rows) / len(rows)
