"""Replies that cannot be read: if nearly all of the student's are so, that is said at once."""

from __future__ import annotations

from collections.abc import Iterable

from mipro_nb.errors import ReplyError
from mipro_nb.evaluate.scoring import ExampleResult
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.control.pause import PauseSwitch
from mipro_nb.runs.events import NoteTopic
from mipro_nb.runs.sentences.replies.readings import unreadable_text

_FIRST = 20
_NEARLY_ALL = 0.9
_FEWEST = 5
_TOPIC: NoteTopic = "replies"
_TO_DO = (
    "Almost none of the student's replies can be read; a note of the run says why. Resume the run "
    "if you expected that; otherwise stop it and begin another."
)


class UnreadableReplies:
    """Looks at the first examples of the student, and tells if their replies cannot be read.

    They are the first of the valset, whichever come back first, so that the note is the same each
    time. The run pauses once if somebody is there who can resume it.

    Parameters
    ----------
    journal, pausing
        Those of the run.
    valset_size
        Examples of the student in all.
    """

    def __init__(self, journal: Journal, pausing: PauseSwitch, valset_size: int) -> None:
        self._journal, self._pausing = journal, pausing
        self._looked_at = min(_FIRST, valset_size)
        self._unreadable: dict[int, bool] = {}

    def take(self, results: Iterable[ExampleResult]) -> None:
        """Take results of the student, and tell once the first of them are there."""
        for result in results:
            if result.index < self._looked_at:
                self._unreadable[result.index] = isinstance(result.error, ReplyError)
        if len(self._unreadable) < self._looked_at or self._looked_at < _FEWEST:
            return
        unreadable = sum(self._unreadable.values())
        was_told = any(note.topic == _TOPIC for note in self._journal.state.notes)
        if was_told or unreadable < _NEARLY_ALL * self._looked_at:
            return
        self._journal.note(_TOPIC, unreadable_text(unreadable, self._looked_at))
        self._pausing.pause_because(_TO_DO)
