"""How far the metric's scores and a person's ratings of the same replies agree."""

from __future__ import annotations

from dataclasses import dataclass

from mipro_nb.runs.state import RunState


@dataclass(frozen=True)
class Agreement:
    """How often metric and ratings say the same of a reply.

    Attributes
    ----------
    replies
        How many replies were rated.
    threshold
        The score from which on the metric counts as taking a reply for good, as the metric gives
        its scores.
    both_good, both_bad
        Replies of which both say the same.
    only_metric, only_person
        Replies that only the metric takes for good, and those that only the person does.

    Examples
    --------
    >>> agreed = Agreement(20, 1, both_good=10, both_bad=5, only_metric=4, only_person=1)
    >>> agreed.share, round(agreed.kappa, 2)
    (0.75, 0.48)
    """

    replies: int
    threshold: float
    both_good: int
    both_bad: int
    only_metric: int
    only_person: int

    @property
    def share(self) -> float | None:
        """Return the share of replies that both say the same of; None if none was rated."""
        return (self.both_good + self.both_bad) / self.replies if self.replies else None

    @property
    def kappa(self) -> float | None:
        """Return how much of the agreement is more than chance: 1 for all of it, 0 for none.

        It is Cohen's kappa, (pₒ − pₑ) / (1 − pₑ): pₒ is the share that both agree on, pₑ the one to
        expect of two who say good as often as these do, but independently (J. Cohen, A coefficient
        of agreement for nominal scales, Educational and Psychological Measurement 20, 1960,
        37–46). None where it is not defined: both call every reply good, or every reply bad.
        """
        if not self.replies or self.share is None:
            return None
        metric = (self.both_good + self.only_metric) / self.replies
        person = (self.both_good + self.only_person) / self.replies
        by_chance = metric * person + (1 - metric) * (1 - person)
        return None if by_chance == 1 else (self.share - by_chance) / (1 - by_chance)


def agreement_of(state: RunState, threshold: float | None = None) -> Agreement:
    """Return how often the metric agrees with the ratings of a run.

    Parameters
    ----------
    state
        The run.
    threshold
        The score from which on the metric counts as taking a reply for good, as the metric gives
        it. If None, the ``metric_threshold`` of the run, or else a full score.
    """
    planned = state.planned
    scale = 1 if planned is None else planned.metric_scale
    if threshold is None:
        wanted = None if planned is None else planned.plan.get("metric_threshold")
        threshold = wanted if isinstance(wanted, int | float) else scale
    counts = {(good, rated): 0 for good in (True, False) for rated in (True, False)}
    for rated in state.ratings.values():
        score = state.scores.get(rated.configuration, {}).get(rated.example)
        if score is not None:
            counts[score >= threshold / scale, rated.rating == "good"] += 1
    return Agreement(
        replies=sum(counts.values()),
        threshold=threshold,
        both_good=counts[True, True],
        both_bad=counts[False, False],
        only_metric=counts[True, False],
        only_person=counts[False, True],
    )
