"""Calls that go in batches: gathered, answered, counted at half the price, found again."""

from __future__ import annotations

import asyncio

import pytest
from gated_run import request, until
from openai import OpenAI
from scripted_batches import Ending, ScriptedBatches
from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, LMError, LMUnavailableError
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.execution.scored_row import scoring
from mipro_nb.models.gate.batching import batch
from mipro_nb.models.gate.batching import batches as gates_batches
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.services.batching import batches as services_batches

ROW = mipro.Example(question="").with_inputs("question")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch, short_pauses):
    """Have a provider be asked again at once, and what is gathered be sent at once."""
    monkeypatch.setattr(gates_batches, "_QUIET_SECONDS", 0.0)
    monkeypatch.setattr(batch, "_FIRST_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(batch, "_LONGEST_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(services_batches, "_FULL_SECONDS", 0.01)


async def scored(run, slots, lm, prompt):
    """Ask as a program does that is scored: one call, while it has a slot."""
    with run.gate.at_work.example():
        async with slots.hold():
            with scoring(ROW, taught=False):
                return (await lm.acomplete(request(prompt))).text


async def all_scored(run, lm, prompts, threads=2):
    slots = Slots(threads)
    asked = (scored(run, slots, lm, prompt) for prompt in prompts)
    return await asyncio.gather(*asked, return_exceptions=True)


def score(run, lm, *prompts, **settings):
    return run.do(all_scored(run, lm, prompts, **settings))


def echoing(request):
    return f"about {request.last_user}"


def batched(serve, answer=echoing, *endings):
    return serve(answer, batches=ScriptedBatches(endings))


def test_calls_of_scored_programs_go_in_one_batch_however_few_are_at_work(run_of, serve, lm_at):
    run, server = run_of(), batched(serve)
    prompts = [f"row {n}" for n in range(9)]
    lm = lm_at(server, batch=True)
    assert score(run, lm, *prompts, threads=2) == [f"about {prompt}" for prompt in prompts]
    assert (server.batches.sizes, server.count) == ([9], 0)
    sent = server.batches.requests[0]
    assert sent.body["model"] == "gpt-4o-mini"
    assert sent.authorization == f"Bearer {lm._endpoint.api_key}"


def test_they_cost_half_and_others_what_they_cost(run_of, serve, lm_at):
    run = run_of()
    server = batched(serve, lambda _: Reply("yes", prompt_tokens=1_000_000, completion_tokens=0))
    lm = lm_at(server, batch=True, price=(3.0, 5.0))
    score(run, lm, "scored")
    assert run.spend.usd == 1.5
    run.ask(lm, "asked as now")
    assert run.spend.usd == 1.5 + 3.0
    assert (server.batches.sizes, server.count) == ([1], 1)


def test_a_call_that_fails_in_a_batch_is_sent_again_in_the_next(run_of, serve, lm_at):
    run, failed = run_of(), []

    def answer(request):
        if request.last_user == "row 1" and not failed:
            failed.append(request)
            return Reply(status=500)
        return echoing(request)

    server = batched(serve, answer)
    lm = lm_at(server, batch=True, num_retries=1)
    assert score(run, lm, "row 0", "row 1", "row 2") == [
        "about row 0",
        "about row 1",
        "about row 2",
    ]
    assert server.batches.sizes == [3, 1]
    retried = [event for event in run.events if event.type == "lm_call_answered"][-1]
    assert (retried.attempts, retried.retryable_errors) == (2, {"in trouble": 1})


def test_a_call_that_is_refused_fails_alone(run_of, serve, lm_at):
    run = run_of()
    server = batched(serve, lambda r: Reply(status=400) if r.last_user == "bad" else "good")
    answers = score(run, lm_at(server, batch=True), "bad", "else")
    assert isinstance(answers[0], LMError)
    assert answers[1] == "good"
    assert [event.final for event in run.events if event.type == "lm_call_failed"] == [True]


def test_what_expires_after_a_day_is_sent_again_and_that_is_said(run_of, serve, lm_at):
    run, server = run_of(), batched(serve, echoing, Ending("expired", done=1))
    lm = lm_at(server, batch=True, num_retries=1, price=(1.0, 1.0))
    assert score(run, lm, "row 0", "row 1", "row 2") == [f"about row {n}" for n in range(3)]
    assert server.batches.sizes == [3, 2]
    assert "expired after 24 hours" in notes(run)
    assert run.spend.attempts == 5


def test_without_another_try_what_expires_fails(run_of, serve, lm_at):
    run, server = run_of(), batched(serve, echoing, Ending("expired", done=0))
    (failed,) = score(run, lm_at(server, batch=True), "row")
    assert "batch of gpt-4o-mini" in str(failed)
    assert "expired" in str(failed)


def test_an_answer_that_is_missing_may_have_been_billed(run_of, serve, lm_at, monkeypatch):
    run, server = run_of(caps=Caps(max_tokens=100_000)), batched(serve)
    monkeypatch.setattr(
        ScriptedBatches, "_end", lambda _, batch, status: vars(batch).update(status=status)
    )
    (failed,) = score(run, lm_at(server, batch=True, max_tokens=10), "row")
    assert "not among its answers" in str(failed)
    (event,) = [event for event in run.events if event.type == "lm_call_failed"]
    assert event.reckoned_tokens > 10


def test_answers_whose_file_comes_late_are_waited_for_and_not_paid_twice(run_of, serve, lm_at):
    run, server = run_of(), batched(serve, echoing, Ending(files_late=3))
    assert score(run, lm_at(server, batch=True), "row") == ["about row"]
    assert server.batches.sizes == [1]
    assert "has answered 1 calls and names no file of the answers" in notes(run)


def test_answers_whose_file_was_deleted_are_asked_for_again_and_that_is_said(
    run_of, serve, lm_at, monkeypatch
):
    monkeypatch.setattr(batch, "_LATE_SECONDS", 0.1)
    run = run_of(caps=Caps(max_tokens=100_000))
    server = batched(serve, echoing, Ending(files_gone=True))
    lm = lm_at(server, batch=True, max_tokens=10, num_retries=1)
    assert score(run, lm, "row 0", "row 1") == ["about row 0", "about row 1"]
    assert server.batches.sizes == [2, 2]
    assert "answers are lost: gpt-4o-mini at" in notes(run)
    assert "does not have its file file-1" in notes(run)
    answered = [event for event in run.events if event.type == "lm_call_answered"]
    assert all(event.reckoned_tokens > 10 for event in answered)


def test_a_batch_that_its_provider_does_not_know_yet_is_looked_for_again(
    run_of, serve, lm_at, monkeypatch
):
    look, unknown = ScriptedBatches._batch_of, [True, True]
    monkeypatch.setattr(
        ScriptedBatches,
        "_batch_of",
        lambda *asked: None if unknown and unknown.pop() else look(*asked),
    )
    run, server = run_of(), batched(serve)
    assert score(run, lm_at(server, batch=True), "row") == ["about row"]
    assert server.batches.sizes == [1]


def test_a_batch_that_was_begun_unheard_is_found_and_not_begun_again(run_of, serve, lm_at):
    run, server = run_of(), batched(serve, echoing, Ending(unheard=True, upset=2))
    assert score(run, lm_at(server, batch=True), "row") == ["about row"]
    assert server.batches.sizes == [1]
    assert "it is looked for again" in notes(run)


def test_batches_get_smaller_where_the_provider_has_no_room(run_of, serve, lm_at):
    full = Ending("failed", refusal=("token_limit_exceeded", "Enqueued token limit reached."))
    run, server = run_of(), batched(serve, echoing, full)
    lm = lm_at(server, batch=True)
    assert score(run, lm, *map(str, range(5))) == [f"about {n}" for n in range(5)]
    assert server.batches.sizes[0] == 5
    assert max(server.batches.sizes[1:]) == 3
    assert "batches of at most 3 are sent" in notes(run)


@pytest.mark.parametrize(
    "said",
    [
        ("request_limit", "Enqueued request limit reached. Limit: 1,000,000 enqueued requests."),
        ("token_limit_exceeded", "The number of enqueued tokens has surpassed the limit of 30K."),
    ],
    ids=["calls", "tokens"],
)
def test_a_call_for_which_there_is_no_room_waits_for_it(run_of, serve, lm_at, said):
    full = [Ending("failed", refusal=said) for _ in range(6)]
    run, server = run_of(), batched(serve, echoing, *full)
    assert score(run, lm_at(server, batch=True, num_retries=1), "row") == ["about row"]
    assert server.batches.sizes == [1] * 7
    assert "no room for a single call in a batch" in notes(run)


def test_a_batch_that_is_refused_fails_all_its_calls(run_of, serve, lm_at):
    run, server = run_of(), batched(serve, echoing, Ending("failed"))
    answers = score(run, lm_at(server, batch=True), "row 0", "row 1")
    assert {type(each) for each in answers} == {LMUnavailableError}
    assert "refused the batch: invalid: The file cannot be read." in str(answers[0])


def test_a_server_without_batches_is_told(run_of, serve, lm_at):
    run, server = run_of(), serve()
    (failed,) = score(run, lm_at(server, batch=True), "row")
    assert isinstance(failed, LMUnavailableError)
    assert "leave batch=True out" in str(failed)


def test_equal_calls_are_one(run_of, serve, lm_at):
    run, server = run_of(), batched(serve)
    assert score(run, lm_at(server, batch=True), "row", "row") == ["about row"] * 2
    assert server.batches.sizes == [1]


def test_caps_hold_and_what_was_let_through_is_answered(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_calls=3)), batched(serve)
    run.do(capped(run, lm_at(server, batch=True)))
    assert server.batches.sizes == [3]
    assert run.reached[0].cap == "max_calls"
    assert run.spend.attempts == 3


async def capped(run, lm):
    run.stop_at_cap = run.reached.append
    asked = asyncio.ensure_future(all_scored(run, lm, [f"row {n}" for n in range(5)]))
    await until(lambda: run.reached)
    await run.gate.drained()
    asked.cancel()


def test_what_nobody_waits_for_is_cancelled_and_what_was_done_is_found_later(run_of, serve, lm_at):
    run = run_of()
    server = batched(serve, echoing, Ending(once=lambda: False, done=1))
    lm = lm_at(server, batch=True, num_retries=1)
    run.do(given_up(run, lm, server))
    assert server.batches.cancelled == ["batch_0"]
    assert "was cancelled, since nobody waits for it" in notes(run)
    assert score(run, lm, "row 0", "row 1") == ["about row 0", "about row 1"]
    assert server.batches.sizes == [2, 1]


async def given_up(run, lm, server):
    asked = asyncio.ensure_future(all_scored(run, lm, ["row 0", "row 1"]))
    await until(lambda: server.batches.all)
    asked.cancel()
    await until(lambda: "cancelled" in notes(run))


def test_what_was_only_gathered_is_not_sent_and_costs_nothing(run_of, serve, lm_at):
    run, server = run_of(), batched(serve)
    run.do(gathered_only(run, lm_at(server, batch=True)))
    assert (server.batches.all, run.gate.in_flight) == ([], 0)
    assert run.gate._meter._calls == 0


async def gathered_only(run, lm):
    with run.gate.at_work.example():  # it never asks for anything, and may still do so
        asked = asyncio.ensure_future(all_scored(run, lm, ["row"]))
        await until(lambda: run.gate.in_flight)
        asked.cancel()
        await asyncio.wait({asked})


def notes(run):
    return " ".join(event.text for event in run.events if event.type == "run_noted")


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        ("groq/llama", {"api_key": "k"}, "groq has no batch endpoint"),
        ("openai/gpt-4o-mini", {"api_key": "k", "stream": True}, "come whole"),
        ("mine", {"service": OpenAI(api_key="k")}, r"AsyncOpenAI\(…\)"),
        ("openai/gpt-4o-mini", {"api_key": "k", "batch": 1}, "True or False"),
    ],
)
def test_what_cannot_be_batched_is_refused_at_once(model, settings, said):
    with pytest.raises(InvalidArgumentError, match=said):
        mipro.LM(model, **{"batch": True, **settings})


def test_headers_of_a_call_are_refused_before_it_is_sent(lm_at):
    lm = lm_at("http://127.0.0.1:9/v1", batch=True, extra_headers={"X-Team": "mine"})
    with pytest.raises(InvalidArgumentError, match="no headers and no query"):
        lm.call_for(request("row"))


def test_the_embedded_model_is_not_batched():
    with pytest.raises(InvalidArgumentError, match="embedded model"):
        mipro.LM.local(batch=True)
