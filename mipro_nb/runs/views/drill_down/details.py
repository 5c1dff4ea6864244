"""Looking into a run: a trial's examples and prompts, the LM calls of an example, whole texts.

All of it is read from the record when somebody asks for it. Texts are cut to a length that a
page can bear; `mipro_nb.runs.views.drill_down.whole_text` gives what was cut.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs import events as ev
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.json_values import ROWS, kept
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import (
    CallDetail,
    Clip,
    ExampleRow,
    Prompt,
    ReplyDetail,
    ReplyRating,
    TrialDetail,
)
from mipro_nb.runs.views.clip import clip, clip_fields, more_of_text, within
from mipro_nb.runs.views.drill_down.calls import call_detail, messages_sent
from mipro_nb.runs.views.drill_down.cells import TrialCell, cells_of_trial, no_such_trial
from mipro_nb.runs.views.drill_down.rows import asked_by, reply_of, share_of
from mipro_nb.runs.views.trial_row import trial_row

_CALLS = """
SELECT seq, at, body FROM events INDEXED BY events_by_type
WHERE run_id = ? AND type IN ('lm_call_answered', 'lm_call_failed') AND trial = ? AND example = ?
ORDER BY seq
"""
_SENT = """
SELECT seq, trial, example, json_extract(body, '$.predictor')
FROM events INDEXED BY events_by_type
WHERE run_id = ? AND type = 'lm_call_answered' AND trial IN (SELECT value FROM json_each(?))
ORDER BY seq
"""


class _Rating(TypedDict, total=False):
    rating: ReplyRating


_NO_REPLY: ReplyDetail = {
    "prediction": None,
    "score": None,
    "feedback": None,
    "error": None,
    "seconds": None,
}


def trial_detail(
    record: Record, run_id: str, state: RunState, trial: int, *, characters: int = 1_000_000
) -> TrialDetail:
    """Return a trial with its prompts and examples.

    Parameters
    ----------
    record
        The record that the run is in.
    run_id
        The run.
    state
        What is known of it.
    trial
        Number of the trial.
    characters
        What all texts of the examples may have together, about: the more examples there are, the
        less of each is told.

    Raises
    ------
    InvalidArgumentError
        If there is no such trial.
    RecordError
        If the record cannot be read.
    """
    if trial not in state.trials:
        raise no_such_trial(trial)
    return _TrialReader(record, run_id, state, trial).detail(characters)


def example_calls(record: Record, run_id: str, trial: int, example: int) -> list[CallDetail]:
    """Return the LM calls that an example took, in order, failed ones included.

    Where the trial took the example's score from an earlier one, they are that one's.

    Raises
    ------
    InvalidArgumentError
        If there is no such trial.
    RecordError
        If the record cannot be read.
    """
    cell = cells_of_trial(record, run_id, trial).get(example)
    scored_by = trial if cell is None else cell.scored.trial
    rows = record.query(_CALLS, run_id, scored_by, example)
    return [call_detail(record, record.read_event(run_id, *row)) for row in rows]


def demos(record: Record, run_id: str, predictor: str, index: int) -> list[dict[str, Clip]]:
    """Return the demos of a demo set, each as field → text.

    Raises
    ------
    InvalidArgumentError
        If there is no such demo set.
    RecordError
        If the record cannot be read.
    """
    for recorded in reversed(record.events(run_id, types=["demo_set_built"])):
        event = recorded.event
        if isinstance(event, ev.DemoSetBuilt) and (event.predictor, event.index) == (
            predictor,
            index,
        ):
            more, rows = more_of_text(event.demos), kept(record, event.demos, ROWS)
            return [clip_fields(row, within(more, place)) for place, row in enumerate(rows)]
    raise InvalidArgumentError("index", index, f"predictor {predictor!r} has no such demo set.")


class _TrialReader:
    """Reads one trial of a run."""

    def __init__(self, record: Record, run_id: str, state: RunState, trial: int) -> None:
        self._record, self._run_id, self._state, self._trial = record, run_id, state, trial
        self._numbers = state.trials[trial].examples
        self._cells = cells_of_trial(record, run_id, trial)

    def detail(self, characters: int) -> TrialDetail:
        planned = self._state.planned
        valset = [] if planned is None else kept(self._record, planned.valset, ROWS)
        limit = share_of(characters, valset, len(self._numbers), 1)
        return {
            "trial": trial_row(self._state, self._trial),
            "prompts": self._prompts(list(planned.predictors) if planned else []),
            "examples": [self._example(number, valset, limit) for number in self._numbers],
        }

    def _example(self, number: int, valset: Sequence[Mapping[str, Any]], limit: int) -> ExampleRow:
        planned, cell = self._state.planned, self._cells.get(number)
        ref = None if planned is None else planned.valset
        reply = _NO_REPLY if cell is None else reply_of(self._record, self._state, cell, limit)
        rated = None if cell is None else self._rating(cell)
        rating: _Rating = {} if rated is None else {"rating": rated}
        return {
            "example": number,
            **asked_by(self._state, ref, valset, number, limit),
            **reply,
            "scored_by": cell.scored.trial if cell else self._trial,
            **rating,
        }

    def _rating(self, cell: TrialCell) -> ReplyRating | None:
        """Return what a person thinks of the reply; None if nobody has rated it."""
        reply = cell.scored.prediction
        rated = None if reply is None else self._state.ratings.get((cell.scored.example, reply))
        if rated is None or rated.rating is None:
            return None
        return {"rating": rated.rating, "reason": clip(rated.reason, None)}

    def _prompts(self, names: Sequence[str]) -> list[Prompt]:
        """Return for each predictor its first call for the first example that needed it."""
        first: dict[str, tuple[int, int]] = {}
        for example, calls in self._calls_sent().items():
            for seq, predictor in calls:
                first.setdefault(predictor, (example, seq))
        return [
            {
                "predictor": predictor,
                "example": first[predictor][0],
                "messages": messages_sent(self._record, self._run_id, first[predictor][1]),
            }
            for predictor in [*names, *(name for name in first if name not in names)]
            if predictor in first
        ]

    def _calls_sent(self) -> dict[int, list[tuple[int, str]]]:
        """Return example → (event, predictor) of its calls, examples in the trial's order."""
        scored_by = dict.fromkeys(self._numbers, self._trial)
        scored_by |= {n: cell.scored.trial for n, cell in self._cells.items() if n in scored_by}
        sent: dict[int, list[tuple[int, str]]] = {number: [] for number in self._numbers}
        trials = json.dumps(sorted(set(scored_by.values())))
        for seq, trial, example, predictor in self._record.query(_SENT, self._run_id, trials):
            if predictor is not None and scored_by.get(example) == trial:
                sent[example].append((seq, predictor))
        return sent
