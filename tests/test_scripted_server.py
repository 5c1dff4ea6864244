"""The scripted server, seen through the real ``openai`` client."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING

import openai
import pytest
from openai import AsyncOpenAI, DefaultAioHttpClient
from scripted_server import Reply, Request, Script, ScriptedServer

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

pytestmark = pytest.mark.asyncio


def connect(
    server: ScriptedServer, *, api_key: str = "key", max_retries: int = 0, timeout: float = 10
) -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=server.base_url,
        api_key=api_key,
        max_retries=max_retries,
        timeout=timeout,
        http_client=DefaultAioHttpClient(),
    )


async def ask(client: AsyncOpenAI, text: str = "hello there", model: str = "m") -> ChatCompletion:
    return await client.chat.completions.create(
        model=model,
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
    )


async def test_answers_and_records_what_was_asked() -> None:
    with ScriptedServer(lambda request: request.last_user.upper()) as server:
        async with connect(server) as client:
            completion = await client.chat.completions.create(
                model="m",
                messages=[
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "first"},
                    {"role": "assistant", "content": None},
                    {"role": "user", "content": [{"type": "text", "text": "last one"}]},
                ],
                response_format={"type": "json_object"},
            )

    assert completion.choices[0].message.content == "LAST ONE"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.model == "m"
    (request,) = server.requests
    assert (request.number, request.model, request.authorization) == (0, "m", "Bearer key")
    assert (request.system, request.last_user) == ("Be brief.", "last one")
    assert request.body["response_format"] == {"type": "json_object"}
    assert (server.count, server.in_flight, server.max_in_flight) == (1, 0, 1)
    assert server.exceptions == []


async def test_usage_is_counted_unless_given() -> None:
    given = Reply("ok", prompt_tokens=70, completion_tokens=5, cached_tokens=64)
    script = Script().when("given", given).otherwise("three short words")
    with ScriptedServer(script) as server:
        async with connect(server) as client:
            usages = [(await ask(client, text)).usage for text in ("given", "hello there")]

    totals = []
    for usage in usages:
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        cached = usage.prompt_tokens_details.cached_tokens
        totals.append((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, cached))
    assert totals == [(70, 5, 75, 64), (4, 3, 7, 0)]


async def test_unusual_choices() -> None:
    script = (
        Script()
        .when("truncate", Reply("half", finish_reason="length"))
        .when("refuse", Reply(refusal="I will not."))
        .when("call", Reply(tool_call=True))
        .when("nothing", Reply(empty_choices=True))
    )
    with ScriptedServer(script) as server:
        async with connect(server) as client:
            truncated = (await ask(client, "truncate")).choices[0]
            refused = (await ask(client, "refuse")).choices[0].message
            called = (await ask(client, "call")).choices[0]
            nothing = (await ask(client, "nothing")).choices

    assert (truncated.message.content, truncated.finish_reason) == ("half", "length")
    assert (refused.content, refused.refusal) == (None, "I will not.")
    assert (called.message.content, called.finish_reason) == (None, "tool_calls")
    assert called.message.tool_calls
    assert nothing == []


@pytest.mark.parametrize(
    ("status", "exception", "code"),
    [
        (400, openai.BadRequestError, None),
        (401, openai.AuthenticationError, "invalid_api_key"),
        (404, openai.NotFoundError, "model_not_found"),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, None),
        (503, openai.InternalServerError, None),
    ],
)
async def test_error_statuses(
    status: int, exception: type[openai.APIStatusError], code: str | None
) -> None:
    with ScriptedServer(lambda _: Reply("why", status=status, headers={"x-a": "b"})) as server:
        async with connect(server) as client:
            with pytest.raises(exception, match="why") as raised:
                await ask(client)

    assert (raised.value.status_code, raised.value.code) == (status, code)
    assert raised.value.response.headers["x-a"] == "b"


async def test_custom_error_body_and_garbage() -> None:
    too_long = {"message": "too long", "type": "x", "code": "context_length_exceeded"}
    script = (
        Script()
        .when("long", Reply(status=400, error=too_long))
        .when("garbage", Reply(raw_body=b"{not json"))
        .when("page", Reply(status=502, raw_body=b"<html>", content_type="text/html"))
    )
    with ScriptedServer(script) as server:
        async with connect(server) as client:
            with pytest.raises(openai.BadRequestError) as raised:
                await ask(client, "long")
            assert raised.value.code == "context_length_exceeded"
            with pytest.raises((json.JSONDecodeError, openai.APIError)):
                await ask(client, "garbage")
            with pytest.raises(openai.InternalServerError) as raised_page:
                await ask(client, "page")
            assert raised_page.value.response.text == "<html>"
    assert server.exceptions == []


async def test_dropped_connection_can_be_retried() -> None:
    script = Script().when("hello", Reply(drop=True), times=1).otherwise("back")
    with ScriptedServer(script) as server:
        async with connect(server) as client:
            with pytest.raises(openai.APIConnectionError) as raised:
                await ask(client)
            # The client's aiohttp backend calls a lost connection APITimeoutError as well.
            assert str(raised.value.__cause__) == "Server disconnected"
            assert (await ask(client)).choices[0].message.content == "back"
    assert server.count == 2
    assert server.exceptions == []


async def test_hanging_request_ends_with_its_client_or_with_the_server() -> None:
    with ScriptedServer(lambda _: Reply(hang=True)) as server:
        async with connect(server, timeout=0.1) as impatient:
            with pytest.raises(openai.APITimeoutError):
                await ask(impatient)
        await reaches(server, in_flight=0)

        async with connect(server) as patient:
            asking = asyncio.create_task(ask(patient))
            await reaches(server, in_flight=1)
            closing_began = time.monotonic()
            await asyncio.to_thread(server.close)
            assert time.monotonic() - closing_began < 30, "it does not wait for an answer"
            with pytest.raises(openai.APIConnectionError) as raised:
                await asking
            assert str(raised.value.__cause__) == "Server disconnected"
    assert "scripted-server" not in [thread.name for thread in threading.enumerate()]


async def reaches(server: ScriptedServer, in_flight: int) -> None:
    async with asyncio.timeout(5):
        while server.in_flight != in_flight:  # noqa: ASYNC110 - it changes in another thread
            await asyncio.sleep(0.005)


async def test_latency_overlaps_and_the_limit_refuses() -> None:
    with ScriptedServer(lambda request: str(request.number), latency=0.2, limit=3) as server:
        async with connect(server) as client:
            outcomes = await asyncio.gather(
                *(ask(client) for _ in range(5)), return_exceptions=True
            )

    refusals = [outcome for outcome in outcomes if isinstance(outcome, openai.RateLimitError)]
    assert len(refusals) == 2
    assert all(float(refusal.response.headers["retry-after"]) == 0.05 for refusal in refusals)
    assert (server.count, server.in_flight, server.max_in_flight) == (5, 0, 3)


async def test_latency_by_number_can_reorder_answers() -> None:
    answered: list[str] = []

    async def note(client: AsyncOpenAI, text: str) -> None:
        answered.append((await ask(client, text)).choices[0].message.content or "")

    def latency(number: int) -> float:
        return (0.4, 0.0)[number]

    with ScriptedServer(lambda request: str(request.number), latency=latency) as server:
        async with connect(server) as client:
            await asyncio.gather(note(client, "a"), note(client, "b"))
    assert answered == ["1", "0"]


async def test_models_and_keys_are_checked() -> None:
    with ScriptedServer(
        lambda _: "ok", models=("a", "b"), known_models={"a"}, api_key="right"
    ) as server:
        async with connect(server, api_key="right") as client:
            assert [model.id async for model in client.models.list()] == ["a", "b"]
            assert (await ask(client, model="a")).choices[0].message.content == "ok"
            with pytest.raises(openai.NotFoundError) as missing:
                await ask(client, model="c")
            assert missing.value.code == "model_not_found"
        async with connect(server, api_key="wrong") as intruder:
            with pytest.raises(openai.AuthenticationError):
                await ask(intruder, model="a")
            with pytest.raises(openai.AuthenticationError):
                await intruder.models.list()


async def test_what_the_answer_raises_is_kept_and_not_retried() -> None:
    def fail(_: Request) -> str:
        pytest.fail("unexpected prompt")

    with ScriptedServer(Script().when("fail", fail)) as server:
        async with connect(server, max_retries=2) as client:
            with pytest.raises(openai.InternalServerError, match="unexpected prompt"):
                await ask(client, "fail")
            with pytest.raises(openai.InternalServerError, match="no rule matches"):
                await ask(client, "unknown")
    assert server.count == 2
    assert [type(error) for error in server.exceptions] == [pytest.fail.Exception, LookupError]


async def test_script_takes_the_first_rule_not_used_up() -> None:
    script = (
        Script()
        .when("brief", "once", times=1)  # in the system message
        .when(lambda request: request.number == 1, lambda request: f"number {request.number}")
        .when("hello", Reply("rule"))
        .otherwise("other")
    )
    script.when("Be brief", "once", times=1)  # after the others, but before ``otherwise``
    with ScriptedServer(script) as server:
        async with connect(server) as client:
            texts = ["hello", "hello", "hello", "bye", "bye"]
            replies = [(await ask(client, text)).choices[0].message.content for text in texts]
    assert replies == ["once", "number 1", "rule", "once", "other"]
