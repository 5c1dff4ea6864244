"""Programs and metrics that call LMs by clients of their own: nothing is sent past the gate."""

from __future__ import annotations

from contextlib import suppress

import openai
import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import KEY, Solve, answer, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, LMUnavailableError, MetricError

TRAIN, VAL = rows(6), rows(8, start=1000)
SETTINGS = {"trainset": TRAIN, "valset": VAL, "num_trials": 3, "minibatch": False}
JUDGE = "Is this right?"


def judging(request):
    return "yes" if JUDGE in request.last_user else answer(request)


@pytest.fixture
def server():
    with ScriptedServer(judging) as running:
        mipro.configure(lm=lm_of(running))
        yield running


def client(server):
    return openai.OpenAI(base_url=server.base_url, api_key=KEY, max_retries=0)


def asked(client, text, model="judge-model"):
    message = {"role": "user", "content": text}
    made = client.chat.completions.create(model=model, messages=[message], temperature=0)
    return made.choices[0].message.content


def judged_by(client):
    def metric(example, prediction, trace=None):
        asked(client, f"{JUDGE} {example.question} {prediction.answer}")
        return exact(example, prediction)

    return metric


def of_metric(server):
    return Solve(), judged_by(client(server))


def of_program(server):
    judge = client(server)

    class AskingByItself(Solve):
        def forward(self, question):
            found = super().forward(question)
            asked(judge, f"{JUDGE} {question} {found.answer}")
            return found

    return AskingByItself(), exact


def of_async_metric(server):
    judge = openai.AsyncOpenAI(base_url=server.base_url, api_key=KEY)

    async def metric(example, prediction, trace=None):
        message = {"role": "user", "content": f"{JUDGE} {example.question}"}
        await judge.chat.completions.create(model="judge-model", messages=[message], temperature=0)
        return exact(example, prediction)

    return Solve(), metric


each_way = pytest.mark.parametrize("made", [of_metric, of_program, of_async_metric])


@each_way
def test_a_plan_sends_nothing_and_names_the_model(server, made):
    student, metric = made(server)
    plan = mipro.MIPROv2(metric, num_candidates=3).plan(student, **SETTINGS)
    assert server.requests == []
    assert any("calls judge-model through a client of its own" in note for note in plan.notes)
    assert any("price of judge-model is not known" in note for note in plan.notes)
    bare = mipro.MIPROv2(exact, num_candidates=3).plan(Solve(), **SETTINGS)
    assert plan.estimate.total.calls.expected > 1.5 * bare.estimate.total.calls.expected


@each_way
def test_all_of_them_are_counted_and_a_cap_holds(server, made):
    student, metric = made(server)
    optimizer = mipro.MIPROv2(metric, num_candidates=3, num_threads=4)
    run = optimizer.start(student, **SETTINGS, max_calls=40, requires_permission_to_run=False)
    run.wait()
    assert run.status == "capped"
    assert server.count == run.state.usage.calls <= 40
    assert any(JUDGE in request.last_user for request in server.requests)


@each_way
def test_a_resumed_run_pays_for_none_again(server, made):
    student, metric = made(server)
    optimizer = mipro.MIPROv2(metric, num_candidates=3, num_threads=4)
    capped = optimizer.start(student, **SETTINGS, max_calls=40, requires_permission_to_run=False)
    capped.wait()
    optimizer.resume(capped.id, student, max_calls=1000, requires_permission_to_run=False)
    sent = [str(request.messages) for request in server.requests if JUDGE in request.last_user]
    assert len(sent) == len(set(sent))


def test_a_judge_whose_server_is_gone_ends_the_run_with_that_error(server):
    with ScriptedServer(judging) as gone:
        judge = client(gone)
    optimizer = mipro.MIPROv2(judged_by(judge), num_candidates=3)
    with pytest.raises(LMUnavailableError) as raised:
        optimizer.compile(Solve(), **SETTINGS, requires_permission_to_run=False)
    assert KEY not in str(raised.value)
    assert KEY not in repr(raised.value.__context__)


def test_outside_of_runs_a_client_does_what_it_always_did(server):
    judge = client(server)
    assert asked(judge, JUDGE) == "yes"
    student, metric = Solve(), judged_by(judge)
    evaluated = mipro.Evaluate(devset=VAL, metric=metric, display_progress=False)(student)
    assert evaluated.failed == []
    assert server.count > len(VAL)
    assert asked(judge, JUDGE) == "yes"


def test_what_is_raised_after_a_failed_call_was_caught_is_told_as_it_is(server):
    with ScriptedServer(lambda _: Reply("too long", status=400)) as refusing:
        judge = client(refusing)

        def metric(example, prediction, trace=None):
            verdict = {}
            with suppress(openai.APIError):
                verdict["score"] = asked(judge, JUDGE)
            return verdict["score"]

        with pytest.raises(MetricError, match="KeyError: 'score'"):
            mipro.Evaluate(devset=VAL, metric=metric, display_progress=False)(Solve())


def test_the_answer_to_another_question_does_not_make_up_for_a_judge_that_is_gone(server):
    with ScriptedServer(judging) as gone:
        judge = client(gone)
    helper = client(server)

    def metric(example, prediction, trace=None):
        try:
            asked(judge, JUDGE)
        except openai.APIError:
            asked(helper, "What is the weather like?")
        return 0.0

    optimizer = mipro.MIPROv2(metric, num_candidates=3)
    with pytest.raises(LMUnavailableError):
        optimizer.compile(Solve(), **SETTINGS, requires_permission_to_run=False)


def test_headroom_under_a_cap_of_usd_names_the_lm_without_a_price(server):
    mipro.configure(lm=lm_of(server, price=None))
    with pytest.raises(InvalidArgumentError, match=r"max_usd.*price"):
        mipro.MIPROv2(exact).headroom(
            Solve(), trainset=rows(80), max_usd=1, requires_permission_to_run=False
        )
