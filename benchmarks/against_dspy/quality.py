"""True score of the returned program against LM calls spent, over many simulated tasks.

python -m benchmarks.against_dspy.quality [--seeds 30] [--first 0] [--trials 3 5 7 10 15 20]

Every seed is another task (see `task`), the same for all contenders. Budgets are numbers of trials;
what that means in calls is counted by the server.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import mean, median, quantiles, stdev
from typing import Any

from benchmarks.against_dspy.processes import Loopback, measure
from benchmarks.against_dspy.table import Table
from benchmarks.against_dspy.task import Prompt, Task

_THREADS = 6
_CANDIDATES = 6  # of auto="light"
_LIGHT_TRIALS = 10
_RANDOM_CONFIGURATIONS = (3, 6)  # six whole valsets are about what DSPy spends on its search
_SEARCHES = ("paired", "mipro")


@dataclass(frozen=True)
class Contender:
    """One way to spend LM calls."""

    name: str
    budget: str
    library: str
    what: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def results(self, server: Loopback, seeds: Sequence[int]) -> list[dict[str, Any]]:
        """Return what came of every seed."""
        return measure(
            self.library, self.what, server, {}, seeds=seeds, threads=_THREADS, **self.arguments
        )


def contenders(trial_counts: Sequence[int]) -> list[Contender]:
    """Return all that are compared, DSPy first."""
    found = [Contender("DSPy", "auto='light'", "DSPy", "optimize")]
    for search in _SEARCHES:
        for trials in trial_counts:
            optimizer = {"search": search, "num_candidates": _CANDIDATES}
            arguments: dict[str, Any] = {"optimizer": optimizer, "num_trials": trials}
            budget = f"num_trials={trials}"
            if trials == _LIGHT_TRIALS:
                arguments = {"optimizer": {"search": search, "auto": "light"}}
                budget = "auto='light'"
            found.append(
                Contender(f"mipro_nb, {search}", budget, "mipro_nb", "optimize", arguments)
            )
    for count in _RANDOM_CONFIGURATIONS:
        arguments = {"configurations": count}
        found.append(
            Contender("random", f"{count} valsets", "mipro_nb", "search_at_random", arguments)
        )
    return found


@dataclass(frozen=True)
class Outcome:
    """What came of one contender's budget, seed by seed; scores in %."""

    contender: Contender
    calls: list[int]
    true_scores: list[float]
    own_scores: list[float]
    best_scores: list[float]

    @classmethod
    def of(cls, contender: Contender, results: list[dict[str, Any]]) -> Outcome:
        """Return what the processes' figures say."""
        return cls(
            contender,
            [result["calls"] for result in results],
            [result["true_score"] for result in results],
            [result["score"] for result in results],
            [result["best_true_score"] for result in results if "best_true_score" in result],
        )

    def gains(self, reference: Outcome) -> list[float]:
        """Return by how much each seed's program is truly better than the reference's."""
        pairs = zip(self.true_scores, reference.true_scores, strict=True)
        return [ours - theirs for ours, theirs in pairs]


def compare(seeds: Sequence[int], trial_counts: Sequence[int]) -> None:
    """Print both tables."""
    table = Table(
        f"True score in % against LM calls, {len(seeds)} tasks",
        (
            "contender", "budget", "calls", "quartiles", "true score", "quartiles",
            "own estimate", "best candidate", "mean gain on DSPy", "s.e.",
        ),
    )  # fmt: skip
    student = [Task(seed).true_score(Prompt(None, ())) for seed in seeds]
    table.add("student as given", "–", 0, "–", median(student), _quartiles(student), *[None] * 4)
    outcomes: list[Outcome] = []
    with Loopback() as server:
        for contender in contenders(trial_counts):
            outcome = Outcome.of(contender, contender.results(server, seeds))
            outcomes.append(outcome)
            gains = outcome.gains(outcomes[0])
            table.add(
                contender.name,
                contender.budget,
                float(median(outcome.calls)),
                _quartiles(outcome.calls),
                median(outcome.true_scores),
                _quartiles(outcome.true_scores),
                median(outcome.own_scores),
                median(outcome.best_scores) if outcome.best_scores else None,
                mean(gains),
                stdev(gains) / len(gains) ** 0.5,
            )
    _print_needed(outcomes)


def _print_needed(outcomes: Sequence[Outcome]) -> None:
    """Print the smallest budgets with which each contender gets as far as DSPy."""
    reference = outcomes[0]
    goal, calls_of_dspy = median(reference.true_scores), median(reference.calls)
    table = Table(
        f"Median calls of the smallest budget that gets as far as DSPy ({goal:.1f} %)",
        ("contender", "by the median", "/ DSPy", "by the mean gain", "/ DSPy"),
    )
    for name in dict.fromkeys(outcome.contender.name for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.contender.name == name]
        by_median = _least(o for o in own if median(o.true_scores) >= goal)
        by_gain = _least(o for o in own if mean(o.gains(reference)) >= 0)
        cells = []
        for least in (by_median, by_gain):
            cells += [least, None if least is None else least / calls_of_dspy]
        table.add(name, *cells)


def _least(outcomes: Iterable[Outcome]) -> float | None:
    return min((float(median(outcome.calls)) for outcome in outcomes), default=None)


def _quartiles(values: Sequence[float]) -> str:
    low, _, high = quantiles(values, n=4)
    return f"{low:.0f} – {high:.0f}" if low >= 100 else f"{low:.1f} – {high:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--trials", type=int, nargs="+", default=[3, 5, 7, _LIGHT_TRIALS, 15, 20])
    chosen = parser.parse_args()
    compare(range(chosen.first, chosen.first + chosen.seeds), chosen.trials)


if __name__ == "__main__":
    main()
