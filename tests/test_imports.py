"""What a fresh process imports, and that no module imports itself by way of others."""

import ast
from graphlib import TopologicalSorter

import grimp
import pytest
from processes import run

_SLOW = {"aiohttp", "litellm", "matplotlib", "narwhals", "numpy", "openai", "optuna", "pandas"}
_OF_TESTS = {"hypothesis", "pytest"}
_OF_NOTEBOOKS = {"IPython", "anywidget", "ipywidgets"}
_SHELL = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
"""
_IMPORT = "import mipro_nb\n"
_LOAD = f"{_SHELL}shell.run_line_magic('load_ext', 'mipro_nb')\n"
_TELL = "import sys\nprint(sorted({name.split('.')[0] for name in sys.modules}))"


def imported_by(script):
    """Return the packages that a fresh process has imported when it has run `script`."""
    return set(ast.literal_eval(run(script + _TELL)[-1]))


def test_importing_mipro_nb_brings_nothing_slow_and_no_notebook():
    assert imported_by(_IMPORT) & (_SLOW | _OF_NOTEBOOKS | _OF_TESTS) == set()


def test_contract_tests_are_imported_without_what_runs_them():
    assert imported_by(f"{_IMPORT}import mipro_nb.testing\n") & _OF_TESTS == set()


def test_loading_the_extension_brings_nothing_slow_and_no_widgets():
    assert imported_by(_LOAD) & (_SLOW | _OF_NOTEBOOKS - {"IPython"}) == set()


@pytest.mark.slow
def test_an_lm_that_needs_no_litellm_does_not_bring_it():
    made = "mipro_nb.LM('openai/gpt-4o-mini', api_key='k')\n"
    made += "mipro_nb.LM('hosted_vllm/m', api_base='http://127.0.0.1:9')\n"
    assert "litellm" not in imported_by(_IMPORT + made)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("needing", "needed"),
    [
        ("mipro_nb.LM('m', base_url='http://127.0.0.1:9', api_key='k')", {"aiohttp", "openai"}),
        ("mipro_nb.history().to_dataframe()", {"numpy", "pandas"}),
    ],
)
def test_what_needs_it_brings_it(needing, needed):
    assert needed <= imported_by(f"{_IMPORT}{needing}\n")


def test_there_is_no_circle_of_imports_not_even_for_annotations():
    graph = grimp.build_graph("mipro_nb", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # its CycleError names the circle
