"""What has to be known of a way to ask an LM over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.services.worst_case import LIMITS
from mipro_nb.numbers import is_number

Json = Mapping[str, Any]
# A count beyond this is not believed.
_MOST_TOKENS = 10**9


@dataclass(frozen=True)
class Wanted:
    """What form a reply is asked for in.

    Attributes
    ----------
    kind
        A text, a text that is JSON, or the call of a tool.
    schema
        JSON schema of the latter two; empty where there is none.
    tool
        Name of the tool.
    """

    kind: Literal["text", "json", "tool"] = "text"
    schema: Json | None = None
    tool: str = ""


class Api(Protocol):
    """A way to ask an LM over HTTP.

    Attributes
    ----------
    path
        How paths of its requests end.
    """

    path: str

    def messages(self, body: Json) -> list[Json]:
        """Return the messages of a request, each with ``role`` and ``content``."""
        ...

    def parameters(self, body: Json) -> dict[str, Any]:
        """Return what else changes the answer; a limit of the reply by the name of Chat's."""
        ...

    def limited(self, body: Json, call: Call) -> dict[str, Any]:
        """Return the body that is sent: not as a stream, with the limit that a cap has set."""
        ...

    def wanted(self, body: Json, labels: Iterable[str]) -> Wanted:
        """Return in what form the reply is asked for; `labels` name what it may hold."""
        ...

    def answer(self, given: Json, call: Call) -> Answer | None:
        """Return what a response says, None if it says nothing."""
        ...

    def whole(self, answer: Answer, model: str) -> dict[str, Any]:
        """Return the response that `answer` was made of, or one with the same text."""
        ...

    def made_up(self, text: str, wanted: Wanted, model: str) -> dict[str, Any]:
        """Return a response of an LM that was never asked."""
        ...

    def stream(self, whole: Json, body: Json) -> bytes:
        """Return a response as server-sent events."""
        ...


def count(usage: Any, *names: str) -> int | None:
    """Return the first of the token counts of these names that there is."""
    for name in names:
        value = usage.get(name) if isinstance(usage, Mapping) else None
        if is_number(value) and value == int(value) and 0 <= value <= _MOST_TOKENS:
            return int(value)
    return None


def with_limit(body: Json, call: Call, names: Sequence[str]) -> dict[str, Any]:
    """Return a body with the limit that a cap rests on, under the first of `names` if under none.

    Those who name a limit keep it.
    """
    limit = next((call.parameters[name] for name in LIMITS if name in call.parameters), None)
    if not call.capped or limit is None:
        return dict(body)
    kept = {name: value for name, value in body.items() if name not in names or value is not None}
    return kept if any(name in kept for name in names) else {**kept, names[0]: limit}


def tool_to_call(tools: Sequence[tuple[str, Json]], labels: Iterable[str]) -> Wanted:
    """Return a call of the tool that takes most of `labels`; of equal ones, the last."""
    known = set(labels)

    def fit(tool: tuple[str, Json]) -> int:
        return len(known & set(tool[1].get("properties", {})))

    name, schema = max(reversed(tools), key=fit)
    return Wanted("tool", schema, name)


def events(parts: Iterable[Json], *, named: bool) -> bytes:
    """Return server-sent events; `named` ones are told by their type."""
    lines = []
    for part in parts:
        name = f"event: {part['type']}\n" if named else ""
        lines.append(f"{name}data: {json.dumps(part)}\n\n")
    return "".join(lines).encode()
