"""Stopping: when a search ends before all trials of its plan are made, and why.

It goes by reported results only, in the order in which the search takes them into account. So the
same seed and the same LM answers end it at the same trial, at any speed of the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mipro_nb.amounts import format_score
from mipro_nb.optimizer.phases.scoring.evaluations import Evaluated
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.runs.events import SearchStopped, StopCause
from mipro_nb.runs.sentences.wording import counted

# Means of many scores are sums of floats.
_ROUNDING = 1e-9


class Shortfall:
    """Tells, while the student is being scored, as soon as it is sure that it leaves a gain.

    Parameters
    ----------
    plan
        Its ``stop_at``.

    Attributes
    ----------
    is_sure : asyncio.Event
        Set once the student cannot be as good as is asked for, whatever the rows that are left
        score: so there is a search.
    """

    def __init__(self, plan: Plan) -> None:
        self.is_sure = asyncio.Event()
        self._stopping, self._size, self._lost = Stopping(plan), plan.valset_size, 0.0

    def take(self, score: float) -> None:
        """Take the score of a row into account, 0-1."""
        self._lost += 1 - score
        highest = 100 * (1 - self._lost / self._size)
        if score < 1 and not self._stopping.meets_target(highest):
            self.is_sure.set()


class Stopping:
    """Tells whether there is anything left to gain for what the search would still spend.

    Parameters
    ----------
    plan
        Its ``stop_at`` and ``patience``.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._reached: Evaluated | None = None
        self._leaders: set[str] = set()
        self._told = self._in_vain = 0

    @property
    def due(self) -> SearchStopped | None:
        """Return why the search ends now, None if it goes on."""
        plan = self._plan
        ended = f"The search ended after {counted(self._told, 'trial')} of {plan.num_trials:,}: "
        if self._reached is not None:
            score = format_score(self._reached.score)
            return self._stopped(
                "stop_at", f"{ended}a full evaluation scored {score}, and stop_at={plan.stop_at:g}."
            )
        if plan.patience is not None and self._in_vain >= plan.patience:
            return self._stopped(
                "patience",
                f"{ended}no configuration took the lead in the last {self._in_vain:,}, and "
                f"patience={plan.patience}.",
            )
        return None

    @property
    def has_reached_target(self) -> bool:
        """Tell whether a full evaluation has the score that was asked for."""
        return self._reached is not None

    def meets_target(self, score: float) -> bool:
        """Tell whether a score in 0–100 is what ``stop_at`` asks for."""
        target = self._plan.stop_at
        if target is None:
            return False
        return score >= 100 * target / self._plan.metric_scale - _ROUNDING

    def take_student(self, baseline: Evaluated) -> SearchStopped | None:
        """Return why there is no search at all, by the score of the student; None if there is."""
        score, size = format_score(baseline.score), len(baseline.examples)
        if all(each >= 1 for each in baseline.scores.values()):
            rows = "the only validation row" if size == 1 else f"all {size:,} validation rows"
            return self._stopped(
                "full score",
                f"The student as given already answers {rows} correctly (score {score}), so "
                "nothing was searched: no prompt can do better here. Harder rows, or a stricter "
                "metric, would tell prompts apart.",
            )
        if self.meets_target(baseline.score):
            return self._stopped(
                "stop_at",
                f"The student as given scores {score} on {counted(size, 'validation row')}, and "
                f"stop_at={self._plan.stop_at:g}. So nothing was searched.",
            )
        return None

    def take_full(self, evaluated: Evaluated) -> None:
        """Take a full evaluation into account."""
        if self._reached is None and self.meets_target(evaluated.score):
            self._reached = evaluated

    def take_first_leader(self, leader: str) -> None:
        """Take into account which configuration leads before the first trial, by its key."""
        self._leaders.add(leader)

    def take_trial(self, leading: Callable[[], str]) -> None:
        """Take into account that a trial was told, and which configuration leads since.

        Parameters
        ----------
        leading
            Returns the key of the best configuration by what was told. It is asked only if there
            is a ``patience``.
        """
        self._told += 1
        self._in_vain += 1
        # Two that take turns in the lead bring nothing new.
        if self._plan.patience is not None and (leader := leading()) not in self._leaders:
            self._leaders.add(leader)
            self._in_vain = 0

    def _stopped(self, cause: StopCause, reason: str) -> SearchStopped:
        return SearchStopped(cause=cause, trials=self._told, reason=reason)
