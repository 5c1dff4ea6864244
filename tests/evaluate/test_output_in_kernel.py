"""What user code prints in a notebook stands below its cell, from whatever thread it comes."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient
from scripted_server import ScriptedServer
from scripted_sums import solve

_BEFORE = """
import asyncio, os, threading
from concurrent.futures import ThreadPoolExecutor
import mipro_nb as mipro
mipro.configure(lm=mipro.LM("m", base_url=os.environ["SERVER"]))
rows = [mipro.Example(question=f"{n} plus 1", answer=f"{n + 1}").with_inputs("question")
        for n in range(12)]
def say(where, row):
    print(f"<{where} {row.question}>", end="\\n" * 2)
def in_thread(example, prediction, trace=None):
    say("worker", example)
    threads = [threading.Thread(target=say, args=(f"thread {n}", example)) for n in range(3)]
    [thread.start() for thread in threads]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: say(f"pool {n}", example), range(3)))
    [thread.join() for thread in threads]
    return True
async def on_loop(example, prediction, trace=None):
    say("loop", example)
    await asyncio.to_thread(say, "to_thread", example)
    return True
program = mipro.Predict("question -> answer")
"""
_EVALUATE = "mipro.Evaluate(devset=rows, metric=in_thread)(program)"
_AWAIT = "await mipro.Evaluate(devset=rows, metric=on_loop).acall(program)"
_COMPILE = """
_ = mipro.MIPROv2(in_thread, num_candidates=2).compile(program, trainset=rows[:4],
    valset=rows[4:], num_trials=1, minibatch=False, requires_permission_to_run=False)
"""
_IN_THREADS = ["worker", *(f"{where} {n}" for where in ("thread", "pool") for n in range(3))]


@pytest.mark.notebook
def test_what_many_threads_print_stands_below_their_cell(tmp_path, monkeypatch):
    cells = [nbformat.v4.new_code_cell(c) for c in (_BEFORE, _EVALUATE, _AWAIT, _COMPILE, "0")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with ScriptedServer(_answer) as server:
        monkeypatch.setenv("SERVER", server.base_url)
        resources = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, timeout=120, resources=resources).execute()
    printed = [
        "".join(output.text for output in cell.outputs if output.output_type == "stream")
        for cell in notebook.cells
    ]
    everything = [f"<{where} {n} plus 1>" for where in _IN_THREADS for n in range(12)]
    assert [line for line in everything if line not in printed[1]] == []
    awaited = [f"<{where} {n} plus 1>" for where in ("loop", "to_thread") for n in range(12)]
    assert [line for line in awaited if line not in printed[2]] == []
    of_run = [f"<{where} {n} plus 1>" for where in _IN_THREADS for n in range(4, 12)]
    assert [line for line in of_run if line not in printed[3]] == []
    assert printed[0] == printed[4] == ""


def _answer(request):
    try:
        return solve(request)
    except ValueError:
        return "\n".join(f"{name}: text {request.number}" for name in _GROUNDING)


_GROUNDING = ("instruction", "observations", "summary", "description", "role")
