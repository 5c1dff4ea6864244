"""A call at its worst: whatever is asked of a server, tokens stay below their cap."""

from __future__ import annotations

import base64
import json
import random

import pytest
from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.errors import TruncatedReplyError
from mipro_nb.models.gate.limits.caps import Caps

CAP = 30_000


def spent(run):
    return run.spend.input_tokens + run.spend.output_tokens


def long_winded(request):
    """Write as many tokens as the request allows, in as many replies as it asks for."""
    limits = [request.body.get(name) for name in ("max_tokens", "max_completion_tokens")]
    limits = [int(limit) for limit in limits if limit is not None]
    longest = max(limits) if limits and min(limits) > 0 else 100_000
    replies = int(request.body.get("n", 1))
    return Reply("long", finish_reason="length", completion_tokens=longest * replies)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_tokens": 200, "extra_body": {"n": "5"}},
        {"max_tokens": 50, "extra_body": {"max_tokens": 4000}},
        {"max_tokens": 50, "max_completion_tokens": 4000.0},
        {"max_tokens": 50, "extra_body": {"max_completion_tokens": -1}},
        {"max_tokens": 50, "extra_body": {"max_tokens": 0}},
        {"max_completion_tokens": "3000"},
        {"model": "openai/gpt-5-mini"},
        {"model": "openai/gpt-5-mini", "max_tokens": 150, "extra_body": {"n": 3}},
        {"model": "openai/gpt-5-mini", "extra_body": {"max_tokens": -1}},
    ],
    ids=str,
)
def test_replies_are_as_long_as_they_may_be_and_the_cap_is_kept(run_of, serve, lm_at, settings):
    run, server = run_of(caps=Caps(max_tokens=CAP)), serve(long_winded)
    run.ask(lm_at(server, **settings), *(f"{n}?" for n in range(100)))
    assert len(run.reached) == 1
    assert 0 < spent(run) <= CAP


def test_a_limit_of_one_predictor_counts_for_its_calls(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_tokens=CAP)), serve(long_winded)
    options = {"max_tokens": -1, "extra_body": {"n": 2}}
    run.ask(lm_at(server, max_tokens=10), *(f"{n}?" for n in range(100)), options=options)
    assert len(run.reached) == 1
    assert 0 < spent(run) <= CAP


def one_token_a_byte(request):
    """Read every byte of the prompt as a token, as the worst of tokenizers does."""
    prompt = "".join(request.texts)
    for name in ("tools", "response_format"):
        if name in request.body:
            prompt += json.dumps(request.body[name], ensure_ascii=False)
    return Reply("answer: 1", prompt_tokens=len(prompt.encode()), completion_tokens=1)


TOOL = {"type": "function", "function": {"name": "look_up", "description": "Looks up. " * 300}}


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (base64.b64encode(random.Random(1).randbytes(2000)).decode(), {}),
        (random.Random(1).randbytes(1500).hex(), {}),
        ("สวัสดีครับ ขอบคุณมาก " * 60, {}),
        ("👩‍👩‍👧‍👦" * 100, {}),
        ("A QUICK FOX. " * 200, {}),
        ("short", {"tools": [TOOL]}),
        ("short", {"extra_body": {"tools": [TOOL]}}),
    ],
    ids=["base64", "hex", "Thai", "emoji", "capitals", "tools", "tools in extra_body"],
)
def test_prompts_take_as_many_tokens_as_they_may_and_the_cap_is_kept(
    run_of, serve, lm_at, text, settings
):
    run, server = run_of(caps=Caps(max_tokens=CAP)), serve(one_token_a_byte)
    run.ask(lm_at(server, max_tokens=5, **settings), *(f"{n} {text}" for n in range(50)))
    assert len(run.reached) == 1
    assert CAP / 2 < spent(run) <= CAP


def test_the_schema_of_replies_is_a_part_of_the_prompt(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_tokens=CAP)), serve(one_token_a_byte)
    schema = {"type": "object", "description": "What is asked for. " * 200}
    run.ask(lm_at(server, max_tokens=5), *(f"{n}?" for n in range(50)), schema=schema)
    assert len(run.reached) == 1
    assert CAP / 2 < spent(run) <= CAP


@pytest.mark.parametrize("caps", [Caps(max_usd=1.0), Caps(max_tokens=10**6)], ids=str)
def test_where_tokens_are_capped_a_limit_is_sent(run_of, serve, lm_at, caps):
    run, server = run_of(caps=caps), serve()
    for model in ("openai/gpt-4o-mini", "openai/gpt-5-mini"):
        run.ask(lm_at(server, model, temperature=None, price=(1, 2)), "hi")
    plain, reasoning = (request.body for request in server.requests)
    assert plain["max_tokens"] == 4096
    assert reasoning["max_completion_tokens"] == 16_384
    assert "max_tokens" not in reasoning


@pytest.mark.parametrize("caps", [Caps(), Caps(max_calls=5, max_seconds=60)], ids=str)
def test_where_they_are_not_none_is_sent(run_of, serve, lm_at, caps):
    run, server = run_of(caps=caps), serve()
    run.ask(lm_at(server), "hi")
    assert "max_tokens" not in server.requests[0].body


def test_a_limit_of_ones_own_is_sent_as_it_is(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_tokens=10**6)), serve()
    run.ask(lm_at(server, extra_body={"max_completion_tokens": 7}), "hi")
    assert server.requests[0].body["max_completion_tokens"] == 7
    assert "max_tokens" not in server.requests[0].body


def test_an_answer_is_found_again_whatever_the_caps(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_tokens=10**6)), serve()
    lm = lm_at(server, cache=True)
    assert run.ask(lm, "hi") == ["hello"]
    run.gate = type(run.gate)(lambda: run.record, 8, run.emit)
    assert run.ask(lm, "hi") == ["hello"]
    assert server.count == 1


def test_a_reply_that_the_limit_cut_off_is_told_as_one(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_tokens=10**6)), serve(long_winded)
    ask = mipro.Predict("question -> answer, why")
    ask.lm = lm_at(server)
    with pytest.raises(TruncatedReplyError, match="max_tokens"):
        run.do(ask.acall(question="2 + 2?"))


def test_a_reply_that_the_limit_cut_off_is_no_answer_without_the_cap(run_of, serve, lm_at):
    run, server = run_of(caps=Caps(max_tokens=10**6)), serve(long_winded)
    lm = lm_at(server, cache=True)
    run.ask(lm, "hi")
    run.gate = type(run.gate)(lambda: run.record, 8, run.emit)
    run.ask(lm, "hi")
    assert "max_tokens" not in server.requests[1].body


def test_what_came_back_without_its_tokens_counts_as_it_is_estimated(run_of, serve, lm_at):
    run = run_of(caps=Caps(max_tokens=5000))
    body = {"choices": [{"message": {"content": None, "refusal": "No."}}]}
    server = serve(Reply(raw_body=json.dumps(body).encode()))
    run.ask(lm_at(server, max_tokens=10), *(f"{n} " + "word " * 200 for n in range(100)))
    assert len(run.reached) == 1
    assert 2500 < spent(run) <= 5000
