"""The pace of an endpoint: a server gets as many calls at once as it bears, and no call fails."""

from __future__ import annotations

import asyncio
import time

import pytest
from gated_run import GatedRun, begun, gathered, until
from scripted_server import Reply, Script

from mipro_nb.errors import LMError, LMUnavailableError
from mipro_nb.models.gate.pacing import pace

SOON = {"Retry-After": "0.01"}


@pytest.fixture
def run(tmp_path):
    made = GatedRun(tmp_path, concurrency=16)
    yield made
    made.record.close()


def many(count, start=0):
    return [str(n) for n in range(start, start + count)]


def window_of(run):
    """How many calls the only endpoint is sent at once."""
    (pace,) = run.gate._dispatch._paces.values()
    return pace._window


def check_that_so_many_are_in_flight(run, lm, server, size, prompts):
    """Ask more than the server shall get at once, of an LM that no longer answers."""
    server._answer = lambda request: Reply("x", hang=True)

    async def fill():
        calls = [begun(lm, prompt) for prompt in prompts]
        await until(lambda: server.in_flight == size)
        for call in calls:
            call.cancel()
        await gathered(calls)

    run.do(fill())


@pytest.mark.slow
@pytest.mark.parametrize("retry_after", [0.02, 0.0])
@pytest.mark.parametrize("num_retries", [0, 3])
def test_a_server_that_bears_few_calls_at_once_gets_no_more_and_answers_all(
    run, serve, lm_at, retry_after, num_retries
):
    # The first are answered after all that are sent at once have arrived, however long that takes.
    server = serve(
        Reply("x", arrivals=16),
        limit=4,
        latency=0.02,
        retry_after=retry_after,
    )
    lm = lm_at(server, num_retries=num_retries)
    assert run.ask(lm, *many(200)) == ["x"] * 200
    assert server.max_in_flight == 4
    # Most were turned away in the beginning; later one of dozens, to find out if it bears more.
    refused = server.count - 200
    assert 12 <= refused < 19
    assert sum(event.attempts for event in run.events) == server.count


def test_once_its_limit_is_known_a_server_is_kept_busy(run, serve, lm_at):
    server = serve(Reply("x", delay=0.01), limit=4, retry_after=0.0)
    lm = lm_at(server)
    run.ask(lm, *many(60))
    check_that_so_many_are_in_flight(run, lm, server, 4, many(12, start=100))


def test_a_call_too_many_at_once_waits_alone_where_the_server_asks_to_wait(run, serve, lm_at):
    server = serve(Reply("x", arrivals=16), limit=4, latency=0.01, retry_after=3600)
    lm = lm_at(server)

    async def ask_the_others():
        calls = [begun(lm, prompt) for prompt in many(40)]
        await until(lambda: sum(call.done() for call in calls) >= 20)
        waiting = [call for call in calls if not call.done()]
        for call in waiting:
            call.cancel()
        await gathered(waiting)
        return [call.result() for call in calls if call not in waiting]

    assert set(run.do(ask_the_others())) == {"x"}
    assert server.max_in_flight == 4


def test_a_server_that_bears_more_again_gets_more(run, serve, lm_at):
    server = serve("x", limit=2, latency=0.005, retry_after=0.0)
    lm = lm_at(server)
    run.ask(lm, *many(60))
    assert server.max_in_flight == 2
    server._limit = None
    # How rarely one more is tried depends on how often that had failed. How many the server sees
    # at once while it answers depends on the machine: so in the end it answers none.
    asked = 100
    while window_of(run) <= 8:
        assert asked < 4000
        run.ask(lm, *many(100, start=asked))
        asked += 100
    check_that_so_many_are_in_flight(run, lm, server, 9, many(9, start=asked))


@pytest.mark.slow
def test_a_limit_per_minute_makes_calls_wait_and_not_fail(run, serve, lm_at):
    allowed = [20]

    def answer(request):
        if allowed[0] == 0:
            return Reply(status=429)
        allowed[0] -= 1
        return Reply("x", delay=0.01)

    server = serve(answer)
    lm = lm_at(server, num_retries=1)

    async def refill():
        calls = [begun(lm, prompt) for prompt in many(60)]
        for _ in range(2):
            await until(lambda: allowed[0] == 0)
            await asyncio.sleep(1.2)  # longer than the pauses of one retry
            allowed[0] = 20
        return await gathered(calls)

    assert run.do(refill()) == ["x"] * 60
    # While nothing gets through, one call at a time asks, after longer and longer pauses.
    assert server.count < 60 + 2 * 30


@pytest.mark.slow
def test_nobody_is_sent_to_a_server_that_asked_to_wait(run, serve, lm_at):
    arrived = {}

    def answer(request):
        arrived.setdefault(request.last_user, []).append(time.monotonic())
        if request.number == 0:
            return Reply(status=429, headers={"Retry-After": "2"})
        return "x"

    server = serve(answer)
    lm = lm_at(server, num_retries=1)

    async def ask_meanwhile():
        first = begun(lm, "first")
        await until(lambda: server.count == 1)
        await run.gate.drained()
        return await gathered([begun(lm, "later"), first])

    assert run.do(ask_meanwhile()) == ["x"] * 2
    refused, first = arrived["first"]
    assert first - refused >= 2
    assert arrived["later"][0] - refused >= 2


def test_another_model_of_a_server_that_asked_to_wait_is_asked_meanwhile(run, serve, lm_at):
    wait = Reply(status=429, headers={"Retry-After": "3600"})
    server = serve(lambda request: wait if request.number == 0 else "x")
    lm, other = lm_at(server, num_retries=1), lm_at(server, model="openai/other")

    async def ask_meanwhile():
        first = begun(lm, "first")
        await until(lambda: server.count == 1)
        await run.gate.drained()
        later = begun(lm, "later")
        answer = await begun(other, "elsewhere")
        for call in (first, later):
            call.cancel()
        await gathered([first, later])
        return answer

    assert run.do(ask_meanwhile()) == "x"
    assert [request.last_user for request in server.requests] == ["first", "elsewhere"]


def test_a_server_in_trouble_gets_fewer_calls_at_once(run, serve, lm_at):
    busy = Reply(status=503, headers=SOON)
    server = serve(Script().when(lambda _: True, busy, times=16).otherwise(Reply(hang=True)))
    lm = lm_at(server, num_retries=3)

    async def fail_and_fill():
        calls = [begun(lm, prompt) for prompt in many(32)]
        await until(lambda: server.in_flight == 8)
        await asyncio.sleep(0.1)
        assert server.in_flight == 8
        for call in calls:
            call.cancel()
        await gathered(calls)

    run.do(fail_and_fill())
    assert server.count == 24


def test_a_failure_now_and_then_slows_nothing_down(run, serve, lm_at):
    def answer(request):
        if request.number and request.number % 40 == 0:
            return Reply(status=500, headers=SOON)
        return Reply("x", delay=0.005)

    server = serve(answer)
    lm = lm_at(server, num_retries=2)
    assert run.ask(lm, *many(200)) == ["x"] * 200
    check_that_so_many_are_in_flight(run, lm, server, 16, many(20, start=1000))


def test_where_no_call_gets_through_all_fail_with_what_the_server_said(run, serve, lm_at):
    server = serve(Reply("Slow down.", status=429, headers=SOON))
    errors = run.ask(lm_at(server, num_retries=2), *many(20))
    assert [type(error) for error in errors] == [LMError] * 20
    assert all("Slow down." in str(error) for error in errors)
    assert server.count < 20 * 3


@pytest.mark.slow
def test_where_no_call_has_got_through_for_long_the_run_is_told(run, serve, lm_at, monkeypatch):
    server = serve(lambda r: "x" if r.number < 5 else Reply("Enough.", status=429, headers=SOON))
    lm = lm_at(server, num_retries=1)
    monkeypatch.setattr(pace, "PATIENCE_SECONDS", 2.0)
    begun_at = time.monotonic()
    assert run.ask(lm, *many(5)) == ["x"] * 5
    (error,) = run.ask(lm, "hi")
    assert time.monotonic() - begun_at > 2
    assert type(error) is LMUnavailableError
    assert "as all others in the last" in str(error)
    assert "Enough." in str(error)
    assert server.count > 5 + 2


def test_other_endpoints_go_on_while_one_is_limited(run, serve, lm_at):
    limited = serve(Reply(status=429, headers={"Retry-After": "3600"}))
    free = serve("x", latency=0.01)
    stuck_lm, lm = lm_at(limited), lm_at(free)

    async def ask_both():
        stuck = [begun(stuck_lm, prompt) for prompt in many(40)]
        answers = await gathered([begun(lm, prompt) for prompt in many(40)])
        for call in stuck:
            call.cancel()
        await gathered(stuck)
        return answers

    assert run.do(ask_both()) == ["x"] * 40
