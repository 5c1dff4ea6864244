"""What holds for every notebook that we give away, as it stands in the repository."""

from __future__ import annotations

import importlib.util
import json
import re

import nbformat
import pytest
from executed import NOTEBOOKS, parameters_of

_PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
_BY_NAME = pytest.mark.parametrize("path", _PATHS, ids=lambda path: path.stem)


def test_they_are_numbered_in_the_order_in_which_to_read_them():
    assert [path.name[:3] for path in _PATHS] == ["01_", "02_", "03_", "04_"]


@_BY_NAME
def test_it_is_valid_and_holds_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert cell.get("execution_count") is None
        assert not cell.get("outputs")


@_BY_NAME
@pytest.mark.parametrize(("told", "asks"), [(None, True), ("1", True), ("0", False)])
def test_it_asks_before_it_runs_unless_told_that_nobody_is_there(path, told, asks, monkeypatch):
    monkeypatch.delenv("MIPRO_ASK", raising=False)
    if told is not None:
        monkeypatch.setenv("MIPRO_ASK", told)
    notebook = nbformat.read(path, as_version=4)
    values = {}
    exec(notebook.cells[parameters_of(notebook)].source, values)  # noqa: S102 - our own
    assert values["ASK"] is asks
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert set(re.findall(r"requires_permission_to_run=(\w+)", code)) == {"ASK"}


@_BY_NAME
def test_the_notebooks_that_it_links_to_are_there(path):
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"\]\((\w+\.ipynb)\)", text):
        assert (NOTEBOOKS / name).is_file()


@pytest.mark.notebook
def test_make_demo_executes_a_notebook_that_would_ask(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MIPRO_ASK", "1")  # it is put back afterwards
    spec = importlib.util.spec_from_file_location("execute", NOTEBOOKS / "execute.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    sources = ["import os\nos.environ['MIPRO_ASK']", "1 / 0"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    asking, failing = tmp_path / "asking.ipynb", tmp_path / "failing.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells[:1]), asking)
    nbformat.write(nbformat.v4.new_notebook(cells=cells[1:]), failing)

    assert script.main(asking, tmp_path / "out") == 0
    executed = json.loads((tmp_path / "out" / "asking.executed.ipynb").read_text("utf-8"))
    assert executed["cells"][0]["outputs"][0]["data"]["text/plain"] == ["'0'"]
    assert script.main(failing, tmp_path / "out") == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
