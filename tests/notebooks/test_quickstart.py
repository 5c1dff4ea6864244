"""01_quickstart: a stranger's first minutes; and what happens where nobody can be asked."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(900)]

_SHORT = {"TRAIN": 10, "VAL": 6, "TEST": 6, "CANDIDATES": 2, "TRIALS": 2}
_LOOK_AT_THE_SOURCE = """
from mipro_nb.optimizer.planning.specification.source import program_source

source = program_source(student)
print(source.text, source.problem)
"""


@pytest.mark.real_lm
def test_a_stranger_can_run_the_quickstart_from_top_to_bottom(execute, tmp_path):
    notebook = execute("01_quickstart", further=_LOOK_AT_THE_SOURCE, **_SHORT)

    assert "MIPROv2 plan for Spam" in notebook.below("optimizer.plan(")
    run = notebook.view_below("optimizer.compile(")["snapshot"]["summary"]
    assert run["state"] == "finished"
    assert f"Run {run['id']}: finished" in notebook.below(".report()")
    assert len(notebook.figures()) == 1
    scores = notebook.below("after = evaluate(optimized)")
    for line in ("held-out accuracy", "student as given", "plain labelled demos", "optimized"):
        assert line in scores
    assert "[system]" in notebook.text, "the prompt is shown as it is sent"
    assert run["id"] in notebook.below("%mipro history")
    summary = json.loads((tmp_path / "demo-output" / "summary.json").read_text("utf-8"))
    assert summary["LM calls of the optimization"] > 0
    assert summary["held-out messages"] == 6
    saved = json.loads((tmp_path / "demo-output" / "spam_program.json").read_text("utf-8"))
    assert set(saved["predictors"]) == {"classify"}
    source = notebook.below("print(source.text")
    assert "class Spam(mipro.Module):" in source, "proposals see the class of the cell"
    assert source.rstrip().endswith("None"), "nothing of it was missing"


def test_compile_asks_for_permission_and_stops_where_nobody_can_answer(tmp_path):
    code = """
import mipro_nb as mipro
mipro.configure(lm=mipro.LM("openai/any", api_key="k", base_url="http://127.0.0.1:9/v1"))
rows = [mipro.Example(q=str(i), a="x").with_inputs("q") for i in range(10)]
try:
    mipro.MIPROv2(lambda e, p, trace=None: e.a == p.a, num_candidates=2).compile(
        mipro.Predict("q -> a"), trainset=rows, num_trials=2, minibatch=False)
except mipro.errors.PermissionUnansweredError as error:
    print("refused:", error)
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])

    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": tmp_path}}).execute()

    (output,) = notebook.cells[0].outputs
    assert output["text"].startswith("refused:")
    assert "requires_permission_to_run=False" in output["text"]
