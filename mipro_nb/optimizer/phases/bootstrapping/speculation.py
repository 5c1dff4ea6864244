"""Speculation: which attempts begin before it is known whether they are needed."""

from __future__ import annotations

# At most so many attempts of an order are begun that turn out not to be needed.
MOST_SPARE = 4
# Before anything is known, attempts are taken to pass as if of so many earlier ones, so many had.
_TRIED, _PASSED = 5, 4


class FirstPassing:
    """Finds the first `size` attempts of an order that pass, with several of them in flight.

    What is kept is the same as one after another. An attempt is due as soon as it is needed even
    if all that are in flight pass. Beside those some are due as spares: of the attempts still
    missing, as many as will fail, going by how many passed before. That is worked out at every
    attempt, in the order's own sequence, from all before it: so the attempts that are made are also
    the same however fast each of them is, if all that are due are made. At most `MOST_SPARE`
    of them are not needed.

    Parameters
    ----------
    size
        How many are wanted, at least 1.
    length
        How many there are in the order.

    Attributes
    ----------
    due
        How many attempts of the order shall have begun by now; the end may make more of them due.
    settled
        How many attempts, from the first on, are known to have passed or failed.
    kept
        The places of those that passed among the settled ones, `size` at most.
    """

    def __init__(self, size: int, length: int) -> None:
        self.due = 0
        self.settled = 0
        self.kept: list[int] = []
        self._size = size
        self._length = length
        self._failed = 0
        self._unsettled: dict[int, bool] = {}
        self._look_ahead()

    @property
    def done(self) -> bool:
        """Tell whether `kept` is what it will be in the end."""
        return len(self.kept) == self._size or self.settled == self._length

    def note(self, place: int, *, passed: bool) -> None:
        """Take in what became of the attempt at `place` of the order."""
        self._failed += not passed
        self._begin(self._size + self._failed)
        self._unsettled[place] = passed
        while not self.done and self.settled in self._unsettled:
            if self._unsettled.pop(self.settled):
                self.kept.append(self.settled)
            self.settled += 1
            self._look_ahead()

    def _look_ahead(self) -> None:
        missing = self._size - len(self.kept)
        rate = (len(self.kept) + _PASSED) / (self.settled + _TRIED)
        spare = min(MOST_SPARE, round(missing * (1 - rate) / rate))
        self._begin(self.settled + missing + spare)

    def _begin(self, due: int) -> None:
        self.due = max(self.due, min(due, self._length))
