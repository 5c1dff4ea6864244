"""LM calls as they can be looked into: what was sent, what came back, what it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from pydantic import BaseModel, TypeAdapter

from mipro_nb.language.reading.parts.thoughts import told_apart
from mipro_nb.runs import events as ev
from mipro_nb.runs.store.json_values import FIELDS, kept
from mipro_nb.runs.store.record import Record, RecordedEvent
from mipro_nb.runs.view_model import CallDetail, Clip, Message
from mipro_nb.runs.views.clip import (
    clip,
    more_of_event,
    more_of_reply,
    more_of_text,
    value_text,
    within,
)

_ONE = "SELECT seq, at, body FROM events WHERE run_id = ? AND seq = ?"


class _PromptHead(BaseModel):
    """What many prompts share: `mipro_nb.models.gate.recording.call_log` writes it."""

    parameters: dict[str, Any]
    messages: list[dict[str, Any]]


_HEAD = TypeAdapter(_PromptHead)


def messages_sent(record: Record, run_id: str, seq: int) -> list[Message]:
    """Return the messages of a call that was answered; its event has this number."""
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


def call_detail(record: Record, recorded: RecordedEvent) -> CallDetail:
    """Return a call as it can be looked into; the event is that of one."""
    call = recorded.event
    assert isinstance(call, ev.LMCallAnswered | ev.LMCallFailed)  # noqa: S101 - no other is asked for
    messages, parameters = _sent(record, call)
    answered = call if isinstance(call, ev.LMCallAnswered) else None
    field = "problem" if answered else "error"
    error = getattr(call, field)
    said = _said(record, answered) if answered else _NOTHING_SAID
    return {
        "phase": call.phase,
        "model": call.model,
        "messages": messages,
        "parameters": parameters,
        "reply": said["reply"],
        "thoughts": said["thoughts"],
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
