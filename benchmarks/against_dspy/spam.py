"""The task with a real LM: short messages, each ham or spam; for either library."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.against_dspy.control import Control

SIGNATURE = "text -> label: Literal['ham', 'spam']"
OPTIMIZER: dict[str, Any] = {
    "num_candidates": 4,
    "max_bootstrapped_demos": 3,
    "max_labeled_demos": 4,
    "seed": 9,
}
COMPILING: dict[str, Any] = {
    "num_trials": 6,
    "minibatch_size": 15,
    "minibatch_full_eval_steps": 3,
}
# In tokens: a label is short, an instruction is not.
LONGEST_LABEL, LONGEST_TEXT = 40, 120
# Rows ``text``, ``label`` of the sets train, val and test.
Rows = dict[str, list[dict[str, str]]]


def report(
    student: Any,
    compiled: Callable[[Any], Any],
    score: Callable[[Any], float],
    address: str,
) -> dict[str, Any]:
    """Return what an optimization cost, and the scores on the test set before and after.

    Parameters
    ----------
    student
        The program.
    compiled
        Optimizes it.
    score
        Scores a program on the test set.
    address
        Of the server, which counts the calls.
    """
    control = Control(address)
    before = score(student)
    calls, began = control.measured()["calls"], time.perf_counter()
    optimized = compiled(student)
    return {
        "calls_of_search": control.measured()["calls"] - calls,
        "seconds_of_search": time.perf_counter() - began,
        "before": before,
        "after": score(optimized),
        "score": optimized.score,
    }
