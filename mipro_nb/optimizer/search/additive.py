"""A sampler with a model: what each candidate adds to the score, and what the mixture does.

The score of a configuration is taken to be a constant, plus an effect of every candidate in it,
plus an effect of just this mixture, all normally distributed (a mixed model, as in Henderson 1975,
with known variances). Every configuration that was told counts by the examples it was scored on.
Of untried configurations the one with the highest upper confidence bound is tried next.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mipro_nb.optimizer.search.belief import LUCK, Belief, Difficulties, Prospects, evened
from mipro_nb.optimizer.search.choices import Choices, Untried, Way, are_open
from mipro_nb.optimizer.search.configuration import holds_no_demos
from mipro_nb.optimizer.search.sampler import Scores
from mipro_nb.runs.configuration import Configuration, configuration_key

# Standard deviations of effects before anything is known, on scores of 0–1. In simulations, 0.07
# to 0.15 for a candidate and 0.05 to 0.1 for a mixture made little difference.
_OF_A_CANDIDATE = 0.12
# To show no demos is unlike showing any. The student as given shows none: a low score of its own
# must not count against its instruction as much as against its lack of demos.
_OF_NO_DEMOS = 0.3
_OF_A_MIXTURE = 0.07
_OF_THE_CONSTANT = 0.5
# How many standard deviations above its mean a configuration is rated: the higher, the more is
# tried out.
_CURIOSITY = 1.0
# The best is looked for among so many that were believed to be the best when they were last told.
_LEADING = 50

# Not imported from numpy.typing: DSPy up to 3.3 has a stand-in for numpy, which breaks at that.
Floats = np.typing.NDArray[np.floating[Any]]


@dataclass
class _Scores:
    """What is known of one configuration: the evened sum of its scores, and of which examples.

    `row` holds its columns in the model, `rating` what was believed when it was last told.
    """

    configuration: Configuration
    row: list[int]
    points: float
    examples: set[int]
    rating: float = 0.0

    @property
    def mean(self) -> float:
        return self.points / max(1, len(self.examples))

    @property
    def weight(self) -> float:
        """One by the variance of the mean about the sum of the effects; 0 before any score."""
        return len(self.examples) / (_OF_A_MIXTURE**2 * len(self.examples) + LUCK)


class AdditiveSampler:
    """Draws the configuration that may well be the best, by a linear model of candidates.

    Parameters
    ----------
    seed
        Seed of all draws.
    paired
        Take the difficulty of examples off the scores.
    """

    def __init__(self, seed: int, *, paired: bool) -> None:
        self._rng = random.Random(f"{seed}:additive")
        self._untried = Untried(self._rng)
        self._difficulties = Difficulties(paired)
        self._told: dict[str, _Scores] = {}
        # A column of the model per candidate; the first is the constant's.
        self._columns: dict[tuple[str, int], int] = {}
        self._covariance: Floats = np.diag([_OF_THE_CONSTANT**2])
        self._evidence: Floats = np.array([0.5 / _OF_THE_CONSTANT**2])

    def ask(self, choices: Choices) -> Configuration:
        """Return the next configuration to try: the untried one with the best prospects."""
        ways = self._untried.ways(choices)
        if not ways:
            return self._again(choices)
        self._rng.shuffle(ways)  # among equals chance decides
        way, rating = self._highest(ways, choices)
        # Where there were too many to look at all of them, a better one may be close by.
        while near := self._untried.neighbours(way, choices):
            better, higher = self._highest(near, choices)
            if higher <= rating:
                break
            way, rating = better, higher
        configuration = dict(zip(choices, way, strict=True))
        self._untried.take(configuration)
        return configuration

    def tell(self, configuration: Configuration, scores: Scores) -> None:
        """Take the scores of an evaluation into account; those that are known are not new."""
        key = configuration_key(configuration)
        self._untried.take(configuration)
        told = self._told.get(key)
        if told is None:
            row = self._row(configuration.items())
            told = self._told[key] = _Scores(configuration, row, 0.0, set())
        fresh = {
            example: score for example, score in scores.items() if example not in told.examples
        }
        if not fresh:
            return
        weight, evidence = told.weight, told.weight * told.mean
        told.points += len(fresh) * evened(fresh, self._difficulties.of(fresh))
        told.examples |= fresh.keys()
        self._learn(told.row, told.weight - weight, told.weight * told.mean - evidence)
        told.rating = self._beliefs([told])[0].mean
        self._difficulties.learn(fresh, told.mean)

    def belief(self, configuration: Configuration) -> Belief:
        """Return what is believed of a configuration: by its own scores and by its like."""
        key = configuration_key(configuration)
        if key in self._told:
            return self._beliefs([self._told[key]])[0]
        means, variances = self._model([self._row(configuration.items())])
        return Belief(float(means[0]), float(variances[0]) + _OF_A_MIXTURE**2)

    def prospects(self, configuration: Configuration, examples: Sequence[int]) -> Prospects:
        """Return by what a trial on these examples will be judged."""
        leading = heapq.nlargest(_LEADING, self._told.values(), key=lambda told: told.rating)
        to_beat = max((belief.mean for belief in self._beliefs(leading)), default=0.0)
        return Prospects(self.belief(configuration), to_beat, self._difficulties.of(examples))

    def _highest(self, ways: list[Way], choices: Choices) -> tuple[Way, float]:
        """Return the way with the highest upper confidence bound, and that bound."""
        chosen = np.array(ways)
        rows = np.zeros((len(ways), 1 + len(choices)), dtype=np.intp)
        for place, (name, indices) in enumerate(choices.items()):
            columns = np.zeros(max(indices) + 1, dtype=np.intp)
            columns[list(indices)] = self._row((name, index) for index in indices)[1:]
            rows[:, place + 1] = columns[chosen[:, place]]
        means, variances = self._model(rows)
        rated = means + _CURIOSITY * np.sqrt(variances + _OF_A_MIXTURE**2)
        best = int(np.argmax(rated))
        return ways[best], float(rated[best])

    def _again(self, choices: Choices) -> Configuration:
        """Return the configuration with the best prospects of which more can be learnt."""
        told = [each for each in self._told.values() if are_open(each.configuration, choices)]
        if not told:
            return {name: indices[0] for name, indices in choices.items()}
        # The student was scored on all examples; others that were have nothing new to teach either.
        most = max(len(each.examples) for each in self._told.values())
        unsure = [each for each in told if len(each.examples) < most] or told
        rated = [belief.mean + _CURIOSITY * belief.deviation for belief in self._beliefs(unsure)]
        return unsure[int(np.argmax(rated))].configuration

    def _beliefs(self, told: Sequence[_Scores]) -> list[Belief]:
        if not told:
            return []
        means, variances = self._model([each.row for each in told])
        return list(map(_belief, map(float, means), map(float, variances), told))

    def _row(self, chosen: Iterable[tuple[str, int]]) -> list[int]:
        """Return the columns of a configuration, new ones for candidates not met before."""
        row = [0]
        for choice in chosen:
            if choice not in self._columns:
                self._columns[choice] = len(self._columns) + 1
            row.append(self._columns[choice])
        return row

    def _learn(self, row: list[int], weight: float, evidence: float) -> None:
        """Have the scores of a configuration count by so much more."""
        self._grow()
        # Sherman and Morrison's formula: the row's sum was observed with this weight.
        touched = self._covariance[:, row].sum(axis=1)
        share = weight / (1 + weight * touched[row].sum())
        self._covariance -= share * np.multiply.outer(touched, touched)
        self._evidence[row] += evidence

    def _grow(self) -> None:
        known = len(self._evidence)
        more = len(self._columns) + 1 - known
        if more:
            self._covariance = np.pad(self._covariance, (0, more))
            for choice, column in self._columns.items():
                if column >= known:
                    effect = _OF_NO_DEMOS if holds_no_demos(*choice) else _OF_A_CANDIDATE
                    self._covariance[column, column] = effect**2
            self._evidence = np.pad(self._evidence, (0, more))

    def _model(
        self, rows: Sequence[list[int]] | np.typing.NDArray[np.intp]
    ) -> tuple[Floats, Floats]:
        """Return means and variances of the sum of the effects in each row."""
        self._grow()
        at = np.asarray(rows)
        effects = self._covariance @ self._evidence
        means = effects[at].sum(axis=1)
        variances = self._covariance[at[:, :, None], at[:, None, :]].sum(axis=(1, 2))
        return means, variances


def _belief(mean: float, variance: float, told: _Scores) -> Belief:
    """Return what is believed of a configuration, given the sum of its effects."""
    # So much of what sets it apart from its like is its own, the rest luck.
    own = _OF_A_MIXTURE**2 * told.weight
    return Belief(
        mean + own * (told.mean - mean), (1 - own) ** 2 * variance + _OF_A_MIXTURE**2 * (1 - own)
    )
