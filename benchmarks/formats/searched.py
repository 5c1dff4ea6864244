"""Whether to search the prompt format: simulated tasks, with and without it among the variables.

The student is measured in four formats on 20 training rows, as a run does. Then a search of equally
many trials goes on in the best one alone ("settled"), or in all that `contenders` lets join
("searched"). What counts is the true score of what each returns.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from mipro_nb.optimizer.phases.contending_formats import contenders
from mipro_nb.optimizer.phases.measure_formats import best_of
from mipro_nb.optimizer.search.additive import AdditiveSampler
from mipro_nb.runs.configuration import FORMAT, Configuration, configuration_key
from mipro_nb.runs.events import FormatMeasured

_NAMES = ("lines", "tags", "json", "value")
_INSTRUCTIONS, _DEMO_SETS = 7, 6
_VALSET, _MINIBATCH, _FINALISTS, _MEASURED = 100, 25, 3, 20

WORLDS: Mapping[str, Callable[[random.Random], Sequence[float]]] = {
    "all alike": lambda _: (0, 0, 0, 0),
    "one good, others hopeless": lambda _: (0, -0.5, -0.5, -0.5),
    "two good, others hopeless": lambda rng: (rng.gauss(0, 0.08), 0, -0.5, -0.5),
    "three good, one hopeless": lambda rng: (rng.gauss(0, 0.08), rng.gauss(0, 0.08), 0, -0.5),
    "from good to bad": lambda _: (0, -0.1, -0.2, -0.4),
}


@dataclass
class Task:
    """A simulated task: how good each configuration is, and how hard each row."""

    formats: Sequence[float]
    rng: random.Random
    qualities: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = self.rng
        self.instructions = [0.0, *(rng.gauss(0.02, 0.07) for _ in range(_INSTRUCTIONS - 1))]
        self.demos = [0.0, *(rng.gauss(0.08, 0.06) for _ in range(_DEMO_SETS - 1))]
        self.hardness = [rng.gauss(0, 0.28) for _ in range(_VALSET + _MEASURED)]

    def quality(self, configuration: Configuration) -> float:
        """Return the true score, 0–1: demos show a format, so that it matters half as much."""
        key = configuration_key(configuration)
        if key not in self.qualities:
            shows = configuration["solve:demos"] > 0
            own = self.formats[configuration[FORMAT]] * (0.5 if shows else 1)
            parts = self.instructions[configuration["solve:instruction"]]
            parts += self.demos[configuration["solve:demos"]]
            self.qualities[key] = 0.55 + own + parts + random.Random(f"{key}{own}").gauss(0, 0.04)
        return self.qualities[key]

    def score(self, configuration: Configuration, row: int) -> float:
        """Return whether a row is answered rightly; the same whenever it is asked."""
        chance = self.quality(configuration) - self.hardness[row]
        drawn = random.Random(f"{configuration_key(configuration)}:{row}:{self.hardness[0]}")
        return float(drawn.random() < chance)

    def measured(self) -> list[FormatMeasured]:
        """Return what a run would measure of the formats."""
        found = []
        for place, name in enumerate(_NAMES):
            student = {"solve:instruction": 0, "solve:demos": 0, FORMAT: place}
            scores = [self.score(student, _VALSET + row) for row in range(_MEASURED)]
            found.append(
                FormatMeasured(
                    format=name, rows=_MEASURED, score=100 * fmean(scores), scores=scores
                )
            )
        return found

    def found(self, formats: Sequence[int], trials: int, seed: int) -> float:
        """Return the true score of what a search returns that has these formats to choose from."""
        choices = {
            "solve:instruction": range(_INSTRUCTIONS),
            "solve:demos": range(_DEMO_SETS),
            FORMAT: formats,
        }
        sampler, rng = AdditiveSampler(seed, paired=True), random.Random(seed)
        full: dict[str, tuple[float, Configuration]] = {}
        tried: dict[str, Configuration] = {}

        def tell(configuration: Configuration, rows: Sequence[int]) -> None:
            scores = {row: self.score(configuration, row) for row in rows}
            sampler.tell(configuration, scores)
            tried[configuration_key(configuration)] = configuration
            if len(rows) == _VALSET:
                key = configuration_key(configuration)
                full[key] = (fmean(scores.values()), configuration)

        tell({"solve:instruction": 0, "solve:demos": 0, FORMAT: formats[0]}, range(_VALSET))
        tell({"solve:instruction": 0, "solve:demos": 1, FORMAT: formats[0]}, range(_VALSET))
        for _ in range(trials):
            tell(sampler.ask(choices), rng.sample(range(_VALSET), _MINIBATCH))
        open_ = [each for key, each in tried.items() if key not in full]
        open_.sort(key=lambda each: -sampler.belief(each).mean)
        for each in open_[:_FINALISTS]:
            tell(each, range(_VALSET))
        _, best = max(full.values(), key=lambda each: each[0])
        return 100 * self.quality(best)


def compared(world: str, trials: int, tasks: int) -> str:
    settled, searched, joined = [], [], 0
    for seed in range(tasks):
        rng = random.Random(f"{world}:{seed}")
        task = Task(WORLDS[world](rng), rng)
        measured = task.measured()
        best, _ = best_of(measured)
        names = contenders(measured, best, seed)
        joined += len(names) > 1
        settled.append(task.found([_NAMES.index(best)], trials, seed))
        searched.append(
            settled[-1]
            if len(names) == 1
            else task.found([_NAMES.index(name) for name in names], trials, seed)
        )
    gains = [new - old for new, old in zip(searched, settled, strict=True)]
    error = 1.96 * stdev(gains) / math.sqrt(tasks)
    return (
        f"| {world} | {trials} | {100 * joined / tasks:.0f} % | {fmean(settled):.1f} "
        f"| {fmean(searched):.1f} | {fmean(gains):+.1f} ± {error:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=200)
    tasks = parser.parse_args().tasks
    print("| formats | trials | searched in | settled | searched | difference, 95 % interval |")
    print("|---|---|---|---|---|---|")
    for world in WORLDS:
        for trials in (10, 30):
            print(compared(world, trials, tasks), flush=True)


if __name__ == "__main__":
    main()
