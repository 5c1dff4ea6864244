"""The outlook of a plan: what the record has answered of it, and how long the rest takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from mipro_nb.amounts import format_count, format_usd
from mipro_nb.optimizer.planning.estimate import Amount
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import Spend
from mipro_nb.runs.view_model import HistoryRow

# Runs that tell how long calls take: a few of the newest, each of enough calls.
_TELLING_RUNS = 5
_TELLING_CALLS = 20
_UNKNOWN_TIME = (
    "How long it takes is not known: no run in this record has had "
    f"{_TELLING_CALLS} calls of these models answered."
)


@dataclass(frozen=True)
class Answered:
    """What the record has answered of a plan.

    Attributes
    ----------
    run_id
        The run that asked.
    calls, usd
        What was asked, and what it cost; None where a price is not known.
    usd_of_a_call
        What one that was sent cost in the mean; None where that is not known.
    all_of_it
        The run went through the whole plan, and nobody steered it.
    """

    run_id: str
    calls: int
    usd: float | None
    usd_of_a_call: float | None = None
    all_of_it: bool = False

    @classmethod
    def by(cls, run_id: str, spend: Spend, *, all_of_it: bool = False) -> Answered:
        """Return what a run was answered, by the server or by the record itself."""
        mean = None if spend.usd is None or not spend.calls else spend.usd / spend.calls
        return cls(run_id, spend.calls + spend.cached_calls, spend.usd, mean, all_of_it)

    def left_of(self, plan: Plan) -> vm.LeftToPay:
        """Return what is left to pay of a plan."""
        total = plan.estimate.total
        usd = f" ({format_usd(self.usd)})" if self.usd else ""
        told = (
            f"The record already has the answers to {counted(self.calls, 'call')}{usd} of run "
            f"{self.run_id}. The table is for the whole run."
        )
        if self.all_of_it:
            told += " You pay only for what turns out differently, or for what you steer."
        calls = self._less(total.calls, self.calls)
        return {"calls": calls, "usd": self._usd_left(total.usd, calls), "told": told}

    def _usd_left(self, estimated: Amount | None, calls: vm.Range) -> vm.Range | None:
        """Return what so many calls cost, by what those before did; the estimate bounds it."""
        if estimated is None or self.usd is None:
            return None
        left = self._less(estimated, self.usd)
        if self.usd_of_a_call is None:
            return left
        expected = self.usd_of_a_call * calls["expected"]
        low, high = self.usd_of_a_call * calls["low"], self.usd_of_a_call * calls["high"]
        return {
            "low": min(left["low"], low),
            "expected": expected,
            "high": max(left["high"], high),
        }

    def _less(self, amount: Amount, answered: float) -> vm.Range:
        if self.all_of_it:
            return Amount(0, 0, 0).to_dict()
        bounds = (amount.low, amount.expected, amount.high)
        return Amount(*(max(0.0, bound - answered) for bound in bounds)).to_dict()


@dataclass(frozen=True)
class SecondsPerCall:
    """How long an LM call occupies one of the threads, in runs of the same models.

    Attributes
    ----------
    fastest, usual, slowest
        Seconds, by run.
    runs
        How many runs tell it.
    """

    fastest: float
    usual: float
    slowest: float
    runs: int

    @classmethod
    def of(cls, plan: Plan, rows: Iterable[HistoryRow]) -> SecondsPerCall | None:
        """Return the seconds that the newest runs of the record tell; None if none does."""
        models = dict(plan.models)
        paces = [
            row["seconds"] * threads / row["calls"]
            for row in rows
            if row["models"] == models
            and row["calls"] >= _TELLING_CALLS
            and row["seconds"] > 0
            and isinstance(threads := row["settings"].get("num_threads"), int)
        ][:_TELLING_RUNS]
        if not paces:
            return None
        return cls(min(paces), median(paces), max(paces), len(paces))

    def seconds(self, calls: vm.Range, plan: Plan) -> vm.Range:
        """Return how long so many calls take."""
        threads = plan.num_threads
        return {
            "low": calls["low"] * self.fastest / threads,
            "expected": calls["expected"] * self.usual / threads,
            "high": calls["high"] * self.slowest / threads,
        }


@dataclass(frozen=True)
class Outlook:
    """What a person is told beside the estimate.

    Attributes
    ----------
    left
        What there is left to pay; None where nothing of the plan is answered.
    seconds
        How long that takes; None where nothing tells it.
    seconds_told
        What that rests on.
    """

    left: vm.LeftToPay | None = None
    seconds: vm.Range | None = None
    seconds_told: str | None = None


def outlook_of(plan: Plan, rows: Iterable[HistoryRow], answered: Answered | None) -> Outlook:
    """Return the outlook of a plan, from the record's runs, the newest first."""
    left = None if answered is None else answered.left_of(plan)
    calls = plan.estimate.total.calls.to_dict() if left is None else left["calls"]
    if calls["high"] == 0:
        return Outlook(left)
    per_call = SecondsPerCall.of(plan, rows)
    if per_call is None:
        return Outlook(left, seconds_told=_UNKNOWN_TIME)
    rests = "run" if per_call.runs == 1 else f"{format_count(per_call.runs)} runs"
    told = (
        f"The time is estimated from the last {rests} with these models; a faster or slower server "
        "changes it."
    )
    return Outlook(left, per_call.seconds(calls, plan), told)
