"""Minibatches: which validation examples a trial is scored on, and in which stages."""

from __future__ import annotations

import random
from collections.abc import Sequence

# The first stage must tell a loser from a winner, and the stages after it be worth their wait. In
# simulations, first stages of 8 to 12 examples did about equally well, and 5 worse.
_FIRST_STAGE = 10
_GROWTH = 2.5


def minibatch(size: int, scores: Sequence[float], rng: random.Random) -> list[int]:
    """Return `size` random examples that hold high and low scores in the proportion of all.

    So does every beginning of them, as far as whole examples allow: a trial may be judged early.

    Parameters
    ----------
    size
        Examples wanted.
    scores
        Of each example of the valset, under the student as given.
    rng
        Source of chance.
    """
    places: dict[int, float] = {}
    for value in sorted(set(scores)):
        alike = [index for index, score in enumerate(scores) if score == value]
        rng.shuffle(alike)
        # Spread evenly over 0–1, each at a random place of its own stretch.
        places |= {index: (n + rng.random()) / len(alike) for n, index in enumerate(alike)}
    return sorted(places, key=lambda index: places[index])[:size]


def stages(size: int) -> list[int]:
    """Return after how many examples of a minibatch it is judged whether to go on.

    >>> stages(25), stages(8), stages(100)
    ([10, 25], [8], [10, 25, 62, 100])
    """
    ends, end = [], float(_FIRST_STAGE)
    while end < size:
        ends.append(int(end))
        end *= _GROWTH
    return [*ends, size]
