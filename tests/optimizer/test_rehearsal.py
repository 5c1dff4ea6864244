"""The rehearsal: program and metric are run before anything is sent, and nothing is sent."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import threading
import time
import types
import typing
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field
from scripted_task import PlanAndSolve, Solve, SolveAsync, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.core_loop import core
from mipro_nb.errors import InvalidArgumentError, MetricError, ProgramError
from mipro_nb.evaluate.metric import Metric
from mipro_nb.models.tokens import count_message_tokens
from mipro_nb.optimizer.estimating.rehearsing import bounds
from mipro_nb.optimizer.estimating.rehearsing.rehearsal import rehearse


@pytest.fixture(autouse=True)
def nothing_is_sent(server):
    """Check after every test that no request left the process."""
    yield server
    assert server.count == 0


async def rehearsed(student, metric=exact, data=None):
    return await rehearse(
        student,
        data or rows(20),
        Metric(metric),
        lm=mipro.settings.lm,
        others_go_on=lambda: False,
        num_threads=6,
    )


async def test_the_calls_of_every_predictor_are_found_and_measured():
    student = Solve()
    found = await rehearsed(student)
    assert found.notes == []
    assert len(found.calls) == 5
    for calls in found.calls:
        assert [call.predictor for call in calls] == ["solve"]
    messages = student.solve.messages({"question": "0 plus 3"})
    assert found.calls[0][0].input_tokens == count_message_tokens(messages)
    assert found.calls[0][0].labelled


async def test_programs_of_several_predictors_and_async_ones_are_rehearsed():
    found = await rehearsed(PlanAndSolve())
    assert [call.predictor for call in found.calls[0]] == ["plan", "solve.predict"]
    assert [call.labelled for call in found.calls[0]] == [False, False]
    found = await rehearsed(SolveAsync())
    assert [call.predictor for call in found.calls[0]] == ["solve"]


async def test_demos_of_the_student_are_measured_apart():
    student = Solve()
    student.solve.demos = rows(3, start=100)
    (call,) = (await rehearsed(student)).calls[0]
    (bare,) = (await rehearsed(Solve())).calls[0]
    assert call.bare_tokens == bare.input_tokens
    assert call.input_tokens > bare.input_tokens + 2 * bare.demo_tokens


async def test_one_row_is_enough_and_few_are_looked_at():
    assert len((await rehearsed(Solve(), data=rows(1))).calls) == 1
    seen = []

    class Looks(Solve):
        def forward(self, question):
            seen.append(question)
            return super().forward(question)

    await rehearsed(Looks(), data=rows(1000))
    assert len(seen) == 5


class Everything(BaseModel):
    name: str
    size: int


class Chain(BaseModel):
    link: int
    next: Chain | None


class EveryType(mipro.Signature):
    """Answer."""

    question: str = mipro.InputField()
    text: str = mipro.OutputField()
    kind: Literal["a", "b"] = mipro.OutputField()
    sure: bool = mipro.OutputField()
    count: int = mipro.OutputField()
    share: float = mipro.OutputField()
    names: list[str] = mipro.OutputField()
    by_name: dict[str, int] = mipro.OutputField()
    pair: tuple[int, str] = mipro.OutputField()
    perhaps: int | None = mipro.OutputField()
    either: int | list[str] = mipro.OutputField()
    when: dt.date = mipro.OutputField()
    thing: Everything = mipro.OutputField()
    things: list[Everything] = mipro.OutputField()
    chain: Chain = mipro.OutputField()
    three: Annotated[list[int], Field(min_length=3)] = mipro.OutputField()
    vote: Annotated[int, Field(ge=100)] = mipro.OutputField()
    below: Annotated[float, Field(lt=-1)] = mipro.OutputField()
    portion: Annotated[float, Field(gt=0, lt=0.5)] = mipro.OutputField()
    short: Annotated[str, Field(max_length=3)] = mipro.OutputField()


@pytest.mark.parametrize("structured", [False, True])
async def test_answers_of_every_type_can_be_made_up(structured):
    mipro.configure(lm=mipro.LM("x", base_url="http://127.0.0.1:9", structured_outputs=structured))
    found = await rehearsed(mipro.Predict(EveryType), lambda e, p: p.kind == "a")
    assert [call.predictor for call in found.calls[0]] == ["self"]
    assert found.notes == []


async def test_labels_are_made_up_where_the_server_keeps_the_lm_to_them():
    lm = mipro.LM("x", base_url="http://127.0.0.1:9")
    lm.keeps_to_labels = True
    mipro.configure(lm=lm)
    student = mipro.Predict("question -> kind: Literal['a', 'b']")
    found = await rehearsed(student, lambda e, p: p.kind == "a")
    assert {call.output_tokens for row in found.calls for call in row} == {1}
    assert found.notes == []


async def test_a_made_up_answer_that_does_not_fit_is_a_note_and_no_error():
    class Choosy(mipro.Signature):
        question: str = mipro.InputField()
        code: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = mipro.OutputField()

    found = await rehearsed(mipro.Predict(Choosy), lambda e, p: True)
    assert len(found.calls[0]) == 1  # asking again is not part of the plan
    assert "The program raised ReplyError" in found.notes[0]


async def test_a_program_without_predictors_is_refused():
    class Empty(mipro.Module):
        def forward(self, question):
            return mipro.Prediction(answer="")

    with pytest.raises(ProgramError, match="Empty has no predictors: keep Predict"):
        await rehearsed(Empty())


async def test_a_program_that_calls_no_predictor_on_these_rows_is_not_refused_but_told_so():
    class Idle(Solve):
        def forward(self, question):
            return mipro.Prediction(answer="") if question else super().forward(question)

    found = await rehearsed(Idle())
    assert "No rehearsed row calls solve" in found.notes[0]
    assert found.guess == "no rehearsed row calls solve"
    # As if it were called once a row, with the row's own input.
    assert found.calls == [(await rehearsed(Solve())).calls[0]]


async def test_a_predictor_that_no_rehearsed_row_calls_is_told_and_part_of_the_estimate():
    class Fallback(PlanAndSolve):
        def forward(self, question):
            if question.startswith("a riddle"):
                return self.solve(question=question, plan=self.plan(question=question).plan)
            return self.solve(question=question, plan="none")

    found = await rehearsed(Fallback())
    assert [note.split(":")[0] for note in found.notes] == ["No rehearsed row calls plan"]
    assert found.guess == "no rehearsed row calls plan"
    assert [call.predictor for call in found.calls[-1]] == ["solve.predict", "plan"]
    assert [call.predictor for call in found.calls[0]] == ["solve.predict"]


async def test_made_up_choices_lead_to_every_branch():
    class Router(mipro.Module):
        def __init__(self):
            self.route = mipro.Predict("question -> kind: Literal['sum', 'word', 'other']")
            self.by_kind = {kind: mipro.Predict("question -> answer") for kind in ("sum", "word")}
            self.other = mipro.Predict("question -> answer, why")

        def forward(self, question):
            kind = self.route(question=question).kind
            return self.by_kind.get(kind, self.other)(question=question)

    found = await rehearsed(Router())
    assert found.notes == []
    assert found.guess is None
    called = {call.predictor for calls in found.calls for call in calls}
    assert called == {"route", "by_kind['sum']", "by_kind['word']", "other"}


async def test_an_agent_that_loops_until_the_model_says_so_ends():
    class Agent(mipro.Module):
        def __init__(self):
            self.step = mipro.Predict("question -> action: Literal['search', 'finish'], answer")

        def forward(self, question):
            while (step := self.step(question=question)).action != "finish":
                pass
            return step

    found = await rehearsed(Agent())
    assert found.notes == []
    assert {len(calls) for calls in found.calls} == {1, 2}


@pytest.mark.slow
@pytest.mark.parametrize("stubborn", [Exception, BaseException])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_loop_that_made_up_answers_do_not_end_is_ended(stubborn, is_async):
    class Loop(Solve):
        def forward(self, question):
            while True:
                try:
                    if self.solve(question=question).answer == "enough":
                        return
                except stubborn:
                    pass

    class AsyncLoop(Solve):
        async def aforward(self, question):
            while True:
                try:
                    if (await self.solve.acall(question=question)).answer == "enough":
                        return
                except stubborn:
                    pass

    # On the core loop: what is left to wait stays there.
    data = [row.without("answer") for row in rows(5)]
    optimizer = mipro.MIPROv2(lambda e, p: True)
    plan = optimizer.plan((AsyncLoop if is_async else Loop)(), trainset=data, minibatch=False)
    (note,) = plan.notes
    assert "Loop did not end within 100 LM calls on made-up answers" in note
    assert ("left to wait for ever" in note) == (stubborn is BaseException)
    assert "was ended after 100 calls" in plan.estimate.guess
    assert "A guess, since" in str(plan)


async def test_parallel_calls_of_one_program_all_hear_of_the_end():
    class InThreads(Solve):
        def forward(self, question):
            with ThreadPoolExecutor(8) as pool:
                votes = pool.map(lambda _: self.solve(question=question), range(150))
                return next(iter(votes))

    class InTasks(Solve):
        async def aforward(self, question):
            calls = (self.solve.acall(question=question) for _ in range(150))
            return (await asyncio.gather(*calls))[0]

    for student in (InThreads(), InTasks()):
        (note,) = (await rehearsed(student)).notes
        assert "did not end within 100 LM calls" in note
        assert "left" not in note


@pytest.mark.slow
@pytest.mark.parametrize("where", ["program", "metric"])
async def test_code_that_goes_on_without_a_call_is_left_and_named(where, monkeypatch):
    monkeypatch.setattr(bounds, "_SECONDS", 1.0)
    monkeypatch.setattr(bounds, "_GRACE_SECONDS", 0.1)
    ended = threading.Event()

    class Computes(Solve):
        def forward(self, question):
            answer = super().forward(question=question)
            if where == "program":
                ended.wait()
            return answer

    def compares(example, prediction, trace=None):
        return ended.wait() if where == "metric" else True

    found = await rehearsed(Computes(), compares)
    ended.set()
    name = "Computes" if where == "program" else "The metric compares"
    (note,) = found.notes
    assert re.match(rf"{name} had not come back after [\d.]+ m?s of rehearsal", note)
    assert "left to itself" in note
    assert "have its loops end" in note
    guess = rf"{name.replace('The', 'the')} was ended after [\d.]+ m?s"
    assert re.fullmatch(guess, found.guess)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["program", "metric"])
@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_async_code_that_never_awaits_is_ended_and_named(where, pause, monkeypatch):
    monkeypatch.setattr(bounds, "_SECONDS", 1.0)

    def goes_on():
        while True:
            try:
                time.sleep(pause)
            except Exception:  # noqa: BLE001, S112 - as agents do
                continue

    class Blocks(Solve):
        async def aforward(self, question):
            answer = await self.solve.acall(question=question)
            if where == "program":
                goes_on()
            return answer

    async def blocking(example, prediction, trace=None):
        return goes_on() if where == "metric" else True

    # On the core loop, as a plan is made.
    found = core().wait_for(rehearsed(Blocks(), blocking))
    (note,) = found.notes
    name = "Blocks" if where == "program" else "The metric blocking"
    assert re.match(rf"{name} had not come back after [\d.]+ m?s of rehearsal", note)
    assert "does not await" in note
    assert "asyncio.to_thread" in note
    assert [call.predictor for call in found.calls[0]] == ["solve"]
    assert core().wait_for(rehearsed(Solve())).notes == [], "the loop goes on"


@pytest.mark.parametrize("swallows", [False, True])
async def test_a_direct_call_of_an_lm_ends_the_program_and_is_told(server, swallows):
    lm = lm_of(server)

    class Direct(Solve):
        def forward(self, question):
            while True:
                try:
                    return mipro.Prediction(answer=lm(question)[0])
                except Exception:
                    if not swallows:
                        raise

    found = await rehearsed(Direct())
    (note,) = found.notes
    assert "Direct calls an LM directly" in note
    assert "not in the estimate" in note
    assert found.guess == "direct LM calls are left out"


async def test_a_row_that_fails_alone_is_told_and_refuses_nothing():
    class Fails(Solve):
        def forward(self, question):
            if question == "4 plus 7":
                raise LookupError(question)
            return super().forward(question=question)

    found = await rehearsed(Fails())
    (note,) = found.notes
    assert "Fails failed before its first LM call" in note
    assert "4 plus 7" in note
    assert len(found.calls) == 4
    assert found.guess is None


async def test_a_metric_that_raises_on_one_row_alone_is_told_and_refuses_nothing():
    def fussy(example, prediction, trace=None):
        if example.question == "4 plus 7":
            raise LookupError(example.question)
        return True

    found = await rehearsed(Solve(), fussy)
    (note,) = found.notes
    assert "The metric fussy raised LookupError" in note


@pytest.mark.parametrize("error", [ValueError("no tool"), SystemExit(1), AttributeError("x")])
async def test_a_forward_that_fails_before_its_first_call_is_shown_with_the_row(error):
    class Fails(Solve):
        def forward(self, question):
            raise error

    with pytest.raises(ProgramError, match="Fails failed before its first LM call") as caught:
        await rehearsed(Fails())
    assert "0 plus 3" in str(caught.value)
    assert type(error).__name__ in str(caught.value)


async def test_wrong_inputs_of_a_predictor_are_told():
    class Wrong(Solve):
        def forward(self, question):
            return self.solve(text=question)

    with pytest.raises(ProgramError, match=r"question missing.*text unknown"):
        await rehearsed(Wrong())


async def test_a_forward_that_does_not_take_the_inputs_is_told():
    class Narrow(Solve):
        def forward(self, text):
            return self.solve(question=text)

    with pytest.raises(ProgramError, match="unexpected keyword argument 'question'"):
        await rehearsed(Narrow())


async def test_a_program_that_fails_on_made_up_answers_is_noted_only():
    class Fussy(PlanAndSolve):
        def forward(self, question):
            plan = self.plan(question=question).plan
            return self.solve(question=question, plan=str(int(plan)))

    found = await rehearsed(Fussy())
    assert len(found.notes) == 1
    assert "The program raised ValueError" in found.notes[0]
    assert [call.predictor for call in found.calls[0]] == ["plan"]


@pytest.mark.parametrize("student", [Solve, PlanAndSolve])
async def test_a_metric_that_raises_on_right_answers_is_shown_with_the_example(student):
    def typo(example, prediction, trace=None):
        return example.anwser == prediction.answer

    with pytest.raises(MetricError, match="typo raised AttributeError") as caught:
        await rehearsed(student(), typo)
    assert "0 plus 3" in str(caught.value)


async def test_a_metric_that_raises_on_made_up_answers_is_noted_only():
    def strict(example, prediction, trace=None):
        return int(prediction.plan) > 0

    student = mipro.Predict("question -> plan")
    found = await rehearsed(student, strict)
    assert "In a rehearsal with made-up answers: The metric strict raised" in found.notes[0]


def labelled(count=5, **more):
    return [
        mipro.Example(question=f"{n}?", label=str(n), **more).with_inputs("question")
        for n in range(count)
    ]


def by_item(example, prediction, trace=None):
    return prediction["label"] == example["answer"]


class Label(mipro.Module):
    def __init__(self):
        self.solve = mipro.Predict("question -> label")

    def forward(self, question):
        return self.solve(question=question).label


class LabelOrNumber(Label):
    def forward(self, question):
        text = self.solve(question=question).label
        try:
            return mipro.Prediction(answer=int(text) + 1)
        except ValueError:
            return text


@pytest.mark.parametrize(
    ("student", "metric", "told"),
    [
        (mipro.Predict("question -> reply"), exact, "'answer': have the metric read one of reply"),
        (mipro.Predict("question -> label"), by_item, "No row has 'answer'.*question, label"),
        (mipro.Predict("question -> answer"), exact, "No row has 'answer'.*give the rows 'answer'"),
        (Label(), exact, "what Label's forward returns, here a str, which has no 'answer'"),
    ],
)
async def test_a_metric_that_no_reply_can_save_is_refused_with_the_remedy(student, metric, told):
    with pytest.raises(MetricError, match=told):
        await rehearsed(student, metric, labelled())


def test_a_metric_that_no_reply_can_save_ends_compile_before_any_call():
    with pytest.raises(MetricError, match="No row has 'answer'"):
        mipro.MIPROv2(exact).compile(
            mipro.Predict("question -> answer"),
            trainset=labelled(20),
            requires_permission_to_run=False,
        )


class Meant(mipro.Module):
    """Returns what it takes a reply to mean: an object, or a text where it knows none."""

    MEANINGS: typing.ClassVar = {"spam": types.SimpleNamespace(value=1)}

    def __init__(self):
        self.predict = mipro.Predict("question -> reply")


class LooksUp(Meant):
    def forward(self, question):
        return self.MEANINGS.get(self.predict(question=question).reply, "unknown")


class LooksUpOr(Meant):
    def forward(self, question):
        return self.MEANINGS.get(self.predict(question=question).reply) or "unknown"


class AsksAMethod(Meant):
    def forward(self, question):
        return self.meaning(self.predict(question=question).reply)

    def meaning(self, reply):
        if reply in self.MEANINGS:
            return self.MEANINGS[reply]
        return "unknown"


MEANT = (LooksUp, LooksUpOr, AsksAMethod)


@pytest.mark.parametrize(
    ("student", "metric", "data"),
    [
        *((program(), lambda e, p: p.value > 0, labelled()) for program in MEANT),
        # Rows that are not rehearsed have it.
        (
            mipro.Predict("question -> reply"),
            lambda e, p: e.answer == p.reply,
            [*labelled(9), *labelled(1, answer="1")],
        ),
        # With a real reply the program returns something else.
        (LabelOrNumber(), lambda e, p: p.answer > 0, [r.without("label") for r in labelled()]),
        # What is read lies in the reply.
        (
            mipro.Predict("question -> found: dict[str, str]"),
            lambda e, p: p.found["name"] == e.label,
            labelled(),
        ),
    ],
)
async def test_a_metric_that_a_reply_may_save_is_noted_once(student, metric, data):
    (note,) = (await rehearsed(student, metric, data)).notes
    assert "In a rehearsal with made-up answers: The metric <lambda> raised" in note
    assert note.endswith("This happened on 5 of 5 rows.")


async def test_a_metric_that_returns_nothing_is_refused():
    with pytest.raises(MetricError, match="returned None: does it lack a return"):
        await rehearsed(Solve(), lambda e, p: None)


def nothing_for_wrong(example, prediction, trace=None):
    return True if exact(example, prediction) else None


def negative_loss(example, prediction, trace=None):
    return -abs(int(example.answer) - int(prediction.answer))


@pytest.mark.parametrize("student", [Solve(), mipro.ChainOfThought("question -> answer")])
@pytest.mark.parametrize(
    ("metric", "told"),
    [
        (nothing_for_wrong, "returned None: does it lack a return"),
        (negative_loss, r"returned -\d+\. Scores are 0–1, or 0–100: return 1 / \(1 \+ loss\)"),
    ],
)
async def test_a_metric_that_scores_right_answers_alone_is_refused(student, metric, told):
    with pytest.raises(MetricError, match=told):
        await rehearsed(student, metric)


async def test_what_a_metric_does_on_a_wrong_answer_is_told():
    def loss(example, prediction, trace=None):
        return -negative_loss(example, prediction)

    def picky(example, prediction, trace=None):
        assert exact(example, prediction)
        return 1.0

    (note,) = (await rehearsed(Solve(), loss)).notes
    assert "0 for the rows' own labels and" in note
    assert "return 1 / (1 + loss)" in note
    (note,) = (await rehearsed(Solve(), picky)).notes
    assert "In a rehearsal with a wrong answer: The metric picky raised AssertionError" in note


async def test_where_all_labels_are_alike_no_wrong_answer_is_tried():
    data = [row.copy(answer="5") for row in rows(20)]
    assert (await rehearsed(Solve(), nothing_for_wrong, data)).notes == []


async def test_the_metric_sees_the_labels_as_the_answer():
    seen = []
    await rehearsed(Solve(), lambda e, p: seen.append(e.answer == p.answer) or True)
    assert seen == [True, False, *[True] * 4]  # a wrong one once


async def test_a_judge_that_is_a_predictor_is_counted():
    judge = mipro.ChainOfThought("question, answer -> right: bool")

    async def judged(example, prediction, trace=None):
        verdict = await judge.acall(question=example.question, answer=prediction.answer)
        return verdict.right

    found = await rehearsed(Solve(), judged)
    assert [call.predictor for call in found.calls[0]] == ["solve", None]
    assert found.notes == []


async def test_a_judge_of_its_own_lm_is_not_called_either(server):
    judge = mipro.Predict("question, answer -> right: bool")
    judge.lm = lm_of(server)
    found = await rehearsed(Solve(), lambda e, p: judge(question="?", answer="!").right)
    assert [call.predictor for call in found.calls[0]] == ["solve", None]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_direct_call_of_an_lm_in_the_metric_is_refused_and_noted(server, is_async):
    lm = lm_of(server)

    def judged(example, prediction, trace=None):
        return "yes" in lm(f"Is {prediction.answer} right?")[0]

    async def judged_async(example, prediction, trace=None):
        await asyncio.sleep(0)
        return judged(example, prediction)

    found = await rehearsed(Solve(), judged_async if is_async else judged)
    assert found.notes == ["The metric calls an LM directly; those calls are not in the estimate."]
    assert len(found.calls[0]) == 1


@pytest.mark.parametrize(
    "parsed",
    [
        float,
        lambda said: int(said) / 10,
        lambda said: float(re.search(r"[\d.]+", said).group()),
        lambda said: float(said.split(":")[1]),
        lambda said: json.loads(said)["score"],
        {"good": 1.0}.__getitem__,
        lambda said: 100.0 * len(said),
    ],
)
async def test_a_metric_that_parses_what_a_judge_says_is_told_and_not_refused(parsed):
    judge = mipro.Predict("question, answer -> rating")
    metric = lambda e, p: parsed(judge(question=e.question, answer=p.answer).rating)  # noqa: E731
    found = await rehearsed(Solve(), metric)
    (note,) = [note for note in found.notes if "asks an LM, and could not use" in note]
    assert "'answer -> rating: float'" in note
    assert [call.predictor for call in found.calls[0]] == ["solve", None]


async def test_a_judge_that_is_asked_about_wrong_answers_alone_refuses_nothing():
    judge = mipro.Predict("question, answer -> rating")

    def metric(example, prediction, trace=None):
        if prediction.answer == example.answer:
            return 1.0
        return 100.0 * len(judge(question=example.question, answer=prediction.answer).rating)

    found = await rehearsed(Solve(), metric)
    assert any("wrong answer" in note for note in found.notes)


async def test_a_judge_that_is_asked_wrongly_is_told():
    judge = mipro.Predict("question, answer -> right: bool")
    with pytest.raises(InvalidArgumentError, match="answer missing"):
        await rehearsed(Solve(), lambda e, p: judge(question="?").right)


async def test_a_predictor_of_its_own_lm_is_rehearsed_without_it(server):
    student = Solve()
    student.solve.lm = lm_of(server)
    assert len((await rehearsed(student)).calls[0]) == 1


async def test_predictors_at_once_are_all_found():
    class Both(mipro.Module):
        def __init__(self):
            self.ask = {name: mipro.Predict(f"question -> {name}") for name in ("one", "two")}

        async def aforward(self, question):
            one, two = await asyncio.gather(
                *(predict.acall(question=question) for predict in self.ask.values())
            )
            return mipro.Prediction(answer=one.one + two.two)

    found = await rehearsed(Both())
    assert sorted(call.predictor for call in found.calls[0]) == ["ask['one']", "ask['two']"]


async def test_a_prediction_without_labels_in_the_rows_is_fine():
    data = [mipro.Example(question=str(n)).with_inputs("question") for n in range(3)]
    assert (await rehearsed(Solve(), lambda e, p: len(p.answer) > 0, data)).notes == []


async def test_labels_that_do_not_fit_their_field_are_no_failure():
    data = [mipro.Example(question=str(n), answer=None).with_inputs("question") for n in range(3)]
    student = mipro.Predict("question -> answer: int")
    found = await rehearsed(student, lambda e, p: True, data)
    assert len(found.calls[0]) == 1


def test_planning_writes_no_run(server):
    mipro.MIPROv2(exact).plan(Solve(), trainset=rows(50))
    assert mipro.runs.list() == []
