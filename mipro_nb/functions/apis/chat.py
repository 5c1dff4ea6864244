"""Chat Completions: how OpenAI, and most others, are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mipro_nb.functions.apis.answers import packed, unpacked
from mipro_nb.functions.apis.protocol import Json, Wanted, count, events, tool_to_call, with_limit
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.services.clients.replies import parts_of_message, written_in
from mipro_nb.models.services.known.registry import is_reasoning_model
from mipro_nb.models.services.worst_case import LIMITS
from mipro_nb.models.tokens import count_message_tokens, count_tokens

_ASKED_BY = frozenset({"model", "messages", "stream", "stream_options"})
# What a message of nothing but text has; other fields only if they say something.
_PLAIN = frozenset({"role", "content"})
_THOUGHTS = "reasoning_content"
_NO_ID = "chatcmpl-kept"


class _Chat:
    """See `mipro_nb.functions.apis.protocol.Api`."""

    path = "/chat/completions"

    def messages(self, body: Json) -> list[Json]:
        return [message for message in body["messages"] if isinstance(message, Mapping)]

    def parameters(self, body: Json) -> dict[str, Any]:
        return {n: v for n, v in body.items() if n not in _ASKED_BY and v is not None}

    def limited(self, body: Json, call: Call) -> dict[str, Any]:
        sent = {n: v for n, v in body.items() if n not in ("stream", "stream_options")}
        fitting = LIMITS[::-1] if is_reasoning_model(call.model) else LIMITS
        return with_limit(sent, call, fitting)

    def wanted(self, body: Json, labels: Iterable[str]) -> Wanted:
        tools = [_tool(each) for each in body.get("tools") or () if isinstance(each, Mapping)]
        choice = body.get("tool_choice")
        if tools and isinstance(choice, Mapping):
            name = choice.get("function", choice).get("name")
            return tool_to_call([tool for tool in tools if tool[0] == name] or tools, labels)
        if tools and choice == "required":
            return tool_to_call(tools, labels)
        form = body.get("response_format")
        if isinstance(form, Mapping) and form.get("type") in ("json_schema", "json_object"):
            return Wanted("json", (form.get("json_schema") or {}).get("schema"))
        return Wanted()

    def answer(self, given: Json, call: Call) -> Answer | None:
        choices = given.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
            return None
        usage = given.get("usage")
        read, wrote = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
        counted = read is not None and wrote is not None
        read = count_message_tokens(call.messages) if read is None else read
        if wrote is None:
            wrote = sum(count_tokens(written_in(choice)) for choice in choices)
        details = usage.get("prompt_tokens_details") if isinstance(usage, Mapping) else None
        said = parts_of_message(choices[0])
        message = choices[0].get("message")
        is_one = len(choices) == 1 and not choices[0].get("logprobs")
        plain = _plain_text(message) if is_one else None
        return Answer(
            text=packed(said.text, given) if plain is None else packed(plain, None),
            truncated=said.truncated,
            input_tokens=read,
            output_tokens=wrote,
            cached_input_tokens=min(read, count(details, "cached_tokens") or 0),
            thoughts=said.thoughts,
            counted=counted,
        )

    def whole(self, answer: Answer, model: str) -> dict[str, Any]:
        text, whole = unpacked(answer.text)
        if whole is not None:
            return dict(whole)
        message = {"role": "assistant", "content": text}
        if answer.thoughts:
            message[_THOUGHTS] = answer.thoughts
        made = _completion(model, message, "length" if answer.truncated else "stop")
        made["usage"] = {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
            "prompt_tokens_details": {"cached_tokens": answer.cached_input_tokens},
        }
        return made

    def made_up(self, text: str, wanted: Wanted, model: str) -> dict[str, Any]:
        if wanted.kind != "tool":
            return _completion(model, {"role": "assistant", "content": text}, "stop")
        call = {
            "id": "call_made_up",
            "type": "function",
            "function": {"name": wanted.tool, "arguments": text},
        }
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return _completion(model, message, "tool_calls")

    def stream(self, whole: Json, body: Json) -> bytes:
        options = body.get("stream_options")
        counted = isinstance(options, Mapping) and bool(options.get("include_usage"))
        return events(_chunks(whole, counted=counted), named=False) + b"data: [DONE]\n\n"


def _tool(tool: Json) -> tuple[str, Json]:
    function = tool.get("function", tool)
    return str(function.get("name", "")), function.get("parameters") or {}


def _plain_text(message: Any) -> str | None:
    """Return the text of a message that says nothing besides, None of any other."""
    if not isinstance(message, Mapping):
        return None
    content, said = message.get("content"), {name for name, value in message.items() if value}
    return content if isinstance(content, str) and said <= {*_PLAIN, _THOUGHTS} else None


def _completion(model: str, message: Json, finish_reason: str) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"refusal": None, **message},
        "logprobs": None,
        "finish_reason": finish_reason,
    }
    return {
        "id": _NO_ID,
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }


def _chunks(whole: Json, *, counted: bool) -> Iterator[Json]:
    head = {name: whole.get(name) for name in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    for choice in whole["choices"]:
        index = choice.get("index", 0)
        message = {name: v for name, v in (choice.get("message") or {}).items() if v is not None}
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [{"index": n, **call} for n, call in enumerate(calls)]
        said = {"index": index, "delta": message, "finish_reason": None}
        if choice.get("logprobs"):
            said["logprobs"] = choice["logprobs"]
        yield {**head, "choices": [said]}
        over = {"index": index, "delta": {}, "finish_reason": choice.get("finish_reason")}
        yield {**head, "choices": [over]}
    if counted:
        yield {**head, "choices": [], "usage": whole.get("usage")}


CHAT = _Chat()
