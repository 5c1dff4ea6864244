"""Runs beside servers that refuse, think aloud, do not count, or have little room."""

from __future__ import annotations

import json

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import answer, demo_sets, exact, kind, lm_of, question_of, rows, run_of

import mipro_nb as mipro
from mipro_nb.models.tokens import count_message_tokens
from mipro_nb.runs.views.drill_down.details import example_calls
from mipro_nb.runs.views.history import history_rows

PADDING = " and so on" * 60


def optimizer_of(**settings):
    settings = {
        "num_candidates": 3,
        "max_bootstrapped_demos": 2,
        "max_labeled_demos": 12,
        "num_threads": 2,
        "max_errors": 3,
        **settings,
    }
    return mipro.MIPROv2(exact, **settings)


class SolveLong(mipro.Module):
    def __init__(self):
        self.solve = mipro.Predict("question, context -> answer")

    def forward(self, question, context):
        return self.solve(question=question, context=context)


def padded(count, start=0):
    return [
        mipro.Example(question=row.question, context=PADDING, answer=row.answer).with_inputs(
            "question", "context"
        )
        for row in rows(count, start)
    ]


def with_room(tokens, said, of=("task",)):
    """The toy LM with a context of so many tokens."""

    def respond(request):
        sent = count_message_tokens(request.messages)
        if kind(request) in of and sent > tokens:
            return Reply(said.format(context=tokens, sent=sent), status=400)
        return answer(request)

    return respond


SAID = [
    "This model's maximum context length is {context} tokens. You sent {sent} tokens.",
    "Please reduce the length of the messages.",
    "输入太长",
]


@pytest.mark.parametrize("said", SAID)
def test_demo_sets_are_made_to_fit_a_context_that_is_learnt(said):
    with ScriptedServer(with_room(1600, said)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(), SolveLong(), padded(30), padded(4, 1000), num_trials=3)
    assert run.status == "finished"
    sizes = [len(demos) for demos in demo_sets(run)]
    assert sizes[0] == 0
    assert all(0 < size < 12 for size in sizes[1:])
    assert any("room" in note.text for note in run.state.notes)
    assert not run.state.errors


def test_the_same_sets_are_made_whatever_the_speed_of_the_network():
    made = []
    for latency in (0.0, lambda number: 0.01 * (number * 7 % 5)):
        with ScriptedServer(with_room(1600, SAID[0]), latency=latency) as server:
            mipro.configure(lm=lm_of(server, cache=False))
            run = run_of(optimizer_of(num_threads=4), SolveLong(), padded(30), padded(4, 1000))
            made.append(demo_sets(run))
    assert made[0] == made[1]


def test_a_known_context_is_kept_without_a_refused_call():
    with ScriptedServer(with_room(1600, "No.")) as server:
        lm = lm_of(server)
        lm._context_tokens = 1600
        mipro.configure(lm=lm)
        run = run_of(optimizer_of(), SolveLong(), padded(30), padded(4, 1000))
    assert run.state.spend.failed_calls == 0
    assert all(0 < len(demos) < 12 for demos in demo_sets(run)[1:])


def test_short_prompts_wait_for_no_attempt_to_go_ahead():
    with ScriptedServer(answer, latency=0.05) as server:
        mipro.configure(lm=lm_of(server))
        run_of(optimizer_of(num_threads=6))
        assert server.max_in_flight > 2


def test_a_configuration_that_does_not_fit_loses_and_is_told_why():
    """Bootstrapping, which is another model's, does not find out."""
    with ScriptedServer(with_room(1600, SAID[0])) as small, ScriptedServer(answer) as large:
        mipro.configure(lm=lm_of(small))
        optimizer = optimizer_of(teacher_settings={"lm": lm_of(large)}, prompt_model=lm_of(large))
        run = run_of(optimizer, SolveLong(), padded(30), padded(6, 1000), num_trials=4)
    assert run.status == "finished"
    assert run.state.best.score >= run.state.baseline
    lost = [trial for trial in run.state.trials.values() if trial.errors]
    assert lost
    assert all("no room for this prompt" in trial.error for trial in lost)


def test_proposals_go_without_what_exceeds_the_prompt_models_context():
    said = SAID[0]
    kinds = ("observe", "observe more", "instruction")
    with ScriptedServer(with_room(500, said, of=kinds)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(), SolveLong(), padded(30), padded(4, 1000))
    assert len(run.state.candidates["solve"]) > 1
    noted = " ".join(note.text for note in run.state.notes)
    assert "task demos" in noted
    assert "view_data_batch_size" in noted


def test_a_prompt_model_that_refuses_every_proposal_leaves_the_demo_sets_to_search():
    def respond(request):
        refused = kind(request) == "instruction"
        return Reply("Nothing of that kind.", status=400) if refused else answer(request)

    with ScriptedServer(respond) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of())
    assert run.status == "finished"
    assert [note.topic for note in run.state.notes] == ["proposals"]
    assert "Nothing of that kind." in run.state.notes[0].text


def test_rows_that_a_filter_refuses_end_no_run():
    def respond(request):
        if kind(request) == "task" and int(question_of(request).split()[0]) % 2:
            return Reply("Your prompt was flagged by moderation.", status=403)
        return answer(request)

    with ScriptedServer(respond) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(max_errors=1), val=rows(8, 1000))
    assert run.status == "finished"
    assert all("filters this prompt" in error for error in run.state.errors.values())


def test_what_was_refused_is_refused_again_when_a_run_is_resumed():
    optimizer = optimizer_of()
    settings = {"trainset": padded(30), "valset": padded(4, 1000), "minibatch": False}
    with ScriptedServer(with_room(1600, SAID[0])) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        whole = run_of(optimizer_of(), SolveLong(), padded(30), padded(4, 1000), num_trials=2)
        run = optimizer.start(
            SolveLong(), **settings, num_trials=2, max_calls=12, requires_permission_to_run=False
        )
        run.wait()
        assert run.status == "capped"
        del settings["minibatch"]
        again = optimizer.resume(
            run.id, SolveLong(), **settings, max_calls=1000, requires_permission_to_run=False
        )
    assert again.run.status == "finished"
    assert demo_sets(again.run) == demo_sets(whole)


def thinking(request):
    """The toy LM behind a server that tells thoughts and counts nothing."""
    message = {"content": answer(request).text, "reasoning_content": "Let me count."}
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    return Reply(raw_body=json.dumps(body).encode())


def test_thoughts_are_shown_with_their_call_and_uncounted_tokens_as_about():
    with ScriptedServer(thinking) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of())
    (call, *_) = example_calls(run.record, run.id, 0, 0)
    assert call["thoughts"]["text"] == "Let me count."
    assert "Let me count." not in call["reply"]["text"]
    assert not call["counted"]
    assert [note.topic for note in run.state.notes] == ["tokens"]
    assert "(about)" in run.report()
    (row,) = history_rows(run.record)
    assert row["about"]
