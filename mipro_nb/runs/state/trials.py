"""Trials as they stand, and the candidates that they try."""

from __future__ import annotations

from dataclasses import dataclass, field

from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import STUDENT, configuration_key, split_variable
from mipro_nb.runs.state.spend import Spend, Work


@dataclass
class TrialState:
    """One evaluation of one configuration.

    Attributes
    ----------
    scored, errors
        Examples that this trial itself scored, and those of them that failed.
    error
        Why the first of these failed; None if none did.
    reused
        Examples that earlier trials had scored; known at its end.
    asked_at, told_at
        Unix times.
    paused_seconds
        How long the run paused meanwhile, or did not go on.
    """

    trial: int
    kind: ev.EvaluationKind
    configuration: dict[str, int]
    examples: list[int]
    asked_at: float
    score: float | None = None
    reused: int = 0
    scored: int = 0
    errors: int = 0
    error: str | None = None
    told_at: float | None = None
    paused_seconds: float = 0.0
    spend: Spend = field(default_factory=Spend)
    work: Work = field(default_factory=Work)

    @property
    def key(self) -> str:
        """Return the key of its configuration, by which its scores are found."""
        return configuration_key(self.configuration) if self.configuration else STUDENT

    @property
    def going(self) -> bool:
        """Tell whether it is not over yet."""
        return self.told_at is None

    @property
    def seconds(self) -> float | None:
        """Return how long it took, pauses left out; None as long as it is not told."""
        if self.told_at is None:
            return None
        return max(0.0, self.told_at - self.asked_at - self.paused_seconds)


@dataclass(frozen=True)
class Choice:
    """One candidate of one predictor."""

    predictor: str
    part: ev.Part
    index: int


@dataclass
class Tally:
    """How a candidate fared: over all examples scored with it, whatever else was chosen.

    Attributes
    ----------
    points
        Sum of the examples' scores, each in 0–1.
    """

    points: float = 0.0
    examples: int = 0
    trials: int = 0

    @property
    def score(self) -> float | None:
        """Return the mean score in 0–100, None before the first example."""
        return 100 * self.points / self.examples if self.examples else None


def choices_of(configuration: dict[str, int]) -> list[Choice]:
    """Return the candidates that a configuration consists of."""
    return [Choice(*split_variable(name), index) for name, index in configuration.items()]
