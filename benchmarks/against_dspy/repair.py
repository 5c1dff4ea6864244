"""What repair brings at equal numbers of LM calls, on tasks with and without hidden rules.

python -m benchmarks.against_dspy.repair [--seeds 20]

With hidden rules, a prompt model that sees solved tickets finds the rule behind each of their
topics half of the time, whether they are demos or failures: how much a repair is better follows
from what it is shown alone. Without, what it writes is good or bad by chance.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

from benchmarks.against_dspy.processes import Loopback, measure
from benchmarks.against_dspy.table import Table
from benchmarks.against_dspy.task import Prompt, Task

_THREADS = 6
_CANDIDATES = 6
_BUDGETS = {"paired": (10, 20), "repair": (10, 15)}


def compare(seeds: Sequence[int], *, has_rules: bool) -> None:
    """Print a table of all contenders on one kind of tasks."""
    students = [Task(seed, has_rules=has_rules).true_score(Prompt(None, ())) for seed in seeds]
    what = "with hidden rules" if has_rules else "without rules"
    table = Table(
        f"True score in % against LM calls, {len(seeds)} tasks {what}",
        (
            "search", "num_trials", "calls", "estimated", "true score", "s.e.", "own estimate",
            "own - true", "below the student",
        ),
    )  # fmt: skip
    table.add("student as given", "–", 0, "–", mean(students), *[None] * 4)
    with Loopback() as server:
        for search, budgets in _BUDGETS.items():
            for trials in budgets:
                optimizer: dict[str, Any] = {"search": search, "num_candidates": _CANDIDATES}
                results = measure(
                    "mipro_nb",
                    "optimize",
                    server,
                    {"has_rules": has_rules},
                    seeds=seeds,
                    threads=_THREADS,
                    optimizer=optimizer,
                    num_trials=trials,
                )
                true = [result["true_score"] for result in results]
                own = mean(result["score"] for result in results)
                below = sum(t < s for t, s in zip(true, students, strict=True))
                low, high = (
                    mean(result["estimated"][end] for result in results) for end in ("low", "high")
                )
                table.add(
                    search,
                    trials,
                    float(mean(result["calls"] for result in results)),
                    f"{low:.0f} – {high:.0f}",
                    mean(true),
                    stdev(true) / len(true) ** 0.5,
                    own,
                    own - mean(true),
                    f"{below} of {len(seeds)}",
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    chosen = parser.parse_args()
    for has_rules in (True, False):
        compare(range(chosen.seeds), has_rules=has_rules)


if __name__ == "__main__":
    main()
