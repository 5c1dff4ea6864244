"""Answers as they are kept, and the streams made of them, as the SDKs themselves read them."""

from __future__ import annotations

import json

import httpx2
import openai
import pytest

from mipro_nb.functions.apis import api_of
from mipro_nb.models.calls import Call

BODY = {"model": "m", "messages": [], "input": [], "stream_options": {"include_usage": True}}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look_up", "arguments": '{"what": "sums"}'},
}


def completion(*messages, reason="stop"):
    choices = [
        {"index": index, "message": {"role": "assistant", **message}, "finish_reason": reason}
        for index, message in enumerate(messages)
    ]
    head = {"id": "c1", "object": "chat.completion", "created": 5, "model": "m"}
    return {**head, "choices": choices, "usage": USAGE}


def response(*items, status="completed"):
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    head = {"id": "resp_1", "object": "response", "created_at": 5, "model": "m", "status": status}
    more = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return {**head, **more, "output": list(items), "usage": usage}


def said(text):
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {**item, "content": [part]}


CALL_ITEM = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "look_up",
    "arguments": '{"what": "sums"}',
    "status": "completed",
}
COMPLETIONS = [
    completion({"content": "Hello\n world"}),
    completion({"content": "cut"}, reason="length"),
    completion({"content": "so", "reasoning_content": "hm"}),
    completion({"content": None, "tool_calls": [TOOL_CALL]}, reason="tool_calls"),
    completion({"content": None, "refusal": "no"}),
    completion({"content": "one"}, {"content": "two"}),
    completion({"content": "x\n[the whole answer of the LM, as JSON]\n{"}),
]
RESPONSES = [
    response(said("Hello")),
    response(CALL_ITEM),
    response({"type": "reasoning", "id": "rs_1", "summary": []}, said("so")),
    response(said("cut"), status="incomplete"),
]


def call(path):
    return Call("m", path, [{"role": "user", "content": "?"}], {}, 0, cache=True, price=None)


def kept_and_read(path, given):
    """Return what a program gets of an answer that was kept."""
    api = api_of(path)
    answer = api.answer(given, call(path))
    assert (answer.input_tokens, answer.output_tokens, answer.counted) == (7, 3, True)
    return api.whole(answer, "m")


def client_of(content, kind):
    def handle(request):
        return httpx2.Response(200, content=content, headers={"content-type": kind})

    transport = httpx2.Client(transport=httpx2.MockTransport(handle))
    return openai.OpenAI(api_key="any", base_url="http://test/v1", http_client=transport)


@pytest.mark.parametrize("given", COMPLETIONS, ids=range(len(COMPLETIONS)))
def test_a_completion_says_the_same_after_it_was_kept(given):
    whole = kept_and_read("/v1/chat/completions", given)
    client = client_of(json.dumps(whole), "application/json")
    read = client.chat.completions.create(model="m", messages=[])
    for choice, kept in zip(given["choices"], read.choices, strict=True):
        assert kept.message.content == choice["message"].get("content")
        assert kept.message.refusal == choice["message"].get("refusal")
        assert kept.finish_reason == choice["finish_reason"]
        calls = [each.model_dump() for each in kept.message.tool_calls or ()]
        assert calls == choice["message"].get("tool_calls", [])
    assert read.usage.total_tokens == 10


@pytest.mark.parametrize("given", COMPLETIONS, ids=range(len(COMPLETIONS)))
def test_a_completion_says_the_same_as_a_stream(given):
    whole = kept_and_read("/v1/chat/completions", given)
    client = client_of(api_of("/v1/chat/completions").stream(whole, BODY), "text/event-stream")
    texts, tools, reasons, usage = {}, {}, {}, None
    for chunk in client.chat.completions.create(model="m", messages=[], stream=True):
        usage = chunk.usage
        for choice in chunk.choices:
            at = choice.index
            texts[at] = texts.get(at, "") + (choice.delta.content or "")
            tools.setdefault(at, []).extend(choice.delta.tool_calls or ())
            reasons[at] = choice.finish_reason
    for choice in given["choices"]:
        at, message = choice["index"], choice["message"]
        assert texts[at] == (message.get("content") or "")
        assert reasons[at] == choice["finish_reason"]
        called = [each.function.arguments for each in tools[at]]
        assert called == [each["function"]["arguments"] for each in message.get("tool_calls", ())]
    assert usage.total_tokens == 10


def test_the_sdks_own_helper_reads_a_stream_of_tool_calls():
    stream = api_of("/v1/chat/completions").stream(COMPLETIONS[3], BODY)
    client = client_of(stream, "text/event-stream")
    with client.chat.completions.stream(model="m", messages=[]) as events:
        (made,) = events.get_final_completion().choices
    assert made.message.tool_calls[0].function.name == "look_up"


@pytest.mark.parametrize("given", RESPONSES, ids=range(len(RESPONSES)))
def test_a_response_keeps_its_id_and_all_that_is_in_it(given):
    whole = kept_and_read("/v1/responses", given)
    assert whole == given
    client = client_of(json.dumps(whole), "application/json")
    read = client.responses.create(model="m", input="?")
    assert read.id == "resp_1"
    assert [item.type for item in read.output] == [item["type"] for item in given["output"]]


@pytest.mark.parametrize("given", RESPONSES, ids=range(len(RESPONSES)))
def test_a_response_says_the_same_as_a_stream(given):
    api = api_of("/v1/responses")
    client = client_of(api.stream(given, BODY), "text/event-stream")
    texts, last = [], None
    for event in client.responses.create(model="m", input="?", stream=True):
        if event.type == "response.output_text.delta":
            texts.append(event.delta)
        last = event
    assert last.response.id == "resp_1"
    assert "".join(texts) == last.response.output_text
    with client.responses.stream(model="m", input="?") as events:
        for event in events:
            last = event
    assert last.response.output[-1].type == given["output"][-1]["type"]


def test_a_message_of_anthropics_says_the_same_after_it_was_kept():
    api = api_of("/v1/messages")
    parts = [{"type": "text", "text": "Hello"}]
    usage = {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 3}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    given = {**head, "content": parts, "stop_reason": "end_turn", "stop_sequence": None}
    given["usage"] = usage
    answer = api.answer(given, call("/v1/messages"))
    assert (answer.text, answer.input_tokens, answer.cached_input_tokens) == ("Hello", 7, 2)
    whole = api.whole(answer, "m")
    assert whole["content"] == parts
    assert whole["usage"] == usage
    used = {"type": "tool_use", "id": "t", "name": "look_up", "input": {"what": "sums"}}
    calling = {**given, "content": [*parts, used], "stop_reason": "tool_use"}
    assert api.whole(api.answer(calling, call("/v1/messages")), "m") == calling


def test_a_limit_that_a_cap_sets_has_the_name_that_each_takes():
    capped = Call("m", "s", [], {"max_tokens": 9}, 0, cache=True, price=None, capped=True)
    for path, name in (
        ("/v1/chat/completions", "max_tokens"),
        ("/v1/responses", "max_output_tokens"),
        ("/v1/messages", "max_tokens"),
    ):
        api = api_of(path)
        sent = api.limited({**BODY, "stream": True}, capped)
        assert sent[name] == 9
        assert "stream" not in sent
        assert api.limited({**BODY, name: 5}, capped)[name] == 5


def test_what_is_no_way_to_ask_an_lm_is_left_alone():
    for path in ("/v1/responses/resp_1/cancel", "/v1/threads/t/messages", "/v1/files", "/"):
        assert api_of(path) is None
