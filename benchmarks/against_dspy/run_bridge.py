"""The jobs on the same DSPy program, done through the bridge, with the DSPy of our environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dspy

import mipro_nb as mipro
from benchmarks.against_dspy import run_dspy
from benchmarks.against_dspy.job import carry_out
from benchmarks.against_dspy.task import SIGNATURE, Prompt, Task
from mipro_nb.dspy import MIPROv2


def optimize(task: Task, threads: int, search: str = "paired", **settings: Any) -> dict[str, Any]:
    """Optimize with ``auto="light"`` and everything else as the bridge has it."""
    optimizer = MIPROv2(
        metric=run_dspy.exact, auto="light", num_threads=threads, seed=9 + task.seed, search=search
    )
    optimized = optimizer.compile(
        dspy.ChainOfThought(SIGNATURE),
        trainset=run_dspy.examples(task),
        requires_permission_to_run=False,
        **settings,
    )
    (predictor,) = optimized.predictors()
    prompt = Prompt.of(predictor.signature.instructions, [d.question for d in predictor.demos])
    return {"score": optimized.score, "true_score": task.true_score(prompt)}


def evaluate(task: Task, threads: int, count: int) -> dict[str, Any]:
    """Score the student on `count` examples."""
    evaluator = mipro.Evaluate(
        devset=run_dspy.examples(task, count), metric=run_dspy.exact, num_threads=threads
    )
    return {"score": float(evaluator(dspy.ChainOfThought(SIGNATURE)))}


def configure(url: str, folder: Path) -> None:
    """Have every call be sent to the server; the record is a fresh one."""
    run_dspy.configure(url, folder)
    mipro.configure(record=folder / "record.sqlite")


if __name__ == "__main__":
    carry_out({"optimize": optimize, "evaluate": evaluate}, configure)
