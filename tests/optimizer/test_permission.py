"""Permission: asked for below the plan, and nothing is sent without it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
from pathlib import Path

import nbclient
import nbformat
import pytest
from scripted_task import KEY, Solve, exact, rows

import mipro_nb as mipro
from mipro_nb.errors import PermissionUnansweredError

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SCRIPT = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from scripted_task import Solve, exact, rows
import mipro_nb as mipro
lm = mipro.LM("scripted", base_url={url!r}, api_key={key!r})
optimizer = mipro.MIPROv2(exact, task_model=lm, num_candidates=2)
try:
    best = optimizer.compile(Solve(), trainset=rows(10), minibatch=False, num_trials=2)
    print("SCORE", best.score)
except mipro.errors.MiproError as error:
    print("ERROR", type(error).__name__, error)
"""


def script_for(server):
    return SCRIPT.format(tests=str(HERE.parent), here=str(HERE), url=server.base_url, key=KEY)


def typed(server, answer):
    """Run the script on a terminal, type `answer`, and return what it printed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script_for(server)],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        os.write(ours, answer)
        printed, bar = process.communicate(timeout=120)
        os.close(ours)
    assert ("evaluation" in bar) == ("SCORE" in printed), "there is no bar of what does not begin"
    return printed


@pytest.mark.parametrize("answer", [b"y\n", b" YES \n"])
def test_yes_runs_the_plan(server, answer):
    printed = typed(server, answer)
    assert "MIPROv2 plan for Solve" in printed
    assert "Run this plan? [y/N]" in printed
    assert "SCORE" in printed
    assert server.count > 0


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"maybe\n"])
def test_anything_else_sends_nothing(server, answer):
    printed = typed(server, answer)
    assert "ERROR PermissionDeniedError The plan was not permitted. No LM call" in printed
    assert server.count == 0


def test_the_end_of_input_is_no_answer(server):
    assert "ERROR PermissionUnansweredError" in typed(server, b"\x04")
    assert server.count == 0


def test_without_anybody_to_ask_it_says_how_to_go_on(server):
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script_for(server)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "ERROR PermissionUnansweredError" in done.stdout
    assert "requires_permission_to_run=False" in done.stdout
    assert server.count == 0


@pytest.mark.notebook
def test_a_notebook_without_a_front_end_is_not_asked(server):
    cell = textwrap.dedent(script_for(server))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    done = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    text = "".join(output.get("text", "") for output in done.cells[0].outputs)
    assert "ERROR PermissionUnansweredError" in text
    assert server.count == 0


@pytest.mark.parametrize("how", ["compile", "acompile", "start"])
async def test_every_way_to_run_asks(server, how):
    optimizer = mipro.MIPROv2(exact, num_candidates=2)
    run = getattr(optimizer, how)
    with pytest.raises(PermissionUnansweredError, match="requires_permission_to_run=False"):
        await run(Solve(), trainset=rows(10), minibatch=False)
    assert server.count == 0
    assert mipro.runs.list() == []
