"""When a higher score is not called a gain, in words: chance may have made it."""

from __future__ import annotations

from mipro_nb.amounts import format_score
from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.labelled import labelled_comparison
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
    ended, best = state.ended, state.best
    if ended is None:
        return None
    score = None if best is None else best.score
    points = None if score is None or state.baseline is None else score - state.baseline
    return _judged(state, ended.gain_low, ended.gain_high, points)


def labelled_gain_view(state: RunState) -> GainView | None:
    """Return the same over the student with plain labelled demos; None where it is not known."""
    ended, compared = state.ended, labelled_comparison(state)
    if ended is None or compared is None:
        return None
    points = compared.best - compared.score
    return _judged(state, ended.labelled_gain_low, ended.labelled_gain_high, points)


def _judged(
    state: RunState, low: float | None, high: float | None, points: float | None
) -> GainView | None:
    """Return an interval of the best program's gain, which is so many points, and its verdict."""
    if low is None or high is None:
        return None
    return {"low": low, "high": high, "unclear": _unclear(low, points, state.noise_floor)}
