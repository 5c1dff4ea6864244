"""A sampler with a model of scores: of untried configurations, the most promising is tried next.

The model is `mipro_nb.runs.statistics.additive_model`; the highest upper confidence bound promises
the most.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from mipro_nb.optimizer.search.choices import Choices, Untried, Way, are_open
from mipro_nb.optimizer.search.prospects import Prospects
from mipro_nb.optimizer.search.sampler import Scores
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.statistics.additive_model import OF_A_MIXTURE, AdditiveModel
from mipro_nb.runs.statistics.belief import Belief

# How many standard deviations above its mean a configuration is rated: the higher, the more is
# tried out.
_CURIOSITY = 1.0
# The best is looked for among so many that were believed to be the best when they were last told.
_LEADING = 50


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
        self._model = AdditiveModel(paired=paired)

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
        self._untried.take(configuration)
        self._model.tell(configuration, scores)

    def belief(self, configuration: Configuration) -> Belief:
        """Return what is believed of a configuration: by its own scores and by its like."""
        return self._model.belief(configuration)

    def prospects(self, configuration: Configuration, examples: Sequence[int]) -> Prospects:
        """Return by what a trial on these examples will be judged."""
        leading = self._model.beliefs(self._model.leading(_LEADING))
        to_beat = max((belief.mean for belief in leading), default=0.0)
        difficulties = self._model.difficulties.of(examples)
        return Prospects(self.belief(configuration), to_beat, difficulties)

    def _highest(self, ways: list[Way], choices: Choices) -> tuple[Way, float]:
        """Return the way with the highest upper confidence bound, and that bound."""
        chosen = np.array(ways)
        rows = np.zeros((len(ways), 1 + len(choices)), dtype=np.intp)
        for place, (name, indices) in enumerate(choices.items()):
            columns = np.zeros(max(indices) + 1, dtype=np.intp)
            columns[list(indices)] = self._model.row((name, index) for index in indices)[1:]
            rows[:, place + 1] = columns[chosen[:, place]]
        means, variances = self._model.sums(rows)
        rated = means + _CURIOSITY * np.sqrt(variances + OF_A_MIXTURE**2)
        best = int(np.argmax(rated))
        return ways[best], float(rated[best])

    def _again(self, choices: Choices) -> Configuration:
        """Return the configuration with the best prospects of which more can be learnt."""
        told = [each for each in self._model.told.values() if are_open(each.configuration, choices)]
        if not told:
            return {name: indices[0] for name, indices in choices.items()}
        # The student was scored on all examples; others that were have nothing new to teach either.
        most = max(len(each.examples) for each in self._model.told.values())
        unsure = [each for each in told if len(each.examples) < most] or told
        rated = [
            belief.mean + _CURIOSITY * belief.deviation for belief in self._model.beliefs(unsure)
        ]
        return unsure[int(np.argmax(rated))].configuration
