"""Clicks reach the run: in every front end, on both kernels, in every way to begin a run."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from run_widget import RunWidget
from waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

_COMPILE = "best = optimizer.compile(student, **data)"
_START = "run = optimizer.start(student, **data)"
_ACOMPILE = "best = await optimizer.acompile(student, **data)"
_CELL = (
    "%%mipro --train train --val val --metric exact --num-trials 600 --minibatch-size 6"
    " --num-candidates 4 --num-threads 4 best\n"
    "question -> answer\n"
    "Answer the question."
)
_BEST = "print(best.run.status, len(best.trial_logs) > 3)"
_BEST_OF_RUN = "best = run.wait()\n" + _BEST

_JUPYTERLAB = {"front_end": "lab", "kernel": "python3"}
_JUPYTERLAB_6 = {"front_end": "lab", "kernel": "python-ipykernel6"}
_NOTEBOOK = {"front_end": "notebook", "kernel": "python3"}


@pytest.mark.parametrize(
    ("place", "begin", "best"),
    [
        pytest.param(_JUPYTERLAB, _ACOMPILE, _BEST, id="JupyterLab, acompile"),
        pytest.param(_JUPYTERLAB, _CELL, _BEST, id="JupyterLab, %%mipro"),
        pytest.param(_JUPYTERLAB_6, _COMPILE, _BEST, id="JupyterLab with ipykernel 6, compile"),
        pytest.param(_JUPYTERLAB_6, _START, _BEST_OF_RUN, id="JupyterLab with ipykernel 6, start"),
        pytest.param(_NOTEBOOK, _COMPILE, _BEST, id="Notebook, compile"),
    ],
)
def test_a_run_is_permitted_paused_steered_and_stopped_by_clicks(notebook, lm, place, begin, best):
    opened = notebook(begin, best, **place)
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.wait_for_dialog()
    assert lm.count == 0
    widget.permit()

    widget.pause()
    until(lambda: lm.in_flight == 0)
    asked = lm.count
    widget.open_tab("Instructions")
    widget.card("Instruction 2").get_by_role("button", name="Ban").click()
    expect(widget.card("Instruction 2").get_by_text("Banned", exact=True)).to_be_visible()
    assert lm.count == asked
    widget.resume()
    widget.wait_for_more_trials(5)

    widget.stop()
    opened.wait_for_end(1)
    opened.run(2)
    expect(opened.output(2)).to_contain_text("stopped True")
