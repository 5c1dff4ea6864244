"""Texts cut to a length that a page can bear, with the name of the whole.

The name (`more`) is a token that `mipro_nb.runs.views.drill_down.whole_text` resolves. It says
where the whole text stands in the record: a text of its own, a value within one that holds JSON, a
part of one that is a reply, or a field of an event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from mipro_nb.runs.events import TextRef
from mipro_nb.runs.view_model import Clip

DEFAULT_LIMIT = 2000
"""Characters that a text may have in a list before it is cut."""


def clip(text: str, more: str | None, limit: int = DEFAULT_LIMIT) -> Clip:
    """Return `text`, cut to `limit` characters; `more` names the whole of it."""
    shown = text[:limit]
    # Lone surrogates have no UTF-8 form, so that no front end could be sent them.
    shown = shown.encode("utf-8", "replace").decode("utf-8")
    return {
        "text": shown,
        "characters": len(text),
        "more": more if len(text) > limit else None,
    }


def clip_fields(
    values: Mapping[str, Any], more: str | None, limit: int = DEFAULT_LIMIT
) -> dict[str, Clip]:
    """Return every value as a clipped text; `more` names the mapping as a whole."""
    return {
        name: clip(value_text(value), None if more is None else within(more, name), limit)
        for name, value in values.items()
    }


def value_text(value: Any) -> str:
    """Return `value` as text: a string as it is, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def more_of_text(ref: TextRef) -> str:
    """Return the name of a text of the record."""
    return f"text:{ref}:"


def more_of_reply(part: Literal["answer", "thoughts"], ref: TextRef) -> str:
    """Return the name of one part of a reply that holds its thoughts in the text."""
    return f"{part}:{ref}:"


def more_of_event(seq: int, field: str) -> str:
    """Return the name of a field of the run's event number `seq`."""
    return within(f"event:{seq}:", field)


def more_of_instruction(predictor: str, index: int) -> str:
    """Return the name of a candidate instruction."""
    return f"instruction:{index}:{predictor}"


def within(more: str, *path: str | int) -> str:
    """Return the name of the value at `path` within the JSON that `more` names."""
    return more + "".join(f"/{_escaped(str(step))}" for step in path)


def _escaped(step: str) -> str:
    """Return `step` as JSON pointers (RFC 6901) write it."""
    return step.replace("~", "~0").replace("/", "~1")
