"""When a higher score is not called a gain, in words: chance may have made it."""

from __future__ import annotations

from mipro_nb.amounts import format_score
from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.labelled import labelled_evaluation
from mipro_nb.runs.view_model import GainView

_UNCLEAR = "no clear gain"


def _unclear(low: float, points: float | None, noise_floor: float | None) -> str:
    """Return why a difference is not called a gain; "" where it is one.

    Parameters
    ----------
    low
        The lower end of its 95 % interval.
    points
        The difference itself, where it is known.
    noise_floor
        How much of it may be chance, where headroom was measured before.
    """
    if low <= 0:
        return _UNCLEAR
    if points is not None and noise_floor is not None and points < noise_floor:
        return f"{_UNCLEAR}, below the noise floor of {format_score(noise_floor)} points"
    return ""


def gain_view(state: RunState) -> GainView | None:
    """Return the gain on the valset, once a run has ended; None where it has none."""
    ended = state.ended
    return (
        None if ended is None else _judged(state, ended.gain_low, ended.gain_high, state.baseline)
    )


def labelled_gain_view(state: RunState) -> GainView | None:
    """Return the same over the student with plain labelled demos; None where it is not known."""
    ended, labelled = state.ended, labelled_evaluation(state)
    if ended is None or labelled is None:
        return None
    return _judged(state, ended.labelled_gain_low, ended.labelled_gain_high, labelled.score)


def _judged(
    state: RunState, low: float | None, high: float | None, over: float | None
) -> GainView | None:
    """Return an interval of the best program's gain over a score, and whether that is a gain."""
    if low is None or high is None:
        return None
    best = state.best
    score = None if best is None else best.score
    points = None if score is None or over is None else score - over
    return {"low": low, "high": high, "unclear": _unclear(low, points, state.noise_floor)}
