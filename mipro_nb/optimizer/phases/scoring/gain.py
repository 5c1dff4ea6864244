"""The gain: how much better the best program is than the student, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mipro_nb.optimizer.phases.scoring.evaluations import Evaluated

_RESAMPLES = 2000
_INTERVAL = (2.5, 97.5)
# An interval of fewer examples would say little.
_LEAST_FRESH = 20


_Scores = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Gain:
    """The 95 % interval of the best program's gain over another one, in points of 0–100."""

    low: float
    high: float


def best_of(evaluations: Sequence[Evaluated]) -> Evaluated | None:
    """Return the best full evaluation, the baseline included; the earliest of equals."""
    full = [evaluated for evaluated in evaluations if evaluated.kind != "minibatch"]
    return max(full, key=lambda e: (e.score, -e.trial), default=None)


def gain_of(best: Evaluated, over: Evaluated, evaluations: Sequence[Evaluated], seed: int) -> Gain:
    """Return the interval of the mean gain over another evaluation.

    By a paired bootstrap over the valset's examples. What was chosen because it looked best looks
    better than it is. So the gain is taken on examples that had no part in the choice of trials to
    evaluate fully, where there are enough of them; and the interval lies about the gain that the
    choice has on examples that it did not see: in every resample the best is chosen, and measured
    on the examples left out of it (bootstrap bias corrected, Tsamardinos et al. 2018).

    Parameters
    ----------
    best
        The full evaluation that was chosen: the best one, or one that was preferred to it. It may
        owe as much to luck as the best does.
    over
        What it is compared with, as the baseline. It may have been scored on a sample of the rows
        that was drawn by chance: then the gain is that on these.
    evaluations
        All evaluations that it was chosen from.
    seed
        Seed of the resamples.
    """
    full = [evaluated for evaluated in evaluations if evaluated.kind != "minibatch"]
    examples = _fresh(best, evaluations, over.examples)
    gains = np.array([_scores(each, examples) for each in full]) - _scores(over, examples)
    draws = np.random.default_rng(seed).integers(0, len(examples), (_RESAMPLES, len(examples)))
    means = np.array([each[draws].mean(axis=1) for each in gains])
    left_out = np.ones(draws.shape, dtype=bool)
    np.put_along_axis(left_out, draws, values=False, axis=1)
    some_left = left_out.any(axis=1)  # of few examples, a resample may hold them all
    chosen, unseen = full.index(best), gains[means.argmax(axis=0)]
    luckiest = full.index(best_of(full) or best)
    bias = 0.0
    if some_left.any():
        unseen = unseen[some_left].mean(axis=1, where=left_out[some_left])
        bias = gains[luckiest].mean() - unseen.mean()
    interval = interval_of(gains[chosen], seed)
    return Gain(interval.low - 100 * float(bias), interval.high - 100 * float(bias))


def interval_of(gains: Sequence[float] | _Scores, seed: int) -> Gain:
    """Return the interval of the mean of `gains`, which nothing was chosen by.

    By a bootstrap over the examples; `gains` are in 0–1, one for each example. Few examples may
    agree by luck, and a bootstrap of those alone knows nothing else: of a single one its interval
    has no width. So two more examples are drawn from, of which one gains and one loses as much as
    any does. With scores of 0 and 1 that is the one that Bonett & Price (2012, Journal of
    Educational and Behavioral Statistics 37, 479-488) add to each count of discordant pairs, whose
    interval holds for few pairs as well.
    """
    most = np.abs(gains).max()
    values = np.append(gains, [most, -most])
    draws = np.random.default_rng(seed).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.percentile(100 * values[draws].mean(axis=1), _INTERVAL)
    return Gain(float(low), float(high))


def _fresh(best: Evaluated, evaluations: Sequence[Evaluated], among: Sequence[int]) -> list[int]:
    """Return those `among` the examples that the best was not chosen by, or all if too few."""
    seen: set[int] = set()
    for evaluated in evaluations:
        if evaluated.kind == "minibatch" and evaluated.configuration == best.configuration:
            seen.update(evaluated.examples)
    fresh = [example for example in among if example not in seen]
    return fresh if len(fresh) >= _LEAST_FRESH else list(among)


def _scores(evaluated: Evaluated, examples: Sequence[int]) -> _Scores:
    scores = evaluated.scores
    return np.array([scores[example] for example in examples])
