"""What the search asks of a sampler: which configuration is tried next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mipro_nb.optimizer.search.belief import Belief, Prospects
from mipro_nb.optimizer.search.choices import Choices
from mipro_nb.runs.configuration import Configuration

Scores = Mapping[int, float]
"""Example → score, 0–1."""


class Sampler(Protocol):
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
