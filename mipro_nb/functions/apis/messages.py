"""Messages: how Anthropic's models are asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mipro_nb.functions.apis.answers import packed, unpacked
from mipro_nb.functions.apis.protocol import Json, Wanted, count, events, tool_to_call, with_limit
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.services.worst_case import LIMITS
from mipro_nb.models.tokens import count_message_tokens, count_tokens

_ASKED_BY = frozenset({"model", "messages", "system", "stream"})
_FROM_CACHE = "cache_read_input_tokens"
_INTO_CACHE = "cache_creation_input_tokens"
_DELTAS = {"text": "text_delta", "thinking": "thinking_delta"}


class _Messages:
    """See `mipro_nb.functions.apis.protocol.Api`."""

    path = "/v1/messages"

    def messages(self, body: Json) -> list[Json]:
        system = body.get("system")
        first = [{"role": "system", "content": system}] if system else []
        return [*first, *(each for each in body["messages"] if isinstance(each, Mapping))]

    def parameters(self, body: Json) -> dict[str, Any]:
        return {n: v for n, v in body.items() if n not in _ASKED_BY and v is not None}

    def limited(self, body: Json, call: Call) -> dict[str, Any]:
        sent = {name: value for name, value in body.items() if name != "stream"}
        return with_limit(sent, call, LIMITS[:1])

    def wanted(self, body: Json, labels: Iterable[str]) -> Wanted:
        tools = [
            (str(each.get("name", "")), each.get("input_schema") or {})
            for each in body.get("tools") or ()
            if isinstance(each, Mapping)
        ]
        choice = body.get("tool_choice") or {}
        if tools and choice.get("type") in ("any", "tool"):
            named = [tool for tool in tools if tool[0] == choice.get("name")]
            return tool_to_call(named or tools, labels)
        form = (body.get("output_config") or {}).get("format") or body.get("output_format")
        if isinstance(form, Mapping) and form.get("type") == "json_schema":
            return Wanted("json", form.get("schema"))
        return Wanted()

    def answer(self, given: Json, call: Call) -> Answer | None:
        content = given.get("content")
        if not isinstance(content, list):
            return None
        usage = given.get("usage")
        read, wrote = count(usage, "input_tokens"), count(usage, "output_tokens")
        counted = read is not None and wrote is not None
        from_cache = count(usage, _FROM_CACHE) or 0
        # Both are counted apart from the others.
        read = count_message_tokens(call.messages) if read is None else read
        read += from_cache + (count(usage, _INTO_CACHE) or 0)
        wrote = count_tokens(json.dumps(content)) if wrote is None else wrote
        parts = [part for part in content if isinstance(part, Mapping)]
        text = "".join(str(part.get("text", "")) for part in parts)
        plain = [part.get("type") for part in parts] == ["text"] and not parts[0].get("citations")
        plain = plain and given.get("stop_reason") == "end_turn"
        return Answer(
            text=packed(text, None if plain else given),
            truncated=given.get("stop_reason") == "max_tokens",
            input_tokens=read,
            output_tokens=wrote,
            cached_input_tokens=from_cache,
            thoughts="".join(str(part.get("thinking", "")) for part in parts),
            counted=counted,
        )

    def whole(self, answer: Answer, model: str) -> dict[str, Any]:
        text, whole = unpacked(answer.text)
        if whole is not None:
            return dict(whole)
        made = self.made_up(text, Wanted(), model)
        made["usage"] = {
            "input_tokens": answer.input_tokens - answer.cached_input_tokens,
            "output_tokens": answer.output_tokens,
            _FROM_CACHE: answer.cached_input_tokens,
        }
        return made

    def made_up(self, text: str, wanted: Wanted, model: str) -> dict[str, Any]:
        part: dict[str, Any] = {"type": "text", "text": text}
        if wanted.kind == "tool":
            part = {"type": "tool_use", "id": "toolu_made_up", "name": wanted.tool}
            part["input"] = json.loads(text)
        return {
            "id": "msg_made_up",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [part],
            "stop_reason": "tool_use" if wanted.kind == "tool" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }

    def stream(self, whole: Json, body: Json) -> bytes:
        del body
        return events(_events(whole), named=True)


def _events(whole: Json) -> Iterator[Json]:
    usage = whole.get("usage") or {}
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 0}}
    yield {"type": "message_start", "message": begun}
    for index, part in enumerate(whole["content"]):
        kind = part.get("type")
        if kind == "tool_use":
            empty = {**part, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(part.get("input"))}
        elif kind in _DELTAS:
            empty = {**part, kind: ""}
            delta = {"type": _DELTAS[kind], kind: part[kind]}
        else:
            empty, delta = part, {}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        if delta:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {name: whole.get(name) for name in ("stop_reason", "stop_sequence")}
    yield {"type": "message_delta", "delta": ended, "usage": usage}
    yield {"type": "message_stop"}


MESSAGES = _Messages()
