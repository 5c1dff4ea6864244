"""A run that measures the prompt format first: when it does, what it finds, that it keeps it."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Reply, ScriptedServer
from scripted_task import (
    PlanAndSolve,
    Solve,
    answer,
    exact,
    exact_but_for_one,
    kind,
    lm_of,
    rows,
)

import mipro_nb as mipro
from mipro_nb.errors import LMUnavailableError
from mipro_nb.language.formats import models
from mipro_nb.language.formats.models import KnownModel
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.notebook.saved.static_html import run_html
from mipro_nb.notebook.saved.static_text import run_text
from mipro_nb.optimizer.phases.measure_formats import best_of
from mipro_nb.runs import open_record
from mipro_nb.runs.events import FormatMeasured
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.view import RunView

TRAIN, VAL = rows(24), rows(6, start=1000)
REQUESTED = {"num_candidates": 2, "max_bootstrapped_demos": 1, "max_labeled_demos": 1}
FORMS = {
    "lines": "\nanswer: <answer>",
    "tags": "<answer>the answer</answer>",
    "json": '{"answer": <answer>}',
    "value": "Answer with the value of this field and nothing else:",
}


def form_of(request):
    """The format that a task prompt asks for."""
    return next(name for name, form in FORMS.items() if form in request.system)


def sum_of(request):
    """The numbers of the question, and their sum."""
    first, second = re.findall(r"(\d+) plus (\d+)", request.messages[-1]["content"])[-1]
    return int(first), int(first) + int(second)


def in_its_form(request, value):
    """The reply that gives an answer in the form that is asked for."""
    forms = {"lines": "answer: {}", "tags": "<answer>{}</answer>", "json": '{{"answer": "{}"}}'}
    text = forms.get(form_of(request), "{}").format(value)
    tokens = {"prompt_tokens": count_message_tokens(request.messages)}
    return Reply(text, completion_tokens=count_tokens(text), **tokens)


def well_in_tags(request):
    """An LM that adds up where it may answer in tags, and nowhere else."""
    if kind(request) != "task":
        return answer(request)
    return in_its_form(request, sum_of(request)[1] if form_of(request) == "tags" else "no idea")


def half_right(request):
    """An LM that gets other sums right in every format."""
    if kind(request) != "task":
        return answer(request)
    number, total = sum_of(request)
    place = list(FORMS).index(form_of(request))
    return in_its_form(request, total if (number + place) % (2 + place) else "no idea")


def unnamed(server, **settings):
    """An LM of which it is not known how it is asked best."""
    return lm_of(server, **{"prompt_format": None, **settings})


@pytest.fixture
def server():
    with ScriptedServer(well_in_tags) as running:
        mipro.configure(lm=unnamed(running))
        yield running
    assert running.exceptions == []


def optimizer(**requested):
    return mipro.MIPROv2(exact_but_for_one, **{**REQUESTED, **requested})


SEARCH = {"trainset": TRAIN, "valset": VAL, "num_trials": 1, "minibatch": False}


def begun(student=None, requested=(), **settings):
    settings = {**SEARCH, "requires_permission_to_run": False, **settings}
    return optimizer(**dict(requested)).start(student or Solve(), **settings)


def finished(student=None, requested=(), **settings):
    run = begun(student, requested, **settings)
    run.wait()
    return run


def planned(student=None, **settings):
    return optimizer().plan(student or Solve(), **{**SEARCH, **settings})


def told(run, kind_of_event):
    return [each.event for each in run.events() if each.event.type == kind_of_event]


def questions_measured(run):
    """Format → the questions that the program was asked while formats were measured."""
    asked = defaultdict(list)
    for call in told(run, "lm_call_answered"):
        if call.phase == "formats":
            system = json.loads(run.record.text(call.prompt_head))["messages"][0]["content"]
            name = next(name for name, form in FORMS.items() if form in system)
            text = json.loads(run.record.text(call.prompt_tail))["content"]
            asked[name].append(re.search(r"\d+ plus \d+", text)[0])
    return {name: sorted(questions) for name, questions in asked.items()}


def snapshot_of(run):
    view = RunView(run.record, run.id)
    view.apply(run.events())
    return view.snapshot(now=0.0, in_flight=None)


def test_the_format_that_scores_best_is_measured_told_used_and_kept(server, tmp_path):
    run = finished()
    measured = {each.format: each for each in told(run, "format_measured")}
    assert {name: each.score for name, each in measured.items()} == {
        "lines": 0,
        "tags": 100,
        "json": 0,
        "value": 0,
    }
    assert all(each.rows == 20 for each in measured.values())
    (chosen,) = told(run, "format_chosen")
    assert (chosen.format, chosen.formats) == ("tags", {"solve": "tags"})

    # The same 20 training rows in every format, and none of the others.
    asked = questions_measured(run)
    assert asked.keys() == FORMS.keys()
    assert all(questions == asked["lines"] for questions in asked.values())
    assert len(set(asked["lines"])) == 20
    assert set(asked["lines"]) <= {row.question for row in TRAIN}

    # It goes before all else, and everything else is asked in what it found.
    calls = told(run, "lm_call_answered")
    assert [call.phase for call in calls[:80]] == ["formats"] * 80
    assert {form_of(r) for r in server.requests[80:] if kind(r) == "task"} == {"tags"}
    assert run.state.baseline == pytest.approx(100 * 5 / 6)  # all but the one that is never right

    (phase,) = (each for each in run.plan.estimate.phases if each.phase == "formats")
    assert phase.calls.low <= run.state.spend_by_phase["formats"].calls <= phase.calls.high
    assert phase.usd.low <= run.state.spend_by_phase["formats"].usd <= phase.usd.high

    program = run.wait()
    program.save(tmp_path / "program.json")
    loaded = Solve()
    loaded.load(tmp_path / "program.json")
    assert loaded.solve.prompt_format == program.solve.prompt_format == "tags"
    record = mipro.runs.load(run.id)
    assert record.program_state(1) == run.programs[1].dump_state()
    assert mipro.runs.check().ok


def test_plan_report_and_views_show_it_with_its_table(server):
    assert re.search(
        r"^  format +auto, measured on 20 training rows: the best of lines, tags, json, value$",
        str(planned()),
        re.MULTILINE,
    )
    run = finished()
    first = "prompt format +tags, measured on 20 training rows: the best mean score"
    table = rf"^  {first}\n +prompt format +score .*\n +lines +0.0 "
    assert re.search(table, run.report(), re.MULTILINE)
    assert re.search(r"^ +tags ★ +100.0 +0 +0 +[\d,]+$", run.report(), re.MULTILINE)
    snapshot = snapshot_of(run)
    formats = snapshot["summary"]["formats"]
    assert [each["format"] for each in formats["measured"]] == ["lines", "tags", "json", "value"]
    assert (formats["chosen"], formats["rows"]) == ("tags", 20)
    step = snapshot["summary"]["phases"][0]
    assert (step["phase"], step["state"], step["done"], step["total"]) == ("formats", "done", 4, 4)
    assert re.search(r"^ +tags ★ +100.0 ", run_text(snapshot), re.MULTILINE)
    assert re.search(r"tags ★</td><td[^>]*>100.0<", run_html(snapshot))
    (row,) = history_rows(open_record())
    assert row["settings"]["prompt_format"] == "tags (measured)"


@pytest.mark.parametrize("choose", ["compile", "lm", "configuration"])
def test_auto_is_for_any_model_that_has_enough_rows(server, choose):
    given = {}
    if choose == "compile":
        mipro.configure(lm=named_lm(server, prompt_format="json"))
        given = {"prompt_format": "auto"}
    elif choose == "lm":
        mipro.configure(lm=named_lm(server, prompt_format="auto"), prompt_format="json")
    else:
        mipro.configure(lm=named_lm(server), prompt_format="auto")
    plan = planned(**given)
    assert plan.measured_predictors == ("solve",)
    assert plan.measured_formats == ("lines", "tags", "json", "value")
    assert not any("is not known" in note for note in plan.notes)


def named_lm(server, **settings):
    return mipro.LM(
        "openai/gpt-4o-mini", base_url=server.base_url, api_key="none", price=(1, 2), **settings
    )


def test_it_is_the_default_for_models_of_which_nothing_is_known(server):
    plan = planned()
    assert plan.measured_predictors == ("solve",)
    (note,) = (note for note in plan.notes if "is not known" in note)
    assert "openai/scripted" in note
    assert "prompt_format='lines'" in note
    assert plan.estimate.phases[0].phase == "formats"
    assert server.requests == []


def test_nothing_is_measured_where_a_format_is_known_or_chosen(server):
    loaded = Solve()
    loaded.solve.prompt_format = "json"
    assert planned(loaded).measured_predictors == ()
    assert planned(prompt_format="tags").formats == {"solve": "tags"}
    assert planned(prompt_format="tags").measured_formats == ()
    mipro.configure(lm=unnamed(server, prompt_format="tags"))
    assert planned().measured_formats == ()
    mipro.configure(lm=named_lm(server))
    plan = planned()
    assert (plan.measured_formats, plan.formats) == ((), {"solve": "lines"})
    assert "formats" not in {phase.phase for phase in plan.estimate.phases}
    assert server.requests == []


@pytest.mark.parametrize(
    ("train", "count"), [(rows(19), "are 19 rows"), (rows(1) * 30, "is 1 row")]
)
def test_few_rows_measure_nothing_and_auto_says_so(server, train, count):
    plan = planned(trainset=train)
    assert plan.measured_formats == ()
    assert not any("measure" in note for note in plan.notes)
    plan = planned(trainset=train, prompt_format="auto")
    assert (plan.measured_formats, plan.formats) == ((), {"solve": "lines"})
    (note,) = (note for note in plan.notes if "measure" in note)
    assert note.startswith("prompt_format='auto' measures formats on 20 different training rows")
    assert count in note


def results(run):
    return sorted(map(repr, told(run, "format_measured"))), told(run, "format_chosen")


@pytest.mark.slow
def test_the_same_seed_measures_the_same(tmp_path):
    found = []
    for number, (seed, latency) in enumerate([(9, 0.0), (9, 0.01), (4, 0.0)]):
        with ScriptedServer(half_right, latency=latency) as server:
            mipro.configure(lm=unnamed(server))
            run = finished(requested={"seed": seed}, record=tmp_path / f"{number}.sqlite")
        found.append((results(run), questions_measured(run)["lines"], run.wait().dump_state()))
    assert found[0] == found[1]
    assert found[0][1] != found[2][1]


def resumed(run, **settings):
    return optimizer().resume(run.id, Solve(), requires_permission_to_run=False, **settings)


def test_a_cap_that_is_reached_meanwhile_loses_nothing(server):
    run = begun(max_calls=30)
    program = run.wait()
    assert run.status == "capped"
    assert len(server.requests) == 30
    assert program.dump_state() == Solve().dump_state()
    assert "prompt format" in run.report()

    resumed(run, max_calls=1000)
    tasks = [json.dumps(each.messages) for each in server.requests if kind(each) == "task"]
    assert len(tasks) == len(set(tasks))
    record = mipro.runs.load(run.id)
    assert record.state.format_chosen.format == "tags"
    assert record.state.state == "finished"
    assert mipro.runs.check().ok


class Stopping:
    """Answers as `well_in_tags`, and tells when so many task prompts were asked."""

    def __init__(self, after):
        self.after, self.asked, self.reached = after, 0, threading.Event()

    def __call__(self, request):
        if kind(request) == "task":
            self.asked += 1
            if self.asked == self.after:
                self.reached.set()
        return well_in_tags(request)


@pytest.mark.slow
@pytest.mark.parametrize("after", [25, 70, 83], ids=["begun", "nearly over", "over"])
def test_a_run_that_is_resumed_measures_only_what_it_had_not(after):
    stopping = Stopping(after)
    with ScriptedServer(stopping, latency=0.02) as server:
        mipro.configure(lm=unnamed(server))
        run = begun()
        assert stopping.reached.wait(60)
        run.stop()
        run.wait()
        before = run.state
        program = resumed(run)
    assert server.exceptions == []
    record = mipro.runs.load(run.id)
    calls = [call for call in told(record, "lm_call_answered") if call.phase == "formats"]
    assert len(calls) == len({call.prompt_head + call.prompt_tail for call in calls}) == 80
    assert program.solve.prompt_format == "tags"
    assert (before.format_chosen is not None) == (after > 80)
    assert len(told(record, "format_chosen")) == 1
    assert len(told(record, "format_measured")) == 4


@pytest.mark.parametrize(
    ("damage", "error", "told"),
    [
        ("'$.formats.solve', 'xml'", mipro.errors.InvalidArgumentError, "'xml' here: run the code"),
        ("'$.formats.other', 'tags'", mipro.errors.RecordError, "is damaged"),
    ],
)
def test_a_run_that_chose_a_format_that_there_is_not_is_not_resumed(server, damage, error, told):
    run = begun(max_calls=85)
    run.wait()
    change = f"UPDATE events SET body = json_set(body, {damage}) WHERE type = 'format_chosen'"  # noqa: S608 - made here
    run.record._db.execute(change)
    server.requests.clear()
    with pytest.raises(error, match=told):
        resumed(run, max_calls=1000)
    again = begun(resume=True, max_calls=5)
    again.wait()
    assert again.id != run.id
    assert any(told in note for note in again.plan.notes)


def test_a_run_that_did_not_measure_does_not_when_it_is_resumed(server, monkeypatch):
    known = KnownModel("scripted", {"text": "lines"}, "a test")
    with monkeypatch.context() as then:
        then.setattr(models, "KNOWN_MODELS", (known,))
        run = begun(max_calls=10)
        run.wait()
    assert planned().measured_formats
    program = resumed(run, max_calls=1000)
    assert program.solve.prompt_format is None
    record = mipro.runs.load(run.id)
    assert record.state.state == "finished"
    assert record.state.formats_measured == {}


def test_one_format_is_measured_for_all_predictors_that_it_fits(server):
    plan = planned(PlanAndSolve())
    assert plan.measured_predictors == ("plan", "solve.predict")
    assert plan.measured_formats == ("lines", "tags", "json", "value")
    student = PlanAndSolve()
    student.plan.prompt_format = "value"
    plan = planned(student)
    assert plan.measured_formats == ("lines", "tags", "json")
    assert plan.formats_text.endswith("the best of lines, tags, json; plan: value")


def test_a_teacher_of_its_own_is_not_asked_in_the_students_format(server):
    teacher = lm_of(server, prompt_format="json", seed=5)
    finished(requested={"teacher_settings": {"lm": teacher}, "num_candidates": 4})
    of_teacher = [request for request in server.requests if request.body.get("seed") == 5]
    assert of_teacher
    assert {form_of(request) for request in of_teacher} == {"json"}


class Strict(Solve):
    """Fails where the answer is not a number."""

    def forward(self, question):
        made = super().forward(question)
        int(made.answer)
        return made


def test_a_program_that_fails_in_a_format_is_no_reason_to_end_the_run(server):
    run = finished(Strict())
    measured = {each.format: each for each in told(run, "format_measured")}
    assert (measured["lines"].errors, measured["tags"].errors) == (20, 0)
    assert run.wait().solve.prompt_format == "tags"


def failing(form, reply):
    """A server that adds up, but meets a format so."""

    def answered(request):
        if kind(request) != "task":
            return answer(request)
        return reply if form_of(request) == form else in_its_form(request, sum_of(request)[1])

    return answered


TROUBLE = {
    "500": Reply(status=500),
    "503": Reply(status=503),
    "404": Reply(status=404),
    "401": Reply(status=401),
    "dropped": Reply(drop=True),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "trouble", "num_threads"),
    [
        *((form, "404", 6) for form in FORMS),
        *(("lines", trouble, 6) for trouble in TROUBLE),
        *(("value", trouble, 32) for trouble in TROUBLE),
        ("lines", "404", 1),
        ("value", "500", 1),
    ],
)
def test_a_format_that_the_server_fails_on_counts_as_0(form, trouble, num_threads):
    with ScriptedServer(failing(form, TROUBLE[trouble])) as server:
        mipro.configure(lm=unnamed(server, num_retries=0))
        run = begun(requested={"num_threads": num_threads}, num_trials=1, minibatch=False)
        run.wait()
    measured = {each.format: each for each in told(run, "format_measured")}
    assert (measured[form].score, measured[form].errors) == (0.0, 20)
    assert {each.score for name, each in measured.items() if name != form} == {100.0}
    assert run.status == "finished"
    assert run.wait().solve.prompt_format != form


def test_two_formats_that_the_server_fails_on_count_as_0():
    def both(request):
        bad = kind(request) == "task" and form_of(request) in ("json", "tags")
        return Reply(status=404) if bad else failing("", "")(request)

    with ScriptedServer(both) as server:
        mipro.configure(lm=unnamed(server))
        run = finished()
    errors = {each.format: each.errors for each in told(run, "format_measured")}
    assert errors == {"lines": 0, "tags": 20, "json": 20, "value": 0}


@pytest.mark.parametrize("status", [401, 404])
def test_a_server_that_refuses_every_format_fails_the_run_soon(status):
    with ScriptedServer(lambda _: Reply(status=status)) as server:
        mipro.configure(lm=unnamed(server))
        run = begun()
        with pytest.raises(LMUnavailableError):
            run.wait()
        assert server.count < 40, "not all that could be asked"
    assert run.status == "failed"
    assert told(run, "format_measured") == []


class Gone:
    """A server that adds up, and refuses the key while it is gone."""

    def __init__(self, after):
        self.after, self.answers, self.back = after, 0, False

    def __call__(self, request):
        if not self.back and self.answers >= self.after:
            return Reply(status=401)
        self.answers += 1
        return failing("", "")(request)


@pytest.mark.parametrize("after", [1, 10, 50])
def test_a_run_whose_server_is_gone_meanwhile_fails_and_measures_on_when_it_is_resumed(after):
    gone = Gone(after)
    with ScriptedServer(gone) as server:
        mipro.configure(lm=unnamed(server))
        run = begun()
        with pytest.raises(LMUnavailableError):
            run.wait()
        gone.back = True
        resumed(run)
    record = mipro.runs.load(run.id)
    assert [each.score for each in told(record, "format_measured")] == [100.0] * len(FORMS)
    calls = [call for call in told(record, "lm_call_answered") if call.phase == "formats"]
    assert len(calls) == len({call.prompt_head + call.prompt_tail for call in calls}) == 80


@pytest.mark.parametrize("after", [1, 50])
def test_a_run_whose_server_is_gone_meanwhile_pauses_and_measures_on(after, monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)  # somebody could resume it
    gone = Gone(after)
    with ScriptedServer(gone) as server:
        mipro.configure(lm=unnamed(server))
        run = begun()
        while run.status != "paused":
            assert not run.done
            time.sleep(0.01)
        assert "refused the key" in run.state.pause_reason
        gone.back = True
        run.resume()
        run.wait()
    assert [each.score for each in told(run, "format_measured")] == [100.0] * len(FORMS)
    calls = [call for call in told(run, "lm_call_answered") if call.phase == "formats"]
    different = {call.prompt_head + call.prompt_tail for call in calls}
    assert len(different) == 80
    # What was in flight at the pause was given up, and may have been answered all the same.
    assert len(calls) - len(different) <= run.plan.num_threads


def raising(example, prediction, trace=None):
    if prediction.answer == "no idea":
        raise ValueError(prediction.answer)
    return exact(example, prediction, trace)


def without_return(example, prediction, trace=None):
    return None if prediction.answer == "no idea" else exact(example, prediction, trace)


@pytest.mark.parametrize("metric", [raising, without_return])
def test_a_metric_that_fails_on_a_row_counts_as_its_error(server, metric):
    optimizer = mipro.MIPROv2(metric, **REQUESTED)
    run = optimizer.start(Solve(), requires_permission_to_run=False, **SEARCH)
    run.wait()
    errors = {each.format: each.errors for each in told(run, "format_measured")}
    assert errors == {"lines": 20, "tags": 0, "json": 20, "value": 20}
    assert run.wait().solve.prompt_format == "tags"


ONE = FormatMeasured(format="lines", rows=20, score=50.0, unreadable=2, errors=0, tokens=900)
_few = st.integers(0, 2)


@given(st.lists(st.tuples(_few, _few, _few), min_size=1, max_size=4))
def test_the_best_is_that_of_the_best_score_then_readability_then_tokens(given_results):
    measured = [
        replace_in(ONE, format=name, score=50.0 * score, unreadable=unreadable, tokens=tokens)
        for name, (score, unreadable, tokens) in zip(FORMS, given_results, strict=False)
    ]
    best, reason = best_of(measured)
    ranks = [(-score, unreadable, tokens) for score, unreadable, tokens in given_results]
    assert best == list(FORMS)[ranks.index(min(ranks))]
    assert reason


def replace_in(event, **fields):
    return event.model_copy(update=fields)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"score": 45.0}, "the best mean score"),
        ({"unreadable": 3}, "scores like tags, with fewer unreadable replies"),
        ({"tokens": 901}, "scores like tags and is read as well, with fewer tokens"),
        ({}, "no better and no worse than tags, which comes after it"),
        ({"score": 50.0 + 1e-13}, "no better and no worse than tags, which comes after it"),
    ],
)
def test_the_reason_names_what_made_the_difference(other, why):
    assert best_of([ONE, replace_in(ONE, format="tags", **other)]) == ("lines", why)
