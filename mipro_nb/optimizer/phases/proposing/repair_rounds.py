"""Rounds of repairs: when they begin and join the search, and which configurations they repair."""

from __future__ import annotations

import random
from collections.abc import Mapping

from mipro_nb.errors import shown
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.runs.sentences.wording import counted

PARENTS = 2
"""How many configurations a round repairs."""
REPAIRS = 4
"""How many repairs a round has written, by all of its parents, for any number of predictors."""


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


def unrepaired_notes(plan: Plan) -> list[str]:
    """Return a note on the predictors that no repair will reach, if there are any."""
    rounds, predictors = len(rounds_of(plan)), list(plan.predictors)
    left = predictors[rounds * REPAIRS :]
    if not rounds or not left:
        return []
    needed = -(-len(predictors) // REPAIRS)
    note = (
        f"repair={plan.search.repair} repairs {counted(rounds * REPAIRS, 'instruction')} in "
        f"{counted(rounds, 'round')}, and the program has {len(predictors):,} predictors: "
        f"{shown(', '.join(left), 200)} "
        f"{'keeps its' if len(left) == 1 else 'keep their'} instructions as proposed. Rounds for "
        f"all take SearchStrategy(repair={needed}) and num_trials={needed} or more."
    )
    return [note]


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
