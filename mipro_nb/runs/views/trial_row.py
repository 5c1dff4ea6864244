"""A trial as one row, the same in every table."""

from __future__ import annotations

from typing import Literal, TypedDict

from mipro_nb.runs.events import EvaluationKind
from mipro_nb.runs.interval import score_interval
from mipro_nb.runs.state import RunState
from mipro_nb.runs.views.clip import Clip, clip

_LONGEST_REASON = 300


class TrialRow(TypedDict):
    """One trial, in the form of ``js/shared/src/run.ts``; scores are 0–100.

    `reason` tells why the first of its failed examples failed.
    """

    trial: int
    kind: EvaluationKind
    configuration: dict[str, int]
    state: Literal["running", "done", "given up"]
    examples: int
    scored: int
    reused: int
    errors: int
    reason: Clip | None
    score: float | None
    low: float | None
    high: float | None
    calls: int
    cached_calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    about: bool
    asked_at: float
    seconds: float | None


def trial_row(state: RunState, number: int) -> TrialRow:
    """Return the row of trial `number`."""
    trial = state.trials[number]
    low, high = score_interval(trial.score, len(trial.examples))
    done = trial.score is not None
    return {
        "trial": trial.trial,
        "kind": trial.kind,
        "configuration": trial.configuration,
        "state": "done" if done else "running" if state.ended is None else "given up",
        "examples": len(trial.examples),
        "scored": len(trial.examples) if done else trial.scored,
        "reused": trial.reused,
        "errors": trial.errors,
        "reason": None if trial.error is None else clip(trial.error, None, _LONGEST_REASON),
        "score": trial.score,
        "low": low,
        "high": high,
        "calls": trial.spend.calls,
        "cached_calls": trial.spend.cached_calls,
        "input_tokens": trial.spend.input_tokens,
        "output_tokens": trial.spend.output_tokens,
        "usd": trial.spend.usd,
        "about": trial.spend.about,
        "asked_at": trial.asked_at,
        "seconds": trial.seconds,
    }
