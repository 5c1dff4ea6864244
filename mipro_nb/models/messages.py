"""Messages as they are written down: texts as they are, pictures and the like by their hash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.language.lms.lm_protocol import Message
from mipro_nb.models.media import hashed

# More than services count for a picture of the finest detail, or a page behind a link.
_MOST_MEDIA_TOKENS = 16_384
_TEXTS = frozenset({"text", "input_text", "output_text"})
# Their tokens are those of their JSON.
_TOOLS = frozenset({"tool_use", "tool_result"})
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


def _content(content: Any, found: list[str]) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    parts = content if isinstance(content, list | tuple) else [content]
    return "\n".join(_part(part, found) for part in parts)


def _part(part: Any, found: list[str]) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in _TEXTS:
        return str(part.get("text", ""))
    whole = json.dumps(part, default=str, sort_keys=True)
    told = hashed(whole)
    if kind not in _TOOLS or told != whole:
        found.append(whole)
    return told
