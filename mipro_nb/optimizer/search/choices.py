"""Choices: the configurations that may be tried, and which of them were not yet."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence

from mipro_nb.runs.configuration import Configuration

Choices = Mapping[str, Sequence[int]]
"""Variable → the candidates that may be chosen, one at least."""

Way = tuple[int, ...]
"""A configuration as the numbers of its candidates, in the order of the variables."""

# Up to so many configurations are listed; of more, some are drawn.
_MOST_LISTED = 2048


class Untried:
    """Which configurations have not been tried, for choices that may change at any time."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._tried: list[Configuration] = []
        self._choices: Choices = {}
        self._taken: set[Way] = set()

    def take(self, configuration: Configuration) -> None:
        """Count a configuration as tried."""
        self._tried.append(dict(configuration))  # who asked or told may change theirs
        self._note(configuration)

    def ways(self, choices: Choices) -> list[Way]:
        """Return what is untried: all of it, or many drawn of very many.

        Empty only where every configuration was tried.
        """
        self.use(choices)
        number = math.prod(len(indices) for indices in choices.values())
        if number <= _MOST_LISTED:
            return [way for way in itertools.product(*choices.values()) if way not in self._taken]
        columns = [self._rng.choices(indices, k=_MOST_LISTED) for indices in choices.values()]
        return sorted(set(zip(*columns, strict=True)) - self._taken)

    def neighbours(self, way: Way, choices: Choices) -> list[Way]:
        """Return the untried ways that differ from `way` in one place."""
        self.use(choices)
        found = []
        for place, indices in enumerate(choices.values()):
            changed = ((*way[:place], index, *way[place + 1 :]) for index in indices)
            found += [each for each in changed if each != way and each not in self._taken]
        return found

    def use(self, choices: Choices) -> None:
        """Take `choices` for those that hold from now on."""
        if choices != self._choices:
            self._choices = choices
            self._taken = set()
            for configuration in self._tried:
                self._note(configuration)

    def __contains__(self, configuration: Configuration) -> bool:
        return tuple(configuration[name] for name in self._choices) not in self._taken

    def _note(self, configuration: Configuration) -> None:
        if self._choices and are_open(configuration, self._choices):
            self._taken.add(tuple(configuration[name] for name in self._choices))


def are_open(configuration: Configuration, choices: Choices) -> bool:
    """Tell whether every candidate of a configuration may be chosen."""
    return all(configuration[name] in indices for name, indices in choices.items())
