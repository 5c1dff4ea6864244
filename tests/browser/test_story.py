"""A run from the dialog to the comparison with another, in JupyterLab, as most will see it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from run_widget import RunWidget
from scripted_task import GOOD, answer, question_of
from waiting import until

import mipro_nb as mipro
from mipro_nb.runs.events import CandidateBanned, CandidatePinned, TrialAsked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

_OWN = "Add the first number to the second."
# So many examples that the search has not seen them all before somebody has looked at it.
_COMPILE = "best = optimizer.compile(student, **{**data, 'valset': rows(150, start=1000)})"
_TELL = "print(best.run.status, best.score, best.solve.signature.instructions)"
_SECOND = """
few = {**data, "num_trials": 8}
run = optimizer.start(student, **few, seed=3, requires_permission_to_run=False)
"""


def test_a_run_from_the_dialog_to_its_comparison_with_another(notebook, lm, looks):
    opened = notebook(_COMPILE, _TELL, _SECOND, "%mipro history")
    lm.answer = _own_is_best
    lm.seconds = 0.05
    opened.begin(1)
    widget = RunWidget(opened.output(1))

    widget.wait_for_dialog()
    looks.at(opened, widget.view, "dialog")
    widget.field("LM calls").fill("many")
    expect(widget.button("Run")).to_be_disabled()
    widget.field("LM calls").fill("9000")
    assert lm.count == 0
    widget.permit()
    expect(opened.output(1).get_by_text("caps: 9,000 calls")).to_be_visible()

    widget.wait_for_more_trials(20)
    widget.pause()
    until(lambda: lm.in_flight == 0)
    asked = lm.count
    looks.at(opened, widget.view, "live")
    for tab in ("Instructions", "Demos", "Settings"):
        widget.open_tab(tab)
        looks.at(opened, widget.view, f"live-{tab.lower()}")
    assert lm.count == asked
    widget.resume()
    until(lambda: lm.count > asked)

    widget.open_tab("Instructions")
    widget.card("Instruction 2").get_by_role("button", name="Ban").click()
    expect(widget.card("Instruction 2").get_by_text("Banned", exact=True)).to_be_visible()
    widget.wait_for_more_trials(10)
    widget.button("Add my own").click()
    widget.field("Your instruction").fill(_OWN)
    widget.button("Add").click()
    own = widget.run.get_by_role("article").filter(has_text=_OWN)
    expect(own.get_by_text("By hand", exact=True)).to_be_visible()
    own.get_by_role("button", name="Pin").click()
    expect(own.get_by_text("Pinned", exact=True)).to_be_visible()
    expect(own.get_by_text("In the best program")).to_be_visible()
    looks.at(opened, widget.view, "live-steered")

    widget.stop()
    opened.wait_for_end(1)
    opened.run(2)
    expect(opened.output(2)).to_contain_text(f"stopped 100.0 {_OWN}")
    run = mipro.runs.load(widget.run_id)
    _check_that_no_trial_used_what_was_banned(run)
    _check_that_trials_used_what_was_pinned(run)

    _look_into_the_best_trial(opened, widget, run.state.best.trial, looks)
    _compare_two_trials(opened, widget, (0, run.state.best.trial), looks)

    opened.save()
    opened.reload()
    widget.wait_until_live()
    widget.wait_for_state("Stopped")
    assert widget.run_id == run.id
    expect(widget.open_trial(1).get_by_role("tab", name="Prompt as sent")).to_be_visible()

    opened.run(3)
    RunWidget(opened.output(3)).wait_for_state("Finished")
    opened.run(4)
    _look_at_the_history(opened, RunWidget(opened.output(4)), looks)


def _own_is_best(request):
    if _OWN not in request.system:
        return answer(request)
    first, second = question_of(request).split(" plus ")
    return f"answer: {int(first) + int(second)}"


def _asked_after(run, kind):
    """Return which instruction each trial used that was asked after an event of this kind."""
    events = [recorded.event for recorded in run.events()]
    place = next(n for n, event in enumerate(events) if isinstance(event, kind))
    later = [event for event in events[place:] if isinstance(event, TrialAsked)]
    assert len(later) > 3
    trials = [event for event in later if event.kind == "minibatch"]
    return events[place].index, {event.configuration["solve:instruction"] for event in trials}


def _check_that_no_trial_used_what_was_banned(run):
    banned, used = _asked_after(run, CandidateBanned)
    assert banned == 2
    assert banned not in used


def _check_that_trials_used_what_was_pinned(run):
    pinned, used = _asked_after(run, CandidatePinned)
    assert used == {pinned}


def _look_into_the_best_trial(opened, widget, trial, looks):
    drill = widget.open_trial(trial)
    looks.at(opened, drill, "trial")
    drill.get_by_role("tab", name="Prompt as sent").click()
    expect(drill.get_by_role("tabpanel")).to_contain_text(_OWN)
    looks.at(opened, drill, "trial-prompt")
    drill.get_by_role("tab", name="Examples").click()
    drill.get_by_role("grid").get_by_role("row").nth(1).click()
    call = drill.get_by_role("region", name=re.compile("LM calls")).get_by_role("article")
    expect(call).to_contain_text("Sent")
    expect(call).to_contain_text(re.compile(r"answer: \d+"))
    looks.at(opened, drill, "example")
    drill.get_by_role("button", name=f"Close trial {trial}").click()
    expect(drill).to_be_hidden()


def _compare_two_trials(opened, widget, trials, looks):
    for trial in trials:
        widget.find_trial(trial)
        widget.field(f"Mark trial {trial} for comparison").check()
    widget.button(f"Compare {trials[0]} and {trials[1]}").click()
    compared = widget.run.get_by_role("region", name=re.compile(r"^Trials \d+ and \d+$"))
    expect(compared).to_contain_text("a clear difference")
    looks.at(opened, compared, "trials-compared")
    compared.get_by_role("tab", name="Prompts").click()
    expect(compared.get_by_role("tabpanel")).to_contain_text(_OWN)
    looks.at(opened, compared, "trials-compared-prompts")


def _look_at_the_history(opened, widget, looks):
    rows = widget.runs.get_by_role("row")
    expect(rows).to_have_count(3)
    looks.at(opened, widget.view, "history")
    rows.filter(has_text="Stopped").click()
    widget.wait_for_state("Stopped")
    expect(widget.trials.get_by_role("row").nth(1)).to_be_visible()
    widget.button("Back").click()
    for box in widget.runs.get_by_role("checkbox").all():
        box.check()
    widget.button("Compare").click()
    comparison = widget.view.get_by_role("region", name="Comparison of 2 runs")
    expect(comparison).to_contain_text(GOOD)
    expect(comparison).to_contain_text(_OWN)
    looks.at(opened, widget.view, "comparison")
