"""What a person does with a result: copies its prompt, saves it, uses it here, shares it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess

import pytest
from scripted_task import Solve, exact, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, MiproError, RecordError
from mipro_nb.notebook import programs
from mipro_nb.notebook.request_handler import RequestHandler
from mipro_nb.notebook.saved import shared_page
from mipro_nb.optimizer.running.resuming.caller_names import typed
from mipro_nb.runs.following.protocol import answered, requests_of
from mipro_nb.runs.store.open_records import open_record

HOSTILE = "<script>window.bad = 1</script></pre><img src=x onerror=bad()> \u202ereversed"

COPIED = {"form": "text", "predictor": "solve"}


def begun(student=None, **settings):
    fields = {"num_trials": 3, "minibatch": False, "requires_permission_to_run": False}
    run = mipro.MIPROv2(exact, num_candidates=2).start(
        student or Solve(), trainset=rows(6), valset=rows(6, start=1000), **{**fields, **settings}
    )
    run.wait()
    return run


@pytest.fixture
def run(server):
    return begun()


@pytest.fixture
def namespace(monkeypatch, tmp_path):
    """The notebook's variables; its folder is a new one."""
    held: dict[str, object] = {}
    monkeypatch.setattr(programs, "_namespace", lambda: held)
    monkeypatch.chdir(tmp_path)
    return held


def ask(what, **values):
    handler = RequestHandler(open_record(), lambda *_: None, lambda _: None)
    return answered(requests_of(handler)[what], values)


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize("form", ["text", "messages", "openai", "langchain", "markdown"])
def test_the_prompt_of_any_trial_is_copied_in_each_form(run, form):
    for trial in run.programs:
        text = ask("prompt", run=run.id, trial=trial, form=form, predictor="solve")
        instruction = run.programs[trial].solve.signature.instructions
        assert instruction.split(".")[0] in text
    if form == "messages":
        assert json.loads(text)[0]["role"] == "system"
    if form in ("openai", "langchain"):
        ast.parse(text)


@pytest.mark.usefixtures("namespace")
def test_what_cannot_be_copied_is_refused_by_name(run):
    with pytest.raises(InvalidArgumentError, match="form"):
        ask("prompt", run=run.id, trial=0, form="word", predictor="solve")
    with pytest.raises(InvalidArgumentError, match="predictor"):
        ask("prompt", run=run.id, trial=0, form="text", predictor="nobody")
    with pytest.raises(InvalidArgumentError, match="trial"):
        ask("prompt", run=run.id, trial=99, form="text", predictor="solve")


def test_any_trial_becomes_the_program_in_a_variable(run, namespace):
    for trial in run.programs:
        said = ask("use", run=run.id, trial=trial, name="better")
        assert said == f"better is now the program of trial {trial}."
        assert namespace["better"].dump_state() == run.programs[trial].dump_state()
        assert namespace["better"].run is run
        del namespace["better"]


def test_a_program_that_is_replaced_is_said_to_be(run, namespace):
    namespace["optimized"] = run.wait()
    said = ask("use", run=run.id, trial=0, name="optimized")
    assert said.endswith("is now the program of trial 0, no longer the program that it was.")


def test_a_variable_that_holds_something_else_is_left_alone(run, namespace):
    namespace["rows"] = [1, 2]
    for name in ("rows", "a b", "class", "os.path", ""):
        with pytest.raises(InvalidArgumentError, match="name"):
            ask("use", run=run.id, trial=0, name=name)
    assert namespace == {"rows": [1, 2]}


@pytest.mark.usefixtures("server")
def test_of_a_run_of_another_kernel_the_student_of_that_name_is_taken(namespace, monkeypatch):
    with typed({"student": "student"}):
        run = begun()
    state = run.programs[1].dump_state()
    monkeypatch.setattr(programs.runs_here, "begun", lambda _: None)  # as in another kernel
    for unmade in ({}, {"student": 7}):
        namespace.update(unmade)
        for what, more in (("use", {"name": "better"}), ("prompt", COPIED)):
            with pytest.raises(MiproError, match="Run the cells that make student, then try again"):
                ask(what, run=run.id, trial=1, **more)
    namespace["student"] = Solve()
    assert state["predictors"]["solve"]["instructions"] in ask(
        "prompt", run=run.id, trial=1, **COPIED
    )
    ask("use", run=run.id, trial=1, name="better")
    assert namespace["better"].dump_state()["predictors"] == state["predictors"]
    assert namespace["better"] is not namespace["student"]
    assert namespace["student"].dump_state() == Solve().dump_state()


@pytest.mark.usefixtures("namespace")
def test_of_a_student_without_a_name_the_line_that_loads_it_is_told(run, monkeypatch):
    monkeypatch.setattr(programs.runs_here, "begun", lambda _: None)  # as in another kernel
    with pytest.raises(MiproError, match=r"does not have the program .*\.program_state\(1\)\)"):
        ask("prompt", run=run.id, trial=1, **COPIED)


def test_a_program_is_saved_beside_the_notebook_and_nothing_is_overwritten(
    run, namespace, tmp_path
):
    said = ask("save", run=run.id, trial=1, name="better.json")
    assert str(tmp_path / "better.json") in said
    loaded = Solve()
    loaded.load(tmp_path / "better.json")
    assert loaded.dump_state() == run.programs[1].dump_state()
    for name in ("better.json", "../x.json", "a/b.json", "a\\b.json", "..", ".", ""):
        with pytest.raises(InvalidArgumentError, match="name"):
            ask("save", run=run.id, trial=1, name=name)
    assert [file.name for file in tmp_path.glob("*.json")] == ["better.json"]


class Named(mipro.Module):
    """A student whose own instruction is hostile."""

    def __init__(self):
        self.solve = mipro.Predict(mipro.Signature("question -> answer", HOSTILE))

    def forward(self, question):
        return self.solve(question=question)


@pytest.mark.usefixtures("namespace")
def test_a_shared_page_is_one_file_in_which_hostile_text_stays_text(server, tmp_path):
    run = begun(Named())
    file = mipro.share(run.id, tmp_path / "report.html")
    page = file.read_text(encoding="utf-8")
    assert page == ask("share", run=run.id)
    assert len(page.encode()) < 400_000
    assert page.count("<script>") == page.count("</script>") == 1
    assert "<img" not in page
    assert "\u202e" not in page
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=[\"'](?!x)", page)
    assert page.index("student as given") < page.index("<svg")
    chart = page[page.index("<svg") : page.index("</svg>")]
    assert "#" not in chart, "a colour of its own is not seen on a dark page"
    with pytest.raises(RecordError, match="overwrite=True"):
        mipro.share(run.id, file)
    assert mipro.share(run.id, file, overwrite=True) == file


@pytest.mark.npm
def test_a_shared_page_sorts_amounts_by_what_they_are():
    """Its script is run by Node, without a page: what it makes of a cell's text."""
    script = shared_page._SCRIPT.split("for (const table")[0]
    values = {
        "–": None,
        "\u22121.5": -1.5,
        "9,999": 9999,
        "43.8k": 43_800,
        "1.01M": 1_010_000,
        "2.00B": 2_000_000_000,
        "12 (8 to 20)": 12,
        "$0.50": 0.5,
        "0 s": 0,
        "<1 ms": 1,
        "475 ms": 475,
        "2.1 s": 2100,
        "3 min 5 s": 185_000,
        "4 min": 240_000,
        "1 h 2 min": 3_720_000,
    }
    asked = f"{script} console.log(JSON.stringify({json.dumps(list(values))}.map(number)))"
    said = subprocess.run(  # noqa: S603 - our own script
        [shutil.which("node"), "-e", asked], capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout) == list(values.values())


def test_the_magic_exports_a_report_by_the_files_name(run, shell, tmp_path):
    file = tmp_path / "report.html"
    shell.run(f"%mipro export {run.id} {file}")
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
