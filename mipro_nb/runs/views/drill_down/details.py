"""Looking into a run: a trial's examples and prompts, the LM calls of an example, whole texts.

All of it is read from the record when somebody asks for it. Texts are cut to a length that a
page can bear; `mipro_nb.runs.views.drill_down.whole_text` gives what was cut.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pydantic import BaseModel, TypeAdapter

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.reading.parts.thoughts import told_apart
from mipro_nb.runs import events as ev
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.json_values import ANYTHING, FIELDS, ROWS, kept
from mipro_nb.runs.store.record import Record, RecordedEvent
from mipro_nb.runs.view_model import (
    CallDetail,
    Clip,
    ExampleRow,
    Message,
    Prompt,
    ReplyRating,
    TrialDetail,
)
from mipro_nb.runs.views.clip import (
    DEFAULT_LIMIT,
    clip,
    clip_fields,
    more_of_event,
    more_of_reply,
    more_of_text,
    value_text,
    within,
)
from mipro_nb.runs.views.drill_down.cells import TrialCell, cells_of_trial, no_such_trial
from mipro_nb.runs.views.trial_row import trial_row

_LEAST_CHARACTERS = 200


class _Optional(TypedDict, total=False):
    points: float
    notes: list[Clip]
    rating: ReplyRating


class _PromptHead(BaseModel):
    """What many prompts share: `mipro_nb.models.gate.recording.call_log` writes it."""

    parameters: dict[str, Any]
    messages: list[dict[str, Any]]


_HEAD = TypeAdapter(_PromptHead)

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
_ONE = "SELECT seq, at, body FROM events WHERE run_id = ? AND seq = ?"


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
    return [_call(record, record.read_event(run_id, *row)) for row in rows]


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
        fields = 1 + max((len(row) for row in valset), default=0)
        share = characters // max(1, fields * len(self._numbers))
        limit = min(DEFAULT_LIMIT, max(_LEAST_CHARACTERS, share))
        return {
            "trial": trial_row(self._state, self._trial),
            "prompts": self._prompts(list(planned.predictors) if planned else []),
            "examples": [
                self._example(number, valset[number] if number < len(valset) else {}, limit)
                for number in self._numbers
            ],
        }

    def _example(self, number: int, row: Mapping[str, Any], limit: int) -> ExampleRow:
        planned = self._state.planned
        more = None if planned is None else within(more_of_text(planned.valset), number)
        inputs = [] if planned is None else planned.inputs
        given = {name: value for name, value in row.items() if name in inputs}
        expected = {name: value for name, value in row.items() if name not in inputs}
        cell = self._cells.get(number)
        scale = 1 if planned is None else planned.metric_scale
        optional: _Optional = {}
        if cell and scale != 1:
            optional["points"] = cell.scored.score * scale
        if cell and (cell.scored.notes or cell.scored.caught):
            optional["notes"] = cell.notes(limit)
        if cell and (rated := self._rating(cell)):
            optional["rating"] = rated
        return {
            "example": number,
            "inputs": clip_fields(given, more, limit),
            "expected": clip_fields(expected, more, limit),
            "prediction": cell and _prediction(self._record, cell.scored.prediction, limit),
            "score": cell and cell.scored.score,
            "feedback": cell and cell.clip("feedback"),
            "error": cell and cell.clip("error"),
            "seconds": cell and cell.scored.seconds,
            "scored_by": cell.scored.trial if cell else self._trial,
            **optional,
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
                "messages": _messages_of(self._record, self._run_id, first[predictor][1]),
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


def _prediction(record: Record, ref: ev.TextRef | None, limit: int) -> dict[str, Clip] | None:
    if ref is None:
        return None
    values = kept(record, ref, ANYTHING)
    if isinstance(values, dict):
        return clip_fields(values, more_of_text(ref), limit)
    return {"prediction": clip(record.text(ref), more_of_text(ref), limit)}


def _messages_of(record: Record, run_id: str, seq: int) -> list[Message]:
    (row,) = record.query(_ONE, run_id, seq)
    event = record.read_event(run_id, *row).event
    return _sent(record, event)[0] if isinstance(event, ev.LMCallAnswered) else []


def _sent(
    record: Record, call: ev.LMCallAnswered | ev.LMCallFailed
) -> tuple[list[Message], dict[str, Any]]:
    """Return messages and parameters of a call."""
    head, tail = kept(record, call.prompt_head, _HEAD), kept(record, call.prompt_tail, FIELDS)
    messages = [
        _message(message, within(more_of_text(call.prompt_head), "messages", place))
        for place, message in enumerate(head.messages)
    ]
    messages.append(_message(tail, more_of_text(call.prompt_tail)))
    return messages, head.parameters


def _message(message: Mapping[str, Any], more: str) -> Message:
    content = value_text(message.get("content", ""))
    return {"role": str(message.get("role", "")), "content": clip(content, within(more, "content"))}


def _text(record: Record, ref: ev.TextRef) -> Clip:
    return clip(record.text(ref), more_of_text(ref))


class _Said(TypedDict):
    reply: Clip | None
    thoughts: Clip | None


_NOTHING_SAID: _Said = {"reply": None, "thoughts": None}


def _said(record: Record, call: ev.LMCallAnswered) -> _Said:
    """Return a reply, and the thoughts beside it or in it."""
    if call.thoughts is not None:
        return {"reply": _text(record, call.reply), "thoughts": _text(record, call.thoughts)}
    said = told_apart(record.text(call.reply))
    if not said.thoughts:
        return {"reply": _text(record, call.reply), "thoughts": None}
    return {
        "reply": clip(said.answer.strip(), more_of_reply("answer", call.reply)),
        "thoughts": clip(said.thoughts, more_of_reply("thoughts", call.reply)),
    }


def _call(record: Record, recorded: RecordedEvent) -> CallDetail:
    call = recorded.event
    assert isinstance(call, ev.LMCallAnswered | ev.LMCallFailed)  # noqa: S101 - no other is asked for
    messages, parameters = _sent(record, call)
    answered = call if isinstance(call, ev.LMCallAnswered) else None
    field = "problem" if answered else "error"
    error = getattr(call, field)
    return {
        "phase": call.phase,
        "model": call.model,
        "messages": messages,
        "parameters": parameters,
        **(_said(record, answered) if answered else _NOTHING_SAID),
        "error": clip(error, more_of_event(recorded.seq, field)) if error else None,
        "truncated": answered is not None and answered.truncated,
        "from_cache": answered is not None and answered.from_cache,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "counted": answered is None or answered.counted,
        "usd": call.usd,
        "seconds": call.seconds,
        "at": recorded.at,
    }
