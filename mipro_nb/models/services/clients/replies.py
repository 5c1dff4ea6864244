"""What a server's chat completion says: text, thoughts beside it, and why it cannot be used.

Servers write the same things in many ways. Whatever shape a message has, it is read, or it is a
reply that cannot be used and is asked for again: no shape is an error of the program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mipro_nb.errors import shown
from mipro_nb.redaction import secrets

_TEXT_PARTS = ("text", "output_text")
_THOUGHT_PARTS = ("thinking", "reasoning", "reasoning.text", "reasoning.summary")
# Where servers put what the model thought before it answered; the first that holds a text counts.
_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thoughts")
# Where a part, or a thought, has its text.
_TEXTS = ("text", "thinking", "reasoning", "content", "summary")
_CUT_OFF = ("length", "max_tokens", "model_length")
_FILTERED = "content_filter"
_LONGEST_SHOWN = 120
_DEEPEST = 8


class MessageParts(NamedTuple):
    """What a message says.

    Attributes
    ----------
    text
        The reply, or the refusal.
    thoughts
        What the model thought, where the server tells it beside the reply.
    problem
        Why it cannot be used, a sentence; empty if it can.
    truncated
        Whether the reply was cut off.
    """

    text: str
    thoughts: str = ""
    problem: str = ""
    truncated: bool = False


def parts_of_message(choice: Mapping[str, Any]) -> MessageParts:
    """Return what a choice of a chat completion says."""
    message, why = (
        choice.get("message", choice.get("text")),
        str(choice.get("finish_reason") or "").casefold(),
    )
    if isinstance(message, str):
        message = {"content": message}
    fields: Mapping[str, Any] = message if isinstance(message, Mapping) else {}
    content = fields.get("content")
    text, problem = _text_of(content), ""
    refusal = _refusal_of(fields)
    if text is None:
        text, problem = "", f"It is not text but {_told(content)}."
    elif not text.strip():
        if refusal:
            text, problem = refusal, "It is a refusal."
        elif tool := _tool_of(fields):
            problem = f"It calls the tool {_told(tool)} and holds no text."
    if why == _FILTERED:
        problem = "The server's content filter ended it."
    return MessageParts(
        secrets.clean(text),
        secrets.clean(_thoughts_of(fields)),
        secrets.clean(problem),
        why in _CUT_OFF,
    )


def _text_of(content: object) -> str | None:
    """Return the text of a message's content, None if it is something else altogether."""
    match content:
        case None:
            return ""
        case str():
            return content
        case Mapping():
            return _text_of([content])
        case list():
            texts = [_text_of_part(part) for part in content]
            return None if None in texts else "".join(text for text in texts if text)
    return None


def _text_of_part(part: object) -> str | None:
    """Return the text of a part; "" for a part of another kind, None for anything else."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return None
    kind, text = part.get("type"), part.get("text")
    if kind is None and not isinstance(text, str):
        return None
    return text if kind in (None, *_TEXT_PARTS) and isinstance(text, str) else ""


def _parts_of(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = fields.get("content")
    parts = content if isinstance(content, list) else [content]
    return [part for part in parts if isinstance(part, Mapping)]


def _refusal_of(fields: Mapping[str, Any]) -> str:
    for holder in (fields, *_parts_of(fields)):
        refusal = holder.get("refusal")
        if isinstance(refusal, str) and refusal.strip():
            return refusal
    return ""


def _tool_of(fields: Mapping[str, Any]) -> str:
    """Return the name of a tool that the message calls, empty if it calls none."""
    calls = fields.get("tool_calls") or fields.get("function_call")
    first = calls[0] if isinstance(calls, list) and calls else calls
    if not first:
        return ""
    called = first.get("function", first) if isinstance(first, Mapping) else {}
    name = called.get("name") if isinstance(called, Mapping) else None
    return name if isinstance(name, str) and name else "of no name"


def _thoughts_of(fields: Mapping[str, Any]) -> str:
    for name in _THOUGHTS:
        if told := "".join(_texts_in(fields.get(name))).strip():
            return told
    parts = (part for part in _parts_of(fields) if part.get("type") in _THOUGHT_PARTS)
    return "".join(text for part in parts for text in _texts_in(part)).strip()


def _texts_in(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the texts of thoughts: a text, parts that hold one, or lists of these."""
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST and isinstance(value, list):
        for part in value:
            yield from _texts_in(part, depth + 1)
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for name in _TEXTS:
            if value.get(name):
                yield from _texts_in(value[name], depth + 1)
                return


def _told(value: object) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except RecursionError:
        text = "lists within lists"
    return shown(secrets.taken_out(" ".join(text.split())), _LONGEST_SHOWN)


def written_in(choice: Mapping[str, Any]) -> str:
    """Return all that the model wrote for a choice, for a server that does not count it."""
    message = choice.get("message")
    fields = message if isinstance(message, Mapping) else {}
    said = parts_of_message(choice)
    calls = fields.get("tool_calls")
    return "\n".join(filter(None, [said.text, said.thoughts, json.dumps(calls) if calls else ""]))
