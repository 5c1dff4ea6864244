"""Tab completion of %mipro lines and of the first line of %%mipro cells."""

from __future__ import annotations

import jupyter_client
import pytest
from IPython.core.completer import provisionalcompleter

import mipro_nb as mipro

SHORT = "--train train --val val --metric exact --num-candidates 2 --num-trials 1 --no-minibatch"
SETUP = """
import pandas as pd
import mipro_nb as mipro
from mipro_nb import MIPROv2

class Data:
    def __init__(self):
        self.train, self.val = train, val
    @property
    def computed(self):
        raise RuntimeError("completion must not run this")

data, frame, numbers, text = Data(), pd.DataFrame({"q": [1]}), [1, 2], "abc"
judge = lambda example, prediction: True
"""


@pytest.fixture
def notebook(shell):
    """A shell with objects of all kinds."""
    shell.run(SETUP)
    return shell


@pytest.fixture
def run_ids(notebook, server):
    """The ids of three runs, the newest first."""
    for _ in range(3):
        notebook.run(f"%mipro run student {SHORT} --yes")
    return [run.id for run in mipro.runs.list()]


class TestVerbsAndOptions:
    def test_verbs_are_offered_in_the_order_of_the_help(self, notebook):
        offered = notebook.completed("%mipro ")
        assert offered[:4] == ["estimate", "headroom", "run", "status"]
        assert notebook.completed("%mipro re") == ["resume", "rename"]
        assert notebook.completed("plan = %mipro es") == ["estimate"]

    def test_the_older_way_to_ask_gives_the_same(self, notebook):
        with pytest.warns(PendingDeprecationWarning):
            assert notebook.ip.complete("es", "%mipro es") == ("es", ["estimate"])

    def test_a_verbs_options_are_offered_once_each(self, notebook):
        line = "%mipro run student --train train --m"
        assert "--metric" in notebook.completed(line)
        assert notebook.completed(line + "e") == ["--metric", "--metric-threshold"]
        assert "--train" not in notebook.completed("%mipro run student --train train --")
        assert notebook.completed("%mipro cache --") == ["--yes"]

    def test_options_come_when_all_arguments_are_there(self, notebook):
        assert "--train" in notebook.completed("%mipro run student ")

    def test_choices_are_offered_in_their_order(self, notebook):
        assert notebook.completed("%mipro run student --auto ") == ["light", "medium", "heavy"]
        assert notebook.completed("%mipro run student --auto=l") == ["light"]
        assert notebook.completed("%mipro cache ") == ["info", "clear"]
        assert notebook.completed("%mipro help tr") == ["traceback"]
        assert notebook.completed("%mipro config re") == ["record="]

    def test_cells_complete_on_their_first_line(self, notebook):
        assert "--cot" in notebook.completed("%%mipro ")
        assert notebook.completed("%%mipro --max-u") == ["--max-usd"]
        assert notebook.completed("%%mipro --metric ju") == ["judge"]

    def test_other_lines_are_left_to_ipython(self, notebook):
        assert "estimate" not in notebook.completed("%miprox es")
        assert "estimate" not in notebook.completed("print('%mipro es")
        assert "%mipro" in notebook.completed("%mip")


class TestNames:
    def test_programs_are_offered_to_begin_with(self, notebook):
        assert notebook.completed("%mipro estimate ") == ["student"]
        assert notebook.completed("%mipro run st") == ["student"]

    def test_rows_are_lists_of_rows_and_data_frames_also_inside_objects(self, notebook):
        offered = ["data.train", "data.val", "frame", "train", "val"]
        assert notebook.completed("%mipro run student --train ") == offered
        assert notebook.completed("%mipro run student --val data.") == ["data.train", "data.val"]
        assert notebook.completed("%mipro run student --val=data.t") == ["data.train"]

    def test_metrics_are_functions(self, notebook):
        offered = notebook.completed("%mipro run student --metric ")
        assert {"exact", "judge"} <= set(offered)
        assert not {"student", "train", "MIPROv2", "get_ipython", "exit"} & set(offered)

    def test_models_are_lms(self, notebook):
        notebook.run("writer = mipro.LM('writer', base_url='http://127.0.0.1:9/v1', api_key='k')")
        for option in ("--prompt-model", "--task-model", "--teacher"):
            assert notebook.completed(f"%mipro run student {option} ") == ["writer"]
        assert notebook.completed("%mipro config lm=") == ["writer"]

    def test_quotes_are_no_part_of_a_name(self, notebook):
        assert notebook.completed('%mipro run student --train "data.t') == ["data.train"]


class TestRuns:
    def test_the_newest_run_comes_first(self, notebook, run_ids):
        for verb in ("show", "status", "pause", "compare", "diff"):
            assert notebook.completed(f"%mipro {verb} ") == [*run_ids, "last"]
        assert notebook.completed(f"%mipro show {run_ids[0][:-1]}") == [run_ids[0]]

    def test_every_argument_that_is_a_run_is_completed(self, notebook, run_ids):
        assert notebook.completed(f"%mipro diff {run_ids[0]} ") == [*run_ids, "last"]
        assert notebook.completed("%mipro compare last last la") == ["last"]

    def test_what_is_exported_may_be_a_program_as_well(self, notebook, run_ids):
        offered = notebook.completed("%mipro export ")
        assert offered[: len(run_ids) + 1] == [*run_ids, "last"]
        assert "student" in offered
        assert notebook.completed("%mipro export student --as mark") == ["markdown"]

    def test_variables_that_hold_a_run_are_offered_too(self, notebook, run_ids):
        notebook.run("mine = mipro.runs.list()[0]")
        assert notebook.completed("%mipro status mi") == ["mine"]

    def test_runs_that_can_be_resumed_are_offered_with_their_state(self, notebook, run_ids):
        notebook.run("other = rows(6, start=5000)")  # of which no answer is kept
        unseen = SHORT.replace("--val val", "--val other")
        notebook.run(f"capped = %mipro run student {unseen} --yes --max-calls 3")
        capped = notebook["capped"].run
        line = "%mipro resume "
        with provisionalcompleter():
            offered = [
                (found.text, found.type)
                for found in notebook.ip.Completer.completions(line, len(line))
            ]
        assert offered == [(capped.id, "capped")]
        assert notebook.completed(f"%mipro resume {capped.id} ") == ["capped", "student"]
        assert notebook.completed("%mipro resume last student --metric ex") == ["exact"]
        assert "--accept-changes" in notebook.completed("%mipro resume last student ")

    def test_paths_are_left_to_ipython(self, notebook, run_ids, tmp_path):
        (tmp_path / "kept").mkdir()
        offered = notebook.completed(f"%mipro export last {tmp_path}/ke")
        assert [path.rstrip("/") for path in offered] == [f"{tmp_path}/kept"]


@pytest.fixture(scope="module")
def client():
    with jupyter_client.run_kernel(kernel_name="python3") as running:
        done = running.execute(KERNEL_SETUP, reply=True, timeout=60)
        assert done["content"]["status"] == "ok"
        yield running


KERNEL_SETUP = """
%load_ext mipro_nb
import mipro_nb as mipro
rows, student = [mipro.Example(q="a", a="b")], mipro.Predict("q -> a")
def exact(example, prediction): return 1
"""


@pytest.mark.notebook
class TestKernel:
    """The same through a kernel's complete_request, as JupyterLab sends it."""

    @pytest.mark.parametrize(
        ("code", "offered"),
        [
            ("%mipro est", ["estimate"]),
            ("x = 1\n%mipro run stu", ["student"]),
            ("%mipro run student --train ro", ["rows"]),
            ("%mipro run student --auto=h", ["heavy"]),
            ("%mipro run student \\\n    --max-u", ["--max-usd"]),
            ("%%mipro --metric ex", ["exact"]),
        ],
    )
    def test_the_word_at_the_cursor_is_completed(self, client, code, offered):
        content = completed(client, code)
        assert content["matches"] == offered
        typed = code[content["cursor_start"] : content["cursor_end"]]
        assert offered[0].startswith(typed)

    def test_a_cells_body_is_no_line_of_options(self, client):
        assert "--max-usd" not in completed(client, "%%mipro x\n%%mipro --max-u")["matches"]


def completed(client, code):
    return client.complete(code, len(code), reply=True, timeout=60)["content"]
