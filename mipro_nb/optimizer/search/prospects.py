"""When a trial is lost: what it was expected to score, and what the best configuration does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mipro_nb.runs.statistics.belief import Belief, evened


@dataclass(frozen=True)
class Prospects:
    """What was believed when a trial was asked: the same at any speed of the network.

    Attributes
    ----------
    belief
        About the configuration of the trial.
    to_beat
        The mean of the best configuration.
    difficulties
        Of the examples of the trial.
    """

    belief: Belief
    to_beat: float
    difficulties: Mapping[int, float]

    def are_lost(self, scores: Mapping[int, float]) -> bool:
        """Tell whether a trial with these scores so far is clearly behind the best."""
        mean = evened(scores, self.difficulties)
        return self.belief.after(mean, len(scores)).at_best < self.to_beat
