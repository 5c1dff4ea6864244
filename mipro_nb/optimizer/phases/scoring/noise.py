"""Noise: how far apart the scores of prompts are, and how far they would be by chance alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Scores = np.ndarray[tuple[int, int, int], np.dtype[np.float64]]
"""Scores in 0–1 by prompt, draw and row; the first prompt is the student's."""
_Means = np.ndarray[tuple[int, int], np.dtype[np.float64]]

_RESAMPLES = 4000
_SURE = 0.95
_Z = 1.96  # of a 95 % interval
# Sums of the same scores, in another order, differ by less.
_DECIMALS = 9


@dataclass(frozen=True)
class Noise:
    """Differences between prompts, beside those that chance makes; in points of 100.

    Attributes
    ----------
    spread
        How far the best prompt is from the worst.
    floor
        The noise floor: how far equally good prompts are apart at most, in 95 of 100 cases.
    lead
        How far the best of the others is ahead of the student.
    lead_floor
        How far that is at most, in 95 of 100 cases, where all are equally good.
    floor_once
        The noise floor where each row is asked once of each prompt, as a run asks.
    redraw
        How far a prompt's score moves, in 95 of 100 cases, if every row is asked once more; None
        where no row was asked twice.
    """

    spread: float
    floor: float
    lead: float
    lead_floor: float
    floor_once: float
    redraw: float | None


def noise_of(scores: Scores, seed: int) -> Noise:
    r"""Return how far prompts are apart, and how far they would be by chance.

    Scores are compared in pairs, row by row. With :math:`m_{ki}` the mean score of prompt
    :math:`k` on row :math:`i` over all draws, and :math:`M_k` its mean over rows, the spread is
    :math:`\max_k M_k - \min_k M_k`. If prompts do not matter, the values of a row may as well stand
    in any other order. So they are put in random orders, row by row, and the noise floor is the
    95 % quantile of the spread over these: the permutation test for randomized blocks (Pitman,
    Biometrika 29, 1938), which takes the number of prompts into account and assumes no
    distribution. The lead over the student, :math:`\max_{k>0} M_k - M_0`, is judged in the same
    way. Where prompts are found to differ, the noise floor is taken again without their
    differences, of :math:`m_{ki} - M_k`.

    Where the same is asked again: with :math:`s^2` the mean variance of the draws of one prompt on
    one row, two scores of so many rows :math:`n` differ by
    :math:`1.96 \sqrt{2 s^2 / n}` or less in 95 of 100 cases (Miller, arXiv:2411.00640).
    """
    _, draws, rows = scores.shape
    means = scores.mean(axis=1)
    by_prompt = means.mean(axis=1)
    orders = np.random.default_rng(seed).random((_RESAMPLES, *means.shape)).argsort(axis=1)

    def floor_of(values: _Means) -> float:
        return _quantile(np.ptp(_reordered(values, orders), axis=1))

    by_chance = _reordered(means, orders)
    spread, lead = np.ptp(by_prompt), by_prompt[1:].max() - by_prompt[0]
    floor, once = floor_of(means), [floor_of(scores[:, draw]) for draw in range(draws)]
    if spread.round(_DECIMALS) > floor:
        differences = by_prompt[:, None]
        floor = min(floor, floor_of(means - differences))
        once = [floor_of(scores[:, draw] - differences) for draw in range(draws)]
    redraw = None
    if draws > 1:
        variance = scores.var(axis=1, ddof=1).mean()
        redraw = _points(_Z * np.sqrt(2 * variance / rows))
    return Noise(
        spread=_points(spread),
        floor=_points(floor),
        lead=_points(lead),
        lead_floor=_points(_quantile(by_chance[:, 1:].max(axis=1) - by_chance[:, 0])),
        floor_once=_points(np.mean(once)),
        redraw=redraw,
    )


def _points(value: float | np.floating[Any]) -> float:
    return round(100 * float(value), _DECIMALS - 2)


def _reordered(
    means: _Means, orders: np.ndarray[tuple[int, int, int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the prompts' means, resample by resample, with each row's values in these orders."""
    values = np.broadcast_to(means, orders.shape)
    mixed: np.ndarray[tuple[int, int], np.dtype[np.float64]]
    mixed = np.take_along_axis(values, orders, axis=1).mean(axis=2)
    return mixed


def _quantile(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return what is exceeded in 5 of 100 cases at most."""
    return round(float(np.quantile(values, _SURE, method="higher")), _DECIMALS)
