"""What is believed of a configuration's score, and how hard examples are.

Scores are those of examples, 0–1. The variances are those of answers that are right or wrong: an
example's score varies by at most 1/4 about its mean, of which roughly a third is the example's own
difficulty, alike for all configurations, and the rest luck.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LUCK = 0.15
DIFFICULTY = 0.08
# A trial is lost if it stays behind even so many standard deviations better than believed.
# Little is lost by giving up a good one too early: its parts come back in other configurations.
_BENEFIT_OF_DOUBT = 0.5


def comparable(mean: float) -> float:
    """Return a mean score so that equal ones are equal, however their sums were rounded."""
    return round(mean, 9)


@dataclass(frozen=True)
class Belief:
    """A normal distribution of a configuration's mean score, 0–1."""

    mean: float
    variance: float

    @property
    def deviation(self) -> float:
        """Return the standard deviation."""
        return math.sqrt(self.variance)

    @property
    def at_best(self) -> float:
        """Return how good the configuration may be, with the benefit of the doubt."""
        return self.mean + _BENEFIT_OF_DOUBT * self.deviation

    def after(self, mean: float, examples: int) -> Belief:
        """Return what is believed once so many more examples had this mean."""
        if math.isinf(self.variance):
            return Belief(mean, LUCK / examples)
        variance = 1 / (1 / self.variance + examples / LUCK)
        return Belief(variance * (self.mean / self.variance + mean * examples / LUCK), variance)


@dataclass
class Difficulties:
    """How much easier or harder than the mean each example is, whatever the configuration.

    Parameters
    ----------
    known
        Whether they are taken into account; else all examples count as equally hard.
    """

    known: bool
    _sums: dict[int, float] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)

    def learn(self, scores: Mapping[int, float], mean: float) -> None:
        """Take scores of a configuration into account whose mean score is about `mean`."""
        if self.known:
            for example, score in scores.items():
                self._sums[example] = self._sums.get(example, 0.0) + score - mean
                self._counts[example] = self._counts.get(example, 0) + 1

    def of(self, examples: Iterable[int]) -> dict[int, float]:
        """Return by how much each example's score lies above the mean of all.

        It is drawn towards 0, the more the fewer scores it rests on.
        """
        return {
            example: self._sums.get(example, 0.0)
            / (self._counts.get(example, 0) + LUCK / DIFFICULTY)
            for example in examples
        }


def evened(scores: Mapping[int, float], difficulties: Mapping[int, float]) -> float:
    """Return the mean of `scores` as if all examples were of mean difficulty."""
    return sum(score - difficulties[example] for example, score in scores.items()) / len(scores)
