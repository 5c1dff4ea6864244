"""Rounds of repairs: when they begin and join the search, and which configurations they repair."""

from __future__ import annotations

import random
from collections.abc import Mapping

from mipro_nb.optimizer.planning.plan import Plan

PARENTS = 2
"""How many configurations a round repairs."""


def rounds_of(plan: Plan) -> list[tuple[int, int]]:
    """Return for each round of repairs after how many trials it begins, and when it joins.

    They part the trials into equal stretches. Those that are asked meanwhile keep the slots busy.
    """
    rounds, trials = min(plan.search.repair, plan.num_trials), plan.num_trials
    if not rounds:
        return []
    meanwhile = min(plan.trials_in_flight // 2, trials // (rounds + 1) // 3)
    begun = [trials * number // (rounds + 1) for number in range(1, rounds + 1)]
    return [(begin, begin + meanwhile) for begin in begun]


def parents_of(
    scores: Mapping[str, Mapping[int, float]], rng: random.Random, most: int = PARENTS
) -> list[str]:
    """Return the keys of configurations to repair, drawn by on what share they are the best.

    A configuration that is the best on some examples knows something that others do not, also
    where its mean is lower (GEPA, arXiv:2507.19457). Not all are scored on the same examples, so
    it is the share of its own that counts. An example that several are the best on counts for each
    in part.

    Parameters
    ----------
    scores
        Configuration → example → score.
    rng
        What draws.
    most
        How many are drawn, each once.
    """
    best: dict[int, list[str]] = {}
    highest: dict[int, float] = {}
    for key, own in scores.items():
        for example, score in own.items():
            if score > highest.get(example, float("-inf")):
                highest[example], best[example] = score, [key]
            elif score == highest[example]:
                best[example].append(key)
    wins = dict.fromkeys(scores, 0.0)
    for keys in best.values():
        for key in keys:
            wins[key] += 1 / len(keys)
    shares = {key: wins[key] / len(own) for key, own in scores.items() if own}
    drawn: list[str] = []
    while len(drawn) < most and any(shares.values()):
        (key,) = rng.choices(list(shares), list(shares.values()))
        drawn.append(key)
        del shares[key]
    return drawn
