"""Draws: which calls at a temperature above 0 are one draw, and which are draws of their own.

At temperature 0 equal calls have equal answers, so all of them share one. Above it, a call is told
by the execution that makes it, and by its number among the equal calls of that execution: so a
program that asks the same three times and takes the majority has three answers. The same execution
again (a resumed run, a second Evaluate) makes the same draws; another row, or another
configuration, makes its own. Calls of no execution, a person's own, are drawn every time.
"""

from __future__ import annotations

import zlib
from collections import Counter
from contextvars import ContextVar
from dataclasses import replace

from mipro_nb.models.calls import Call


class Execution:
    """One run of a program on one example, or one request of the optimizer's own.

    Parameters
    ----------
    *of
        What it is an execution of: the same for the same one, in every process.
    """

    def __init__(self, *of: object) -> None:
        self._name = " ".join(map(str, of))
        self._calls: Counter[bytes] = Counter()

    def next_draw(self, call: Call) -> str:
        """Return which draw `call` is; to be asked once for each call."""
        number = self._calls[call.digest]
        self._calls[call.digest] += 1
        return f"{self._name} #{number}"


execution: ContextVar[Execution | None] = ContextVar("mipro_execution", default=None)


def as_drawn(call: Call) -> Call:
    """Return `call` as the draw that it is; a call at temperature 0 is not a draw."""
    if call.parameters.get("temperature") == 0:
        return call
    current = execution.get()
    if current is None:
        return replace(call, cache=False)
    return replace(call, draw=current.next_draw(call))


def seed_of(call: Call) -> int:
    """Return a number that is the draw's own, in every process the same."""
    return zlib.crc32(call.digest)
