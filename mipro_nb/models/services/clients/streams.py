"""Answers that come as a stream of chunks (server-sent events), put together to whole ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_END = "[DONE]"
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal", "thinking")
_LISTS = ("reasoning_details", "tool_calls")


def is_stream(body: str) -> bool:
    """Tell whether the text of an answer is a stream, asked for or not."""
    return body.lstrip("\ufeff \r\n").startswith(("data:", "event:", ":", "id:", "retry:"))


def whole(body: str) -> Mapping[str, Any] | None:
    """Return the chat completion that the chunks of a stream make; None if it broke off.

    An error that a chunk tells is the answer's.
    """
    choices: dict[int, dict[str, Any]] = {}
    usage: object = None
    is_over = False
    for data in _data(body):
        if data == _END:
            is_over = True
            continue
        chunk = _read(data)
        if chunk is None:
            return None
        if chunk.get("error"):
            return {"error": chunk["error"], "usage": chunk.get("usage") or usage}
        usage = chunk.get("usage") or usage
        for place, part in enumerate(_choices(chunk)):
            _add(choices.setdefault(_index(part, place), {"message": {}}), part)
    finished = any(choice.get("finish_reason") for choice in choices.values())
    if not is_over and not finished:
        return None
    return {"choices": [choices[index] for index in sorted(choices)], "usage": usage}


def _data(body: str) -> Iterator[str]:
    """Yield the data of each event: a line each, or several."""
    lines: list[str] = []
    for line in [*body.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        if line.startswith("data:"):
            lines.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines).strip()
            lines = []


def _read(data: str) -> Mapping[str, Any] | None:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return chunk if isinstance(chunk, Mapping) else None


def _choices(chunk: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices = chunk.get("choices")
    found = choices if isinstance(choices, list) else []
    return [choice for choice in found if isinstance(choice, Mapping)]


def _index(choice: Mapping[str, Any], place: int) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else place


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add what one chunk says to a choice."""
    for name in ("finish_reason", "error"):
        choice[name] = part.get(name) or choice.get(name)
    said = part.get("delta") or part.get("message")
    if not isinstance(said, Mapping):
        return
    message = choice["message"]
    for name in (*_TEXTS, *_LISTS):
        new, known = said.get(name), message.get(name)
        if new is None or known is None:
            message[name] = known if new is None else new
        elif isinstance(new, type(known)) and isinstance(new, str | list):
            message[name] = known + new
        else:  # texts and parts, one after the other
            message[name] = [*_listed(known), *_listed(new)]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
