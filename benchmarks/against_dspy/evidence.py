"""What repairs come to by the rows that they are shown, on tasks with hidden rules.

python -m benchmarks.against_dspy.evidence [--seeds 60]

It simulates the search alone, without a server. Each configuration is scored on the whole valset,
and two rounds of repair have two parents run on a few training rows each. Contenders try equally
many configurations, and differ in the rows that are run and that the prompt model sees.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from benchmarks.against_dspy.table import Table
from benchmarks.against_dspy.task import DEMOS, ROWS, TRAIN_ROWS, Prompt, Task
from mipro_nb.optimizer.phases.proposing.repair import SHOWN
from mipro_nb.optimizer.phases.proposing.repair_rounds import PARENTS, REPAIRS, parents_of

_CANDIDATES = 6
_TRIALS = (5, 5, 2)  # before each round of repair, and after the last one
_ROUNDS = len(_TRIALS) - 1
_TRAIN, _VAL = range(TRAIN_ROWS), range(TRAIN_ROWS, ROWS)

Shown = Callable[[int, Sequence[int], set[int]], Sequence[int]]
"""Takes the repair of a parent (0 or 1), the rows that this parent failed, and those that another
one got right; returns the rows to show."""


def in_turn(repair: int, failed: Sequence[int], _: set[int]) -> Sequence[int]:
    """Return rows that the parent failed, each repair beginning with others."""
    first = repair * SHOWN % len(failed)
    return [*failed[first:], *failed[:first]][:SHOWN]


def contrasted(repair: int, failed: Sequence[int], right: set[int]) -> Sequence[int]:
    """Return, for every second repair, rows that the parent failed and another one got right."""
    won = [row for row in failed if row in right]
    return won[:SHOWN] if repair and won else in_turn(repair, failed, right)


@dataclass(frozen=True)
class Contender:
    """How the rows of a round are chosen and shown; nothing is repaired if `shown` is None.

    Each parent is run on so many `rows`, and on those first that failed in bootstrapping if it
    `begins_with_failed`.
    """

    name: str
    shown: Shown | None = None
    rows: int = 8
    begins_with_failed: bool = False


REFERENCE = Contender("failures of the parents", in_turn)
CONTENDERS = (
    Contender("no repair, random trials instead"),
    REFERENCE,
    Contender("every second repair by contrast", contrasted),
    *(
        Contender(f"failures, {order}", in_turn, rows=rows, begins_with_failed=begins)
        for rows in (8, 6, 4)
        for order, begins in (("any row", False), ("failed in bootstrapping first", True))
        if begins or rows < REFERENCE.rows
    ),
)


@dataclass
class Search:
    """One search on one task."""

    task: Task
    contender: Contender

    def __post_init__(self) -> None:
        """Bootstrap and propose, alike for all contenders."""
        self._rng = random.Random(f"{self.task.seed}:search")
        labelled = tuple(sorted(self._rng.sample(_TRAIN, DEMOS)))
        tried: set[int] = set()
        self._demo_sets = [(), labelled]
        self._failed: list[int] = []
        for _ in range(_CANDIDATES - 2):
            passed: list[int] = []
            for row in self._rng.sample(_TRAIN, TRAIN_ROWS):
                if len(passed) < DEMOS:
                    tried.add(row)
                    others = tuple(demo for demo in labelled if demo != row)
                    if self._is_right(Prompt(None, others), row):
                        passed.append(row)
                    elif row not in self._failed:
                        self._failed.append(row)
            self._demo_sets.append(tuple(sorted(passed)))
        self._drafts = 0
        self._instructions = [Prompt(None, ())]
        for demos in self._demo_sets[1:]:
            self._write(demos, ())
        self._scores: dict[Prompt, dict[int, float]] = {}

    def true_score(self) -> float:
        """Return the true score of what is the best on the valset, in %."""
        pool = self._rng.sample(_TRAIN, TRAIN_ROWS)
        if self.contender.begins_with_failed:
            pool.sort(key=lambda row: row not in self._failed)
        for number, trials in enumerate(_TRIALS):
            for _ in range(trials):
                self._try_any()
            if number < _ROUNDS:
                if self.contender.shown is None:
                    for _ in range(REPAIRS):
                        self._try_any()
                else:
                    rows = self.contender.rows
                    self._repair(pool[number * rows :][:rows], self.contender.shown)
        best = max(self._scores, key=lambda prompt: sum(self._scores[prompt].values()))
        return self.task.true_score(best)

    def _repair(self, rows: Sequence[int], shown: Shown) -> None:
        by_key = {str(prompt): prompt for prompt in self._scores}
        scores = {key: self._scores[prompt] for key, prompt in by_key.items()}
        parents = [by_key[key] for key in parents_of(scores, self._rng)]
        right = [{row for row in rows if self._is_right(parent, row)} for parent in parents]
        for place, parent in enumerate(parents):
            failed = [row for row in rows if row not in right[place]]
            others = {row for n, own in enumerate(right) if n != place for row in own}
            for repair in range(REPAIRS // PARENTS if failed else 0):
                self._write(shown(repair, failed, others), parent.rules)
                written = self._instructions[-1]
                self._score(Prompt(written.instruction, parent.demos, written.rules))

    def _write(self, seen: Sequence[int], known: Sequence[tuple[int, str]]) -> None:
        self._drafts += 1
        self._instructions.append(Prompt.of(self.task.written(self._drafts, seen, known), ()))

    def _try_any(self) -> None:
        written, demos = self._rng.choice(self._instructions), self._rng.choice(self._demo_sets)
        self._score(Prompt(written.instruction, demos, written.rules))

    def _score(self, prompt: Prompt) -> None:
        if prompt not in self._scores:
            self._scores[prompt] = {row: float(self._is_right(prompt, row)) for row in _VAL}

    def _is_right(self, prompt: Prompt, row: int) -> bool:
        return self.task.answer(prompt, row) == self.task.team(row)


def compare(seeds: Sequence[int]) -> None:
    """Print a table of all contenders."""
    table = Table(
        f"True score in % by what a repair is shown, {len(seeds)} tasks with hidden rules",
        ("repairs", "rows run", "true score", "against the second line", "s.e."),
    )
    scores = {
        contender: [Search(Task(seed, has_rules=True), contender).true_score() for seed in seeds]
        for contender in CONTENDERS
    }
    reference = scores[REFERENCE]
    for contender, own in scores.items():
        gains = [ours - theirs for ours, theirs in zip(own, reference, strict=True)]
        is_reference = own is reference
        table.add(
            contender.name,
            _ROUNDS * PARENTS * contender.rows if contender.shown else 0,
            mean(own),
            None if is_reference else mean(gains),
            None if is_reference else stdev(gains) / len(gains) ** 0.5,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=60)
    compare(range(parser.parse_args().seeds))


if __name__ == "__main__":
    main()
