"""Predictors, called from every place that code can be in."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading

import pytest
from scripted_lm import ScriptedLM

from mipro_nb.core_loop import core, in_worker, on_core
from mipro_nb.errors import (
    InvalidArgumentError,
    LMError,
    ProgramError,
    ReplyError,
    SignatureError,
    TruncatedReplyError,
)
from mipro_nb.language import (
    ChainOfThought,
    Completion,
    Example,
    Module,
    Predict,
    configure,
    context,
    inspect_history,
    settings,
)
from mipro_nb.language.execution import recent_calls
from mipro_nb.language.execution.tracing import tracing

CORE_THREAD = "mipro-core"


@pytest.fixture
def lm():
    lm = ScriptedLM("answer: 2")
    with context(lm=lm):
        yield lm


def test_a_call_sends_the_prompt_and_returns_the_outputs(lm):
    predict = Predict("question -> answer: int", temperature=0.3, rollout=4)
    predict.demos = [Example(question="0 + 1?", answer=1)]
    prediction = predict(question="1 + 1?")
    assert prediction.answer == 2
    (request,) = lm.requests
    assert list(request.messages) == predict.messages({"question": "1 + 1?"})
    assert [message["content"] for message in request.messages[1:]] == [
        "question: 0 + 1?",
        "answer: 1",
        "question: 1 + 1?",
    ]
    assert request.options == {"temperature": 0.3}
    assert request.rollout == 4
    assert request.schema is None
    assert request.signature is predict.signature


def test_structured_outputs_send_a_schema_and_read_json():
    lm = ScriptedLM('{"answer": 2}', structured_outputs=True)
    with context(lm=lm):
        assert Predict("question -> answer: int")(question="?").answer == 2
    assert lm.requests[0].schema["properties"] == {"answer": {"type": "integer"}}


def test_an_unusable_reply_is_asked_for_once_more_with_the_error(lm):
    lm.replies = ["answer: two", "answer: 2"]
    assert Predict("question -> answer: int")(question="1 + 1?").answer == 2
    first, second = lm.requests
    assert list(second.messages[:-2]) == list(first.messages)
    assert second.messages[-2] == {"role": "assistant", "content": "answer: two"}
    assert "The field 'answer' is wrong: expected int" in lm.last_turn


def test_after_the_second_unusable_reply_the_error_holds_it(lm):
    lm.replies = ["answer: two", "answer: deux"]
    with pytest.raises(ReplyError, match="expected int") as caught:
        Predict("question -> answer: int")(question="1 + 1?")
    assert caught.value.raw_text == "answer: deux"
    assert len(lm.requests) == 2


def test_a_reply_cut_off_is_not_asked_for_again(lm):
    lm.replies = [Completion("answer: 2 is the", truncated=True)]
    with pytest.raises(TruncatedReplyError, match="max_tokens"):
        Predict("question -> answer")(question="1 + 1?")
    assert len(lm.requests) == 1


def test_a_failed_call_is_not_repeated_here(lm):
    lm.replies = [LMError("no network")]
    with pytest.raises(LMError, match="no network"):
        Predict("question -> answer")(question="1 + 1?")
    assert len(lm.requests) == 1


@pytest.mark.parametrize("make", [Predict, ChainOfThought])
@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "question, context missing.*the inputs of .* are question, context"),
        ({"question": "?"}, "context missing"),
        ({"question": "?", "context": "", "mood": 1, "n": 2}, "mood, n unknown"),
        ({"question": "?", "contxt": ""}, "context missing; contxt unknown"),
    ],
)
def test_wrong_inputs_are_refused_before_any_call(lm, make, inputs, says):
    with pytest.raises(InvalidArgumentError, match=says):
        make("question, context -> answer")(**inputs)
    assert lm.requests == []


@pytest.mark.parametrize("make", [Predict, ChainOfThought])
async def test_inputs_are_given_by_name(lm, make):
    with pytest.raises(InvalidArgumentError, match=r"give inputs by name: \(question=…\)"):
        make("question -> answer")("1 + 1?")
    with pytest.raises(InvalidArgumentError, match="by name"):
        await make("question -> answer").acall("1 + 1?")
    assert lm.requests == []


def test_without_lm_the_error_says_how_to_get_one():
    with context(lm=None), pytest.raises(ProgramError, match=r"configure\(lm=LM"):
        Predict("question -> answer")(question="?")


def test_the_nearest_lm_is_asked(lm):
    nearer, nearest = ScriptedLM("answer: nearer"), ScriptedLM("answer: nearest")
    predict = Predict("question -> answer")
    with context(lm=nearer):
        assert predict(question="?").answer == "nearer"
        predict.lm = nearest
        assert predict(question="?").answer == "nearest"
    predict.lm = None
    assert predict(question="?").answer == "2"


def test_configure_sets_the_lm_of_the_process_and_checks_it():
    before = settings.lm
    lm = ScriptedLM("answer: all")
    try:
        configure(lm=lm)
        assert core().wait_for(in_worker(lambda: settings.lm)) is lm
    finally:
        configure(lm=before)
    with pytest.raises(InvalidArgumentError, match=r"lm='gpt-4o'.*give an LM"):
        configure(lm="gpt-4o")
    with pytest.raises(InvalidArgumentError, match=r"no such setting: did you mean lm=\?"):
        configure(model=lm)


@pytest.mark.parametrize("given", ["gpt-4o", lambda prompt: prompt, ScriptedLM])
def test_what_is_no_lm_is_refused_where_a_predictor_is_given_it(given):
    cot = ChainOfThought("question -> answer")
    with pytest.raises(InvalidArgumentError, match=r"^lm=.*give an LM"):
        cot.set_lm(given)
    with pytest.raises(InvalidArgumentError, match=r"^lm=.*give an LM"):
        cot.predictors()[0].lm = given
    assert cot.predictors()[0].lm is None


def test_chain_of_thought_reasons_first(lm):
    lm.replies = ["reasoning: one and one\nanswer: 2"]
    cot = ChainOfThought("question -> answer: int")
    prediction = cot(question="1 + 1?")
    assert prediction.reasoning == "one and one"
    assert prediction.answer == 2
    assert list(prediction) == ["reasoning", "answer"]
    assert cot.predict.signature.declaration == "question -> reasoning, answer: int"
    with pytest.raises(SignatureError, match="has an input 'reasoning'"):
        ChainOfThought("question, reasoning -> answer")


def test_reset_keeps_the_signature(lm):
    predict = Predict("question -> answer")
    predict.demos, predict.lm = [Example(question="q", answer="a")], lm
    predict.reset()
    assert (predict.demos, predict.lm) == ([], None)
    assert predict.signature.declaration == "question -> answer"


def test_a_sync_call_from_the_main_thread_runs_on_the_core_loop(lm):
    assert Predict("question -> answer")(question="?").answer == "2"
    assert lm.threads == {CORE_THREAD}


async def test_a_sync_call_inside_a_running_loop_as_in_a_notebook_cell(lm):
    assert Predict("question -> answer")(question="?").answer == "2"
    assert lm.threads == {CORE_THREAD}


async def test_calls_can_be_awaited_together_on_any_loop(lm):
    predict = Predict("question -> answer")
    predictions = await asyncio.gather(*(predict.acall(question=str(i)) for i in range(20)))
    assert [p.answer for p in predictions] == ["2"] * 20


class Nested(Module):
    """Calls a predictor the sync way inside an async forward, which runs on the core loop."""

    def __init__(self):
        self.predict = Predict("question -> answer")

    async def aforward(self, question):
        assert threading.current_thread().name == CORE_THREAD
        task = asyncio.current_task()
        first = self.predict(question=question)
        await asyncio.sleep(0)
        second = self.predict(question=first.answer)
        assert asyncio.current_task() is task
        return second


def test_a_sync_call_on_the_core_loop_does_not_wait_for_itself(lm):
    assert Nested()(question="?").answer == "2"
    assert len(lm.requests) == 2


async def test_many_sync_calls_on_the_core_loop_leave_it_alive(lm):
    program = Nested()

    async def metric(index):
        prediction = await program.acall(question=str(index))
        return Predict("question -> answer")(question=prediction.answer).answer

    async def all_of_them():
        return await asyncio.gather(*(metric(index) for index in range(20)))

    assert await on_core(all_of_them()) == ["2"] * 20
    assert core().thread.is_alive()
    assert core().wait_for(asyncio.sleep(0, "alive")) == "alive"


def test_an_error_passes_through_a_nested_call(lm):
    lm.replies = [LMError("no network")]
    with pytest.raises(LMError):
        Nested()(question="?")
    assert core().wait_for(asyncio.sleep(0, "alive")) == "alive"


async def test_the_notebooks_own_loop_is_not_patched(lm):
    Nested()(question="?")
    assert not hasattr(asyncio.get_running_loop(), "_nest_patched")
    assert not hasattr(asyncio, "_nest_patched")
    assert asyncio.Task is not asyncio.tasks._PyTask


def test_the_trace_holds_every_call_whatever_thread_made_it(lm):
    class Threads(Module):
        def __init__(self):
            self.first = Predict("question -> answer")
            self.second = Predict("question -> answer")

        def forward(self, question):
            assert threading.current_thread().name.startswith("mipro-worker")
            return self.second(question=self.first(question=question).answer)

    program = Threads()
    nested = Nested()
    with tracing() as trace:
        core().wait_for(program.acall(question="?"))
        nested(question="!")
    assert [step.predictor for step in trace] == [
        program.first,
        program.second,
        nested.predict,
        nested.predict,
    ]
    predictor, inputs, prediction = trace[0]
    assert (predictor, inputs, prediction.answer) == (program.first, {"question": "?"}, "2")
    Predict("question -> answer")(question="outside")
    assert len(trace) == 4


async def test_traces_of_programs_that_run_together_are_apart(lm):
    program = Nested()

    async def traced(question):
        with tracing() as trace:
            await on_core(program.acall(question=question))
        return [step.inputs["question"] for step in trace]

    assert await asyncio.gather(*(traced(str(i)) for i in range(5))) == [
        [str(i), "2"] for i in range(5)
    ]


def test_a_failed_call_leaves_no_step(lm):
    lm.replies = ["nothing: here"]
    with tracing() as trace, pytest.raises(ReplyError):
        Predict("question -> answer: int")(question="?")
    assert trace == []


def test_context_reaches_workers_and_ends_with_its_block(lm):
    inner = ScriptedLM("answer: inner")
    with context(lm=inner):
        assert core().wait_for(in_worker(lambda: settings.lm)) is inner
    assert core().wait_for(in_worker(lambda: settings.lm)) is lm


@pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt])
def test_what_would_end_the_loop_is_an_error_in_sync_user_code(error):
    def user_code():
        raise error

    with pytest.raises(ProgramError, match=f"user_code raised {error.__name__}"):
        core().wait_for(asyncio.wait_for(in_worker(user_code), 10))
    assert core().wait_for(asyncio.sleep(0, "alive")) == "alive"


def test_sys_exit_in_async_user_code_leaves_the_loop_alive():
    async def user_code():
        sys.exit(3)

    with pytest.raises(SystemExit):
        core().wait_for(user_code())
    assert core().wait_for(asyncio.sleep(0, "alive")) == "alive"


def test_an_interrupted_wait_cancels_the_work():
    cancelled = threading.Event()

    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        core().wait_for(work(), tick=interrupt)
    assert cancelled.wait(10)


def test_inspect_history_prints_messages_and_reply(lm, capsys):
    predict = Predict("question -> answer")
    predict(question="first?")
    predict(question="second?")
    inspect_history()
    last = capsys.readouterr().out
    assert "[user]\nquestion: second?" in last
    assert "[reply of scripted]\nanswer: 2" in last
    assert "first?" not in last
    inspect_history(n=2)
    both = capsys.readouterr().out
    assert both.index("first?") < both.index("second?")


def test_inspect_history_without_calls_says_so(monkeypatch, capsys):
    monkeypatch.setattr(recent_calls, "_calls", recent_calls.deque())
    inspect_history()
    assert capsys.readouterr().out == "No LM call has been made in this process.\n"
    with pytest.raises(InvalidArgumentError, match="n=0"):
        inspect_history(0)


def test_history_shows_unusable_replies_too(lm, capsys):
    lm.replies = ["answer: two"]
    with contextlib.suppress(ReplyError):
        Predict("question -> answer: int")(question="?")
    inspect_history(2)
    assert capsys.readouterr().out.count("[reply of scripted]\nanswer: two") == 2
