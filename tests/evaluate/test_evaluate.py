"""Evaluate, over HTTP: scores, failures, concurrency, and what a person gets to see."""

from __future__ import annotations

import asyncio
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_sums import FAILING, KEY, UNREADABLE, lm_of, right, rows, solve, solve_unless

import mipro_nb as mipro
from mipro_nb.errors import (
    InvalidArgumentError,
    LMNotConfiguredError,
    LMUnavailableError,
    MetricError,
    ProgramError,
    ReplyError,
    TooManyErrorsError,
)
from mipro_nb.evaluate import Evaluate, EvaluationResult, ExampleResult, Score


@pytest.fixture
def server():
    with ScriptedServer(solve) as running:
        mipro.configure(lm=lm_of(running))
        yield running


@pytest.fixture
def misbehaving():
    """A server that cannot be read on question 2 and fails on question 3."""
    with ScriptedServer(solve_unless({2: UNREADABLE, 3: FAILING})) as running:
        mipro.configure(lm=lm_of(running))
        yield running


def program():
    return mipro.Predict("question -> answer")


def test_a_program_that_knows_everything_scores_100(server):
    result = Evaluate(devset=rows(8), metric=right)(program())
    assert result == 100.0
    assert isinstance(result, float)
    assert result.score == 100.0
    assert result.failed == []
    assert [r.index for r in result.results] == list(range(8))
    assert server.count == 8


def test_the_score_is_the_mean_times_100(server):
    result = Evaluate(devset=rows(3), metric=lambda e, p: e.question.startswith("0"))(program())
    assert result.score == 33.33
    assert result == pytest.approx(100 / 3)
    assert f"{result:.1f}" == "33.3"
    assert repr(result) == str(result) == "EvaluationResult(33.33, 3 examples)"
    assert max(result, 20.0) is result


def test_metrics_may_be_async_and_give_feedback(server):
    async def judge(example, prediction, trace=None):
        await asyncio.sleep(0)
        return Score(0.5, f"seen {example.question}")

    result = Evaluate(devset=rows(2), metric=judge)(program())
    assert result == 50.0
    assert [r.feedback for r in result.results] == ["seen 0 plus 1", "seen 1 plus 1"]


def test_a_metric_may_ask_an_lm_itself(server):
    judge = mipro.Predict("question -> answer: int")
    result = Evaluate(
        devset=rows(3), metric=lambda e, p: judge(question=e.question).answer == int(p.answer)
    )(mipro.ChainOfThought("question -> answer"))
    assert result.failed
    assert all(isinstance(r.error, ReplyError) for r in result.failed)  # no reasoning is written
    assert (
        Evaluate(
            devset=rows(3), metric=lambda e, p: judge(question=e.question).answer == int(p.answer)
        )(program())
        == 100.0
    )


def test_failed_examples_score_zero_and_are_listed(misbehaving, capsys):
    result = Evaluate(devset=rows(10), metric=right)(program())
    assert result == 80.0
    unreadable, failing = result.failed
    assert unreadable.index == 2
    assert unreadable.score == 0.0
    assert unreadable.prediction is None
    assert isinstance(unreadable.error, ReplyError)
    assert unreadable.error.raw_text == ""
    assert failing.index == 3
    assert "failed" in str(failing.error)
    assert repr(result) == "EvaluationResult(80.0, 10 examples, 2 failed)"
    printed = capsys.readouterr().out
    assert "2 examples failed and score 0:" in printed
    assert "example 2: The field 'answer' is missing. The reply was" in printed
    assert "example 3: " in printed


def test_a_raw_reply_that_cannot_be_read_is_shown():
    with ScriptedServer(lambda _: "label: maybe") as server:
        mipro.configure(lm=lm_of(server))
        student = mipro.Predict("question -> label: Literal['yes', 'no']")
        result = Evaluate(devset=rows(1), metric=lambda e, p: True)(student)
    assert result == 0.0
    assert result.failed[0].error.raw_text == "label: maybe"
    assert server.count == 2  # it was asked once more


def test_only_the_first_failures_are_printed(capsys):
    with ScriptedServer(lambda _: UNREADABLE) as server:
        mipro.configure(lm=lm_of(server))
        Evaluate(devset=rows(12), metric=right)(program())
    printed = capsys.readouterr().out
    assert printed.count("example ") == 5
    assert "… and 7 more: see result.failed" in printed


def test_unreadable_replies_are_no_errors_and_failed_calls_are():
    with ScriptedServer(lambda _: UNREADABLE) as server:
        mipro.configure(lm=lm_of(server))
        assert Evaluate(devset=rows(12), metric=right, max_errors=1)(program()) == 0.0
    with ScriptedServer(lambda _: FAILING) as server:
        mipro.configure(lm=lm_of(server))
        with pytest.raises(TooManyErrorsError, match="4 examples failed, which max_errors=4"):
            Evaluate(devset=rows(12), metric=right, max_errors=4, num_threads=2)(program())
        assert server.count < 12


class Raises(mipro.Module):
    def forward(self, question):
        msg = f"no such tool for {question}"
        raise LookupError(msg)


def test_a_program_that_raises_is_told_with_its_exception():
    with pytest.raises(TooManyErrorsError, match="LookupError: no such tool for 0 plus 1"):
        Evaluate(devset=rows(12), metric=right, num_threads=1)(Raises())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api_key": "wrong"}, "refused the key"),
        ({"model": "unknown"}, "does not know the model 'unknown'"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "Cannot reach http://127.0.0.1:9/v1"),
    ],
)
def test_an_lm_that_cannot_answer_is_told_once(settings, message, capsys, caplog):
    with ScriptedServer(solve, api_key=KEY, known_models={"scripted"}) as server:
        lm = mipro.LM(
            settings.pop("model", "scripted"),
            **{"base_url": server.base_url, "api_key": KEY, "num_retries": 1, **settings},
        )
        mipro.configure(lm=lm)
        with pytest.raises(LMUnavailableError, match=message) as caught:
            Evaluate(devset=rows(50), metric=right, num_threads=4)(program())
        assert server.count <= 4
    assert "wrong" not in str(caught.value)
    assert capsys.readouterr().out == ""
    assert caplog.records == []


class Catches(mipro.Module):
    """A program that goes on, as many do, where a call fails."""

    def __init__(self, *, raises=None):
        self.solve = mipro.Predict("question -> answer")
        self.raises = raises

    def forward(self, question):
        try:
            return self.solve(question=question)
        except Exception as error:
            if self.raises is not None:
                raise self.raises from error
            return mipro.Prediction(answer="")


class CatchesInThreads(Catches):
    def forward(self, question):
        with ThreadPoolExecutor() as pool:
            return pool.submit(super().forward, question).result()


@pytest.mark.parametrize(
    "student", [Catches(), Catches(raises=ValueError("no answer")), CatchesInThreads()]
)
def test_an_lm_that_cannot_answer_is_told_though_the_program_catches_it(student):
    with ScriptedServer(solve, api_key="another") as server:
        mipro.configure(lm=lm_of(server))
        with pytest.raises(LMUnavailableError, match="refused the key"):
            Evaluate(devset=rows(50), metric=right, num_threads=4)(student)
        assert server.count <= 4


def test_a_judge_that_cannot_answer_is_told_though_the_metric_catches_it():
    with ScriptedServer(solve) as server:
        mipro.configure(lm=lm_of(server))
        judge = Catches()
        judge.set_lm(mipro.LM("unheard", base_url="http://127.0.0.1:9/v1", num_retries=0))
        with pytest.raises(LMUnavailableError, match="Cannot reach"):
            Evaluate(devset=rows(50), metric=lambda e, p: judge(question=e.question).answer == "")(
                program()
            )


class FallsBack(mipro.Module):
    """A program that asks another LM where the first one fails."""

    def __init__(self, first, second):
        self.solve = mipro.Predict("question -> answer")
        self.lms = [first, second]

    def forward(self, question):
        try:
            self.solve.set_lm(self.lms[0])
            return self.solve(question=question)
        except mipro.errors.LMError:
            self.solve.set_lm(self.lms[1])
            return self.solve(question=question)


def test_an_lm_that_answers_in_place_of_one_that_cannot_is_scored_and_told(capsys):
    with ScriptedServer(solve, api_key=KEY) as server:
        gone = mipro.LM("gone", base_url="http://127.0.0.1:9/v1", num_retries=0)
        refused = lm_of(server, api_key="another")
        for first in (gone, refused):
            spare = mipro.LM("openai/spare", base_url=server.base_url, api_key=KEY)
            student = FallsBack(first, spare)
            result = Evaluate(devset=rows(4), metric=right, num_threads=1)(student)
            assert (result.score, result.failed) == (100.0, [])
            notes = result.to_dataframe()["notes"]
            assert all(n.startswith("Another LM answered in place of a call") for n in notes)
            assert "4 examples of 4 met failed LM calls" in capsys.readouterr().out
        same = FallsBack(refused, refused)
        with pytest.raises(LMUnavailableError, match="refused the key"):
            Evaluate(devset=rows(4), metric=right)(same)


def test_a_judge_that_answers_makes_up_for_no_outage_of_the_program():
    with ScriptedServer(solve) as server:
        mipro.configure(lm=mipro.LM("gone", base_url="http://127.0.0.1:9/v1", num_retries=0))
        judge = program()
        judge.set_lm(lm_of(server))

        def judged(example, prediction):
            return judge(question=example.question).answer == prediction.answer

        with pytest.raises(LMUnavailableError, match="Cannot reach"):
            Evaluate(devset=rows(4), metric=judged)(Catches())


@pytest.mark.parametrize("shortened", [True, False])
def test_a_prompt_too_long_counts_unless_a_shorter_form_of_it_is_answered(shortened):
    class Parts(mipro.Module):
        def __init__(self):
            self.solve = mipro.Predict("question, notes -> answer")

        def forward(self, question):
            notes = "first\nmany\nlast"
            try:
                self.solve(question=question, notes=notes)
            except mipro.errors.PromptTooLongError:
                notes = "first\nlast" if shortened else "others"
            return self.solve(question=question, notes=notes)

    def short_context(request):
        if "many" in request.last_user:
            return Reply("The prompt is too long for the context length.", status=400)
        return solve(request)

    with ScriptedServer(short_context) as server:
        mipro.configure(lm=lm_of(server))
        (one,) = Evaluate(devset=rows(1), metric=lambda e, p: True)(Parts()).results
    assert (one.error, len(one.caught)) == (None, 0 if shortened else 1)


def test_what_a_program_does_without_one_failed_call_is_scored_and_told(capsys):
    with ScriptedServer(solve_unless({2: FAILING, 3: Reply("No.", status=400)})) as server:
        mipro.configure(lm=lm_of(server))
        result = Evaluate(devset=rows(6), metric=right, max_errors=1)(Catches())
    assert result.score == 66.67
    assert result.failed == []
    assert [bool(each.caught) for each in result.results] == [n in (2, 3) for n in range(6)]
    assert "2 examples of 6 met failed LM calls" in capsys.readouterr().out
    notes = result.to_dataframe()["notes"]
    assert notes[2].startswith("A failed LM call was caught: ")
    assert notes[1] == ""


def test_an_error_that_fails_its_example_is_not_caught_as_well():
    with ScriptedServer(solve_unless({2: FAILING})) as server:
        mipro.configure(lm=lm_of(server))
        result = Evaluate(devset=rows(4), metric=right)(program())
    assert [each.index for each in result.failed] == [2]
    assert [each.caught for each in result.results] == [()] * 4


def test_programs_in_flight_are_as_many_as_num_threads():
    for threads in (1, 3):
        with ScriptedServer(solve, latency=0.2) as server:
            mipro.configure(lm=lm_of(server))
            Evaluate(devset=rows(2 * threads), metric=right, num_threads=threads)(program())
            assert server.max_in_flight == threads


def test_parameters_of_the_call_replace_those_of_the_constructor():
    with ScriptedServer(solve, latency=0.2) as server:
        mipro.configure(lm=lm_of(server))
        evaluate = Evaluate(devset=rows(20), metric=right, num_threads=1)
        never = evaluate(program(), devset=rows(4), metric=lambda e, p: False, num_threads=4)
        assert (never, len(never.results)) == (0.0, 4)
        assert server.max_in_flight == 4
        assert len(evaluate.devset) == 20


class Meets(mipro.Module):
    """A sync program that goes on only when eight of it run at once."""

    def __init__(self):
        self.barrier = threading.Barrier(8)

    def forward(self, question):
        self.barrier.wait(timeout=60)
        return mipro.Prediction(answer="")


def test_sync_programs_run_at_once_too():
    result = Evaluate(devset=rows(24), metric=right, num_threads=8)(Meets())
    assert result.failed == []


async def test_it_can_be_awaited_and_the_loop_goes_on(server):
    beats = 0

    async def heart():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(heart())
    result = await Evaluate(devset=rows(8), metric=right).acall(program())
    beating.cancel()
    assert result == 100.0
    assert beats > 1


async def test_it_blocks_within_a_running_loop_if_it_is_called(server):
    assert Evaluate(devset=rows(4), metric=right)(program()) == 100.0


async def test_a_cancelled_evaluation_sends_nothing_more():
    with ScriptedServer(solve, latency=0.05) as server:
        mipro.configure(lm=lm_of(server))
        evaluate = Evaluate(devset=rows(40), metric=right, num_threads=2)
        task = asyncio.create_task(evaluate.acall(program()))
        while server.count < 4:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        begun = server.count
        await asyncio.sleep(0.2)
        assert server.count <= begun + 2


def test_a_metric_that_raises_on_the_first_example_is_told_with_it(server):
    def typo(example, prediction, trace=None):
        return example.anwser == prediction.answer

    with pytest.raises(MetricError, match="typo raised AttributeError") as caught:
        Evaluate(devset=rows(30), metric=typo, num_threads=1)(program())
    assert "0 plus 1" in str(caught.value)
    assert server.count == 1


def test_a_metric_that_returns_nothing_is_told_once(server):
    with pytest.raises(MetricError, match="returned None"):
        Evaluate(devset=rows(30), metric=lambda e, p: None, num_threads=1)(program())
    assert server.count == 1


def test_a_data_frame_has_a_row_per_example(misbehaving, capsys):
    frame = Evaluate(devset=rows(4), metric=lambda e, p: Score(1, "fine"))(program()).to_dataframe()
    assert list(frame.columns) == [
        "question", "answer", "pred_answer", "score", "feedback", "error",
    ]  # fmt: skip
    assert list(frame["pred_answer"])[:2] == ["1", "2"]
    assert list(frame["score"]) == [1, 1, 0, 0]
    assert list(frame["error"].isna()) == [True, True, False, False]


class InAThread(mipro.Module):
    """Calls its predictor in a thread of its own."""

    def __init__(self):
        self.solve = mipro.Predict("question -> answer")

    def forward(self, question):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self.solve, question=question).result()


@pytest.mark.parametrize("student", [program, InAThread])
def test_what_was_read_in_another_form_is_told_beside_the_prediction(student, capsys):
    unusual = {1: "2", 2: UNREADABLE}

    def answer(request):
        if len(request.messages) > 2:  # asked for again
            return "answer: 4" if "3 plus 1" in request.texts[1] else UNREADABLE
        return solve_unless({**unusual, 3: UNREADABLE})(request)

    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server))
        result = Evaluate(devset=rows(4), metric=right)(student())
    unmarked = "'answer' was read without its mark"
    again = "The reply was asked for again: The field 'answer' is missing."
    assert [each.notes for each in result.results] == [(), (unmarked,), (), (again,)]
    assert list(result.to_dataframe()["notes"]) == ["", unmarked, "", again]
    assert "2 examples of 4 got replies in another form than asked for" in capsys.readouterr().out
    copied = pickle.loads(pickle.dumps(result))  # noqa: S301 - ours
    assert copied.results[1].notes == (unmarked,)


def test_a_note_that_holds_for_many_replies_is_told_once():
    class Votes(mipro.Module):
        def __init__(self):
            self.solve = mipro.Predict("question -> answer")

        def forward(self, question):
            answers = [self.solve(question=question) for _ in range(3)]
            return answers[0]

    with ScriptedServer(lambda _: "1") as server:
        mipro.configure(lm=lm_of(server))
        result = Evaluate(devset=rows(1), metric=right)(Votes())
    assert result.results[0].notes == ("'answer' was read without its mark",)


def test_how_the_metric_s_own_lm_replies_is_not_told_of_the_prediction():
    judge = mipro.Predict("question -> verdict")
    with ScriptedServer(
        lambda request: "yes" if "verdict" in request.system else solve(request)
    ) as server:
        mipro.configure(lm=lm_of(server))
        asked = Evaluate(devset=rows(1), metric=lambda e, p: bool(judge(question=e.question)))
        assert asked(program()).results[0].notes == ()


def test_predictions_of_any_kind_are_shown_in_the_frame():
    class Bare(mipro.Module):
        def forward(self, question):
            return question.upper()

    result = Evaluate(devset=rows(1), metric=lambda e, p: p.endswith("1"))(Bare())
    assert list(result.to_dataframe()["prediction"]) == ["0 PLUS 1"]


@pytest.mark.parametrize(("shown", "lines"), [(True, 5), (2, 3), (False, 0), (0, 0)])
def test_the_table_is_printed_if_asked_for(server, capsys, shown, lines):
    Evaluate(devset=rows(4), metric=right, display_table=shown)(program())
    assert len(capsys.readouterr().out.splitlines()) == lines
    Evaluate(devset=rows(4), metric=right)(program(), display_table=shown)
    assert len(capsys.readouterr().out.splitlines()) == lines


def test_progress_is_shown_if_asked_for(server, capsys):
    evaluate = Evaluate(devset=rows(6), metric=right, display_progress=True)
    evaluate(program())
    shown = capsys.readouterr().err
    assert "6/6" in shown
    assert "score 100.0" in shown
    evaluate(program(), display_progress=False)
    assert capsys.readouterr().err == ""


async def test_progress_is_shown_while_awaited(server, capsys):
    await Evaluate(devset=rows(6), metric=right, display_progress=True).acall(program())
    assert "6/6" in capsys.readouterr().err


def test_results_can_be_pickled(server):
    result = Evaluate(devset=rows(3), metric=right)(program())
    again = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own
    assert (again, again.results) == (result, result.results)
    assert isinstance(again, EvaluationResult)
    assert isinstance(again.results[0], ExampleResult)


def test_equal_calls_are_answered_from_the_record(server):
    evaluate = Evaluate(devset=rows(6), metric=right)
    assert evaluate(program()) == evaluate(program()) == 100.0
    assert server.count == 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"devset": []}, "devset=\\[\\]: it is empty"),
        ({"devset": "rows"}, "give a list of Example"),
        ({"devset": None}, "give a list of Example"),
        ({"devset": [{"question": "?"}]}, "devset\\[0\\]"),
        ({"devset": [mipro.Example(question="?")]}, "devset\\[0\\].*with_inputs"),
        ({"num_threads": 0}, "num_threads=0: give a whole number of at least 1"),
        ({"num_threads": 1.5}, "num_threads=1.5"),
        ({"num_threads": True}, "num_threads=True"),
        ({"max_errors": 0}, "max_errors=0"),
        ({"max_errors": -1}, "max_errors=-1"),
        ({"display_progress": "no"}, "display_progress='no': give True or False"),
        ({"display_table": "all"}, "display_table='all': give True, False or a number"),
        ({"display_table": -1}, "display_table=-1"),
    ],
)
def test_bad_arguments_are_refused(given, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Evaluate(**{"devset": rows(2), "metric": right, **given})


def test_bad_arguments_of_the_call_are_refused(server):
    evaluate = Evaluate(devset=rows(2), metric=right)
    with pytest.raises(InvalidArgumentError, match="give a Module"):
        evaluate("question -> answer")
    with pytest.raises(InvalidArgumentError, match="names no prompt"):
        evaluate(lambda question: question)
    with pytest.raises(InvalidArgumentError, match="devset"):
        evaluate(program(), devset=[])
    with pytest.raises(InvalidArgumentError, match="num_threads"):
        evaluate(program(), num_threads=0)
    with pytest.raises(InvalidArgumentError, match="display_progress"):
        evaluate(program(), display_progress=1)
    with pytest.raises(InvalidArgumentError, match="display_table"):
        evaluate(program(), display_table=2.5)
    with pytest.raises(InvalidArgumentError, match="display_table"):
        asyncio.run(evaluate.acall(program(), display_table="all"))
    with pytest.raises(MetricError, match="cannot be called so"):
        evaluate(program(), metric=lambda: True)
    with pytest.raises(InvalidArgumentError, match="metric"):
        Evaluate(devset=rows(2))(program())
    assert server.count == 0


def test_without_an_lm_the_error_says_what_to_configure():
    with pytest.raises(LMNotConfiguredError, match="No LM is configured: call configure"):
        Evaluate(devset=rows(3), metric=right)(program())


def test_an_lm_that_was_loaded_without_its_key_ends_the_evaluation(server):
    student = program()
    student.set_lm(pickle.loads(pickle.dumps(lm_of(server))))  # noqa: S301 - our own
    mipro.configure(lm=None)
    with pytest.raises(LMNotConfiguredError, match="loaded without its key"):
        Evaluate(devset=rows(3), metric=right)(student)


def test_a_module_without_forward_is_told():
    class Empty(mipro.Module):
        pass

    with pytest.raises((ProgramError, TooManyErrorsError), match="neither forward nor aforward"):
        Evaluate(devset=rows(30), metric=right)(Empty())


def test_a_reply_that_is_cut_off_fails_that_example():
    with ScriptedServer(lambda _: Reply("answer: 1", finish_reason="length")) as server:
        mipro.configure(lm=lm_of(server))
        result = Evaluate(devset=rows(1), metric=right)(program())
    assert "max_tokens" in str(result.failed[0].error)


def points(example, prediction, trace=None):
    """90 of 100 points for even questions, 40 for odd ones, none for a wrong answer."""
    if not right(example, prediction):
        return 0
    return 40 if int(example.answer) % 2 == 0 else 90


def test_points_of_100_are_the_score_as_they_are(server):
    evaluate = Evaluate(devset=rows(8), metric=points)
    result = evaluate(program())
    assert result.score == 65.0
    assert [each.score for each in result.results] == [90, 40] * 4
    assert result.interval == pytest.approx((32.1, 88.0), abs=0.5)
    assert list(result.to_dataframe()["score"]) == [90, 40] * 4


def test_the_bar_shows_points_as_they_are(server, capsys):
    Evaluate(devset=rows(8), metric=points, display_progress=True)(program())
    assert "score 65.0" in capsys.readouterr().err


@pytest.mark.parametrize("score", [101, 1e4])
def test_more_than_100_points_are_refused(server, score):
    with pytest.raises(MetricError, match="Scores go up to 1, or up to 100 where any is above 1"):
        Evaluate(devset=rows(2), metric=lambda e, p: score)(program())


def test_a_score_that_is_rounded_above_1_is_1(server):
    result = Evaluate(devset=rows(2), metric=lambda e, p: 1.0000000000000002)(program())
    assert result == 100.0
    assert result.interval[1] == 100.0


def asked_in(request):
    """The questions of a prompt: those of its demos, and its own."""
    return [message["content"] for message in request.messages if message["role"] == "user"]


def test_a_demo_made_of_the_row_is_left_out_of_its_prompt_alone(server, capsys):
    few_shot = program()
    few_shot.demos = [*rows(2), mipro.Example(question="9 plus 1", answer="10", more=[1])]
    before = few_shot.dump_state()
    Evaluate(devset=rows(4), metric=right)(few_shot)
    shown = {asked[-1]: asked[:-1] for asked in map(asked_in, server.requests)}
    every = ["question: 0 plus 1", "question: 1 plus 1", "question: 9 plus 1"]
    assert shown == {
        "question: 0 plus 1": every[1:],
        "question: 1 plus 1": [every[0], every[2]],
        "question: 2 plus 1": every,
        "question: 3 plus 1": every,
    }
    assert "2 examples of 4 had the inputs of a demo" in capsys.readouterr().out
    assert few_shot.dump_state() == before
    # A call of it gets the demos that it has.
    few_shot(question="0 plus 1")
    assert asked_in(server.requests[-1])[:-1] == every


def test_a_demo_of_a_step_that_holds_the_row_s_inputs_is_left_out(server):
    class Steps(mipro.Module):
        def __init__(self):
            self.check = mipro.Predict("question, draft -> answer")

        def forward(self, question):
            return self.check(question=question, draft="?")

    steps = Steps()
    steps.check.demos = [row.copy(draft="!") for row in rows(2)]
    Evaluate(devset=rows(1), metric=lambda e, p: True)(steps)
    (request,) = server.requests
    assert asked_in(request) == ["question: 1 plus 1\ndraft: !", "question: 0 plus 1\ndraft: ?"]
