"""The cells of a trial: what each of its examples scored, whichever trial paid for that."""

from __future__ import annotations

import json
from typing import Generic, Literal, NamedTuple, TypeVar

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import STUDENT, configuration_key
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import Clip
from mipro_nb.runs.views.clip import clip, more_of_event, within

_CELLS = """
SELECT seq, at, body FROM events INDEXED BY events_by_type
WHERE run_id = ? AND type = 'example_scored' AND trial IN (SELECT value FROM json_each(?))
ORDER BY seq
"""
_ASKED = """
SELECT trial, json_extract(body, '$.configuration') FROM events INDEXED BY events_by_type
WHERE run_id = ? AND type = 'trial_asked'
"""
_TOLD = """
SELECT 1 FROM events INDEXED BY events_by_type
WHERE run_id = ? AND type = 'trial_told' AND trial = ?
"""


_Scored = TypeVar("_Scored", bound=ev.Cell)


class KeptCell(NamedTuple, Generic[_Scored]):
    """A cell of a score ledger, and the number of its event."""

    seq: int
    scored: _Scored

    def clip(self, field: Literal["feedback", "error"]) -> Clip | None:
        """Return what the metric said, or why it failed."""
        text = getattr(self.scored, field)
        return None if text is None else clip(text, more_of_event(self.seq, field))

    def notes(self, limit: int) -> list[Clip]:
        """Return what of the replies was not written as asked, and which calls failed."""
        return [
            clip(note, within(more_of_event(self.seq, field), n), limit)
            for field, notes in (("notes", self.scored.notes), ("caught", self.scored.caught))
            for n, note in enumerate(notes)
        ]


TrialCell = KeptCell[ev.ExampleScored]


def cells_of_trial(record: Record, run_id: str, trial: int) -> dict[int, TrialCell]:
    """Return example → cell of the trial's configuration, whichever trial scored it.

    Raises
    ------
    InvalidArgumentError
        If there is no such trial.
    RecordError
        If the record cannot be read.
    """
    configurations = {
        number: json.loads(configuration) for number, configuration in record.query(_ASKED, run_id)
    }
    if trial not in configurations:
        raise no_such_trial(trial)
    configuration = configurations[trial]
    # Where every choice is the first one, or a candidate says what the student does, the program
    # is the student as given, which trial 0 has scored.
    kin = [number for number, other in configurations.items() if other == configuration]
    kin += [number for number, other in configurations.items() if not any(other.values())]
    cells: dict[str, dict[int, TrialCell]] = {}
    for row in record.query(_CELLS, run_id, json.dumps(sorted(set(kin)))):
        recorded = record.read_event(run_id, *row)
        if isinstance(recorded.event, ev.ExampleScored):
            event = recorded.event
            cells.setdefault(event.configuration, {})[event.example] = KeptCell(recorded.seq, event)
    key = configuration_key(configuration)
    if key in cells:
        return cells[key]
    is_student = not any(configuration.values()) or record.query(_TOLD, run_id, trial)
    return cells.get(STUDENT, {}) if is_student else {}


def no_such_trial(trial: int) -> InvalidArgumentError:
    """Return the error that the run has no such trial."""
    return InvalidArgumentError("trial", trial, "the run has no such trial.")
