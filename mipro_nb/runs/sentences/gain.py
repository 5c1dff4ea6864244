"""When a higher score is not called a gain, in words: chance may have made it."""

from __future__ import annotations

from mipro_nb.amounts import format_score
from mipro_nb.runs.state import RunState
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
    if ended is None or ended.gain_low is None or ended.gain_high is None:
        return None
    why = _unclear(ended.gain_low, state.points_gained, state.noise_floor)
    return {"low": ended.gain_low, "high": ended.gain_high, "unclear": why}
