"""Responses: OpenAI's newer way to be asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mipro_nb.functions.apis.answers import packed, unpacked
from mipro_nb.functions.apis.protocol import Json, Wanted, count, events, tool_to_call, with_limit
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.services.worst_case import LIMITS
from mipro_nb.models.tokens import count_message_tokens, count_tokens

_ASKED_BY = frozenset({"model", "input", "instructions", "stream", "stream_options"})
_LIMIT = "max_output_tokens"


class _Responses:
    """See `mipro_nb.functions.apis.protocol.Api`."""

    path = "/responses"

    def messages(self, body: Json) -> list[Json]:
        given = body.get("input")
        made: list[Json] = []
        if body.get("instructions"):
            made.append({"role": "system", "content": body["instructions"]})
        if isinstance(given, str):
            return [*made, {"role": "user", "content": given}]
        return [*made, *map(_message, given or ())]

    def parameters(self, body: Json) -> dict[str, Any]:
        given = {n: v for n, v in body.items() if n not in _ASKED_BY and v is not None}
        if _LIMIT in given:
            given[LIMITS[0]] = given.pop(_LIMIT)
        return given

    def limited(self, body: Json, call: Call) -> dict[str, Any]:
        sent = {n: v for n, v in body.items() if n not in ("stream", "stream_options")}
        return with_limit(sent, call, (_LIMIT,))

    def wanted(self, body: Json, labels: Iterable[str]) -> Wanted:
        tools = [
            (str(each.get("name", "")), each.get("parameters") or {})
            for each in body.get("tools") or ()
            if isinstance(each, Mapping) and each.get("type") == "function"
        ]
        choice = body.get("tool_choice")
        if tools and isinstance(choice, Mapping):
            named = [tool for tool in tools if tool[0] == choice.get("name")]
            return tool_to_call(named or tools, labels)
        if tools and choice == "required":
            return tool_to_call(tools, labels)
        form = (body.get("text") or {}).get("format")
        if isinstance(form, Mapping) and form.get("type") in ("json_schema", "json_object"):
            return Wanted("json", form.get("schema"))
        return Wanted()

    def answer(self, given: Json, call: Call) -> Answer | None:
        if not isinstance(given.get("output"), list):
            return None
        usage = given.get("usage")
        read, wrote = count(usage, "input_tokens"), count(usage, "output_tokens")
        counted = read is not None and wrote is not None
        text = "".join(_texts(given))
        read = count_message_tokens(call.messages) if read is None else read
        wrote = count_tokens(json.dumps(given["output"])) if wrote is None else wrote
        details = usage.get("input_tokens_details") if isinstance(usage, Mapping) else None
        return Answer(
            # Its id may be referred to later.
            text=packed(text, given),
            truncated=given.get("status") == "incomplete",
            input_tokens=read,
            output_tokens=wrote,
            cached_input_tokens=min(read, count(details, "cached_tokens") or 0),
            counted=counted,
        )

    def whole(self, answer: Answer, model: str) -> dict[str, Any]:
        text, whole = unpacked(answer.text)
        return dict(whole) if whole is not None else self.made_up(text, Wanted(), model)

    def made_up(self, text: str, wanted: Wanted, model: str) -> dict[str, Any]:
        if wanted.kind == "tool":
            item: dict[str, Any] = {
                "type": "function_call",
                "id": "fc_made_up",
                "call_id": "call_made_up",
                "name": wanted.tool,
                "arguments": text,
                "status": "completed",
            }
        else:
            item = {
                "type": "message",
                "id": "msg_made_up",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }
        return {
            "id": "resp_made_up",
            "object": "response",
            "created_at": 0,
            "status": "completed",
            "model": model,
            "output": [item],
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "temperature": None,
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "usage": {
                "input_tokens": 0,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 0,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 0,
            },
        }

    def stream(self, whole: Json, body: Json) -> bytes:
        del body
        numbered = ({**e, "sequence_number": n} for n, e in enumerate(_events(whole)))
        return events(numbered, named=True)


def _message(item: Any) -> Json:
    if isinstance(item, Mapping) and "role" in item:
        return item
    kind = str(item.get("type", "item")) if isinstance(item, Mapping) else "item"
    return {"role": kind, "content": json.dumps(item, sort_keys=True, default=str)}


def _texts(whole: Json) -> Iterator[str]:
    for item in whole["output"]:
        if isinstance(item, Mapping) and item.get("type") == "message":
            for part in item.get("content") or ():
                yield str(part.get("text") or part.get("refusal") or "")


def _events(whole: Json) -> Iterator[dict[str, Any]]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(whole["output"]):
        empty = {**item, "status": "in_progress"}
        for part in ("content", "arguments"):
            if part in item:
                empty[part] = type(item[part])()
        yield {"type": "response.output_item.added", "output_index": index, "item": empty}
        yield from _inside(item, {"item_id": item.get("id", ""), "output_index": index})
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    last = "incomplete" if whole.get("status") == "incomplete" else "completed"
    yield {"type": f"response.{last}", "response": whole}


def _inside(item: Json, where: Json) -> Iterator[dict[str, Any]]:
    if item.get("type") == "function_call":
        name, arguments = "response.function_call_arguments", item.get("arguments", "")
        yield {"type": f"{name}.delta", **where, "delta": arguments}
        yield {"type": f"{name}.done", **where, "arguments": arguments, "name": item.get("name")}
    if item.get("type") != "message":
        return
    for number, part in enumerate(item.get("content") or ()):
        place = {**where, "content_index": number}
        kind = "output_text" if "text" in part else "refusal"
        field = "text" if "text" in part else "refusal"
        more: dict[str, Any] = {"logprobs": []} if field == "text" else {}
        yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
        yield {"type": f"response.{kind}.delta", **place, "delta": part.get(field, ""), **more}
        yield {"type": f"response.{kind}.done", **place, field: part.get(field, ""), **more}
        yield {"type": "response.content_part.done", **place, "part": part}


RESPONSES = _Responses()
