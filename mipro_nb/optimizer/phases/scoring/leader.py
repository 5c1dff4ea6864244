"""The leader: the best configuration by what is known, fully evaluated or not.

Every score that was paid for counts, those of trials that were cut short as well. What was scored
on the whole valset is known; of what was not, the mean is believed (see
`mipro_nb.runs.statistics.additive_model`): few examples count for little, hard ones for what they
are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mipro_nb.optimizer.phases.scoring.gain import Gain
from mipro_nb.runs.configuration import STUDENT, Configuration, configuration_key
from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.additive_model import AdditiveModel
from mipro_nb.runs.statistics.belief import LUCK, comparable

_Z = 1.96  # of a 95 % interval


@dataclass(frozen=True)
class Known:
    """What is known of one configuration.

    Attributes
    ----------
    configuration
        Empty for the student as given.
    scores
        Example → score, 0–1.
    whole
        Whether every example of the valset was scored.
    mean
        What its mean score is, where that is known, or believed to be; 0–1.
    deviation
        The standard deviation of that belief.
    """

    configuration: Configuration
    scores: Mapping[int, float]
    whole: bool
    mean: float
    deviation: float

    @property
    def score(self) -> float:
        """Return the mean of its scores, 0–100."""
        return 100 * sum(self.scores.values()) / len(self.scores)

    def gain_over(self, student: Known) -> Gain:
        """Return the 95 % interval of the gain that is believed."""
        gain = 100 * (self.mean - student.mean)
        half = 100 * _Z * math.hypot(self.deviation, student.deviation)
        return Gain(gain - half, gain + half)


def known_configurations(state: RunState, valset_size: int) -> list[Known]:
    """Return what is known of every configuration that was scored, the student first.

    Those that hold a banned candidate are left out.
    """
    configurations: dict[str, Configuration] = {STUDENT: {}}
    for trial in state.trials.values():
        configurations.setdefault(configuration_key(trial.configuration), trial.configuration)
    scored = [
        (configuration, state.scores[key])
        for key, configuration in configurations.items()
        if state.scores.get(key)
    ]
    # A model of its own: it holds what no sampler was told, and is the same for every search.
    model = AdditiveModel(paired=True)
    for configuration, scores in scored:
        model.tell(configuration, scores)
    known = []
    for configuration, scores in scored:
        if state.is_banned(configuration):
            continue
        belief = model.belief(configuration)
        whole = len(scores) == valset_size
        mean = sum(scores.values()) / len(scores) if whole else belief.mean
        deviation = math.sqrt(LUCK / len(scores)) if whole else belief.deviation
        known.append(Known(configuration, scores, whole, mean, deviation))
    return known


def leader_of(known: list[Known]) -> Known | None:
    """Return the best of them; of equals the one that is known best, and then the first.

    The student stays where nothing is believed to be better; so it does where it is not known yet.
    """
    if not known or not known[0].whole:
        return None
    return max(known, key=lambda each: (comparable(each.mean), each.whole))
