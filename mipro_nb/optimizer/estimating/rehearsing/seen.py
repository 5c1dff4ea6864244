"""What is seen on the rows of a rehearsal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from mipro_nb.errors import MiproError
from mipro_nb.language.execution.own_calls import SeenOwnCalls
from mipro_nb.optimizer.estimating.rehearsing.pitfalls import Attributes
from mipro_nb.optimizer.estimating.rehearsing.rehearsed_calls import RehearsedCall
from mipro_nb.optimizer.estimating.rehearsing.stand_in import MOST_CALLS

_MOST_ENDED = 2


@dataclass
class Seen:
    """What was seen on one row.

    Attributes
    ----------
    fault
        What `note` reports without its row, which another row may have as well; None if that is
        all of it.
    error
        What would refuse the program, if it came on every row.
    guess
        Why the calls are not all that would be made.
    left
        Whether code goes on that could not be ended.
    score
        What the metric gave, in its own units; None if it was not reached.
    own_labels
        Whether the score is that of the row's own labels.
    given_labels
        Whether the score is of what the program made of the row's own labels and nothing else.
    unread
        A note on an output that holds an answer instead of being one.
    set_anew
        Attributes that the program set while it ran.
    asked_for_numbers
        Whether the score rests on a number that a judge was to give.
    own_calls
        LM calls by clients of the program's own.
    wrong_score
        What the metric gave for the labels of other rows; None if it was not asked.
    no_feedback
        As in `Rehearsal`.
    """

    calls: list[RehearsedCall] = field(default_factory=list)
    note: str | None = None
    fault: str | None = None
    error: MiproError | None = None
    guess: str | None = None
    left: bool = False
    score: float | None = None
    own_labels: bool = False
    given_labels: bool = False
    unread: str | None = None
    set_anew: Attributes = field(default_factory=dict)
    asked_for_numbers: bool = False
    own_calls: SeenOwnCalls = field(default_factory=SeenOwnCalls)
    wrong_score: float | None = None
    no_feedback: str | None = None


def merged(seen: Sequence[Seen]) -> list[str]:
    """Return the notes of all rows, each fault once, with the number of rows that have it."""
    notes = {each.fault or each.note: each.note for each in reversed(seen) if each.note}
    rows = Counter(each.fault for each in seen if each.fault)
    return [
        note if rows[fault] <= 1 else f"{note} This happened on {rows[fault]} of {len(seen)} rows."
        for fault, note in reversed(notes.items())
    ]


def are_enough(seen: Sequence[Seen]) -> bool:
    """Tell whether further rows would most likely be ended alike."""
    return sum(len(each.calls) >= MOST_CALLS for each in seen) >= _MOST_ENDED
