"""A search of many trials with mipro_nb: what memory it takes, and whether it slows down."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any

import mipro_nb as mipro
from benchmarks.against_dspy.job import carry_out
from benchmarks.against_dspy.run_mipro import configure, evaluate, exact, examples
from benchmarks.against_dspy.task import DEMOS, SIGNATURE, Task
from mipro_nb.runs.views.view import RunView

_TRAIN_ROWS = 100
_SHARE = 10  # compared are the first and the last tenth of the trials


def search_long(
    task: Task,
    *,
    search: str,
    threads: int,
    trials: int,
    minibatch_size: int,
    valset_size: int,
    candidates: int,
) -> dict[str, Any]:
    """Search, with one full evaluation at the end; tell memory and times."""
    rows = examples(task, _TRAIN_ROWS + valset_size)
    before = _peak_memory()
    run = (
        mipro.MIPROv2(
            exact,
            search=search,
            num_threads=threads,
            num_candidates=candidates,
            max_bootstrapped_demos=DEMOS,
            max_labeled_demos=DEMOS,
        )
        .compile(
            mipro.ChainOfThought(SIGNATURE),
            trainset=rows[:_TRAIN_ROWS],
            valset=rows[_TRAIN_ROWS:],
            num_trials=trials,
            minibatch_size=minibatch_size,
            minibatch_full_eval_steps=trials,
            requires_permission_to_run=False,
        )
        .run
    )
    memory = _peak_memory() - before
    tried = [trial for trial in run.state.trials.values() if trial.kind == "minibatch"]
    tenth = len(tried) // _SHARE
    return {
        "memory": memory,
        "record": _size(Path(run.record.path)),
        "opens": _seconds_to_open(run),
        "scored": sum(len(cells) for cells in run.state.scores.values()),
        "trials": len(tried),
        "first": _pace(tried[: tenth + 1]),
        "last": _pace(tried[-tenth - 1 :]),
    }


def _pace(trials: list[Any]) -> dict[str, float]:
    """Return how long a trial took, and how long an example that was scored, in ms."""
    seconds = trials[-1].told_at - trials[0].told_at
    scored = sum(trial.scored for trial in trials[1:])
    return {
        "trials": len(trials) - 1,
        "ms_per_trial": 1000 * seconds / (len(trials) - 1),
        "ms_per_example": 1000 * seconds / max(1, scored),
    }


def _size(record: Path) -> int:
    """Return the bytes of a record, with what SQLite has not moved into its file yet."""
    return sum(each.stat().st_size for each in record.parent.glob(f"{record.name}*"))


def _seconds_to_open(run: mipro.Run) -> float:
    """Return how long a view of the run takes from its record to its first picture."""
    began = time.perf_counter()
    view = RunView(run.record, run.id)
    view.apply(run.record.events(run.id))
    view.snapshot(now=time.time(), in_flight=None)
    return time.perf_counter() - began


def _peak_memory() -> float:
    """Return the most memory that this process has had so far, in MiB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    carry_out({"search": search_long, "evaluate": evaluate}, configure)
