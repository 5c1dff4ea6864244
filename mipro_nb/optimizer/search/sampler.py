"""What the search asks of a sampler: which configuration is tried next."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from mipro_nb.optimizer.search.choices import Choices, Untried
from mipro_nb.optimizer.search.prospects import Prospects
from mipro_nb.runs.configuration import Configuration, configuration_key
from mipro_nb.runs.statistics.belief import LUCK, Belief, Difficulties, evened

Scores = Mapping[int, float]
"""Example → score, 0–1."""

_NOTHING_KNOWN = Belief(0.0, float("inf"))


@runtime_checkable
class AnySampler(Protocol):
    """Draws configurations, the more often the better their like have scored.

    Everything it does follows from its seed and from the order of what it was told. What may be
    tried can change at any time.
    """

    def ask(self, choices: Choices) -> Configuration:
        """Return the next configuration to try: an untried one, as long as there is any."""

    def tell(self, configuration: Configuration, scores: Scores) -> None:
        """Take the scores of an evaluation into account, drawn here or not."""

    def belief(self, configuration: Configuration) -> Belief:
        """Return what is believed of a configuration's mean score."""

    def prospects(self, configuration: Configuration, examples: Sequence[int]) -> Prospects:
        """Return by what a trial on these examples will be judged."""


class SamplerFactory(Protocol):
    """Makes a sampler, such as its class."""

    def __call__(self, seed: int, *, paired: bool) -> AnySampler:
        """Return a sampler for one search."""


class Sampler(ABC):
    """The base of samplers: a subclass says which configuration is tried next.

    The base keeps the scores. It believes of each configuration the mean of its own, by which the
    search chooses what is fully evaluated.

    Parameters
    ----------
    seed
        Seed of all draws.
    paired
        Take the difficulty of examples off the scores.

    Attributes
    ----------
    rng : random.Random
        What the seed gives: draw with nothing else.

    Examples
    --------
    >>> class Shuffled(Sampler):
    ...     def ask(self, choices):
    ...         return self.untried(choices) or {name: each[0] for name, each in choices.items()}
    >>> sampler = Shuffled(seed=9, paired=True)
    >>> sampler.ask({"solve:instruction": [4]})
    {'solve:instruction': 4}
    """

    def __init__(self, seed: int, *, paired: bool) -> None:
        self.rng = random.Random(f"{seed}:untried")
        self._untried = Untried(self.rng)
        self._scores: dict[str, dict[int, float]] = {}
        self._means: dict[str, float] = {}
        self._difficulties = Difficulties(paired)

    @abstractmethod
    def ask(self, choices: Choices) -> Configuration:
        """Return the next configuration to try: an untried one, as long as there is any.

        Several trials are under way at once: what was asked before may not be told yet.

        Parameters
        ----------
        choices
            Variable → the candidates that may be chosen. Candidates are banned, pinned and added
            while the search goes on.
        """

    def tell(self, configuration: Configuration, scores: Scores) -> None:
        """Take the scores of an evaluation into account.

        It may be one that was never asked for, as the student's own and those of a run before it
        was resumed, or one that was told before, then with scores of further examples.

        Parameters
        ----------
        configuration
            What was evaluated.
        scores
            Example → score, 0–1.
        """
        key = configuration_key(configuration)
        self._untried.take(configuration)
        told = self._scores.setdefault(key, {})
        fresh = {example: score for example, score in scores.items() if example not in told}
        told.update(fresh)
        if fresh:
            self._means[key] = evened(told, self._difficulties.of(told))
            self._difficulties.learn(fresh, self._means[key])

    def untried(self, choices: Choices) -> Configuration | None:
        """Return one of the configurations that were not tried, by chance; None if all were.

        What it returns counts as tried from now on.
        """
        ways = self._untried.ways(choices)
        if not ways:
            return None
        configuration = dict(zip(choices, self.rng.choice(ways), strict=True))
        self._untried.take(configuration)
        return configuration

    def belief(self, configuration: Configuration) -> Belief:
        """Return the mean of all scores of a configuration."""
        key = configuration_key(configuration)
        if key not in self._scores:
            return _NOTHING_KNOWN
        return Belief(self._means[key], LUCK / len(self._scores[key]))

    def prospects(self, configuration: Configuration, examples: Sequence[int]) -> Prospects:
        """Return by what a trial on these examples will be judged."""
        best = max(self._means.values(), default=0.0)
        return Prospects(self.belief(configuration), best, self._difficulties.of(examples))
