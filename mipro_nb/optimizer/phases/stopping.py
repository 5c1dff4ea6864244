"""Stopping: when a search ends before all trials of its plan are made, and why.

It goes by reported results only, in the order in which the search takes them into account. So the
same seed and the same LM answers end it at the same trial, at any speed of the network.
"""

from __future__ import annotations

from typing import Literal

from mipro_nb.amounts import format_score
from mipro_nb.optimizer.phases.evaluations import Evaluated
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.runs.events import SearchStopped
from mipro_nb.runs.sentences.wording import counted

# Means of many scores are sums of floats.
_ROUNDING = 1e-9


class Stopping:
    """Tells whether there is anything left to gain for what the search would still spend.

    Parameters
    ----------
    plan
        Its ``stop_at`` and ``patience``.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._reached: SearchStopped | None = None
        self._leaders: set[str] = set()
        self._told = self._in_vain = 0

    @property
    def due(self) -> SearchStopped | None:
        """Return why the search ends now, None if it goes on."""
        if self._reached is not None:
            return self._reached
        patience = self._plan.patience
        if patience is None or self._in_vain < patience:
            return None
        return SearchStopped(
            cause="patience",
            trials=self._told,
            reason=(
                f"The search ended after {counted(self._told, 'trial')} of "
                f"{self._plan.num_trials:,}: no configuration took the lead in the last "
                f"{self._in_vain:,}, and patience={patience}."
            ),
        )

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
        score = format_score(baseline.score)
        rows = counted(len(baseline.examples), "validation row")
        if all(each >= 1 for each in baseline.scores.values()):
            self._reach(
                "full score",
                f"The {rows} are all answered rightly by the student as given: it scores {score}, "
                "and no prompt can do better here. So nothing was searched. Harder rows, or a "
                "stricter metric, would tell prompts apart.",
            )
        elif self.meets_target(baseline.score):
            self._reach(
                "stop_at",
                f"The student as given scores {score} on {rows}, and stop_at="
                f"{self._plan.stop_at:g}. So nothing was searched.",
            )
        return self._reached

    def take_full(self, evaluated: Evaluated) -> None:
        """Take a full evaluation into account."""
        if self._reached is None and self.meets_target(evaluated.score):
            self._reach(
                "stop_at",
                f"The search ended after {counted(self._told, 'trial')} of "
                f"{self._plan.num_trials:,}: a full evaluation scored "
                f"{format_score(evaluated.score)}, and stop_at={self._plan.stop_at:g}.",
            )

    def take_trial(self, leader: str) -> None:
        """Take into account that a trial was told, and which configuration leads since.

        Parameters
        ----------
        leader
            The key of the configuration that is believed to be the best.
        """
        self._told += 1
        self._in_vain += 1
        # Two that lead by turns bring nothing new.
        if leader not in self._leaders:
            self._leaders.add(leader)
            self._in_vain = 0

    def _reach(self, cause: Literal["full score", "stop_at"], reason: str) -> None:
        self._reached = SearchStopped(cause=cause, trials=self._told, reason=reason)
