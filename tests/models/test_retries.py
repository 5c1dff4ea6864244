"""Trying again: what passes is tried again, within permission and caps, and each attempt counts."""

from __future__ import annotations

import asyncio

import pytest
from gated_run import GatedRun, gathered, request, until
from scripted_server import Reply, Script

from mipro_nb.errors import CallRefusedError, CapReachedError, LMError, LMUnavailableError
from mipro_nb.models.gate.limits.caps import Caps

pytestmark = pytest.mark.usefixtures("short_pauses")

SOON = {"Retry-After": "0.01"}
BROKEN = Reply("Out of order.", status=500, headers=SOON)
HALF_A_CHARACTER = Reply(raw_body='{"choices": [{"message": {"content": "é'.encode()[:-1])


@pytest.fixture
def run(tmp_path):
    made = GatedRun(tmp_path)
    yield made
    made.record.close()


def failing_at_first(reply, times):
    return Script().when(lambda _: True, reply, times=times).otherwise("at last")


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=408, headers=SOON),
        Reply(status=409, headers=SOON),
        Reply(status=500, headers=SOON),
        Reply(status=503, headers={"Retry-After-Ms": "10"}),
        Reply(status=418, headers={"x-should-retry": "true", **SOON}),
        Reply(drop=True),
        Reply(hang=True),
        Reply(raw_body=b"<<>>"),
        Reply(raw_body=b'{"choices": [{"message": {"content": "at'),
        HALF_A_CHARACTER,
        Reply(raw_body=b"[" * 200_000 + b"]" * 200_000),
        Reply(raw_body=b"at last", headers={"Content-Type": "a\0b"}),
        Reply(raw_body=b"<html>Busy", content_type="text/html"),
        Reply(empty_choices=True),
        Reply(raw_body=b'{"error": {"message": "Upstream is gone."}}'),
    ],
    ids=[
        "408",
        "409",
        "500",
        "503",
        "the server says so",
        "lost",
        "silent",
        "garbled",
        "half",
        "half a character",
        "too deep",
        "a header that is none",
        "a page",
        "no choices",
        "an error inside",
    ],
)
def test_what_may_pass_is_tried_again_as_often_as_allowed(run, serve, lm_at, reply):
    timeout = 1.5 if reply.hang else 60  # in which a busy machine answers what is answered
    server = serve(failing_at_first(reply, times=2))
    assert run.ask(lm_at(server, num_retries=2, timeout=timeout), "hi") == ["at last"]
    assert server.count == 3
    assert sum(run.events[0].retryable_errors.values()) == 2
    assert run.spend.attempts == 3

    server = serve(failing_at_first(reply, times=2))
    (error,) = run.ask(lm_at(server, num_retries=1, timeout=timeout), "hi")
    if reply.empty_choices:  # an answer without a reply, which is asked for again
        assert error == ""
    else:
        assert type(error) is LMError
        assert "tried 2 times" in str(error)
    assert server.count == 2
    (failed,) = (e for e in run.events if e.type == "lm_call_failed" and e.final)
    assert sum(failed.retryable_errors.values()) == 2
    assert run.spend.attempts == 3 + 2


@pytest.mark.slow
def test_the_seconds_of_an_answer_are_those_of_its_own_attempt(run, serve, lm_at):
    server = serve(failing_at_first(Reply(status=503, headers={"Retry-After-Ms": "1500"}), times=1))
    assert run.ask(lm_at(server, num_retries=1), "hi") == ["at last"]
    assert run.events[0].seconds < 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=400, headers=SOON),
        Reply(status=401, headers=SOON),
        Reply(status=404, headers=SOON),
        Reply(status=402, headers=SOON),
        Reply(status=429, headers=SOON, error={"code": "insufficient_quota", "message": "Pay."}),
        Reply(status=500, headers={"x-should-retry": "false"}),
    ],
    ids=[
        "400",
        "401",
        "404",
        "402",
        "quota",
        "the server says so",
    ],
)
def test_what_does_not_pass_is_not_tried_again(run, serve, lm_at, reply):
    server = serve(reply)
    (error,) = run.ask(lm_at(server, num_retries=5), "hi")
    assert isinstance(error, LMError)
    assert server.count == 1


def test_a_call_that_may_not_be_tried_again_is_sent_once(run, serve, lm_at):
    server = serve(BROKEN)
    (error,) = run.ask(lm_at(server, num_retries=0), "hi")
    assert "(tried once): " in str(error)
    assert server.count == 1


def test_nothing_that_listens_stays_hopeless(run, lm_at):
    (error,) = run.ask(lm_at("http://127.0.0.1:9/v1", num_retries=1), "hi")
    assert type(error) is LMUnavailableError
    assert "Cannot reach" in str(error)


def test_a_prompt_is_the_same_at_every_attempt(run, serve, lm_at):
    server = serve(failing_at_first(BROKEN, times=2))
    run.ask(lm_at(server, num_retries=2, temperature=0.3, extra_body={"top_k": 4}), "hi")
    first, *others = [sent.body for sent in server.requests]
    assert first["top_k"] == 4
    assert others == [first, first]


def test_calls_that_share_a_request_share_its_attempts(run, serve, lm_at):
    server = serve(failing_at_first(BROKEN, times=1))
    assert run.ask(lm_at(server, num_retries=1), *["hi"] * 5) == ["at last"] * 5
    assert server.count == 2


def test_a_burst_of_failures_is_survived_by_all(tmp_path, serve, lm_at):
    run = GatedRun(tmp_path, concurrency=16)
    server = serve(failing_at_first(BROKEN, times=20))
    prompts = [str(n) for n in range(40)]
    assert run.ask(lm_at(server, num_retries=3), *prompts) == ["at last"] * 40
    assert server.count == 60
    assert sum(event.attempts for event in run.events) == 60


def test_every_attempt_counts_for_max_calls(tmp_path, serve, lm_at):
    run = GatedRun(tmp_path, caps=Caps(max_calls=3))
    server = serve(BROKEN)
    (error,) = run.ask(lm_at(server, num_retries=10), "hi")
    assert type(error) is CallRefusedError
    assert "max_calls=3" in str(error)
    assert server.count == 3
    assert [type(reached) for reached in run.reached] == [CapReachedError]


@pytest.mark.parametrize(
    "reply",
    [Reply(hang=True), Reply(drop=True), HALF_A_CHARACTER],
    ids=["silent", "lost", "half a character"],
)
def test_an_attempt_without_an_answer_is_reckoned_at_its_longest_reply(
    tmp_path, serve, lm_at, reply
):
    run = GatedRun(tmp_path, caps=Caps(max_tokens=2500))
    server = serve(reply)
    run.ask(lm_at(server, num_retries=10, max_tokens=1000, timeout=0.2), "hi")
    assert (server.count, len(run.reached)) == (2, 1)


def test_an_attempt_that_the_server_refused_costs_no_tokens(tmp_path, serve, lm_at):
    run = GatedRun(tmp_path, caps=Caps(max_tokens=2500))
    server = serve(failing_at_first(BROKEN, times=5))
    assert run.ask(lm_at(server, num_retries=5, max_tokens=1000), "hi") == ["at last"]


def test_a_pause_holds_attempts_back_until_it_ends(run, serve, lm_at):
    broken = Reply(status=500, headers=SOON, delay=0.1)
    server = serve(failing_at_first(broken, times=1))
    lm = lm_at(server, num_retries=1)

    async def pause_while_it_is_on_its_way():
        call = asyncio.ensure_future(lm.acomplete(request("hi")))
        await until(lambda: server.count == 1)
        run.gate.pause()
        await run.gate.drained()
        await asyncio.sleep(0.3)
        sent = server.count
        run.gate.resume()
        return sent, (await call).text

    assert run.do(pause_while_it_is_on_its_way()) == (1, "at last")


def test_after_a_stop_nothing_is_tried_again(run, serve, lm_at):
    server = serve(Reply(status=500))  # so there is a pause of half a second, then of one
    lm = lm_at(server, num_retries=10)

    async def stop_between_two_attempts():
        calls = [asyncio.ensure_future(lm.acomplete(request(str(n)))) for n in range(3)]
        await until(lambda: server.count == 3)
        await run.gate.drained()
        run.gate.refuse("Stopped.")
        return await gathered(calls)

    errors = run.do(stop_between_two_attempts())
    assert [str(error) for error in errors] == ["Stopped."] * 3
    assert server.count == 3


def test_who_waits_for_a_server_that_asked_to_is_stopped_at_once(run, serve, lm_at):
    server = serve(Reply(status=503, headers={"Retry-After": "3600"}))
    lm = lm_at(server, num_retries=10)

    async def stop_while_all_wait():
        calls = [asyncio.ensure_future(lm.acomplete(request(str(n)))) for n in range(30)]
        await until(lambda: server.count >= 8)
        await run.gate.drained()
        run.gate.refuse("Stopped.")
        return await gathered(calls)

    errors = run.do(stop_while_all_wait())
    assert [str(error) for error in errors] == ["Stopped."] * 30
    assert server.count == 8
