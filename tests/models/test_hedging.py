"""Hedging: a slow call is sent a second time, the first answer counts and both are paid for."""

from __future__ import annotations

import asyncio
import threading

import pytest
from gated_run import GatedRun, begun, until
from scripted_server import Reply

from mipro_nb.errors import LMError
from mipro_nb.models.calls import Call
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.gate.pacing import hedging
from mipro_nb.models.gate.pacing.hedging import Hedging, first_of
from mipro_nb.models.gate.pacing.pace import Pace

QUICK = [f"quick {n}" for n in range(20)]
MANY_TOKENS = 1000
# As many that one more is within the share of the last ones.
FORTY = [f"quick {n}" for n in range(40)]


def slow_at_first(delay=30.0, second="late twin", arrivals=0):
    """Answer "slow" only after `delay` seconds, a second request for it at once."""
    seen = []

    def answer(request):
        if "slow" not in request.last_user:
            return Reply("quick", delay=0.01)
        seen.append(request)
        if len(seen) == 1:
            return Reply("at last", delay=delay, arrivals=arrivals)
        return second if isinstance(second, Reply) else Reply(second, prompt_tokens=7)

    return answer


@pytest.fixture
def run_of(tmp_path):
    made = []

    def make(**settings):
        made.append(GatedRun(tmp_path, **{"concurrency": 2, "hedge": True, **settings}))
        return made[-1]

    yield make
    for run in made:
        run.record.close()


def test_a_call_slower_than_most_is_sent_again_and_the_first_answer_counts(run_of, serve, lm_at):
    run, server = run_of(), serve(slow_at_first())
    lm = lm_at(server, price=(1.0, 2.0))
    run.ask(lm, *QUICK)
    assert run.ask(lm, "slow") == ["late twin"]
    assert server.count == 22


def test_both_are_among_the_events_and_paid_for(run_of, serve, lm_at, monkeypatch):
    run, server = run_of(), serve(slow_at_first())
    lm = lm_at(server, price=(1.0, 2.0))
    run.ask(lm, *QUICK)
    run.ask(lm, "slow")
    monkeypatch.setattr(Pace, "slow_seconds", 60.0)  # no quick call takes so long on any machine
    run.ask(lm, "slow too")  # not slow any more
    answered, given_up = (
        [event for event in run.events if event.type == kind and event.input_tokens == 7]
        for kind in ("lm_call_answered", "lm_call_failed")
    )
    assert len(given_up) == 1
    assert "sent a second time" in given_up[0].error
    assert (given_up[0].output_tokens, given_up[0].usd) == (2, answered[0].usd)
    assert answered[0].attempts == given_up[0].attempts == 1
    assert (run.spend.attempts, run.spend.failed_calls) == (server.count, 0)


def test_without_hedging_a_slow_call_is_waited_for(run_of, serve, lm_at):
    run, server = run_of(hedge=False), serve(slow_at_first(delay=0.3))
    lm = lm_at(server)
    run.ask(lm, *QUICK)
    assert run.ask(lm, "slow") == ["at last"]
    assert server.count == 21


def test_nothing_is_slow_before_enough_calls_were_seen(run_of, serve, lm_at):
    run, server = run_of(), serve(slow_at_first(delay=0.3))
    lm = lm_at(server)
    run.ask(lm, *QUICK[:19])
    assert run.ask(lm, "slow") == ["at last"]


def test_what_is_slow_is_learnt_for_each_endpoint(run_of, serve, lm_at):
    run, server = run_of(), serve(slow_at_first(delay=0.3))
    run.ask(lm_at(server), *QUICK)
    assert run.ask(lm_at(server, model="openai/other"), "slow") == ["at last"]


def test_a_slow_call_takes_nobodys_turn(run_of, serve, lm_at):
    run, server = run_of(concurrency=1), serve(slow_at_first(delay=0.3))
    lm = lm_at(server)
    run.ask(lm, *QUICK)
    assert run.ask(lm, "slow") == ["at last"]
    assert server.count == 21


@pytest.mark.parametrize(("most", "sent"), [(21, 21), (22, 22)])
def test_both_count_for_the_caps_and_the_second_one_never_ends_a_run(
    run_of, serve, lm_at, most, sent
):
    run = run_of(caps=Caps(max_calls=most))
    server = serve(slow_at_first(delay=0.3 if sent == 21 else 30.0))
    lm = lm_at(server)
    run.ask(lm, *QUICK)
    (text,) = run.ask(lm, "slow")
    assert text == ("at last" if sent == 21 else "late twin")
    assert (server.count, run.reached) == (sent, [])
    run.ask(lm, "one more")
    assert (server.count, len(run.reached)) == (sent, 1)


def test_the_one_given_up_is_reckoned_at_its_longest_reply(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_tokens=3 * MANY_TOKENS)), serve(slow_at_first())
    lm = lm_at(server, max_tokens=MANY_TOKENS)
    run.ask(lm, *QUICK)
    assert run.ask(lm, "slow") == ["late twin"]
    lm = lm_at(server, max_tokens=2 * MANY_TOKENS)
    run.ask(lm, "one more")  # would fit, had the other one cost as little as its twin
    assert (server.count, len(run.reached)) == (22, 1)


def test_no_call_is_sent_a_second_time_during_a_pause(run_of, serve, lm_at, monkeypatch):
    run, server = run_of(), serve(slow_at_first(delay=0.3))
    lm = lm_at(server)
    run.ask(lm, *QUICK)
    begin = Pace.begin

    def begin_and_pause(pace):
        run.gate.pause()  # before the call can be slow
        return begin(pace)

    monkeypatch.setattr(Pace, "begin", begin_and_pause)
    assert run.ask(lm, "slow") == ["at last"]
    assert server.count == 21


def test_if_the_second_one_fails_the_first_is_waited_for(run_of, serve, lm_at):
    run = run_of()
    server = serve(slow_at_first(delay=0.3, second=Reply("no", status=400), arrivals=22))
    lm = lm_at(server)
    run.ask(lm, *QUICK)
    assert run.ask(lm, "slow") == ["at last"]
    assert server.count == 22


def test_what_is_drained_is_told(run_of, serve, lm_at):
    """A run that ends at a cap waits until it is, and cancels all else."""
    goes_on = threading.Event()
    server = serve(
        lambda request: Reply("late", once=goes_on.is_set) if request.number == 20 else "quick"
    )
    run, lm = run_of(), lm_at(server)
    run.ask(lm, *QUICK)

    async def drained_and_cancelled():
        call = begun(lm, "held")
        await until(lambda: run.gate.in_flight)
        goes_on.set()
        await run.gate.drained()
        call.cancel()
        await asyncio.wait([call])

    run.do(drained_and_cancelled())
    assert run.spend.calls == len(QUICK) + 1


@pytest.fixture
def last_ones(run_of, lm_at, monkeypatch):
    """Begin a run that sends the last slow calls twice, and from now on however short they take."""

    def make(server, *quick, caps=None, foreseen=0, **settings):
        run = run_of(hedge="tail", concurrency=8, caps=caps, foreseen=foreseen)
        lm = lm_at(server, **settings)
        run.ask(lm, *quick)
        monkeypatch.setattr(hedging, "LEAST_SECONDS", 0.0)
        return run, lm

    return make


def test_a_slow_call_that_all_wait_for_is_sent_again_and_counted(last_ones, serve):
    server = serve(slow_at_first())
    run, lm = last_ones(server, *FORTY)
    assert run.ask(lm, "slow") == ["late twin"]
    assert server.count == run.spend.attempts == len(FORTY) + 2
    assert run.spend.hedged_calls == 1


def test_what_comes_back_soon_is_not_slow_for_the_last_ones(run_of, serve, lm_at):
    run, server = run_of(hedge="tail"), serve(slow_at_first(delay=0.3))
    lm = lm_at(server)
    run.ask(lm, *FORTY)
    assert run.ask(lm, "slow") == ["at last"]


def test_the_last_ones_are_at_most_a_small_share_of_all_calls(last_ones, serve):
    server = serve(slow_at_first(delay=0.3))
    run, lm = last_ones(server, *QUICK)
    assert run.ask(lm, "slow") == ["at last"]
    assert run.spend.hedged_calls == 0


def test_they_may_be_a_share_of_the_calls_that_are_foreseen(last_ones, serve):
    server = serve(slow_at_first())
    run, lm = last_ones(server, *QUICK, foreseen=len(FORTY))
    assert run.ask(lm, "slow") == ["late twin"]
    assert run.spend.hedged_calls == 1


def test_where_tokens_are_capped_the_share_is_one_of_tokens_at_their_worst(last_ones, serve):
    server = serve(slow_at_first(delay=0.3))
    run, lm = last_ones(server, *FORTY, caps=Caps(max_tokens=10**6), max_tokens=MANY_TOKENS)
    assert run.ask(lm, "slow") == ["at last"]
    assert server.count == len(FORTY) + 1


class AlwaysSlow:
    slow_seconds = 0.0


def called(**settings):
    return Call("m", "s", [], {}, 0, cache=False, price=None, **settings)


async def test_the_last_ones_are_those_in_flight_while_most_slots_are_idle(monkeypatch):
    monkeypatch.setattr(hedging, "LEAST_SECONDS", 0.0)
    tail = Hedging("tail", 16)

    def slow():
        return tail.under_way(called(), AlwaysSlow())

    with slow() as first, slow() as second:
        with slow() as third:
            await asyncio.sleep(0.05)
            assert not any(each.done() for each in (first, second, third))
        await asyncio.wait_for(asyncio.gather(first, second), 60)
    assert third.cancelled()


async def test_a_late_call_that_was_answered_is_left_alone_as_the_next_one_ends(monkeypatch):
    monkeypatch.setattr(hedging, "LEAST_SECONDS", 0.0)
    tail = Hedging("tail", 8)
    with tail.under_way(called(), AlwaysSlow()) as late, tail.under_way(called(), AlwaysSlow()):
        await asyncio.sleep(0.05)
        late.cancel()  # as the one that waits does, once the first answer is there
    assert late.cancelled()


@pytest.mark.parametrize("hedge", ["tail", True])
async def test_the_embedded_model_is_never_asked_twice(hedge):
    with Hedging(hedge, 1).under_way(called(hedged=False), AlwaysSlow()) as due:
        assert due is None


async def brings(result, after=0.0):
    await asyncio.sleep(after)
    if isinstance(result, Exception):
        raise result
    return result


async def test_a_failure_counts_only_if_there_is_no_result():
    failure = LMError("no")
    due = asyncio.sleep
    assert await first_of(lambda: brings(failure, 0.05), lambda: brings(2, 0.1), due(0)) == 2
    for second in (None, LMError("no, either")):
        with pytest.raises(LMError) as caught:
            await first_of(
                lambda: brings(failure, 0.05), lambda second=second: brings(second), due(0)
            )
        assert caught.value is failure


async def test_what_fails_in_time_is_not_begun_again():
    failure = LMError("no")
    with pytest.raises(LMError):
        await first_of(lambda: brings(failure), lambda: brings(2), asyncio.sleep(60))


async def test_nothing_is_left_running():
    begun, over = [], []

    async def runs():
        begun.append(True)
        try:
            await asyncio.sleep(60)
        finally:
            over.append(True)

    assert await first_of(runs, lambda: brings(2), asyncio.sleep(0.01)) == 2
    assert over == [True]
    waiting = asyncio.ensure_future(first_of(runs, runs, asyncio.sleep(0.01)))
    await until(lambda: len(begun) == 3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert over == [True] * 3


def test_what_the_caps_reckoned_for_the_one_given_up_is_in_the_record(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_tokens=3 * MANY_TOKENS)), serve(slow_at_first())
    lm = lm_at(server, max_tokens=MANY_TOKENS)
    run.ask(lm, *QUICK)
    assert run.ask(lm, "slow") == ["late twin"]
    told = [event for event in run.events if event.input_tokens == 7]
    answered, given_up = sorted(told, key=lambda event: event.type)
    reckoned = given_up.input_tokens + given_up.output_tokens + given_up.reckoned_tokens
    assert MANY_TOKENS < reckoned < 1.5 * MANY_TOKENS
    assert answered.reckoned_tokens == 0  # what came back is told as it is
