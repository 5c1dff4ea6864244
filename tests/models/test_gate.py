"""The admission gate, in front of a real client and a real server."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import processes
import pytest
from gated_run import GatedRun, begun, gathered, request, until
from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.core_loop import core
from mipro_nb.errors import CallRefusedError, RecordError, RequestRefusedError
from mipro_nb.language import LMRequest
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.models.gate.gate import Gate, run_gate
from mipro_nb.models.gate.recording.earlier_calls import Before, EarlierCalls
from mipro_nb.runs.store.open_records import open_record
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.usage import Usage


@pytest.fixture
def run(tmp_path):
    made = GatedRun(tmp_path)
    yield made
    made.record.close()


def counting(request):
    return f"answer {request.number}"


def test_a_refused_call_never_reaches_the_server(run, serve, lm_at):
    server = serve()
    lm = lm_at(server)
    run.gate.refuse("The run was not permitted.")
    for cached in (True, False):
        lm.cache = cached
        (error,) = run.ask(lm, "hi")
        assert type(error) is CallRefusedError
        assert str(error) == "The run was not permitted."
    assert server.count == 0
    assert run.events == []


def test_even_a_kept_answer_is_refused(run, serve, lm_at):
    lm = lm_at(serve(), cache=True)
    run.ask(lm, "hi")
    run.gate.refuse("Stopped.")
    (error,) = run.ask(lm, "hi")
    assert type(error) is CallRefusedError


def test_calls_that_wait_for_their_turn_are_refused_when_the_run_stops(tmp_path, serve, lm_at):
    run = GatedRun(tmp_path, concurrency=1)
    server = serve(Reply("late", delay=0.2))
    lm = lm_at(server)

    async def stop_while_one_is_on_its_way():
        calls = [asyncio.ensure_future(lm.acomplete(request(str(n)))) for n in range(4)]
        await until(lambda: server.in_flight == 1)
        run.gate.refuse("Stopped.")
        return await gathered(calls)

    first, *others = run.do(stop_while_one_is_on_its_way())
    assert first.text == "late"
    assert [type(error) for error in others] == [CallRefusedError] * 3
    assert server.count == 1


def test_equal_calls_in_flight_share_one_request(run, serve, lm_at):
    server = serve(counting, latency=0.05)
    lm = lm_at(server, cache=True, price=(1.0, 2.0))
    assert run.ask(lm, *["same"] * 20, "other") == ["answer 0"] * 20 + ["answer 1"]
    assert server.count == 2
    assert [event.from_cache for event in run.events].count(True) == 19
    assert (run.spend.calls, run.spend.cached_calls) == (2, 19)


def test_equal_calls_share_a_failure_too(run, serve, lm_at):
    server = serve(Reply("no", status=400, delay=0.05))
    answers = run.ask(lm_at(server, cache=True), *["same"] * 5)
    assert [type(error) for error in answers] == [RequestRefusedError] * 5
    assert server.count == 1
    (event,) = run.events
    assert event.type == "lm_call_failed"


def test_a_failure_is_not_kept(run, serve, lm_at):
    server = serve(lambda r: Reply("no", status=400) if r.number == 0 else "yes")
    lm = lm_at(server, cache=True)
    assert [type(error) for error in run.ask(lm, "hi")] == [RequestRefusedError]
    assert run.ask(lm, "hi") == ["yes"]


@pytest.mark.parametrize("leaving", [0, 1])
def test_one_of_two_that_share_a_call_may_leave(run, serve, lm_at, leaving):
    server = serve("here", latency=0.1)
    lm = lm_at(server, cache=True)

    async def leave():
        both = [asyncio.ensure_future(lm.acomplete(request("same"))) for _ in range(2)]
        await until(lambda: server.in_flight == 1)
        both[leaving].cancel()
        return await gathered(both)

    answers = run.do(leave())
    assert isinstance(answers[leaving], asyncio.CancelledError)
    assert answers[1 - leaving].text == "here"
    assert run.spend.calls == 1


def test_after_all_have_left_the_call_can_be_made_again(run, serve, lm_at):
    server = serve(lambda r: Reply("x", hang=r.number == 0))
    lm = lm_at(server, cache=True)

    async def leave():
        both = [asyncio.ensure_future(lm.acomplete(request("same"))) for _ in range(2)]
        await until(lambda: server.in_flight == 1)
        for call in both:
            call.cancel()
        await gathered(both)

    run.do(leave())
    assert run.ask(lm, "same") == ["x"]


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_no_more_calls_are_in_flight_than_allowed(tmp_path, serve, lm_at, concurrency):
    run = GatedRun(tmp_path, concurrency)
    server = serve("x", latency=lambda number: 0.01 * (number % 3))
    answers = run.ask(lm_at(server), *(str(n) for n in range(48)))
    assert answers == ["x"] * 48
    assert server.max_in_flight <= concurrency


def test_as_many_calls_are_in_flight_as_allowed(tmp_path, serve, lm_at):
    run = GatedRun(tmp_path, concurrency=16)
    server = serve(Reply(hang=True))
    lm = lm_at(server)

    async def fill():
        calls = [asyncio.ensure_future(lm.acomplete(request(str(n)))) for n in range(20)]
        await until(lambda: server.in_flight == 16)
        for call in calls:
            call.cancel()
        await gathered(calls)

    run.do(fill())
    assert server.count == 16


def test_failed_and_cancelled_calls_give_their_place_back(tmp_path, serve, lm_at):
    run = GatedRun(tmp_path, concurrency=2)
    server = serve(lambda r: Reply("no", status=400, hang="hang" in r.last_user))
    lm = lm_at(server)
    run.ask(lm, *(str(n) for n in range(5)))

    async def give_up():
        calls = [asyncio.ensure_future(lm.acomplete(request(f"hang {n}"))) for n in range(4)]
        await until(lambda: server.in_flight == 2)
        for call in calls:
            call.cancel()
        await gathered(calls)

    run.do(give_up())
    assert [type(error) for error in run.ask(lm, "a", "b", "c")] == [RequestRefusedError] * 3


def test_a_kept_answer_costs_nothing_and_is_marked(run, serve, lm_at):
    server = serve(Reply("x", prompt_tokens=1_000_000, completion_tokens=1_000_000))
    lm = lm_at(server, cache=True, price=(1.0, 2.0))
    for _ in range(3):
        assert run.ask(lm, "hi") == ["x"]
    assert server.count == 1
    assert [(event.from_cache, event.usd) for event in run.events] == [
        (False, 3.0),
        (True, 0.0),
        (True, 0.0),
    ]
    spend = run.spend
    assert (spend.calls, spend.cached_calls, spend.usd) == (1, 2, 3.0)
    assert spend.input_tokens == 1_000_000


def test_the_price_of_an_unpriced_call_is_unknown(run, serve, lm_at):
    run.ask(lm_at(serve()), "hi")
    assert run.events[0].usd is None
    assert run.spend.usd is None


def test_kept_answers_hold_in_the_next_process(run, serve, lm_at):
    server = serve(counting)
    lm = lm_at(server, cache=True)
    run.ask(lm, "hi")
    other = Record(run.record.path)
    gate = Gate(lambda: other, 1)

    async def ask():
        run_gate.set(gate)
        return await lm.acomplete(request("hi"))

    assert core().wait_for(ask()).text == "answer 0"
    other.close()


def test_without_cache_every_call_of_a_session_is_sent(serve, lm_at):
    server = serve(counting)
    lm = lm_at(server, cache=False)
    assert lm("hi") + lm("hi") == ["answer 0", "answer 1"]

    async def twice():
        return await gathered(lm.acomplete(request("hi")) for _ in range(2))

    both = core().wait_for(twice())
    assert sorted(answer.text for answer in both) == ["answer 2", "answer 3"]
    lm.cache = True
    assert lm("hi") == ["answer 4"]  # nothing was kept, either


def test_without_cache_every_call_of_a_run_is_sent_unless_its_temperature_is_0(run, serve, lm_at):
    server = serve(counting)
    lm = lm_at(server, cache=False, temperature=0.1)
    assert run.ask(lm, "hi") + run.ask(lm, "hi") == ["answer 0", "answer 1"]
    assert sorted(run.ask(lm, "hi", "hi")) == ["answer 2", "answer 3"]
    assert not any(event.from_cache for event in run.events)


def test_in_a_run_equal_calls_at_temperature_0_are_sent_once_even_without_cache(run, serve, lm_at):
    server = serve(
        lambda r: Reply(f"answer {r.number}", delay=0.05, finish_reason="length", cached_tokens=1)
    )
    lm = lm_at(server, cache=False)
    assert run.ask(lm, *["same"] * 10) == ["answer 0"] * 10
    assert run.ask(lm, "same", "other") == ["answer 0", "answer 1"]
    assert run.ask(lm, "same", rollout=1) == ["answer 2"]
    assert server.count == 3
    assert (run.spend.calls, run.spend.cached_calls) == (3, 10)
    (kept,) = {event.reply for event in run.events[:11]}
    assert run.record.text(kept) == "answer 0"
    again = run.do(lm.acomplete(request("same")))
    assert (again.text, again.truncated) == ("answer 0", True)
    assert run.events[-1].cached_input_tokens == 1


def test_what_a_run_was_told_without_cache_is_asked_anew_by_the_next(run, serve, lm_at):
    server = serve(counting)
    lm = lm_at(server, cache=False)
    assert run.ask(lm, "hi") == ["answer 0"]
    run.gate = Gate(lambda: run.record, 8, run.emit)
    assert run.ask(lm, "hi") == ["answer 1"]
    lm.cache = True
    assert run.ask(lm, "hi") == ["answer 2"]


def test_a_failure_at_temperature_0_is_not_remembered(run, serve, lm_at):
    server = serve(lambda r: Reply("no", status=400) if r.number == 0 else "yes")
    lm = lm_at(server, cache=False)
    assert [type(error) for error in run.ask(lm, "hi")] == [RequestRefusedError]
    assert run.ask(lm, "hi") == ["yes"]


def resumed(run):
    """Have a gate go on with what the run did."""
    before = Before(Usage(), EarlierCalls(run.events, failures=True))
    run.gate = Gate(lambda: run.record, 8, run.emit, before=before)
    return run


@pytest.mark.parametrize(("is_over", "told"), [(False, [1]), (True, [1, 2])])
def test_a_call_of_a_trial_that_is_done_with_its_example_is_not_taken_for_another_s(
    run, serve, lm_at, is_over, told
):
    lm = lm_at(serve(counting), temperature=0)

    async def asked_in(trial):
        return await begun(lm, "same", "search", trial, 3)

    assert run.do(asked_in(1)) == "answer 0"
    earlier = EarlierCalls(run.events, failures=True, is_over=lambda *_: is_over)
    run.gate = Gate(lambda: run.record, 8, run.emit, before=Before(Usage(), earlier))
    assert run.do(asked_in(2)) == "answer 0"
    assert [event.trial for event in run.events] == told


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"temperature": 0, "cache": True}])
def test_who_asks_what_another_had_asked_before_a_run_was_resumed_hears_the_same(
    run, serve, lm_at, settings
):
    server = serve(lambda r: Reply(f"answer {r.number}", finish_reason="length"))
    lm = lm_at(server, **settings)
    assert run.ask(lm, "same", predictor="first") == ["answer 0"]
    run.record.clear_answers()  # as in another record, into which the run was imported
    resumed(run)
    assert run.ask(lm, "same", "same", predictor="second") == ["answer 0"] * 2
    assert run.ask(lm, "same", predictor="first") == ["answer 0"]
    again = run.do(lm.acomplete(request("same", predictor="third")))
    assert (again.text, again.truncated) == ("answer 0", True)
    assert run.ask(lm, "other", predictor="second") == ["answer 1"]
    assert run.ask(lm, "same", predictor="second", rollout=1) == ["answer 2"]
    told = [(e.predictor, e.from_cache) for e in run.events]
    assert told[:4] == [("first", False), ("second", True), ("second", True), ("third", True)]
    assert run.spend.calls == server.count == 3


def test_calls_that_need_not_be_answered_alike_are_made_anew(run, serve, lm_at):
    server = serve(counting)
    lm = lm_at(server, temperature=0.5)
    assert run.ask(lm, "same", predictor="first") == ["answer 0"]
    resumed(run)
    assert run.ask(lm, "same", predictor="second") == ["answer 1"]
    # Equal calls that had different answers: neither is the answer to a third.
    lm = lm_at(server, temperature=0.5, cache=True)
    resumed(run)
    assert run.ask(lm, "same", predictor="third") == ["answer 2"]


def test_what_others_wait_for_goes_first_and_then_the_oldest_trial(tmp_path, serve, lm_at):
    run = GatedRun(tmp_path, concurrency=1)
    server = serve("x", latency=0.01)
    lm = lm_at(server)

    async def ask_all():
        calls = [
            begun(lm, "first", "search", 9),
            begun(lm, "trial 2", "search", 2),
            begun(lm, "trial 1", "search", 1),
            begun(lm, "trial 1 again", "search", 1),
            begun(lm, "baseline", "baseline", 0),
            begun(lm, "demo", "bootstrap"),
            begun(lm, "instruction", "propose"),
        ]
        return await gathered(calls)

    assert run.do(ask_all()) == ["x"] * 7
    assert [request.last_user for request in server.requests] == [
        "first",
        "demo",
        "instruction",
        "baseline",
        "trial 1",
        "trial 1 again",
        "trial 2",
    ]


def test_whatever_changes_the_answer_makes_another_call(run, serve, lm_at):
    server = serve(counting)
    settings = {"cache": True, "temperature": 0, "seed": 1, "max_tokens": 10}
    lms = [
        lm_at(server, **settings),
        lm_at(server, **{**settings, "temperature": 0.6}),
        lm_at(server, **{**settings, "seed": 2}),
        lm_at(server, **{**settings, "max_tokens": 11}),
        lm_at(server, **settings, top_p=0.9),
        lm_at(server, **settings, model="openai/other"),
        lm_at(serve(counting), **settings),
    ]
    requests = [
        request("a"),
        request("b"),
        request("a", rollout=1),
        request("a", options={"temperature": 0.7}),
        request("a", schema={"type": "object"}),
        LMRequest([{"role": "system", "content": "a"}]),
        LMRequest([{"role": "system", "content": ""}, *request("a").messages]),
    ]
    calls = [lm.call_for(requests[0]) for lm in lms] + [lms[0].call_for(r) for r in requests[1:]]
    assert len({call.key for call in calls}) == len(calls)
    for lm in lms[:-1]:
        run.ask(lm, "a")
    for rollout in (0, 1, 2, 1):
        run.ask(lms[0], "a", rollout=rollout)
    assert server.count == len(lms) - 1 + 2
    assert not any("rollout" in sent.body for sent in server.requests)


def test_what_does_not_change_the_answer_makes_the_same_call(lm_at):
    server = "http://127.0.0.1:9/v1"
    call = lm_at(server, top_p=0.5, stop=["x"]).call_for(request("a"))
    others = [
        lm_at(server, stop=["x"], top_p=0.5, api_key="another", timeout=1.0, price=(1.0, 2.0)),
        lm_at(f"{server}/", stop=["x"], top_p=0.5, num_retries=5, cache=True),
    ]
    assert {other.call_for(request("a")).key for other in others} == {call.key}
    assert replace(call, cache=not call.cache).key == call.key


def test_the_event_tells_what_was_asked_answered_and_what_for(run, serve, lm_at):
    reply = Reply("the reply", prompt_tokens=5, completion_tokens=2, finish_reason="length")
    lm = lm_at(serve(reply), seed=4)
    token = call_labels.set(CallLabels("search", trial=3, example=7))
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    run.do(lm.acomplete(LMRequest(messages)))
    call_labels.reset(token)
    (event,) = run.events
    assert (event.phase, event.trial, event.example) == ("search", 3, 7)
    assert (event.input_tokens, event.output_tokens, event.truncated) == (5, 2, True)
    assert run.record.text(event.reply) == "the reply"
    assert '"hi"' in run.record.text(event.prompt_tail)
    head = run.record.text(event.prompt_head)
    assert "Be brief." in head
    assert '"seed": 4' in head


def test_answer_event_and_texts_are_written_together_or_not_at_all(run, serve, lm_at):
    server = serve("a reply")
    lm = lm_at(server, cache=True)
    key = lm.call_for(request("hi")).key
    emit = run.emit

    def fail_after_writing(event):
        emit(event)
        raise RecordError("The disk is full.")

    run.gate._call_log._emit = fail_after_writing
    (error,) = run.ask(lm, "hi")
    assert type(error) is RecordError
    assert run.events == []
    assert run.record.answer(key) is None
    assert run.record.query("SELECT * FROM texts") == []

    run.gate._call_log._emit, run.count = emit, 0
    assert run.ask(lm, "hi") == ["a reply"]
    assert run.record.answer(key) is not None
    assert len(run.events) == 1


def test_calls_outside_runs_are_kept_in_the_configured_record(serve, lm_at, tmp_path):
    server = serve(counting)
    lm = lm_at(server, cache=True)
    assert lm("hi") == lm("hi") == ["answer 0"]
    with mipro.context(record=tmp_path / "elsewhere.sqlite"):
        assert lm("hi") == lm("hi") == ["answer 1"]
    mipro.configure(record=str(tmp_path / "elsewhere.sqlite"))
    assert lm("hi") == ["answer 1"]
    assert server.count == 2
    assert open_record(tmp_path / "elsewhere.sqlite").answer(lm.call_for(request("hi")).key)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_an_lm_works_in_a_forked_process(serve):
    server = serve(counting)
    script = """
import os, sys, warnings
from mipro_nb.models import LM
lm = LM("m/x", base_url=sys.argv[1], num_retries=0, timeout=20)
print(lm("parent"), flush=True)
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of forks beside threads
child = os.fork()
if child == 0:
    print(lm("child"), lm("parent"), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(lm("parent again"), lm("child"), flush=True)
"""
    assert processes.run(script, server.base_url) == [
        "['answer 0']",
        "['answer 1'] ['answer 0']",
        "['answer 2'] ['answer 1']",
    ]
