"""What holds for every notebook that we give away, as it stands in the repository."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import sys
import time

import nbformat
import psutil
import pytest
from executed import NOTEBOOKS, parameters_of

sys.path.append(str(NOTEBOOKS.parent / "tests"))
sys.path.append(str(NOTEBOOKS.parent / "tests" / "optimizer"))

import processes
import scripted_task
from scripted_server import ScriptedServer

import mipro_nb as mipro

_PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
_BY_NAME = pytest.mark.parametrize("path", _PATHS, ids=lambda path: path.stem)


def test_they_are_numbered_in_the_order_in_which_to_read_them():
    assert [path.name[:3] for path in _PATHS] == ["01_", "02_", "03_", "04_", "05_"]


@_BY_NAME
def test_it_is_valid_and_has_no_outputs_or_those_of_one_run_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells]
    assert counts in ([None] * len(cells), list(range(1, len(cells) + 1)))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not outputs or counts[0] == 1
    assert "error" not in {output.output_type for output in outputs}


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


def _execute_script():
    spec = importlib.util.spec_from_file_location("execute", NOTEBOOKS / "execute.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_progress_names_the_phase_of_the_run_that_goes_on():
    progress = _execute_script()._Progress(expected=100)
    progress.section = "Optimize"
    assert progress.line() == "  Optimize"
    with ScriptedServer(scripted_task.answer) as server:
        mipro.configure(lm=scripted_task.lm_of(server))
        optimizer = mipro.MIPROv2(scripted_task.exact, num_candidates=2)
        run = optimizer.start(
            scripted_task.Solve(),
            trainset=scripted_task.rows(8),
            valset=scripted_task.rows(4, start=1000),
            num_trials=2,
            minibatch=False,
            requires_permission_to_run=False,
        )
        while not run.state.phases:
            time.sleep(0.01)
        run.pause()
        phase = r"  (baseline|bootstrap|propose|search)(: \d+ LM answers.*)?$"
        assert re.match(phase, progress.line())
        run.resume()
        run.wait()
    assert re.match(r"  Optimize: \d+ LM answers of about 100", progress.line())


@pytest.mark.parametrize(
    ("answers", "hours", "told"),
    [
        (0, 1, "  start"),
        (19, 1, "  start: 19 LM answers of about 1000"),
        (20, 1 / 490, "  start: 20 LM answers of about 1000, about 6 min left"),
        (20, 7 / 49, "  start: 20 LM answers of about 1000, about 7 h left"),
    ],
)
def test_progress_estimates_the_rest_once_there_are_answers(monkeypatch, answers, hours, told):
    script = _execute_script()
    progress = script._Progress(expected=1000)
    for number in range(answers):
        mipro.runs.open_record().put_answer(str(number), "an answer")
    monkeypatch.setattr(script.time, "monotonic", lambda: progress._began + 3600 * hours)
    assert progress.line() == told


@pytest.mark.notebook
def test_make_demo_executes_a_notebook_that_would_ask(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("MIPRO_ASK", "1")  # it is put back afterwards
    script = _execute_script()
    sources = ["import os\nos.environ['MIPRO_ASK']", "1 / 0"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    asking, failing = tmp_path / "asking.ipynb", tmp_path / "failing.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells[:1]), asking)
    nbformat.write(nbformat.v4.new_notebook(cells=cells[1:]), failing)

    out = tmp_path / "some" / "out"
    assert script.main(asking, out) == 0
    told = capfd.readouterr()
    assert "The record of its runs: " in told.out
    assert "encryption" not in told.err
    executed = json.loads((out / "asking.executed.ipynb").read_text("utf-8"))
    assert executed["cells"][0]["outputs"][0]["data"]["text/plain"] == ["'0'"]
    assert script.main(failing, out) == 1
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_make_demo_ends_before_it_begins_where_nothing_can_be_kept(tmp_path, capsys, monkeypatch):
    script = _execute_script()
    notebook = tmp_path / "some.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    taken = tmp_path / "taken"
    taken.write_text("a file where a folder is wanted")
    for folder in (taken, taken / "out"):
        assert script.main(notebook, folder) == 1
        assert f"Nothing can be written to {folder}" in capsys.readouterr().err
    monkeypatch.setenv("MIPRO_HOME", str(taken))
    assert script.main(notebook, tmp_path / "out") == 1
    assert "set MIPRO_HOME to a folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.notebook
def test_make_demo_says_so_where_the_kernel_died(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MIPRO_ASK", "1")  # it is put back afterwards
    cells = [nbformat.v4.new_code_cell("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "dying.ipynb")
    assert _execute_script().main(tmp_path / "dying.ipynb", tmp_path / "out") == 1
    assert "Kernel died" in capsys.readouterr().err


_LONG = """
import os, time
import mipro_nb as mipro
open("kernel.pid", "w").write(str(os.getpid()))
record = mipro.runs.open_record()
for number in range(1000):
    record.put_answer(str(number), "an answer")
    time.sleep(0.1)
"""


@pytest.mark.notebook
def test_make_demo_tells_how_far_it_is_and_ends_at_ctrl_c(tmp_path):
    cells = [nbformat.v4.new_markdown_cell("# A long way"), nbformat.v4.new_code_cell(_LONG)]
    long = nbformat.v4.new_notebook(cells=cells, metadata={"lm_answers": 1000})
    nbformat.write(long, tmp_path / "long.ipynb")
    script = (NOTEBOOKS / "execute.py").read_text(encoding="utf-8")
    script = script.replace("_TELL_EVERY_SECONDS = 15.0", "_TELL_EVERY_SECONDS = 0.5")

    # Whatever the tests were started with: in the background a shell has SIGINT ignored.
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    with processes.start(heard + script, tmp_path / "long.ipynb", tmp_path / "out") as process:
        try:
            assert any(re.search(r"^ \d:\d\d  A long way$", line) for line in process.stdout)
            line = next(line for line in process.stdout if " left" in line)
            told = r"  A long way: \d+ LM answers of about 1000, about [\d.]+ (min|s) left$"
            assert re.search(told, line)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 1
    assert "Traceback" not in errors, errors
    assert "Interrupted." in output
    assert not psutil.pid_exists(int((tmp_path / "kernel.pid").read_text()))
