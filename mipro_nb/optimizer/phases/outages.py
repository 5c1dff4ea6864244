"""Outages while formats are measured: whether a server is gone, or fails on one format only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Outages:
    """Tells a server that is gone from a format that it fails on.

    It is gone if the latest attempt failed in every format in which anything is still asked. A
    format that is never answered, while others are, is at fault itself.

    Parameters
    ----------
    names
        The formats.
    answered
        Formats in which anything was answered before.

    Attributes
    ----------
    names
        The formats.
    answered
        Formats in which anything was answered.
    """

    def __init__(self, names: Sequence[str], answered: Iterable[str] = ()) -> None:
        self.answered: set[str] = set(answered)
        self.names = names
        self._going_on = set(names)
        self._failing: set[str] = set()  # each since its own last answer
        self._at_fault: set[str] = set()  # never answered, though others were after they had failed

    def begin(self, names: Iterable[str]) -> None:
        """Begin, or try again after an outage, with these formats."""
        self._going_on = set(names)
        self._at_fault.clear()
        self._failing.clear()

    def finished(self, name: str) -> None:
        """Note that nothing more is asked in a format."""
        self._going_on.discard(name)

    def suspects(self, name: str) -> bool:
        """Tell whether it is open why a format failed."""
        return name in self._failing

    def over(self, name: str) -> None:
        """Note that something was answered in a format: the server is there."""
        self.answered.add(name)
        self._failing.discard(name)
        self._at_fault |= self._failing - self.answered
        self._failing -= self._at_fault

    def met_by(self, name: str) -> bool:
        """Note that the LM was not available in a format; tell whether it is gone."""
        if name in self._at_fault:
            return False
        self._failing.add(name)
        if not self._failing >= self._going_on - self._at_fault:
            return False
        # Where others were answered from first to last, those that never were are at fault.
        return not self.answered or bool(self._failing & self.answered)
