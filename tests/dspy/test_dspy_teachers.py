"""A teacher of DSPy's: the program that bootstraps demos in the student's place."""

from __future__ import annotations

import logging

import pytest

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError

pytest.importorskip("dspy.primitives", reason="needs the extra `dspy`")
import dspy

from mipro_nb.dspy import MIPROv2

pytestmark = pytest.mark.slow


def right(example, prediction, trace=None):
    return str(example.answer) == str(prediction.answer).strip()


def optimizer(metric=right, **settings):
    return MIPROv2(metric=metric, auto=None, num_candidates=4, num_threads=4, **settings)


def given(rows, **settings):
    settings = {"requires_permission_to_run": False, "num_trials": 3, **settings}
    return {"trainset": rows, **settings}


def program_that_says(instruction, *demos):
    made = dspy.ChainOfThought(dspy.Signature("question -> answer", instruction))
    made.predict.demos = [dspy.Example(question=q, answer=a) for q, a in demos]
    return made


def asked_in(server, instruction):
    return [request for request in server.requests if instruction in request.system]


def test_a_teacher_bootstraps_with_its_own_instruction_demos_and_lm(server, rows, lm_at):
    teacher = program_that_says("Be the teacher.", ("How much is 500 + 1?", "501"))
    teacher.set_lm(lm_at(server, "openai/gpt-4.1"))
    student = dspy.ChainOfThought("question -> answer")
    optimized = optimizer().compile(student, teacher=teacher, **given(rows))
    taught = asked_in(server, "Be the teacher.")
    assert {request.model for request in taught} == {"gpt-4.1"}
    assert all("500 + 1" in str(request.texts) for request in taught)
    calls = mipro.runs.load(optimized.run_id).calls_dataframe()
    assert set(calls[calls["phase"] == "bootstrap"]["model"]) == {"openai/gpt-4.1"}
    assert set(calls[calls["phase"] == "search"]["model"]) == {"openai/gpt-4o-mini"}
    assert teacher.predict.demos[0].answer == "501"
    assert optimized.predict.lm is None


def test_a_teacher_without_demos_is_given_labelled_ones(server, rows):
    teacher = program_that_says("Be the teacher.")
    optimizer().compile(program_that_says("Be the student."), teacher=teacher, **given(rows))
    for request in asked_in(server, "Be the teacher."):
        assert len(request.messages) > 2


def test_of_several_teachers_each_takes_its_turn(server, rows):
    teachers = [program_that_says("Be the first."), program_that_says("Be the second.")]
    optimizer().compile(program_that_says("Be good."), teacher=teachers, **given(rows))
    assert asked_in(server, "Be the first.")
    assert asked_in(server, "Be the second.")


def test_settings_for_the_teacher_hold_while_it_bootstraps(server, rows):
    class Marked(dspy.ChatAdapter):
        def format(self, signature, demos, inputs):
            first, *rest = super().format(signature, demos, inputs)
            return [{**first, "content": f"{first['content']}\nBe the teacher."}, *rest]

    made = optimizer(teacher_settings={"adapter": Marked()})
    optimized = made.compile(program_that_says("Be good."), **given(rows))
    calls = mipro.runs.load(optimized.run_id).calls_dataframe()
    bootstrapping = calls[calls["phase"] == "bootstrap"]
    assert len(asked_in(server, "Be the teacher.")) == (~bootstrapping["from_cache"]).sum()


def test_a_setting_for_the_teacher_that_dspy_does_not_have_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"teacher_settings=.*'temper'"):
        optimizer(teacher_settings={"temper": 0.5})


def test_the_plan_tells_of_the_teacher(server, rows):
    plan = optimizer().plan(
        program_that_says("Be good."), teacher=program_that_says("Be the first."), **given(rows)
    )
    assert any("teacher" in note and "bootstraps demos" in note for note in plan.notes)
    assert server.count == 0


@pytest.mark.parametrize(
    ("teacher", "told"),
    [
        ("the teacher", "give a dspy.Module"),
        (dspy.Predict("question -> answer"), "its predictors are"),
        (dspy.ChainOfThought("question, hint -> answer"), "'hint'"),
    ],
)
def test_what_cannot_teach_is_refused_before_any_call(server, rows, teacher, told):
    with pytest.raises(InvalidArgumentError, match=rf"teacher=.*{told}"):
        optimizer().compile(program_that_says("Be good."), teacher=teacher, **given(rows))
    assert server.count == 0


def test_a_run_is_resumed_with_its_teacher(server, rows):
    teacher, student = program_that_says("Be the teacher."), program_that_says("Be good.")
    made = optimizer()
    capped = made.compile(student, teacher=teacher, **given(rows, max_calls=40))
    wider = {"requires_permission_to_run": False, "max_calls": 10_000}
    with pytest.raises(InvalidArgumentError, match="The teacher changed"):
        made.resume(capped.run_id, student, **wider)
    best = made.resume(capped.run_id, student, teacher=teacher, **wider)
    assert server.count == mipro.runs.load(best.run_id).state.spend.calls


@pytest.mark.parametrize("by_settings", [False, True])
def test_tracebacks_of_failed_examples_are_logged_where_they_are_asked_for(
    server, rows, caplog, by_settings
):
    def fails_at_times(example, prediction, trace=None):
        if trace is None and "3" in example.question:
            wrong = "a mistake of mine"
            raise ValueError(wrong)
        return right(example, prediction)

    caplog.set_level(logging.ERROR)
    settings = {"provide_traceback": None if by_settings else True, "max_calls": 120}
    with dspy.context(provide_traceback=by_settings):
        optimizer(fails_at_times, max_errors=100).compile(
            program_that_says("Be good."), **given(rows, **settings)
        )
    assert "in fails_at_times" in caplog.text
    assert "a mistake of mine" in caplog.text
