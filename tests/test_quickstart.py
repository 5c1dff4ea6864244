"""The quickstart notebook, shortened, in a real kernel with the real embedded LM."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

_NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "01_quickstart.ipynb"
_SHORT = "SEED = 9\nTRAIN, VAL, TEST = 20, 10, 10\nCANDIDATES, TRIALS = 3, 2\n"
_LOOK_AT_THE_SOURCE = """
sources = [g for g in optimized.run.state.grounding if g.kind == "program source"]
print(sources[0].text, sources[0].problem)
"""

pytestmark = [pytest.mark.notebook, pytest.mark.real_lm]


def _shortened():
    notebook = nbformat.read(_NOTEBOOK, as_version=4)
    parameters = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert len(parameters) == 1
    parameters[0].source = _SHORT
    return notebook


def _text_of(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs
    )


def test_a_stranger_can_run_the_quickstart_from_top_to_bottom(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    notebook = _shortened()
    notebook.cells.append(nbformat.v4.new_code_cell(_LOOK_AT_THE_SOURCE))

    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": folder}}).execute()

    text = _text_of(notebook)
    assert "MIPROv2 plan for Spam" in text
    assert "held-out accuracy:" in text
    assert "[system]" in text, "the prompt is shown as it is sent"
    summary = json.loads((tmp_path / "demo-output" / "summary.json").read_text())
    assert summary["LM calls of the optimization"] > 0
    assert summary["held-out messages"] == 10
    saved = json.loads((tmp_path / "demo-output" / "spam_program.json").read_text())
    assert set(saved["predictors"]) == {"classify"}
    source = notebook.cells[-1].outputs[0]["text"]
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

    assert "requires_permission_to_run=False" in _text_of(notebook)
