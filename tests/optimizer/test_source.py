"""The program's source, wherever the class was written."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import nbclient
import nbformat
import processes
import pytest
from IPython.core.interactiveshell import InteractiveShell
from scripted_task import PlanAndSolve, Solve

import mipro_nb as mipro
from mipro_nb.optimizer.planning.specification.source import program_source

PROGRAM = '''\
class Told(mipro.Module):
    """Answers in two ways."""

    def __init__(self):
        self.solve = mipro.Predict("question -> answer")

    def forward(self, question):
        return self.solve(question=question)
'''


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_cell("import mipro_nb as mipro", store_history=True)
    yield shell
    InteractiveShell.clear_instance()


def source_in(shell, cell, name="Told"):
    shell.run_cell(cell, store_history=True).raise_error()
    return program_source(shell.user_ns[name]())


def test_a_class_of_a_module_is_found():
    source = program_source(Solve())
    assert source.problem is None
    assert source.text.startswith("class Solve(mipro.Module):")
    assert source.text.endswith("return self.solve(question=question)")
    assert "PlanAndSolve" not in source.text


def test_classes_within_a_program_and_above_it_are_found():
    class Base(mipro.Module):
        def base_method(self):
            return "of the base"

    class Inner(mipro.Module):
        def __init__(self):
            self.solve = mipro.Predict("question -> answer")

        def forward(self, question):
            return self.solve(question=question)

    class Outer(Base):
        def __init__(self):
            self.steps = [Inner(), {"again": Inner()}]

        def forward(self, question):
            return self.steps[0](question=question)

    text = program_source(Outer()).text
    for name in ("Base", "Inner", "Outer"):
        assert text.count(f"class {name}(") == 1
    assert text.startswith("class Outer(Base):")  # dedented


def test_our_own_classes_are_not_shown():
    assert "class ChainOfThought" not in program_source(PlanAndSolve()).text


def test_a_bare_predictor_shows_its_structure():
    source = program_source(mipro.ChainOfThought("question -> answer"))
    assert source.problem is None
    assert "question -> reasoning, answer" in source.text


def test_a_class_of_a_cell_is_found(shell):
    source = source_in(shell, PROGRAM)
    assert (source.text, source.problem) == (PROGRAM.rstrip(), None)


def test_a_class_in_the_middle_of_a_cell_with_magics_is_found(shell):
    cell = f"%time x = 1\n!true\n\n{PROGRAM}\nprogram = Told()\n%who_ls\n"
    source = source_in(shell, cell)
    assert (source.text, source.problem) == (PROGRAM.rstrip(), None)


def test_the_latest_definition_of_a_class_counts(shell):
    source_in(shell, PROGRAM)
    newer = PROGRAM.replace("two ways", "three ways")
    assert source_in(shell, newer).text == newer.rstrip()


def test_a_class_of_a_file_that_was_run_is_found_and_so_is_its_next_version(shell, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(f"import mipro_nb as mipro\n\n\n{PROGRAM}")
    assert source_in(shell, f"%run {path}").text == PROGRAM.rstrip()
    newer = PROGRAM.replace("two ways", "three ways, newly")
    path.write_text(f"import mipro_nb as mipro\nX = 1\n\n\n{newer}")
    assert source_in(shell, f"%run {path}").text == newer.rstrip()


def test_a_decorated_class_is_shown_with_its_decorator(shell):
    cell = f"def same(cls):\n    return cls\n\n\n@same\n{PROGRAM}"
    assert source_in(shell, cell).text == f"@same\n{PROGRAM.rstrip()}"


def test_where_there_is_no_source_it_says_so():
    namespace = {"mipro": mipro, "__name__": "nowhere"}
    exec(PROGRAM, namespace)  # noqa: S102 - what this is about
    source = program_source(namespace["Told"]())
    assert source.problem == "No source was found of Told: proposals see its structure only."
    assert "question -> answer" in source.text


def test_a_class_typed_at_a_prompt_says_that_it_has_no_source():
    script = f"import mipro_nb as mipro\n{PROGRAM}\n" + textwrap.dedent(
        """
        from mipro_nb.optimizer.planning.specification.source import program_source
        print(program_source(Told()).problem)
        """
    )
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, check=True, timeout=60
    )
    assert "No source was found of Told" in done.stdout


def test_what_a_process_was_started_with_is_not_taken_for_a_functions_source():
    script = """
from mipro_nb.optimizer.planning.specification.source import function_source
made = {}
exec("def judge(example, prediction):\\n    return True\\nother = lambda row: 1", made)
print(function_source(made["judge"]), function_source(made["other"]))
"""
    assert processes.run(script) == ["judge <lambda>"]


def test_a_class_that_contains_itself_is_shown_once():
    program = Solve()
    program.own = [program]
    assert program_source(program).text.count("class Solve") == 1


@pytest.mark.notebook
def test_a_class_of_a_notebook_is_found():
    cells = [
        "import mipro_nb as mipro",
        f"%matplotlib --list\n{PROGRAM}",
        "from mipro_nb.optimizer.planning.specification.source import program_source",
        "print(program_source(Told()).text)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    done = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert done.cells[3].outputs[0]["text"] == PROGRAM
