"""The prompt format of a run: chosen, told, kept."""

from __future__ import annotations

import re

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import (
    PlanAndSolve,
    Solve,
    answer,
    exact_but_for_one,
    kind,
    rows,
    run_of,
)
from scripted_task import lm_of as lm_in_lines

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.notebook.magic.optimizing import OPTIONS
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.view import RunView

FORMS = {"tags": "<answer>the answer</answer>", "json": '{"answer": <answer>}'}
REQUESTED = {"num_candidates": 2, "max_bootstrapped_demos": 1, "max_labeled_demos": 1}


def lm_of(server, **settings):
    """The LM, with no format of its own unless one is given."""
    return lm_in_lines(server, **{"prompt_format": None, **settings})


def in_form(request):
    """Answer in the form that is asked for."""
    if kind(request) != "task" or "answer: <answer>" in request.system:
        return answer(request)
    first, second = re.findall(r"(\d+) plus (\d+)", request.messages[-1]["content"])[-1]
    value = int(first) + int(second)
    told = f"<answer>{value}</answer>" if FORMS["tags"] in request.system else f"{value}"
    return Reply(told)


@pytest.fixture
def server():
    with ScriptedServer(in_form) as running:
        mipro.configure(lm=lm_of(running))
        yield running
    assert running.exceptions == []


def form_of_tasks(server):
    """Tell the formats in which the program was asked."""
    systems = [request.system for request in server.requests if kind(request) == "task"]
    return {next((n for n, form in FORMS.items() if form in s), "another") for s in systems}


def optimizer(**requested):
    return mipro.MIPROv2(exact_but_for_one, **{**REQUESTED, **requested})


def by_compile(server, name="tags"):
    return {"prompt_format": name}


def by_lm(server, name="tags"):
    mipro.configure(lm=lm_of(server, prompt_format=name))
    return {}


def by_configuration(server, name="tags"):
    mipro.configure(prompt_format=name)
    return {}


@pytest.mark.parametrize("choose", [by_compile, by_lm, by_configuration])
def test_a_run_keeps_to_the_chosen_format_and_so_does_what_it_returns(server, choose, tmp_path):
    run = run_of(optimizer(), **choose(server))
    assert form_of_tasks(server) == {"tags"}
    assert run.plan.formats == {"solve": "tags"}
    assert re.search(r"^  format +tags \(chosen\)$", str(run.plan), re.MULTILINE)
    assert re.search(r"^  prompt format +tags \(chosen\)$", run.report(), re.MULTILINE)
    assert run.state.planned.plan["formats"] == "tags"

    program = run.wait()
    program.save(tmp_path / "program.json")
    loaded = Solve()
    loaded.load(tmp_path / "program.json")
    mipro.configure(lm=lm_of(server), prompt_format=None)
    for each in (program, loaded, run.programs[1]):
        server.requests.clear()
        assert each(question="1 plus 4").answer == "5"
        assert form_of_tasks(server) == {"tags"}


def test_nothing_is_kept_where_nobody_chose(server):
    run = run_of(optimizer())
    assert run.plan.formats == {"solve": "lines"}
    assert form_of_tasks(server) == {"another"}
    assert run.wait().solve.prompt_format is None
    assert "lines (default)" in str(run.plan)
    (row,) = history_rows(run.record)
    view = RunView(run.record, run.id)
    view.apply(run.events())
    shown = view.summary(now=0.0, in_flight=None)["settings"]
    for settings in (row["settings"], shown):
        assert settings["prompt_format"] == "lines (default)", "one row, of the format in force"
        assert settings.keys().isdisjoint({"formats", "formats_by"})


def test_the_format_of_a_loaded_program_comes_before_the_lms(server):
    mipro.configure(lm=lm_of(server, prompt_format="json"))
    student = Solve()
    student.solve.prompt_format = "tags"
    assert optimizer().plan(student, trainset=rows(40)).formats == {"solve": "tags"}
    plan = optimizer().plan(student, trainset=rows(40), prompt_format="lines")
    assert plan.formats == {"solve": "lines"}
    assert student.solve.prompt_format == "tags"
    assert server.requests == []


def test_formats_of_several_predictors_are_told_one_by_one(server):
    student = PlanAndSolve()
    student.plan.prompt_format = "value"
    plan = optimizer().plan(student, trainset=rows(40))
    assert "plan: value, solve.predict: lines (chosen for plan)" in str(plan)


def test_a_teacher_is_asked_in_its_own_format(server):
    mipro.configure(prompt_format="tags")
    teacher = lm_of(server, prompt_format="json", seed=5)
    run_of(optimizer(teacher_settings={"lm": teacher}, num_candidates=5))
    of_teacher = [r for r in server.requests if r.body.get("seed") == 5]
    assert of_teacher
    assert all(FORMS["json"] in request.system for request in of_teacher)


@pytest.mark.parametrize(
    ("wished", "said"),
    [
        ("xml", "prompt_format='xml': choose one of 'lines', 'tags', 'json', 'value', or None"),
        ("value", "prompt_format='value': it is for one output, and"),
    ],
)
@pytest.mark.parametrize("choose", [by_compile, by_lm, by_configuration])
def test_a_wrong_format_is_refused_before_any_call(server, wished, said, choose):
    def compiled():
        given = choose(server, wished)
        optimizer().compile(
            PlanAndSolve(), trainset=rows(40), requires_permission_to_run=False, **given
        )

    with pytest.raises(InvalidArgumentError) as refused:
        compiled()
    assert said in str(refused.value)
    assert server.requests == []


def test_the_estimate_is_of_the_prompts_in_that_format(server):
    tokens = {
        name: optimizer()
        .plan(Solve(), trainset=rows(40), prompt_format=name)
        .estimate.phases[0]
        .input_tokens.expected
        for name in ("lines", "tags", "json")
    }
    assert len(set(tokens.values())) == 3


def test_the_record_gives_a_trials_program_with_its_format(server):
    by_configuration(server)
    run = run_of(optimizer())
    loaded = mipro.runs.load(run.id)
    assert loaded.program_state(1) == run.programs[1].dump_state()


def test_the_line_of_the_magic_takes_it():
    (option,) = (option for option in OPTIONS if option.flag == "--prompt-format")
    assert option.parameter == "prompt_format"
    assert option.kind.read(None, "auto") == "auto"
