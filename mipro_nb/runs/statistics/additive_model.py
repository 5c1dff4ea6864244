"""A model of scores: what each candidate adds, and what the mixture does.

The score of a configuration is taken to be a constant, plus an effect of every candidate in it,
plus an effect of just this mixture, all normally distributed (a mixed model, as in Henderson 1975,
with known variances). Every configuration that was told counts by the examples it was scored on.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mipro_nb.runs.configuration import Configuration, configuration_key, holds_no_demos
from mipro_nb.runs.statistics.belief import LUCK, Belief, Difficulties, evened

# Standard deviations of effects before anything is known, on scores of 0–1. In simulations, 0.07
# to 0.15 for a candidate and 0.05 to 0.1 for a mixture made little difference.
_OF_A_CANDIDATE = 0.12
# To show no demos is unlike showing any. The student as given shows none: a low score of its own
# must not count against its instruction as much as against its lack of demos.
_OF_NO_DEMOS = 0.3
OF_A_MIXTURE = 0.07
_OF_THE_CONSTANT = 0.5

# Not imported from numpy.typing: DSPy up to 3.3 has a stand-in for numpy, which breaks at that.
Floats = np.typing.NDArray[np.floating[Any]]
Rows = Sequence[list[int]] | np.typing.NDArray[np.intp]
"""Columns of the model whose effects are added up, for each of some configurations."""


@dataclass
class Told:
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
        """Return its mean score, as if all examples were of mean difficulty."""
        return self.points / max(1, len(self.examples))

    @property
    def weight(self) -> float:
        """One by the variance of the mean about the sum of the effects; 0 before any score."""
        return len(self.examples) / (OF_A_MIXTURE**2 * len(self.examples) + LUCK)


class AdditiveModel:
    """What each candidate adds to the score, by what was told about configurations.

    Parameters
    ----------
    paired
        Take the difficulty of examples off the scores.

    Attributes
    ----------
    told
        What is known of each configuration, by its key.
    difficulties
        How hard the examples are.
    """

    def __init__(self, *, paired: bool) -> None:
        self.difficulties = Difficulties(paired)
        self.told: dict[str, Told] = {}
        # A column of the model per candidate; the first is the constant's.
        self._columns: dict[tuple[str, int], int] = {}
        self._covariance: Floats = np.diag([_OF_THE_CONSTANT**2])
        self._evidence: Floats = np.array([0.5 / _OF_THE_CONSTANT**2])

    def tell(self, configuration: Configuration, scores: Mapping[int, float]) -> None:
        """Take the scores of an evaluation into account; those that are known are not new."""
        key = configuration_key(configuration)
        told = self.told.get(key)
        if told is None:
            row = self.row(configuration.items())
            told = self.told[key] = Told(configuration, row, 0.0, set())
        fresh = {
            example: score for example, score in scores.items() if example not in told.examples
        }
        if not fresh:
            return
        weight, evidence = told.weight, told.weight * told.mean
        told.points += len(fresh) * evened(fresh, self.difficulties.of(fresh))
        told.examples |= fresh.keys()
        self._learn(told.row, told.weight - weight, told.weight * told.mean - evidence)
        told.rating = self.beliefs([told])[0].mean
        self.difficulties.learn(fresh, told.mean)

    def belief(self, configuration: Configuration) -> Belief:
        """Return what is believed of a configuration: by its own scores and by its like."""
        key = configuration_key(configuration)
        if key in self.told:
            return self.beliefs([self.told[key]])[0]
        means, variances = self.sums([self.row(configuration.items())])
        return Belief(float(means[0]), float(variances[0]) + OF_A_MIXTURE**2)

    def beliefs(self, told: Sequence[Told]) -> list[Belief]:
        """Return what is believed of configurations that were told."""
        if not told:
            return []
        means, variances = self.sums([each.row for each in told])
        return list(map(_belief, map(float, means), map(float, variances), told))

    def leading(self, most: int) -> list[Told]:
        """Return the configurations that were believed to be the best when they were last told."""
        return heapq.nlargest(most, self.told.values(), key=lambda told: told.rating)

    def added(self, variable: str, index: int, instead_of: int) -> Belief:
        """Return what a candidate adds to the score where it stands instead of another."""
        _, column, other = self.row([(variable, index), (variable, instead_of)])
        self._grow()
        effects = self._covariance @ self._evidence
        covariance = self._covariance
        variance = covariance[column, column] + covariance[other, other]
        variance -= 2 * covariance[column, other]
        return Belief(float(effects[column] - effects[other]), max(0.0, float(variance)))

    def row(self, chosen: Iterable[tuple[str, int]]) -> list[int]:
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

    def sums(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return means and variances of the sum of the effects in each row."""
        self._grow()
        at = np.asarray(rows)
        effects = self._covariance @ self._evidence
        means = effects[at].sum(axis=1)
        variances = self._covariance[at[:, :, None], at[:, None, :]].sum(axis=(1, 2))
        return means, variances


def _belief(mean: float, variance: float, told: Told) -> Belief:
    """Return what is believed of a configuration, given the sum of its effects."""
    # So much of what sets it apart from its like is its own, the rest luck.
    own = OF_A_MIXTURE**2 * told.weight
    return Belief(
        mean + own * (told.mean - mean), (1 - own) ** 2 * variance + OF_A_MIXTURE**2 * (1 - own)
    )
