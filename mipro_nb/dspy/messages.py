"""Messages as they are written down: texts as they are, pictures and the like by their hash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.dspy.media import hashed
from mipro_nb.language.lm_protocol import Message

# More than services count for a picture of the finest detail, or a page behind a link.
_MOST_MEDIA_TOKENS = 16_384
_BESIDE_CONTENT = frozenset({"role", "content"})


@dataclass(frozen=True)
class Written:
    """Messages as they are written down.

    Attributes
    ----------
    messages
        Role and text of each.
    media_tokens
        The most tokens of what is in them by its hash, or by a link, alone.
    """

    messages: list[Message]
    media_tokens: int


def written(messages: Sequence[Mapping[str, Any]]) -> Written:
    """Return `messages` as they are written down."""
    found: list[str] = []
    made: list[Message] = []
    for message in messages:
        content = _content(message.get("content"), found)
        # Calls of tools and their results have parts of their own.
        rest = {name: value for name, value in message.items() if name not in _BESIDE_CONTENT}
        if rest:
            content = f"{content}\n{json.dumps(rest, default=str, sort_keys=True)}".strip()
        made.append({"role": str(message.get("role", "user")), "content": content})
    return Written(made, sum(_MOST_MEDIA_TOKENS + len(part) for part in found))


def written_request(request: Any) -> Written:
    """Return a ``dspy.lm15.Request`` as it is written down: as one message."""
    from dspy._vendor.lm15.serde import request_to_dict  # noqa: PLC0415 - it has no public name

    return written([{"role": "user", "content": [request_to_dict(request)]}])


def _content(content: Any, found: list[str]) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    parts = content if isinstance(content, list | tuple) else [content]
    return "\n".join(_part(part, found) for part in parts)


def _part(part: Any, found: list[str]) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and part.get("type") == "text":
        return str(part.get("text", ""))
    whole = json.dumps(part, default=str, sort_keys=True)
    found.append(whole)
    return hashed(whole)
