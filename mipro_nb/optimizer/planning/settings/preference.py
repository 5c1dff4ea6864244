"""Preferences: which of the good programs a run returns, where it is not simply the best."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs.statistics.belief import comparable
from mipro_nb.runs.statistics.objectives import (
    Choose,
    MeasuredConfiguration,
    Objective,
    chooser_text,
)

_WORDS: Mapping[str, Objective] = {
    "cheapest": "usd",
    "fewest tokens": "tokens",
    "fastest": "seconds",
    "shortest": "characters",
}
_PHRASE = re.compile(rf"({'|'.join(_WORDS)}) within (\d+(?:\.\d+)?) points?")
_REMEDY = (
    "give a phrase such as 'cheapest within 1 point': 'cheapest', 'fewest tokens', 'fastest' or "
    "'shortest', and how many points below the best it may score; or a function that takes a list "
    "of MeasuredConfiguration and returns one of them."
)


@dataclass(frozen=True)
class Preference:
    """What is preferred among the programs that were scored on the whole valset.

    Attributes
    ----------
    text
        It in words, as the record has it.
    objective, within
        The objective, and how many points below the best score it may lie; None where a function
        chooses.
    function
        What chooses; None where the words say it.
    """

    text: str
    objective: Objective | None = None
    within: float = 0.0
    function: Choose | None = None

    def choose(self, configurations: Sequence[MeasuredConfiguration]) -> MeasuredConfiguration:
        """Return the one that is preferred.

        Parameters
        ----------
        configurations
            At least one.

        Raises
        ------
        ValueError
            If the function returns something else. What it raises itself comes through.
        """
        if self.function is not None:
            chosen = self.function(list(configurations))
            if not any(chosen is each for each in configurations):
                msg = f"it returned {chosen!r:.100}, which is none of the list"
                raise ValueError(msg)
            return chosen
        best = max(each.score for each in configurations)
        return min(
            (each for each in configurations if comparable(best - each.score) <= self.within),
            key=lambda each: (self._cost(each), -each.score, each.trial),
        )

    def _cost(self, each: MeasuredConfiguration) -> float:
        value = None if self.objective is None else each.value(self.objective)
        return math.inf if value is None else value


def preference_of(prefer: Any) -> Preference | None:
    """Return what a phrase or a function means.

    Raises
    ------
    InvalidArgumentError
        If it is neither.
    """
    if prefer is None or isinstance(prefer, Preference):
        return prefer
    if callable(prefer):
        return Preference(chooser_text(prefer), function=prefer)
    if isinstance(prefer, str):
        text = " ".join(prefer.casefold().split())
        if found := _PHRASE.fullmatch(text):
            return Preference(text, _WORDS[found[1]], float(found[2]))
    raise InvalidArgumentError("prefer", prefer, _REMEDY)
