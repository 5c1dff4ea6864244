"""The state of a run: a pure fold of its events."""

from mipro_nb.runs.state.run_state import (
    GOING_ON,
    Reply,
    RunState,
    State,
    as_it_stands,
    fold,
    told_state,
)
from mipro_nb.runs.state.spend import Spend, Work
from mipro_nb.runs.state.trials import Choice, Tally, TrialState, choices_of

__all__ = [
    "GOING_ON",
    "Choice",
    "Reply",
    "RunState",
    "Spend",
    "State",
    "Tally",
    "TrialState",
    "Work",
    "as_it_stands",
    "choices_of",
    "fold",
    "told_state",
]
