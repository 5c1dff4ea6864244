"""A kernel is killed in mid-run; in the next one, the run is resumed to its end."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import expect
from run_widget import RunWidget

import mipro_nb as mipro

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

_OPTIMIZER = """
def metric(example, prediction, trace=None):
    return exact(example, prediction)
optimizer = mipro.MIPROv2(metric, num_candidates=4, num_threads=4)
"""
_CHANGED = """
def metric(example, prediction, trace=None):
    "Compares <b>as before</b>."
    return exact(example, prediction)
"""
_COMPILE = """
few = {**data, "num_trials": 40}
best = optimizer.compile(student, **few, max_calls=5000)
"""
_TELL = "print(best.run.status, best.run.id, len(best.run.state.trials))"


def test_a_run_whose_kernel_was_killed_is_resumed_in_the_next(notebook, lm, looks):
    lm.seconds = 0.2
    opened = notebook(_OPTIMIZER, _COMPILE, _CHANGED, "%mipro history", "", _TELL)
    opened.run(1)
    opened.begin(2)
    cut = RunWidget(opened.output(2))
    cut.permit()
    run_id = cut.run_id
    os.kill(_process_of(run_id), signal.SIGKILL)
    opened.take_note_of_dead_kernel()
    cut.wait_for_state("Cut off")
    line = f"%mipro resume {run_id} student --metric metric"
    expect(opened.output(2).first).to_contain_text(line)
    before = mipro.runs.load(run_id).state  # as it is now, and not when it goes on
    assert before.state == "cut off"
    looks.at(opened, opened.output(2).first, "killed")

    lm.seconds = 0.02
    for cell in (0, 1, 3):
        opened.run(cell)
    opened.type(5, f"best = {line} --max-calls 6000")
    opened.begin(5)
    widget = RunWidget(opened.output(5))
    widget.wait_for_dialog()
    expect(widget.dialog).to_contain_text(f"Resumes run {run_id}, which was cut off")
    expect(widget.dialog).to_contain_text("The metric's code changed")
    expect(widget.dialog.locator("pre")).to_contain_text('+    "Compares <b>as before</b>."')
    expect(widget.field("LM calls")).to_have_value("6000")
    looks.at(opened, widget.view, "dialog-carry-on")
    widget.field("LM calls").fill("1")
    widget.dialog.get_by_role("button", name="Resume", exact=True).click()
    expect(widget.dialog.get_by_role("alert")).to_contain_text("already: give a higher one")
    widget.field("LM calls").fill("5500")
    widget.permit_resuming()
    assert widget.run_id == run_id
    assert widget.trial_count >= len(before.trials)
    expect(widget.head).to_contain_text(re.compile(r"in flight when the run was interrupted"))
    widget.wait_for_state("Finished")
    opened.wait_for_end(5)
    looks.at(opened, widget.view, "carried-on")

    opened.run(6)
    run = mipro.runs.load(run_id)
    expect(opened.output(6)).to_contain_text(f"finished {run_id} {len(run.state.trials)}")
    assert widget.trial_count == len(run.state.trials)
    assert run.state.caps["max_calls"] == 5500
    _check_that_nothing_was_told_twice(run)
    opened.run(4)
    history = RunWidget(opened.output(4))
    expect(history.runs.get_by_role("row")).to_have_count(2)


def _process_of(run_id):
    return mipro.runs.load(run_id).state.process


def _check_that_nothing_was_told_twice(run):
    events = [recorded.event for recorded in run.events()]
    cells = [(e.configuration, e.example) for e in events if e.type == "example_scored"]
    trials = [e.trial for e in events if e.type == "trial_told"]
    assert len(cells) == len(set(cells))
    assert len(trials) == len(set(trials))
