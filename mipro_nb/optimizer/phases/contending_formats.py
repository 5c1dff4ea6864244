"""Which prompt formats the search tries: those that may be the best, where the format matters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from mipro_nb.runs.events import FormatMeasured

_Z = 1.96  # of a 95 % interval
# Sums of the same scores, in another order, differ by less.
_DECIMALS = 9


def contenders(measured: Sequence[FormatMeasured], best: str, seed: int) -> list[str]:
    """Return the names of the formats that may be the best, `best` first.

    That is `best` alone where the formats are as close as chance may bring them: then
    the format does not matter here, and to search it would cost trials for nothing. Where they are,
    those are left out whose scores on the same rows are clearly lower.

    Parameters
    ----------
    measured
        All formats.
    best
        The name of the one that measured best.
    seed
        Of the resamples that tell what chance does.
    """
    if len(measured) == 1 or any(len(each.scores) < max(2, each.rows) for each in measured):
        return [best]  # an older version measured some, and wrote down their means alone
    if not _differ(measured, seed):
        return [best]
    (first,) = (each for each in measured if each.format == best)
    others = [each.format for each in measured if each != first and not _is_behind(each, first)]
    return [best, *others]


def _differ(measured: Sequence[FormatMeasured], seed: int) -> bool:
    import numpy as np  # noqa: PLC0415 - it takes long

    from mipro_nb.optimizer.phases.scoring.noise import noise_of  # noqa: PLC0415 - likewise

    noise = noise_of(np.array([[each.scores] for each in measured]), seed)
    return noise.spread > noise.floor


def _is_behind(other: FormatMeasured, best: FormatMeasured) -> bool:
    """Tell whether a format is worse than the best, beyond chance, row by row."""
    ahead = [mine - its for mine, its in zip(best.scores, other.scores, strict=True)]
    chance = _Z * stdev(ahead) / math.sqrt(len(ahead))
    return round(fmean(ahead) - chance, _DECIMALS) > 0
