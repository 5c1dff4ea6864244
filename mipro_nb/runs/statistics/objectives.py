"""Objectives beside the score: what each configuration takes, and which of them is beaten by none.

Only configurations that were scored on the whole valset are compared: among many that were scored
on a few examples, one looks good by luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mipro_nb.runs.configuration import Configuration, variable_of
from mipro_nb.runs.state import RunState, TrialState, Work

Objective = Literal["score", "usd", "tokens", "seconds", "characters"]
OBJECTIVES: tuple[Objective, ...] = ("score", "usd", "tokens", "seconds", "characters")


@dataclass(frozen=True)
class MeasuredConfiguration:
    """A configuration that was scored on the whole valset, and what it takes.

    A function that is given as ``prefer`` gets a list of them, and returns one.

    Attributes
    ----------
    trial
        The number of its full evaluation; ``run.programs[trial]`` is its program. 0 is the student
        as given.
    configuration
        Variable → index of the candidate chosen; empty for the student as given.
    score
        Its score on the valset, 0–100.
    usd
        What its LM calls for one example cost, answers from the record priced as if they had been
        sent; None where a price is not known.
    tokens
        Input and output tokens of these calls.
    seconds
        How long these calls take, one after the other; None where all of its answers came from the
        record.
    characters
        Length of its instructions, those of all predictors together.

    Examples
    --------
    >>> def shortest(configurations):
    ...     best = max(each.score for each in configurations)
    ...     good = [each for each in configurations if each.score >= best - 2]
    ...     return min(good, key=lambda each: each.characters)
    >>> optimizer = MIPROv2(exact, num_candidates=2)
    >>> settings = {"num_trials": 2, "minibatch": False}
    >>> optimized = optimizer.compile(student, trainset=rows, prefer=shortest, **settings)
    >>> optimized.run.state.planned.plan["prefer"]
    'function shortest'
    """

    trial: int
    configuration: Configuration
    score: float
    usd: float | None
    tokens: float
    seconds: float | None
    characters: int

    def value(self, objective: Objective) -> float | None:
        """Return what it comes to by an objective; None where that is not known."""
        found: float | None = getattr(self, objective)
        return found


def measured_configurations(state: RunState) -> list[MeasuredConfiguration]:
    """Return all configurations that were scored on the whole valset, by trial; no banned ones."""
    works: dict[str, Work] = {}
    for trial in state.trials.values():
        works.setdefault(trial.key, Work()).add(trial.work)
    return [
        _measured(state, trial, works[trial.key], len(state.scores[trial.key]))
        for trial in state.full_evaluations
        if not state.is_banned(trial.configuration)
    ]


def _measured(
    state: RunState, trial: TrialState, work: Work, examples: int
) -> MeasuredConfiguration:
    seconds = work.seconds / work.sent * work.calls / examples if work.sent else None
    return MeasuredConfiguration(
        trial=trial.trial,
        configuration=dict(trial.configuration),
        score=trial.score or 0.0,
        usd=None if work.usd is None else work.usd / examples,
        tokens=work.tokens / examples,
        seconds=seconds,
        characters=sum(map(len, _instructions(state, trial.configuration))),
    )


def _instructions(state: RunState, configuration: Configuration) -> Iterable[str]:
    for predictor, candidates in state.candidates.items():
        index = configuration.get(variable_of(predictor, "instruction"), 0)
        if index in candidates:
            yield candidates[index].instruction


def cost_of(configurations: Sequence[MeasuredConfiguration]) -> Literal["usd", "tokens"]:
    """Return what cost is told in: tokens where prices are not known, or everything is free."""
    known = all(each.usd is not None for each in configurations)
    return "usd" if known and any(each.usd for each in configurations) else "tokens"


def front(
    configurations: Sequence[MeasuredConfiguration], objectives: Sequence[Objective]
) -> list[MeasuredConfiguration]:
    """Return those that no other beats: better in one objective and at least equal in the others.

    What is not known counts as the worst.
    """

    def rank(each: MeasuredConfiguration) -> tuple[float, ...]:
        values = [each.value(objective) for objective in objectives]
        return tuple(
            math.inf if value is None else -value if objective == "score" else value
            for objective, value in zip(objectives, values, strict=True)
        )

    ranks = [rank(each) for each in configurations]
    return [
        each
        for each, own in zip(configurations, ranks, strict=True)
        if not any(other != own and _beats(other, own) for other in ranks)
    ]


def _beats(rank: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(rank, other, strict=True))


Choose = Callable[[Sequence[MeasuredConfiguration]], MeasuredConfiguration]
"""A function that chooses the configuration to return."""

_FUNCTION = "function "


def chooser_text(function: Choose) -> str:
    """Return what a plan says where a function chooses."""
    return f"{_FUNCTION}{getattr(function, '__name__', type(function).__name__)}"


def chooser_of(prefer: object) -> str | None:
    """Return the name of the function that chooses by what a plan says; None if none does."""
    if isinstance(prefer, str) and prefer.startswith(_FUNCTION):
        return prefer.removeprefix(_FUNCTION)
    return None
