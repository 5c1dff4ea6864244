"""Functions that call LMs by themselves: what comes back, what is counted, and what is refused."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import html
import importlib
import json
import queue
import sqlite3
import sys
import textwrap
import threading
import types
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import httpx
import httpx2
import openai
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from labelling import API_KEY, TEXT, label_of
from pydantic import BaseModel
from scripted_server import Reply
from traitlets.config import Config

import mipro_nb as mipro
from mipro_nb.errors import (
    InvalidArgumentError,
    LMUnavailableError,
    MetricError,
    PermissionUnansweredError,
    ProgramError,
    SavedStateError,
)

pytestmark = pytest.mark.slow


def same(example, prediction, trace=None):
    return example.label == prediction


def optimizer(metric=same, **settings):
    return mipro.MIPROv2(metric, num_candidates=4, num_threads=8, max_labeled_demos=2, **settings)


def compiled(student, rows, metric=same, **settings):
    settings = {
        "requires_permission_to_run": False,
        "num_trials": 6,
        "minibatch_size": 10,
    } | settings
    return optimizer(metric).compile(student, trainset=rows, **settings)


def planned(student, rows, **settings):
    return optimizer(**settings).plan(student, trainset=rows, minibatch_size=10)


def answers(run):
    bodies = [event.event for event in mipro.runs.load(run.id).events()]
    return [body for body in bodies if body.type == "lm_call_answered"]


@pytest.fixture
def helpers(tmp_path, monkeypatch):
    """A module of the user's own, which holds a prompt and sends it."""
    code = f"""
        import openai
        import mipro_nb as mipro
        triage = mipro.prompt({TEXT!r}, name="triage")
        def ask(text):
            messages = [
                {{"role": "system", "content": str(triage)}},
                *triage.messages,
                {{"role": "user", "content": f"Message: {{text}}"}},
            ]
            made = openai.OpenAI().chat.completions.create(model="gpt-4o-mini", messages=messages)
            return made.choices[0].message.content
    """
    (tmp_path / "my_helpers.py").write_text(textwrap.dedent(code))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("my_helpers")
    del sys.modules["my_helpers"]


def test_prompts_of_the_users_other_modules_are_found(server, rows, helpers):
    ask = helpers.ask
    beside = mipro.prompt("Be brief.", name="beside")

    def by_name(text):
        return ask(text)

    def by_attribute(text):
        return f"{helpers.triage}{beside}"[:0] + helpers.ask(text)

    assert mipro.program(by_name).prompts == [helpers.triage]
    assert {*mipro.program(by_attribute).prompts} == {helpers.triage, beside}
    compiled(by_name, rows)
    assert "carefully" in str(helpers.triage)


def test_the_plan_tells_of_a_prompt_that_is_read_and_not_searched(server, rows, helpers):
    beside = mipro.prompt("Be brief.", name="beside")
    asks = getattr(helpers, "ask")  # noqa: B009 - not to be found by its name
    held = {"ask": asks}

    def classify(text):
        return f"{beside}"[:0] + held["ask"](text)

    plan = planned(mipro.program(classify, prompts=[beside]), rows)
    (note,) = [note for note in plan.notes if "also reads" in note]
    assert "'triage'" in note
    assert "mipro.program(classify, prompts=[…])" in note


@pytest.mark.parametrize(
    "write",
    [
        lambda text: json.dumps({"task": text}),
        lambda text: json.dumps({"task": text}, ensure_ascii=False, indent=2),
        lambda text: str({"task": text}),
        lambda text: f"<task>{html.escape(text)}</task>",
    ],
)
def test_a_text_is_found_in_what_json_python_or_html_make_of_it(server, rows, write):
    prompt = mipro.prompt('Is it "spam"\nor ham – <which>?\tOne word.', name="triage")

    def classify(text):
        messages = [
            {"role": "system", "content": write(str(prompt))},
            *prompt.messages,
            {"role": "user", "content": f"Message: {text}"},
        ]
        made = openai.OpenAI().chat.completions.create(model="gpt-4o-mini", messages=messages)
        return made.choices[0].message.content

    assert not any("in no call" in note for note in planned(classify, rows).notes)


@pytest.fixture
def triage():
    return mipro.prompt(TEXT, name="triage")


def messages(triage, text):
    return [
        {"role": "system", "content": str(triage)},
        *triage.messages,
        {"role": "user", "content": f"Message: {text}"},
    ]


@pytest.fixture
def sync(triage, server):
    """The function as it is mostly written."""
    client = openai.OpenAI(api_key=API_KEY)

    def classify(text):
        made = client.chat.completions.create(
            model="gpt-4o-mini", messages=messages(triage, text), temperature=0
        )
        return made.choices[0].message.content

    return classify


@pytest.fixture(
    params=["sync", "async", "stream", "async stream", "responses", "responses stream", "explicit"]
)
def function(request, triage, server):
    """The same function, by each way of openai's SDK to ask."""
    kind = request.param
    given = {"api_key": API_KEY, "base_url": server.base_url}
    if kind == "explicit":
        client = openai.OpenAI(http_client=mipro.http_client(), **given)
    else:
        client = openai.OpenAI(**given)
    given_async = openai.AsyncOpenAI(**given)

    def asked(text):
        sent = messages(triage, text)
        return {"model": "gpt-4o-mini", "messages": sent, "temperature": 0}

    def classify(text):
        made = client.chat.completions.create(**asked(text))
        return made.choices[0].message.content

    async def classify_async(text):
        made = await given_async.chat.completions.create(**asked(text))
        return made.choices[0].message.content

    def classify_streamed(text):
        chunks = client.chat.completions.create(
            **asked(text), stream=True, stream_options={"include_usage": True}
        )
        return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)

    async def classify_streamed_async(text):
        chunks = await given_async.chat.completions.create(**asked(text), stream=True)
        return "".join([c.choices[0].delta.content or "" async for c in chunks if c.choices])

    def respond(text):
        made = client.responses.create(
            model="gpt-4o-mini",
            instructions=str(triage),
            input=[*triage.messages, {"role": "user", "content": f"Message: {text}"}],
            temperature=0,
        )
        return made.output_text

    def respond_streamed(text):
        with client.responses.stream(
            model="gpt-4o-mini",
            instructions=str(triage),
            input=[*triage.messages, {"role": "user", "content": f"Message: {text}"}],
            temperature=0,
        ) as stream:
            return stream.get_final_response().output_text

    return {
        "sync": classify,
        "async": classify_async,
        "stream": classify_streamed,
        "async stream": classify_streamed_async,
        "responses": respond,
        "responses stream": respond_streamed,
        "explicit": classify,
    }[kind]


def test_a_metric_of_an_attribute_is_refused_where_the_function_returns_text(
    sync, triage, rows, server
):
    def by_label(example, prediction, trace=None):
        return prediction.label == example.label

    told = "what your function returns, here a str, which has no 'label'.*prediction == example"
    with pytest.raises(MetricError, match=told):
        planned(mipro.program(sync, prompts=[triage]), rows, metric=by_label)
    assert server.count == 0


def test_a_function_that_reads_its_replies_may_return_more_than_made_up_ones_show(
    sync, triage, rows
):
    def read(text):
        reply = sync(text)
        return types.SimpleNamespace(label=reply) if reply == "spam!" else reply

    def by_kind(example, prediction, trace=None):
        return prediction.label == example.label

    plan = planned(mipro.program(read, prompts=[triage]), rows, metric=by_kind)
    assert any("'str' object has no attribute 'label'" in note for note in plan.notes), plan.notes


def test_a_function_is_optimized_by_whatever_way_it_asks(function, triage, server, rows):
    best = compiled(mipro.program(function, prompts=[triage]), rows)
    assert "carefully" in str(triage)
    assert best.score == mipro.runs.load(best.run.id).score
    assert server.count == best.run.state.spend.calls
    called = [call for call in answers(best.run) if call.attempts]
    assert {call.predictor for call in called} == {"triage", None}
    assert sum(call.predictor == "triage" for call in called) > 30
    assert not any(request.body.get("stream") for request in server.requests)


def test_demos_are_the_turns_of_the_calls_that_they_were_made_of(sync, triage, server, rows):
    compiled(sync, rows)
    shown = [
        tuple((m["role"], m["content"]) for m in request.messages[1:-1])
        for request in server.requests
        if "Write an" not in request.system and len(request.messages) > 2
    ]
    assert shown
    for turns in shown:
        for (user, question), (assistant, reply) in zip(turns[::2], turns[1::2], strict=True):
            assert (user, assistant) == ("user", "assistant")
            number = int(question.removeprefix("Message: message "))
            assert reply == label_of(number)
    for request in server.requests:
        assert request.last_user not in [m["content"] for m in request.messages[:-1]]


def test_outside_of_a_run_the_function_is_what_it_was(sync, triage, server, rows):
    before = httpx.Client.send
    assert sync("message 3") in ("spam", "ham")
    assert server.requests[-1].system == TEXT
    program = mipro.program(sync, prompts=[triage])
    assert httpx.Client.send is before
    assert program("message 3") == program(text="message 3") == sync("message 3")
    assert server.count == 4
    compiled(program, rows)
    assert httpx.Client.send is before
    assert program("message 4") in ("spam", "ham")
    assert server.requests[-1].system == str(triage)


def test_nothing_is_sent_before_permission(sync, server, rows):
    with pytest.raises(PermissionUnansweredError):
        compiled(sync, rows, requires_permission_to_run=True)
    plan = planned(sync, rows)
    assert server.count == 0
    assert plan.models["task"] == "gpt-4o-mini"
    assert plan.program == "classify"
    assert any("neither counted nor capped" in note for note in plan.notes)
    baseline = next(phase for phase in plan.estimate.phases if phase.phase == "baseline")
    assert baseline.calls.low == plan.valset_size


def test_caps_are_kept(sync, server, rows):
    best = compiled(sync, rows, max_calls=60)
    assert server.count == 60
    assert best.run.status == "capped"


def test_a_cap_in_usd_needs_a_price_and_limits_replies(sync, triage, server, rows):
    with pytest.raises(InvalidArgumentError, match="price"):
        compiled(mipro.program(sync, prompts=[triage]), rows, max_usd=0.01)
    priced = mipro.program(sync, prompts=[triage], price=(0.15, 0.60))
    best = compiled(priced, rows, max_usd=0.01)
    asked = [request for request in server.requests if "Message: " in request.last_user]
    assert {request.body.get("max_tokens") for request in asked} == {4096}
    assert 0 < best.run.state.spend.usd <= 0.01


def test_a_run_that_is_resumed_pays_nothing_twice(sync, triage, server, rows):
    program = mipro.program(sync, prompts=[triage])
    capped = compiled(program, rows, max_calls=50)
    triage.reset()
    best = optimizer().resume(
        capped.run.id, program, max_calls=10_000, requires_permission_to_run=False
    )
    assert server.count == best.run.state.spend.calls
    before = server.count
    triage.reset()
    again = compiled(program, rows)
    assert (server.count, again.score) == (before, best.score)


def test_what_fails_for_a_while_is_tried_again_and_counted(
    sync, server, rows, monkeypatch, short_pauses
):
    def failing(request):
        if "Message: " in request.last_user and request.number % 7 == 3:
            return Reply(status=(429, 503)[request.number % 2])
        return original(request)

    original = server._answer
    monkeypatch.setattr(server, "_answer", failing)
    best = compiled(sync, rows)
    assert best.run.status == "finished"
    assert server.count == best.run.state.spend.attempts > best.run.state.spend.calls


def test_a_key_that_is_refused_ends_the_run_with_a_word(triage, server, rows):
    client = openai.OpenAI(api_key="another-key-4711")

    def classify(text):
        made = client.chat.completions.create(model="gpt-4o-mini", messages=messages(triage, text))
        return made.choices[0].message.content

    with pytest.raises(LMUnavailableError, match="401") as refused:
        compiled(classify, rows)
    assert "another-key-4711" not in str(refused.value)


def test_a_function_hears_the_error_that_its_sdk_would_raise(triage, server, rows, monkeypatch):
    client = openai.OpenAI(api_key=API_KEY)
    original, heard = server._answer, []

    def filtered(request):
        if request.last_user == "Message: message 8":
            return Reply("flagged by our content filter", status=400)
        return original(request)

    monkeypatch.setattr(server, "_answer", filtered)

    def classify(text):
        try:
            made = client.chat.completions.create(
                model="gpt-4o-mini", messages=messages(triage, text), temperature=0
            )
        except openai.BadRequestError as error:
            heard.append(str(error))
            return "ham"
        return made.choices[0].message.content

    best = compiled(classify, rows)
    assert best.run.status == "finished"
    assert "content filter" in heard[0]


@pytest.mark.parametrize("gone", ["key", "server"])
def test_a_function_may_ask_another_lm_where_the_first_is_gone(triage, server, rows, gone):
    address = {} if gone == "key" else {"base_url": "http://127.0.0.1:9/v1"}
    first = openai.OpenAI(api_key="another-key-4711", **address)
    second = openai.OpenAI(api_key=API_KEY)

    def ask(client, model, text):
        made = client.chat.completions.create(
            model=model, messages=messages(triage, text), temperature=0
        )
        return made.choices[0].message.content

    def classify(text):
        try:
            return ask(first, "first", text)
        except (openai.AuthenticationError, openai.InternalServerError):
            return ask(second, "gpt-4o-mini", text)

    result = mipro.Evaluate(devset=rows[:6], metric=same)(mipro.program(classify, prompts=[triage]))
    assert result.failed == []
    assert all("Another LM answered" in each.caught[0] for each in result.results)
    assert "another-key-4711" not in str([each.caught for each in result.results])


def test_an_outage_that_a_function_swallows_ends_the_run(triage, server, rows):
    client = openai.OpenAI(api_key="another-key-4711")

    def classify(text):
        try:
            made = client.chat.completions.create(
                model="gpt-4o-mini", messages=messages(triage, text)
            )
        except openai.OpenAIError:
            return "ham"
        return made.choices[0].message.content

    with pytest.raises(LMUnavailableError, match="401"):
        compiled(classify, rows)


def test_each_of_several_tasks_at_once_has_the_text_of_its_own_configuration(triage, server, rows):
    client = openai.AsyncOpenAI(api_key=API_KEY)
    seen, at_once, most = [], 0, 0

    async def classify(text):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        first = str(triage)
        made = await client.chat.completions.create(
            model="gpt-4o-mini", messages=messages(triage, text), temperature=0
        )
        at_once -= 1
        seen.append((first, await asyncio.create_task(reading())))
        return made.choices[0].message.content

    async def reading():
        return str(triage)

    compiled(mipro.program(classify, prompts=[triage]), rows)
    assert len({first for first, _ in seen}) > 2
    assert most > 1
    assert all(first == last for first, last in seen)


def test_each_of_several_threads_at_once_has_the_text_of_its_own_configuration(
    triage, server, rows
):
    client = openai.OpenAI(api_key=API_KEY)
    seen = []

    def classify(text):
        first, thread = str(triage), threading.get_ident()
        made = client.chat.completions.create(
            model="gpt-4o-mini", messages=messages(triage, text), temperature=0
        )
        seen.append((thread, first, str(triage)))
        return made.choices[0].message.content

    compiled(classify, rows)
    assert len({first for _, first, _ in seen}) > 2
    assert len({thread for thread, _, _ in seen}) > 1
    assert all(first == last for _, first, last in seen)


def test_calls_in_threads_and_loops_of_the_functions_own_are_counted(triage, server, rows):
    async def ask(text):
        async with openai.AsyncOpenAI(api_key=API_KEY) as client:
            made = await client.chat.completions.create(
                model="gpt-4o-mini", messages=messages(triage, text), temperature=0
            )
        return made.choices[0].message.content

    def classify(text):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, ask(text)).result()

    best = compiled(mipro.program(classify, prompts=[triage]), rows, max_calls=60)
    assert server.count == 60
    assert {call.predictor for call in answers(best.run)} >= {"triage"}


def test_an_async_client_that_was_used_before_is_used_in_the_run(triage, server, rows):
    client = openai.AsyncOpenAI(api_key=API_KEY)

    async def classify(text):
        made = await client.chat.completions.create(
            model="gpt-4o-mini", messages=messages(triage, text), temperature=0
        )
        return made.choices[0].message.content

    async def first():
        await classify("message 1")
        best = await optimizer().acompile(
            classify,
            trainset=rows,
            num_trials=4,
            minibatch_size=10,
            requires_permission_to_run=False,
        )
        await classify("message 2")
        return best

    best = asyncio.run(first())
    assert best.run.status == "finished"
    assert best.run.state.spend.calls == server.count - 2


def test_each_call_belongs_to_the_prompt_whose_text_it_holds(server, rows):
    client = openai.OpenAI(api_key=API_KEY)
    think = mipro.prompt("Say in a few words what the message wants: {text}", name="think")
    decide = mipro.prompt(TEXT, name="decide")

    def ask(system, text):
        made = client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "system", "content": system}, {"role": "user", "content": text}],
            temperature=0,
        )
        return made.choices[0].message.content

    def classify(text):
        late = str(decide)  # prepared before, sent after
        ask(str(think).replace("{text}", text), text)
        return ask(f"You are a postman. {late}", text)

    best = compiled(mipro.program(classify, prompts=[think, decide]), rows)
    asked = [call for call in answers(best.run) if call.predictor]
    counts = {name: sum(c.predictor == name for c in asked) for name in ("think", "decide")}
    assert set(counts) == {call.predictor for call in asked}
    assert min(counts.values()) >= 30


@pytest.mark.parametrize("kind", ["iter_raw", "iter_bytes", "iter_lines", "async", "httpx"])
def test_a_response_that_is_streamed_is_read_by_whatever_way(kind, triage, server, rows):
    client = openai.OpenAI(api_key=API_KEY)
    client_async = openai.AsyncOpenAI(api_key=API_KEY)

    def asked(text):
        return {"model": "gpt-4o-mini", "messages": messages(triage, text)}

    def content(parts):
        said = "".join(part if isinstance(part, str) else part.decode() for part in parts)
        return json.loads(said)["choices"][0]["message"]["content"]

    def classify(text):
        create = client.chat.completions.with_streaming_response.create
        with create(**asked(text)) as response:
            return content(list(getattr(response.http_response, kind)()))

    async def classify_async(text):
        create = client_async.chat.completions.with_streaming_response.create
        async with create(**asked(text)) as response:
            return content([part async for part in response.http_response.aiter_raw()])

    def classify_by_httpx(text):
        headers = {"Authorization": f"Bearer {API_KEY}"}
        url = f"{server.base_url}/chat/completions"
        with httpx.stream("POST", url, json=asked(text), headers=headers) as response:
            return content([response.read()])

    function = {"async": classify_async, "httpx": classify_by_httpx}.get(kind, classify)
    best = compiled(mipro.program(function, prompts=[triage]), rows, num_trials=2)
    assert best.score > 0
    assert server.count == best.run.state.spend.attempts


def test_calls_are_caught_though_another_wrapper_was_taken_away(triage, server, rows):
    client = openai.OpenAI(api_key=API_KEY)
    before = httpx2.Client.send

    def instrumented(self, *args, **kwargs):
        return before(self, *args, **kwargs)

    def classify(text):
        made = client.chat.completions.create(model="gpt-4o-mini", messages=messages(triage, text))
        if httpx2.Client.send is not before and taken_away.pop():
            httpx2.Client.send = before
        return made.choices[0].message.content

    sent = 0
    try:
        for _ in range(2):
            httpx2.Client.send, taken_away = instrumented, [False] * 10_000 + [True]
            best = compiled(mipro.program(classify, prompts=[triage]), rows, num_trials=2)
            sent += best.run.state.spend.attempts
            assert server.count == sent
            assert httpx2.Client.send is before
            triage.reset()
    finally:
        httpx2.Client.send = before


def test_a_judge_in_the_metric_is_counted(sync, server, rows):
    client = openai.OpenAI(api_key=API_KEY)

    def judged(example, prediction, trace=None):
        asked = [{"role": "user", "content": f"Judge 1: {prediction}"}]
        client.chat.completions.create(model="gpt-4o", messages=asked, temperature=0)
        return example.label == prediction

    best = compiled(sync, rows, judged)
    judgements = sum(request.model == "gpt-4o" for request in server.requests)
    assert 0 < judgements <= 2
    assert server.count == best.run.state.spend.calls


def test_a_reply_by_a_schema_or_a_tool_is_rehearsed_kept_and_searched(triage, server, rows):
    client, original = openai.OpenAI(api_key=API_KEY), server._answer

    class Label(BaseModel):
        reason: str
        label: Literal["spam", "ham"]

    def answer(request):
        said = original(request)
        if request.body.get("response_format"):
            return json.dumps({"reason": "so", "label": said})
        if not request.body.get("tools"):
            return said
        function = {"name": "put", "arguments": json.dumps({"label": said})}
        called = [{"id": "call_1", "type": "function", "function": function}]
        message = {"role": "assistant", "content": None, "tool_calls": called}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
        head = {"id": "c", "object": "chat.completion", "created": 0, "model": "gpt-4o-mini"}
        return Reply(raw_body=json.dumps({**head, "choices": [choice], "usage": usage}).encode())

    server._answer = answer
    asked = {"model": "gpt-4o-mini", "temperature": 0}
    schema = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
    tools = [
        {"type": "function", "function": {"name": name, "parameters": parameters}}
        for name, parameters in (("put", schema), ("wait", {"type": "object", "properties": {}}))
    ]

    def by_schema(text):
        made = client.chat.completions.parse(
            messages=messages(triage, text), response_format=Label, **asked
        )
        return made.choices[0].message.parsed.label

    def by_tool(text):
        made = client.chat.completions.create(
            messages=messages(triage, text), tools=tools, tool_choice="required", **asked
        )
        (call,) = made.choices[0].message.tool_calls
        assert call.function.name == "put"
        return json.loads(call.function.arguments)["label"]

    for function in (by_schema, by_tool):
        program = mipro.program(function, prompts=[triage])
        assert not any("rehearsal with" in note for note in planned(program, rows).notes)
        triage.reset()
        best = compiled(program, rows)
        assert best.run.status == "finished"
        triage.reset()
        before = server.count
        assert compiled(program, rows).score == best.score
        assert server.count == before  # all of it was kept


def test_every_turn_of_a_conversation_is_in_the_estimate(triage, server, rows):
    client = openai.OpenAI(api_key=API_KEY)

    def classify(text):
        sent = messages(triage, text)
        for _ in range(3):
            made = client.chat.completions.create(model="gpt-4o-mini", messages=sent)
            said = made.choices[0].message.content
            sent += [{"role": "assistant", "content": said}, {"role": "user", "content": "Sure?"}]
        return said

    plan = planned(classify, rows)
    baseline = next(phase for phase in plan.estimate.phases if phase.phase == "baseline")
    assert baseline.calls.low == 3 * plan.valset_size


def test_evaluate_takes_a_function(sync, server, rows):
    evaluate = mipro.Evaluate(devset=rows, metric=same)
    score = evaluate(sync)
    assert 0 < score < 100
    before = server.count
    assert evaluate(sync) == score
    assert server.count == before  # kept


def test_a_line_in_a_notebook_takes_a_function(sync, server, rows, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell(config=config, user_module=types.ModuleType("__main__"))
    shell.push({"classify": sync, "rows": rows, "same": same})
    shell.run_cell("%load_ext mipro_nb").raise_error()
    with provisionalcompleter():
        offered = [found.text for found in shell.Completer.completions("%mipro run ", 11)]
    assert "classify" in offered
    assert "same" not in offered
    line = "--train rows --metric same --num-candidates 4 --num-trials 4 --minibatch-size 10 --yes"
    shell.run_cell(f"%mipro run classify {line} --into best").raise_error()
    best = shell.user_ns["best"]
    assert best.run.status == "finished"
    assert "carefully" in str(best.prompts[0])


def test_a_request_that_cannot_be_read_is_not_sent(triage, server, rows):
    def classify(text):
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": f"{triage}"}]})
        url = f"{server.base_url}/chat/completions"
        return httpx.post(url, content=iter([body.encode()])).raise_for_status().text

    with pytest.raises(ProgramError, match="chat/completions, in a form"):
        compiled(classify, rows)
    assert server.count == 0


def test_places_in_a_text_are_noted(server, rows):
    client = openai.OpenAI(api_key=API_KEY)
    triage = mipro.prompt("Is {text} spam or ham? Answer in one word.", name="triage")

    def classify(text):
        asked = [{"role": "user", "content": str(triage).format(text=text)}]
        made = client.chat.completions.create(model="gpt-4o-mini", messages=asked)
        return made.choices[0].message.content

    plan = planned(classify, rows)
    assert any("{places} to be filled in" in note for note in plan.notes)
    assert not any("in no call" in note for note in plan.notes)


def test_the_result_is_on_the_prompt_and_can_be_kept(sync, triage, server, rows, tmp_path):
    best = compiled(sync, rows)
    text, turns = str(triage), triage.messages
    assert "+Label carefully" in triage.diff()
    assert f"-{TEXT}" in triage.diff()
    triage.save(tmp_path / "triage.json")
    again = mipro.prompt(TEXT, name="triage")
    again.load(tmp_path / "triage.json")
    assert (str(again), again.messages) == (text, turns)
    pasted = {"mipro": mipro}
    exec(triage.source(), pasted)  # noqa: S102 - what a reader would paste
    assert (str(pasted["triage"]), pasted["triage"].messages) == (text, turns)
    best.save(tmp_path / "program.json")
    triage.reset()
    program = mipro.program(sync)
    program.load(tmp_path / "program.json")
    assert (str(triage), triage.messages) == (text, turns)
    assert best("message 5") == sync("message 5")
    with pytest.raises(SavedStateError, match="'triage'"):
        mipro.prompt("Other.", name="other").load(tmp_path / "triage.json")


@pytest.mark.parametrize("path", [None, 5, b"p.json", ["p.json"], ""])
def test_what_is_no_path_is_named(path, sync, triage):
    program = mipro.program(sync, prompts=[triage])
    for write in (triage.save, program.save):
        with pytest.raises(InvalidArgumentError, match="path="):
            write(path)
    for read in (triage.load, program.load):
        with pytest.raises((InvalidArgumentError, SavedStateError), match=r"path=|Cannot read"):
            read(path)


def test_the_key_is_in_no_record(sync, server, rows, tmp_path):
    compiled(sync, rows, record=tmp_path / "runs.sqlite")
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as record:
        assert API_KEY not in "\n".join(record.iterdump())


def test_a_proposal_sees_the_functions_source(sync, server, rows):
    compiled(sync, rows)
    asked = [request for request in server.requests if "Write an instruction" in request.system]
    assert any("def classify(text):" in request.last_user for request in asked)


# What cannot work is told before any call.


def test_a_prompt_that_is_never_read_is_refused(sync, triage, server, rows):
    client = openai.OpenAI(api_key=API_KEY)
    made_before = str(triage)

    def classify(text):
        sent = [{"role": "system", "content": made_before}, {"role": "user", "content": text}]
        made = client.chat.completions.create(model="gpt-4o-mini", messages=sent)
        return made.choices[0].message.content

    with pytest.raises(ProgramError, match=r"read none of its prompts.*triage.*str\(p\)"):
        compiled(mipro.program(classify, prompts=[triage]), rows)
    assert server.count == 0


def test_one_of_several_that_is_not_read_is_noted(sync, triage, server, rows):
    idle = mipro.prompt("Say hello.", name="idle")
    plan = planned(mipro.program(sync, prompts=[triage, idle]), rows)
    assert any("idle" in note and "take it" in note for note in plan.notes)
    assert server.count == 0


def test_two_prompts_with_one_text_are_refused(sync, triage):
    twin = mipro.prompt(f"  {TEXT}\n", name="twin")
    with pytest.raises(InvalidArgumentError, match="'triage' and 'twin' have this one text"):
        mipro.program(sync, prompts=[triage, twin])
    with pytest.raises(InvalidArgumentError, match="two are named so"):
        mipro.program(sync, prompts=[triage, mipro.prompt("Another.", name="triage")])


def test_a_function_without_prompts_is_refused(server, rows):
    def classify(text):
        return text

    with pytest.raises(InvalidArgumentError, match=r"names no prompt.*mipro\.program\(classify"):
        compiled(classify, rows)
    with pytest.raises(InvalidArgumentError, match="give the prompts"):
        mipro.program(classify, prompts=["Label it."])
    with pytest.raises(InvalidArgumentError, match="give the text"):
        mipro.prompt("  ", name="empty")
    with pytest.raises(InvalidArgumentError, match="letters, digits"):
        mipro.prompt("Label it.", name="a name")
    with pytest.raises(InvalidArgumentError, match="give turns"):
        mipro.prompt("Label it.", name="p", messages=[{"role": "system", "content": "x"}])


def test_a_function_is_not_exported_as_messages_that_it_does_not_send(sync):
    for form in ("messages", "openai"):
        with pytest.raises(InvalidArgumentError, match=r"writes its own messages.*p\.source"):
            mipro.program(sync).export(form)


class Labeller:
    """A prompt as an application's class holds it."""

    def __init__(self, client):
        self.client = client
        self.prompt = mipro.prompt(TEXT, name="held")

    def classify(self, text):
        return self._asked(text)

    def __call__(self, text):
        return self._asked(text)

    def _asked(self, text):
        made = self.client.chat.completions.create(
            model="gpt-4o-mini", messages=messages(self.prompt, text), temperature=0
        )
        return made.choices[0].message.content


def with_model(model, prompt, client, text):
    made = client.chat.completions.create(model=model, messages=messages(prompt, text))
    return made.choices[0].message.content


@pytest.mark.parametrize("kind", ["method", "object", "partial", "partial by name"])
def test_whatever_can_be_called_is_a_function(kind, triage, server, rows):
    client = openai.OpenAI(api_key=API_KEY)
    labeller = Labeller(client)
    given = {
        "method": labeller.classify,
        "object": labeller,
        "partial": functools.partial(with_model, "gpt-4o-mini", triage, client),
        "partial by name": functools.partial(with_model, "gpt-4o", client=client, prompt=triage),
    }[kind]
    plan = planned(given, rows)
    assert [p.name for p in mipro.program(given).prompts] == (
        ["triage"] if "partial" in kind else ["held"]
    )
    assert plan.estimate.total.calls.expected > 0


def test_a_prompt_alone_or_a_class_is_no_function(triage, server, rows):
    with pytest.raises(InvalidArgumentError, match="or a function that reads"):
        compiled(triage, rows)
    for wrong in (triage, Labeller):
        with pytest.raises(InvalidArgumentError, match="give a function"):
            mipro.program(wrong, prompts=[triage])


@pytest.mark.parametrize("kind", ["sync", "async", "returned"])
def test_a_function_that_returns_a_generator_is_refused(kind, triage, server, rows):
    client = openai.OpenAI(api_key=API_KEY)

    def parts(text):
        sent = messages(triage, text)
        yield from client.chat.completions.create(model="gpt-4o-mini", messages=sent, stream=True)

    async def parts_async(text):
        for part in parts(text):
            yield part

    given = {"sync": parts, "async": parts_async, "returned": lambda text: parts(text + "")}[kind]
    with pytest.raises(ProgramError, match=r"returns a generator.*returns the whole answer"):
        compiled(mipro.program(given, prompts=[triage]), rows)
    assert server.count == 0


def test_a_prompt_that_is_sent_as_an_object_is_told(triage, server, rows):
    client = openai.OpenAI(api_key=API_KEY)

    def classify(text):
        sent = [{"role": "system", "content": triage}, {"role": "user", "content": text}]
        return client.chat.completions.create(model="gpt-4o-mini", messages=sent)

    with pytest.raises(ProgramError, match=r"sent as an object .*write str\(p\)"):
        compiled(classify, rows)
    assert server.count == 0


def test_a_cache_by_arguments_is_refused_where_a_prompt_is_read(sync, triage, server, rows):
    kept = functools.cache(sync)
    for given in (kept, lambda text: kept(text + ""), functools.lru_cache(maxsize=2)(sync)):
        with pytest.raises(InvalidArgumentError, match=r"functools' cache.*__wrapped__"):
            planned(given, rows)

    @functools.cache
    def ending():
        return ""

    assert planned(lambda text: sync(text) + ending(), rows)
    assert planned(kept.__wrapped__, rows)


@pytest.mark.parametrize(
    ("library", "is_on"),
    [
        ("litellm", {"cache": object()}),
        ("langchain_core.globals", {"get_llm_cache": object}),
    ],
)
def test_a_cache_of_a_library_is_refused_as_made_up_answers_would_stay_in_it(
    library, is_on, sync, rows, monkeypatch
):
    monkeypatch.setitem(sys.modules, library, types.SimpleNamespace(**is_on))
    with pytest.raises(InvalidArgumentError, match=f"{library}.*made-up answers.*turn it off"):
        planned(sync, rows)


def test_inputs_that_the_function_does_not_take_are_refused(sync, server, rows):
    renamed = [mipro.Example(ticket=r.text, label=r.label).with_inputs("ticket") for r in rows]
    with pytest.raises(InvalidArgumentError, match=r"classify\(text\) does not take them"):
        compiled(sync, renamed)
    assert server.count == 0


def test_a_function_whose_calls_cannot_be_caught_is_refused(triage, server, rows):
    def classify(text):
        return f"{triage} {text}"

    client = openai.OpenAI(api_key=API_KEY)

    def judged(example, prediction, trace=None):
        asked = [{"role": "user", "content": f"Judge 1: {prediction}"}]
        client.chat.completions.create(model="gpt-4o", messages=asked)
        return True

    for metric in (same, judged):
        with pytest.raises(ProgramError, match="made no LM call in the rehearsal that mipro_nb"):
            compiled(classify, rows, metric)
    assert server.count == 0


def test_calls_of_a_thread_that_was_there_before_are_stopped_and_told(sync, triage, server, rows):
    asked, answered_ = queue.SimpleQueue(), queue.SimpleQueue()

    def work():
        while (text := asked.get()) is not None:
            try:
                answered_.put(sync(text))
            except openai.OpenAIError as error:
                answered_.put(error)

    def classify(text):
        asked.put(f"{triage} {text}")
        came = answered_.get()
        if isinstance(came, Exception):
            raise came
        return came

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    with pytest.raises(ProgramError, match="in the function's own thread"):
        compiled(mipro.program(classify, prompts=[triage]), rows)
    asked.put(None)
    thread.join()
    assert server.count == 0


def test_what_a_function_returns_may_be_of_any_type(sync, triage, server, rows):
    @dataclass
    class Labelled:
        label: str
        when: dt.date

    class Model(BaseModel):
        label: str

    for made in (lambda s: Labelled(s, dt.date(2026, 1, 1)), lambda s: Model(label=s)):
        triage.reset()
        program = mipro.program(lambda text, made=made: made(sync(text)), prompts=[triage])
        best = compiled(program, rows, lambda e, p, trace=None: e.label == p.label, num_trials=2)
        assert best.run.status == "finished"
        assert best.score > 0


@pytest.mark.parametrize(
    "path",
    [
        "models/gemini:generateContent",
        "threads/runs",
        "threads/thread_1/runs",
        "batches",
        "messages/batches",
        "responses/compact",
        "images/generations",
        "audio/speech",
        "videos",
    ],
)
def test_a_form_that_is_not_known_is_refused(path, triage, server, rows):
    def classify(text):
        sent = {"contents": f"{triage} {text}"}
        return httpx.post(f"{server.base_url}/{path}", json=sent).raise_for_status().text

    with pytest.raises(ProgramError, match=f"{path}, in a form that mipro_nb does not"):
        compiled(classify, rows)
    assert server.count == 0


class OtherService(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize("path", ["forms/7/responses", "rag/invoke", "api/chat", "team/batches"])
def test_another_service_whose_path_ends_alike_is_asked_as_it_is(path, sync, triage, rows):
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherService) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{service.server_port}/{path}"

        def classify(text):
            httpx.post(url, json={"question": text}).raise_for_status()
            return sync(text)

        best = compiled(mipro.program(classify, prompts=[triage]), rows)
        service.shutdown()
    assert best.score > 0


@pytest.mark.parametrize(
    "odd",
    [
        {"messages": None},
        {"tools": 5},
        {"tools": [{"type": "function", "function": "x"}]},
        {"tools": [{"function": {"parameters": "x"}}], "tool_choice": "required"},
        {"messages": [{"role": "user", "content": [{"type": []}]}]},
    ],
)
def test_a_request_of_another_form_is_not_sent_and_told(odd, triage, server, rows):
    def classify(text):
        sent = {"model": "gpt-4o-mini", "messages": messages(triage, text), **odd}
        return httpx.post(f"{server.base_url}/chat/completions", json=sent).raise_for_status().text

    with pytest.raises(ProgramError, match="gpt-4o-mini in a form that /chat/completions does not"):
        compiled(classify, rows)
    assert server.count == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "message",
    ["spam", 5, {"content": "spam", "tool_calls": 5}, {"content": None, "tool_calls": [5]}],
)
@pytest.mark.usefixtures("short_pauses")
def test_an_answer_of_another_form_is_a_broken_answer(message, stream, triage, server, rows):
    client, broken = openai.OpenAI(api_key=API_KEY), []

    def odd(request):
        if request.last_user == "Message: message 8" and not broken:
            broken.append(request.number)
            body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
            return Reply(raw_body=json.dumps(body).encode())
        return original(request)

    original, server._answer = server._answer, odd

    def classify(text):
        made = client.chat.completions.create(
            model="gpt-4o-mini", messages=messages(triage, text), temperature=0, stream=stream
        )
        if stream:
            return "".join(c.choices[0].delta.content or "" for c in made if c.choices)
        return made.choices[0].message.content

    best = compiled(classify, rows, lambda e, p, trace=None: True)
    assert best.run.status == "finished"
    assert server.count == best.run.state.spend.attempts


def test_a_client_that_cannot_be_seen_through_is_stopped_where_lms_are_asked(triage, server, rows):
    def classify(text):
        sent = json.dumps({"model": "gpt-4o-mini", "text": f"{triage} {text}"}).encode()
        request = urllib.request.Request("https://api.openai.com/v1/chat/completions", sent)
        return urllib.request.urlopen(request).read().decode()  # noqa: S310

    with pytest.raises(ProgramError, match=r"It asks api\.openai\.com.*built on httpx"):
        compiled(classify, rows)


def test_other_places_that_a_function_connects_to_are_noted(sync, triage, server, rows):
    where = server.base_url.replace("127.0.0.1", "localhost")

    def classify(text):
        httpx.get(f"{where}/models", headers={"Authorization": f"Bearer {API_KEY}"})
        return sync(text)

    plan = planned(mipro.program(classify, prompts=[triage]), rows)
    assert any("also connects to localhost, in the rehearsal" in note for note in plan.notes)


def test_the_functions_lm_is_its_own(sync, triage, server, rows):
    other = mipro.LM("openai/gpt-4o")
    with pytest.raises(InvalidArgumentError, match=r"task_model.*LM of its own"):
        planned(sync, rows, task_model=other)
    mipro.configure(lm=None)
    with pytest.raises(ProgramError, match="prompt_model, which writes the instructions"):
        planned(sync, rows)


def test_demos_that_are_not_read_are_noted(triage, server, rows):
    client = openai.OpenAI(api_key=API_KEY)

    def classify(text):
        sent = [{"role": "user", "content": f"{triage}\n{text}"}]
        made = client.chat.completions.create(model="gpt-4o-mini", messages=sent)
        return made.choices[0].message.content

    plan = planned(classify, rows)
    assert any("max_labeled_demos=0" in note for note in plan.notes)


def test_a_prompt_that_was_not_changed_says_so(triage):
    assert triage.diff() == "triage is unchanged."
