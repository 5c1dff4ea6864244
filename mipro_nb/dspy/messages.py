"""Messages as they are written down: texts as they are, pictures and the like by their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.language.lm_protocol import Message

# More than services count for a picture of the finest detail, and for a page of a document.
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
        The most tokens of what is in them by its hash alone.
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
    return Written(made, _MOST_MEDIA_TOKENS * len(found) + sum(map(len, found)))


def written_request(request: Any) -> Written:
    """Return a ``dspy.lm15.Request`` as it is written down: as one message."""
    from dspy._vendor.lm15.serde import request_to_dict  # noqa: PLC0415 - it has no public name

    return written([{"role": "user", "content": [request_to_dict(request)]}])


def _content(content: Any, found: list[str]) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    parts = content if isinstance(content, list | tuple) else [content]
    return "\n".join(_part(part, found) for part in parts)


def _part(part: Any, found: list[str]) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and part.get("type") == "text":
        return str(part.get("text", ""))
    return json.dumps(_hashed(part, found), default=str, sort_keys=True)


def _hashed(value: Any, found: list[str]) -> Any:
    """Return `value` with what is data in it by its hash; the data are added to `found`."""
    if isinstance(value, Mapping):
        return {str(name): _hashed(inner, found) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_hashed(inner, found) for inner in value]
    if isinstance(value, bytes):
        value = value.hex()
    if not isinstance(value, str) or not _is_data(value):
        return value
    found.append(value)
    kind = value.partition(";")[0] if value.startswith("data:") else "data"
    return f"{kind}, {len(value)} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()}"


_LONGEST_SHOWN = 2048


def _is_data(text: str) -> bool:
    # Links have whoever reads them fetch a picture, which costs as much.
    return text.startswith(("data:", "http://", "https://")) or (
        len(text) > _LONGEST_SHOWN and not any(letter.isspace() for letter in text[:_LONGEST_SHOWN])
    )
