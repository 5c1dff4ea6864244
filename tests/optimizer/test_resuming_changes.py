"""Resuming a run says what is different: LMs, rows, code; and why nothing is."""

from __future__ import annotations

import datetime as dt
import decimal
import threading
from pathlib import Path

import pytest
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.optimizer.planning.specification.lms import changes_of_lms
from mipro_nb.optimizer.running.run import runs_here

pytestmark = pytest.mark.slow

TRAIN, VAL = rows(12), rows(24, start=1000)
ASKED_NOBODY = {"requires_permission_to_run": False}


@pytest.fixture
def record(tmp_path):
    return tmp_path / "record.sqlite"


def optimizer(metric=exact, **requested):
    return mipro.MIPROv2(
        metric,
        num_candidates=4,
        num_threads=6,
        max_bootstrapped_demos=2,
        max_labeled_demos=3,
        **requested,
    )


def begun(record, student=None, metric=exact, train=TRAIN, val=VAL, **settings):
    return optimizer(metric).start(
        student or Solve(),
        trainset=train,
        valset=val,
        record=record,
        **{"num_trials": 8, "minibatch_size": 6, **ASKED_NOBODY, **settings},
    )


def cut_short(record, lm=None, own=None, after=30, **settings):
    """Begin a run and stop it after so many requests."""
    reached = threading.Event()

    def answer_and_tell(request):
        if request.number == after:
            reached.set()
        return answer(request)

    with ScriptedServer(answer_and_tell, latency=0.005) as server:
        mipro.configure(lm=lm_of(server, **{"cache": False, **(lm or {})}))
        student = None if own is None else Own(lm_of(server, **own))
        run = begun(record, **{"student": student, **settings})
        assert reached.wait(60)
        run.stop()
        run.wait()
    assert run.status == "stopped"
    return run


def resumed(run, *, lm=None, own=None, student=None, metric=exact, **settings):
    """Resume a run with an LM of these parameters, asking nobody; return it."""
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, **{"cache": False, **(lm or {})}))
        if own is not None:
            student = Own(lm_of(server, **own))
        try:
            program = optimizer(metric).resume(
                run.id,
                student or Solve(),
                record=run.record.path,
                **{**ASKED_NOBODY, **settings},
            )
        except InvalidArgumentError:
            assert server.requests == []
            raise
    return program.run


class Own(mipro.Module):
    """A program whose predictor has an LM of its own."""

    def __init__(self, lm):
        super().__init__()
        self.solve = mipro.Predict("question -> answer")
        self.solve.lm = lm

    def forward(self, question):
        return self.solve(question=question)


OTHERS = {
    "temperature": ({"temperature": 0.7}, "temperature 0.0 → 0.7"),
    "longest reply": ({"max_tokens": 50}, "max_tokens none → 50"),
    "seed": ({"seed": 3}, "seed none → 3"),
    "sampling": ({"top_p": 0.5}, "top_p none → 0.5"),
    "form": ({"structured_outputs": True}, "structured_outputs False → True"),
    "price": ({"price": (50.0, 100.0)}, "price [1.0, 2.0, None] → [50.0, 100.0, None]"),
    "server": (
        {"base_url": "http://lms.example:8000/v1/a-secret-segment-9"},
        "server http://127.0.0.1/v1 → http://lms.example:8000/v1/…",
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_parameters_of_an_lm_are_told_before_anything_is_paid_again(record, other):
    parameters, line = OTHERS[other]
    run = cut_short(record)
    with pytest.raises(InvalidArgumentError) as told:
        resumed(run, lm=parameters)
    assert str(told.value).endswith(f"task and prompt LM: {line}")
    assert "secret" not in str(told.value)


def test_the_question_tells_of_another_lm_and_a_yes_is_enough(record, capsys):
    run = cut_short(record)
    with pytest.raises(mipro.errors.PermissionUnansweredError):
        resumed(run, lm={"temperature": 0.7}, requires_permission_to_run=True)
    assert "task and prompt LM: temperature 0.0 → 0.7" in capsys.readouterr().out
    assert resumed(run, lm={"temperature": 0.7}, accept_changes=True).status == "finished"


def test_the_lm_of_a_predictor_counts_too(record):
    run = cut_short(record, own={"cache": False})
    with pytest.raises(InvalidArgumentError, match=r"predictor solve: temperature 0\.0 → 1\.0"):
        resumed(run, own={"temperature": 1.0})
    with pytest.raises(InvalidArgumentError, match=r"predictor solve: model.* → none of its own"):
        resumed(run, student=Own(None))
    assert resumed(run, own={"num_retries": 2}).status == "finished"


def test_a_teacher_that_joins_is_told_and_lms_that_changed_alike_are_told_together():
    before = {"task": {"temperature": 0.0}, "prompt": {"temperature": 0.0}, "predictor a": {}}
    now = {role: {"temperature": 1.0} for role in before}
    assert list(changes_of_lms(before, {**now, "teacher": {"seed": 3}})) == [
        ("temperature", "task and prompt LM: temperature 0.0 → 1.0"),
        ("temperature", "predictor a: temperature none → 1.0"),
        ("model", "teacher LM: none of its own → seed 3"),
    ]


NO_CHANGES = {
    "key": {"api_key": "another-key-of-a-test"},
    "patience": {"num_retries": 2, "timeout": 30.0},
    "cache": {"cache": True},
    "names in another order": {"stop": ["\n\n"], "top_p": 0.5, "logit_bias": {"2": 1, "1": 1}},
}


@pytest.mark.parametrize("same", NO_CHANGES)
def test_what_changes_no_answer_and_no_price_is_no_change(record, same):
    begun_with = {}
    if same == "names in another order":
        begun_with = {"logit_bias": {"1": 1, "2": 1}, "top_p": 0.5, "stop": ["\n\n"]}
    run = cut_short(record, lm=begun_with)
    assert resumed(run, lm=NO_CHANGES[same]).status == "finished"


def test_no_key_is_written_down_with_the_lms(record):
    run = cut_short(record, lm={"extra_headers": {"Authorization": "Bearer a-very-secret-key-1"}})
    said = run.events()[0].event.model_dump_json()
    assert '"extra_headers":"(not shown)"' in said
    assert "very-secret" not in said
    assert "key-of-a-test" not in said


@pytest.mark.parametrize("other", [{"temperature": 0.7}, {"max_tokens": 50}])
def test_compile_begins_anew_with_another_lm_and_says_so(record, other):
    run = cut_short(record)
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False, **other))
        another = begun(record, resume=True)
        another.stop()
        another.wait()
    assert another.id != run.id
    assert f"No run to resume: the most alike, {run.id}, is different in the LMs." in str(
        another.plan
    )


def test_compile_goes_on_at_another_price_and_says_so(record):
    run = cut_short(record)
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False, price=(3.0, 4.0)))
        same = begun(record, resume=True)
        same.stop()
        same.wait()
    assert same.id == run.id
    assert "task and prompt LM: price [1.0, 2.0, None] → [3.0, 4.0, None]" in str(same.plan)


def another_metric(example, prediction):
    return prediction.answer == example.answer


REASONS = {
    "data": ({"val": rows(24, start=2000)}, "is different in the data."),
    "format": ({"prompt_format": "tags"}, "is different in the prompt format and the student."),
    "setting": ({"num_trials": 9}, "is different in num_trials."),
    "metric": ({"metric": another_metric}, "is different in the metric's code."),
    "two": ({"seed": 1, "metric": another_metric}, "in seed and the metric's code."),
}


@pytest.mark.parametrize("reason", REASONS)
def test_compile_tells_why_there_is_nothing_to_resume(record, reason):
    other, said = REASONS[reason]
    run = cut_short(record)
    cut_short(record, metric=another_metric, val=rows(24, start=3000), seed=2, num_trials=7)
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        another = begun(record, resume=True, **other)
        another.stop()
        another.wait()
    (note,) = (note for note in another.plan.notes if note.startswith("No run to resume"))
    assert run.id in note
    assert said in note


def test_compile_tells_where_nothing_was_begun(record):
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        run = begun(record, resume=True)
        run.stop()
        run.wait()
    assert "No run to resume: none of Solve in this record was cut off" in str(run.plan)


class Dated(mipro.Module):
    def __init__(self):
        super().__init__()
        self.solve = mipro.Predict("question, extra -> answer")

    def forward(self, question, extra):
        return self.solve(question=question, extra=extra)


def with_extra(examples, value):
    return [row.copy(extra=value).with_inputs("question", "extra") for row in examples]


LOST = {
    "date": dt.date(2020, 1, 1),
    "datetime": dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC),
    "Decimal": decimal.Decimal("1.50"),
    "PosixPath": Path("/a/b"),
    "set": {1, 2},
    "bytes": b"ab",
    "int": {1: "keys that are numbers"},
}


@pytest.mark.parametrize("kind", LOST)
def test_rows_that_json_does_not_give_back_are_asked_for(record, kind, monkeypatch):
    data = {"train": with_extra(TRAIN, LOST[kind]), "val": with_extra(VAL, LOST[kind])}
    run = cut_short(record, student=Dated(), **data)
    with monkeypatch.context() as patch:
        patch.setattr(runs_here, "_begun", {})  # as in another session
        with pytest.raises(InvalidArgumentError, match=rf"^trainset=None.*extra holds a {kind}"):
            resumed(run, student=Dated())
        again = resumed(run, student=Dated(), trainset=data["train"], valset=data["val"])
    assert again.status == "finished"


def of_2020(example, prediction):
    return prediction.answer == example.answer and example.extra.year == 2020


@pytest.mark.parametrize("kind", ["date", "Decimal", "set"])
def test_demos_made_of_such_rows_are_prompted_as_before(tmp_path, kind):
    data = {"train": with_extra(TRAIN, LOST[kind]), "val": with_extra(VAL, LOST[kind])}
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        whole = begun(tmp_path / "whole.sqlite", student=Dated(), **data)
        whole.wait()
    run = cut_short(tmp_path / "record.sqlite", after=70, student=Dated(), **data)
    assert "search" in run.state.phases
    again = resumed(run, student=Dated(), trainset=data["train"], valset=data["val"])
    assert again.state.spend.calls <= whole.state.spend.calls
    assert trials_of(again) == trials_of(whole)


def trials_of(run):
    return {n: (trial.configuration, trial.score) for n, trial in run.state.trials.items()}


def test_rows_of_this_session_are_at_hand(record):
    day = LOST["date"]
    data = {"train": with_extra(TRAIN, day), "val": with_extra(VAL, day)}
    run = cut_short(record, student=Dated(), metric=of_2020, **data)
    again = resumed(run, student=Dated(), metric=of_2020)
    assert (again.status, again.state.errors) == ("finished", {})


@pytest.mark.parametrize("value", [(1, 2), [1, {"a": None}], 0.5, float("nan"), True, "text"])
def test_rows_that_json_gives_back_are_taken_from_the_record(record, value):
    data = {"train": with_extra(TRAIN, value), "val": with_extra(VAL, value)}
    run = cut_short(record, student=Dated(), **data)
    assert resumed(run, student=Dated()).status == "finished"


def test_code_without_source_is_said_to_be_so(record):
    run = cut_short(record)
    made = {}
    exec("def exact(example, prediction):\n    return True", made)  # noqa: S102 - as some users do
    with pytest.raises(InvalidArgumentError) as told:
        resumed(run, metric=made["exact"])
    assert "The metric's code cannot be compared: its source is not available" in str(told.value)
    assert "-def exact" not in str(told.value)


def test_a_valset_alone_is_not_passed_over(record):
    run = cut_short(record)
    with pytest.raises(InvalidArgumentError, match=r"valset.*trainset"):
        optimizer().resume(run.id, Solve(), valset=VAL, record=record, **ASKED_NOBODY)
