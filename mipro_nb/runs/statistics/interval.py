"""How sure a mean score is."""

from __future__ import annotations

import math

_Z = 1.96  # of a 95 % interval


def score_interval(score: float | None, examples: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a mean score over so many examples, in 0–100.

    Wilson's (1927), which holds for few examples and at both ends; for scores between 0 and 1 it
    is rather too wide. None where there is no score, or the metric gives scores outside of 0–1.
    """
    if score is None or examples < 1 or not 0 <= score <= 100:  # noqa: PLR2004
        return None, None
    n, p = examples, score / 100
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)
