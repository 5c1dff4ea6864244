"""The whole of a text of which a view shows the beginning.

The names of texts (`mipro_nb.runs.views.clip` makes them) come back from a browser: each is
checked, and gives nothing but what belongs to the run that it is asked for.
"""

from __future__ import annotations

import json
import re
from typing import Any

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.reading.parts.thoughts import told_apart
from mipro_nb.runs import events as ev
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.clip import value_text

_TEXT = re.compile(r"text:([0-9a-f]{32}):((?:/.*)?)", re.DOTALL)
_REPLY = re.compile(r"(answer|thoughts):([0-9a-f]{32}):")
_EVENT = re.compile(r"event:(0|[1-9][0-9]{0,17}):((?:/.*)?)", re.DOTALL)
_INSTRUCTION = re.compile(r"instruction:(0|[1-9][0-9]{0,8}):(.*)", re.DOTALL)
_PLACE = re.compile(r"0|[1-9][0-9]{0,8}")
_STRAY_TILDE = re.compile(r"~(?![01])")

_TEXT_OF_RUN = "SELECT text FROM run_texts JOIN texts USING (ref) WHERE run_id = ? AND ref = ?"
_EVENT_OF_RUN = "SELECT body FROM events WHERE run_id = ? AND seq = ?"


def whole_text(record: Record, run_id: str, more: str) -> str:
    """Return the text that a Clip's `more` names.

    Raises
    ------
    InvalidArgumentError
        If the run has no such text.
    RecordError
        If the record cannot be read.
    """
    if match := _TEXT.fullmatch(more):
        text = _one(record, more, _TEXT_OF_RUN, run_id, match[1])
        return _at(text, match[2], more) if match[2] else text
    if match := _REPLY.fullmatch(more):
        said = told_apart(_one(record, more, _TEXT_OF_RUN, run_id, match[2]))
        return said.answer.strip() if match[1] == "answer" else said.thoughts
    if match := _EVENT.fullmatch(more):
        return _at(_one(record, more, _EVENT_OF_RUN, run_id, int(match[1])), match[2], more)
    if match := _INSTRUCTION.fullmatch(more):
        return _instruction(record, run_id, match[2], int(match[1]), more)
    raise _unknown(more)


def _one(record: Record, more: str, query: str, *values: object) -> str:
    rows = record.query(query, *values)
    if not rows:
        raise _unknown(more)
    return str(rows[0][0])


def _instruction(record: Record, run_id: str, predictor: str, index: int, more: str) -> str:
    for recorded in reversed(record.events(run_id, types=["candidate_proposed"])):
        event = recorded.event
        if (
            isinstance(event, ev.CandidateProposed)
            and event.predictor == predictor
            and event.index == index
        ):
            return event.instruction
    raise _unknown(more)


def _at(text: str, pointer: str, more: str) -> str:
    """Return the value that a JSON pointer (RFC 6901) names in the JSON `text`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unknown(more) from error
    for step in pointer.split("/")[1:]:
        value = _inside(value, step, more)
    # JSON may hold lone surrogates, which no front end could be sent.
    return value_text(value).encode("utf-8", "replace").decode("utf-8")


def _inside(value: Any, step: str, more: str) -> Any:
    if isinstance(value, list) and _PLACE.fullmatch(step) and int(step) < len(value):
        return value[int(step)]
    if isinstance(value, dict) and not _STRAY_TILDE.search(step):
        name = step.replace("~1", "/").replace("~0", "~")
        if name in value:
            return value[name]
    raise _unknown(more)


def _unknown(more: str) -> InvalidArgumentError:
    return InvalidArgumentError("more", more, "the run has no text of this name.")
