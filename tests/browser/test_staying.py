"""A view stays: after a reload, in a second notebook, without its kernel, in the saved file."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect
from run_widget import RunWidget

import mipro_nb as mipro

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

_COMPILE = "best = optimizer.compile(student, **data)"
_START = "run = optimizer.start(student, **data)"
_FEW = """
few = {**data, "num_trials": 12}
best = optimizer.compile(student, **few, requires_permission_to_run=False)
"""
_RUN_MIME = "application/vnd.mipro.run+json"
_JUPYTERLAB = {"front_end": "lab", "kernel": "python3"}
_JUPYTERLAB_6 = {"front_end": "lab", "kernel": "python-ipykernel6"}
_NOTEBOOK = {"front_end": "notebook", "kernel": "python3"}


@pytest.mark.parametrize(
    ("place", "begin"),
    [
        pytest.param(_JUPYTERLAB, _COMPILE, id="JupyterLab, compile"),
        pytest.param(_NOTEBOOK, _START, id="Notebook, start"),
    ],
)
def test_a_reload_in_mid_run_brings_the_live_view_back(notebook, lm, place, begin):
    lm.seconds = 0.2
    opened = notebook(begin, **place)
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.permit()
    run_id = widget.run_id
    opened.save()
    opened.reload()
    widget.wait_until_live()
    widget.wait_for_trials()
    assert widget.run_id == run_id
    widget.wait_for_more_trials(3)
    widget.pause()
    widget.resume()
    widget.stop()


def test_two_notebooks_show_one_run_alike(notebook, page, lm):
    lm.seconds = 0.1
    opened = notebook(_START)
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.permit()
    widget.pause()  # or it might be over before the second notebook is there
    run_id = widget.run_id
    with page.context.expect_page() as opening:
        page.evaluate("void window.open('about:blank')")
    other = notebook(f"%mipro show {run_id}", page=opening.value)
    other.run(1)
    watched = RunWidget(other.output(1))
    watched.wait_for_state("Paused")
    expect(watched.run).to_contain_text("Its candidates are steered there.")
    watched.resume()
    widget.wait_for_state("Running")
    watched.wait_for_more_trials(3)

    widget.pause()
    watched.wait_for_state("Paused")
    widget.open_tab("Instructions")
    watched.open_tab("Instructions")
    widget.card("Instruction 1").get_by_role("button", name="Ban").click()
    expect(watched.card("Instruction 1").get_by_text("Banned", exact=True)).to_be_visible()
    trials = widget.trial_count
    assert watched.trial_count == trials
    widget.stop()
    watched.wait_for_state("Stopped")
    for tab in ("Trials", "Instructions"):
        widget.open_tab(tab)
        watched.open_tab(tab)
        panels = [w.run.get_by_role("tabpanel").inner_text() for w in (widget, watched)]
        assert panels[0] == panels[1]


@pytest.mark.parametrize(
    ("place", "begin"),
    [
        pytest.param(_JUPYTERLAB_6, _COMPILE, id="JupyterLab with ipykernel 6, compile"),
        pytest.param(_NOTEBOOK, _START, id="Notebook, start"),
    ],
)
def test_a_kernel_restart_in_mid_run_leaves_no_view_that_lies(notebook, lm, looks, place, begin):
    opened = notebook(begin, **place)
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.permit()
    run_id = widget.run_id
    opened.restart_kernel()
    widget.wait_for_state("Cut off")
    said = opened.output(1).first
    expect(said).to_contain_text("This run was cut off")
    expect(said).to_contain_text(f"%mipro resume {run_id} student --metric exact")
    expect(widget.button("Pause")).to_have_count(0)
    expect(said.get_by_text("to go ·")).to_have_count(0)
    looks.at(opened, said, "cut-off")
    assert mipro.runs.load(run_id).status != "running"


def test_a_saved_notebook_shows_its_run_without_a_kernel(notebook, looks):
    opened = notebook(_FEW)
    opened.run(1)
    widget = RunWidget(opened.output(1))
    widget.wait_for_state("Finished")
    run = mipro.runs.load(widget.run_id)
    opened.save()
    saved = _saved_run(opened)
    assert saved["snapshot"]["summary"]["state"] == "finished"
    assert len(saved["snapshot"]["trials"]) == len(run.state.trials)

    opened.server.shut_down_kernels()
    opened.reload()
    opened.use_no_kernel()
    widget.wait_for_state("Finished")
    said = opened.output(1).first
    expect(said).to_contain_text(f"%mipro show {run.id}")
    widget.open_tab("Instructions")
    expect(widget.run.get_by_role("button", name="Copy").first).to_be_visible()
    expect(widget.run.get_by_role("button", name="Ban")).to_have_count(0)
    expect(widget.button("Add my own")).to_have_count(0)
    drill = widget.open_trial(run.state.best.trial)
    drill.get_by_role("tab", name="Prompt as sent").click()
    expect(drill.get_by_role("tabpanel")).to_contain_text("question: 1000 plus 1003")
    looks.at(opened, said, "saved")


def test_a_notebook_saved_in_mid_run_says_so_when_it_is_opened_again(notebook, lm):
    opened = notebook(_START)
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.permit()
    opened.save()
    assert _saved_run(opened)["snapshot"]["summary"]["state"] == "running"
    opened.server.shut_down_kernels()
    opened.reload()
    said = opened.output(1).first
    expect(said).to_contain_text("A saved view")
    expect(said).to_contain_text("it was cut off. To resume it: %mipro resume")
    expect(widget.button("Pause")).to_have_count(0)


def _saved_run(opened):
    (output,) = [o for o in opened.read().cells[1].outputs if _RUN_MIME in o.get("data", {})]
    assert set(output.data) >= {"text/html", "text/plain"}
    assert len(json.dumps(output)) < 1_000_000
    return output.data[_RUN_MIME]
