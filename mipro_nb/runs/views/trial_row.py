"""A trial as one row, the same in every table."""

from __future__ import annotations

from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.interval import score_interval
from mipro_nb.runs.view_model import TrialRow
from mipro_nb.runs.views.clip import clip

_LONGEST_REASON = 300


def trial_row(state: RunState, number: int) -> TrialRow:
    """Return the row of trial `number`."""
    trial = state.trials[number]
    low, high = score_interval(trial.score, len(trial.examples))
    done = trial.score is not None
    return {
        "trial": trial.trial,
        "kind": trial.kind,
        "configuration": trial.configuration,
        "format": state.format_of(trial.configuration),
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
