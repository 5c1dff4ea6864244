"""Answers in unusual shapes: each is read, or asked for again with the reason; none is an error."""

from __future__ import annotations

import json

import pytest
from canary import CANARY
from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.core_loop import core
from mipro_nb.errors import ReplyError
from mipro_nb.language import LMRequest
from mipro_nb.models.gate.gate import Gate, run_gate
from mipro_nb.runs.store.open_records import open_record

USAGE = {"prompt_tokens": 7, "completion_tokens": 5}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "hm, 5?"}]}


def shaped(message, finish_reason="stop", usage=USAGE, **fields):
    """A chat completion whose message has some shape."""
    choice = {"index": 0, "finish_reason": finish_reason, "message": message}
    body = {"object": "chat.completion", "choices": [choice], "usage": usage, **fields}
    return Reply(raw_body=json.dumps(body).encode())


def completed(lm):
    return core().wait_for(lm.acomplete(LMRequest([{"role": "user", "content": "hi"}])))


def in_gate(lm, *prompts):
    """Make calls in a run and return its events."""
    record = open_record()
    record.add_run("run", "name")
    events = []
    gate = Gate(lambda: record, 2, events.append)

    async def ask():
        run_gate.set(gate)
        for prompt in prompts:
            await lm.acomplete(LMRequest([{"role": "user", "content": prompt}]))

    core().wait_for(ask())
    return events


@pytest.mark.parametrize(
    ("message", "thoughts"),
    [
        ({"content": "text"}, ""),
        ("text", ""),
        ({"content": ["te", "xt"]}, ""),
        ({"content": {"type": "text", "text": "text"}}, ""),
        ({"content": [{"text": "text"}]}, ""),
        ({"content": [{"type": "output_text", "text": "text"}]}, ""),
        ({"content": [{"type": "text", "text": "text"}, {"type": "image_url"}]}, ""),
        ({"content": [THINKING, {"type": "text", "text": "text"}]}, "hm, 5?"),
        ({"content": "text", "reasoning_content": "hm, 5?"}, "hm, 5?"),
        ({"content": "text", "reasoning": "hm, 5?", "reasoning_content": None}, "hm, 5?"),
        ({"content": "text", "reasoning": {"text": "hm, 5?"}}, "hm, 5?"),
        (
            {"content": "text", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
            "hm",
        ),
        ({"content": "text", "thinking": "hm"}, "hm"),
        ({"content": "text", "refusal": "No.", "tool_calls": [{}]}, ""),
    ],
)
def test_texts_are_read_whatever_their_shape_and_thoughts_apart(serve, lm_at, message, thoughts):
    completion = completed(lm_at(serve(shaped(message))))
    assert (completion.text, completion.thoughts) == ("text", thoughts)
    assert completion.problem == ""


@pytest.mark.parametrize("message", [{"content": None}, {}, None, {"content": []}, {"content": ""}])
def test_no_text_is_an_empty_reply(serve, lm_at, message):
    completion = completed(lm_at(serve(shaped(message))))
    assert (completion.text, completion.problem) == ("", "")


UNUSABLE = [
    (Reply(refusal="That I will not say."), "refusal"),
    (shaped({"content": [{"type": "refusal", "refusal": "No."}]}), "refusal"),
    (Reply(tool_call=True), "calls the tool scripted_tool"),
    (shaped({"content": "", "function_call": {"name": "look"}}), "calls the tool look"),
    (shaped({"content": None, "tool_calls": "odd"}), "calls the tool"),
    (Reply("answer: 4", finish_reason="content_filter"), "content filter"),
    (shaped(None, "content_filter"), "content filter"),
    (shaped({"content": [1]}), "not text but [1]"),
    (shaped({"content": 42}), "not text but 42"),
    (Reply(empty_choices=True), "without choices"),
    (Reply(raw_body=b'{"choices": null}'), "without choices"),
    (
        Reply(status=400, error={"message": "Bad JSON.", "failed_generation": "answer 4"}),
        "The server cannot use it: Bad JSON.",
    ),
    (shaped({"content": None}), "missing"),
]


@pytest.mark.parametrize(("reply", "reason"), UNUSABLE, ids=lambda value: str(value)[:30])
def test_what_is_no_reply_is_asked_for_again_with_the_reason(serve, lm_at, reply, reason):
    seen = []

    def answer(request):
        seen.append(request)
        return reply if len(seen) == 1 else "answer: 42"

    mipro.configure(lm=lm_at(serve(answer)))
    assert mipro.Predict("question -> answer")(question="?").answer == "42"
    assert reason in seen[1].last_user
    assert all(text.strip() for text in seen[1].texts)


@pytest.mark.parametrize(("reply", "reason"), UNUSABLE, ids=lambda value: str(value)[:30])
def test_what_stays_no_reply_counts_as_unreadable_and_ends_no_evaluation(
    serve, lm_at, reply, reason
):
    server = serve(reply)
    mipro.configure(lm=lm_at(server))
    rows = [mipro.Example(question=f"{n}?", answer="42").with_inputs("question") for n in range(5)]
    evaluate = mipro.Evaluate(
        devset=rows, metric=lambda example, got, trace=None: True, max_errors=1
    )
    result = evaluate(mipro.Predict("question -> answer"), display_progress=False)
    assert float(result) == 0
    assert all(isinstance(each.error, ReplyError) for each in result.results)
    assert reason in str(result.results[0].error)
    assert server.count == 10


def test_a_refusal_of_a_plain_call_is_asked_again_and_then_told(serve, lm_at):
    seen = []
    server = serve(lambda _: seen.append(1) or Reply(refusal="I will not."))
    with pytest.raises(ReplyError, match=r"It is a refusal.*I will not\."):
        lm_at(server)("hi")
    assert len(seen) == 2


def test_no_shape_shows_a_key(serve, lm_at):
    for message in (
        {"content": None, "refusal": f"I will not say {CANARY}"},
        {"content": [{"no": CANARY}]},
        {"content": None, "tool_calls": [{"function": {"name": CANARY}}]},
        {"content": "x", "reasoning_content": f"The key is {CANARY}."},
    ):
        assert CANARY not in repr(completed(lm_at(serve(shaped(message)))))


def test_thoughts_are_kept_with_the_call_and_told_again(serve, lm_at):
    server = serve(shaped({"content": "text", "reasoning_content": "hm"}))
    lm = lm_at(server, cache=True)
    assert completed(lm) == completed(lm)
    assert completed(lm).thoughts == "hm"
    assert server.count == 1


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": 7}, {"completion_tokens": 5}, {"prompt_tokens": "7"}, []]
)
def test_missing_usage_is_told_once_in_a_run_and_counted_about(serve, lm_at, usage):
    lm = lm_at(serve(shaped({"content": "text"}, usage=usage)))
    events = in_gate(lm, "hi", "ho")
    assert [event.type for event in events] == ["run_noted", *["lm_call_answered"] * 2]
    assert events[0].topic == "tokens"
    assert not events[1].counted
    assert events[1].input_tokens > 0
    assert events[1].output_tokens > 0


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS", "model_length"])
def test_every_name_of_a_reply_that_was_cut_off_is_known(serve, lm_at, reason):
    assert completed(lm_at(serve(shaped({"content": "half a te"}, reason)))).truncated
