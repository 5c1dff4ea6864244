"""What a person can answer besides Run: Cancel, stop, don't ask again; and all by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from run_widget import RunWidget

import mipro_nb as mipro
from mipro_nb.runs.events import RunPermitted

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

_COMPILE = "best = optimizer.compile(student, **data)"
_FEW = """
few = {**data, "num_trials": 4}
best = optimizer.compile(student, **few)
"""
_BEST = "print(best.run.status, len(best.trial_logs) > 3)"
_JUPYTERLAB = {"front_end": "lab", "kernel": "python3"}
_JUPYTERLAB_6 = {"front_end": "lab", "kernel": "python-ipykernel6"}
_NOTEBOOK = {"front_end": "notebook", "kernel": "python3"}


def test_cancel_raises_and_sends_nothing(notebook, lm):
    opened = notebook(_COMPILE, "print(type(sys.last_value).__name__)")
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.wait_for_dialog()
    widget.button("Cancel").click()
    opened.wait_for_end(1)
    expect(opened.output(1).first).to_contain_text("Cancelled. No LM call was made.")
    said = opened.output(1).last
    expect(said).to_contain_text("PermissionDeniedError: ")
    expect(said).not_to_contain_text("Traceback")
    opened.run(2)
    expect(opened.output(2)).to_have_text("PermissionDeniedError")
    assert lm.count == 0
    assert mipro.runs.list() == []
    opened.save()
    (asked,) = [output for output in opened.read().cells[1].outputs if "data" in output]
    assert "declined" in asked.data["text/html"]
    assert "waits for permission" not in asked.data["text/html"]
    assert asked.data["application/vnd.mipro.run+json"]["permission"]["state"] == "declined"


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(_JUPYTERLAB, id="JupyterLab"),
        pytest.param(_JUPYTERLAB_6, id="JupyterLab with ipykernel 6"),
        pytest.param(_NOTEBOOK, id="Notebook"),
    ],
)
def test_interrupting_the_cell_stops_the_run_and_keeps_the_best(notebook, lm, place):
    opened = notebook(_COMPILE, _BEST, **place)
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.permit()
    opened.interrupt()
    opened.wait_for_end(1)
    widget.wait_for_state("Stopped")
    expect(opened.output(1).last).to_contain_text("keeping the best program so far")
    opened.run(2)
    expect(opened.output(2)).to_contain_text("stopped True")
    assert lm.in_flight == 0


def test_interrupting_the_dialog_sends_nothing(notebook, lm):
    opened = notebook(_COMPILE, "print(type(sys.last_value).__name__)")
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.wait_for_dialog()
    opened.interrupt()
    opened.wait_for_end(1)
    expect(widget.dialog).to_be_hidden()
    opened.run(2)
    expect(opened.output(2)).to_have_text("PermissionDeniedError")
    assert lm.count == 0


def test_who_does_not_want_to_be_asked_below_an_amount_is_not(notebook):
    opened = notebook(_FEW, _FEW, "run = optimizer.start(student, **data)")
    opened.begin(1)
    first = RunWidget(opened.output(1))
    first.wait_for_dialog()
    first.view.get_by_label("Don't ask again in this notebook below").check()
    first.field("Amount below which not to ask, in US dollars").fill("0.10")
    first.button("Run").click()
    opened.wait_for_end(1)

    opened.run(2)
    second = RunWidget(opened.output(2))
    second.wait_for_state("Finished")
    expect(second.dialog).to_have_count(0)
    run = mipro.runs.load(second.run_id)
    (permitted,) = [e.event for e in run.events() if isinstance(e.event, RunPermitted)]
    assert (permitted.by, permitted.caps["max_usd"]) == ("remembered", 0.10)

    opened.run(3)
    RunWidget(opened.output(3)).wait_for_dialog()


def test_all_can_be_done_by_keyboard(notebook, lm, page):
    opened = notebook(_COMPILE, _BEST)
    opened.begin(1)
    widget = RunWidget(opened.output(1))
    widget.wait_for_dialog()
    widget.field("US dollars").focus()
    _tab_to(page, widget.button("Run"))
    assert lm.count == 0
    page.keyboard.press("Enter")
    widget.wait_for_trials()

    _tab_to(page, widget.button("Pause"))
    page.keyboard.press("Enter")
    widget.wait_for_state("Paused")
    _tab_to(page, widget.run.get_by_role("tab", selected=True))
    page.keyboard.press("ArrowRight")
    _tab_to(page, widget.card("Instruction 1").get_by_role("button", name="Ban"))
    page.keyboard.press("Space")
    expect(widget.card("Instruction 1").get_by_text("Banned", exact=True)).to_be_visible()
    _tab_to(page, widget.run.get_by_role("tab", selected=True), backwards=True)
    page.keyboard.press("ArrowLeft")
    _tab_to(page, widget.trials)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    drill = widget.run.get_by_role("region", name="Trial")
    expect(drill.get_by_role("heading").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(drill).to_be_hidden()
    _tab_to(page, widget.button("Stop"), backwards=True)
    page.keyboard.press("Enter")
    _tab_to(page, widget.button("Stop the run"), backwards=True)
    page.keyboard.press("Enter")
    widget.wait_for_state("Stopped")
    opened.wait_for_end(1)


def _tab_to(page, target, *, backwards=False):
    """Press Tab until the target has the focus; that must not take long."""
    focused = "element => element === element.getRootNode().activeElement"
    for _ in range(60):
        if target.evaluate(focused):
            return
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
    raise AssertionError("Tab does not lead there")
