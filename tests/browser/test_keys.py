"""The keys that people press in fields and tables, of which JupyterLab has uses of its own."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from run_widget import RunWidget
from waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_START = "run = optimizer.start(student, **data, seed=3, requires_permission_to_run=False)"


def test_keys_in_fields_and_tables_do_what_they_do_elsewhere(notebook, lm):
    opened = notebook(_START, "%mipro history", "%mipro history other words")
    lm.seconds = 0.02
    opened.run(1)
    widget = RunWidget(opened.output(1))
    widget.wait_for_trials()
    widget.pause()
    widget.open_tab("Instructions")

    widget.button("Add my own").click()
    field = widget.field("Your instruction")
    field.press("Escape")  # of an empty field: what was written is not thrown away by one key
    expect(field).to_have_count(0)

    widget.button("Add my own").click()
    field.fill("Add the numbers.")
    field.press("Enter")
    field.press_sequentially("Say no more.")
    field.press("Shift+Enter")
    field.press_sequentially("dd")  # a command of JupyterLab's: it deletes the cell
    expect(field).to_have_value("Add the numbers.\nSay no more.\ndd")
    field.press("Control+z")
    expect(field).not_to_have_value("Add the numbers.\nSay no more.\ndd")
    field.fill("Add the numbers.\nSay no more.")
    field.press("Control+Enter")
    expect(widget.run.get_by_role("article").filter(has_text="Say no more.")).to_be_visible()
    assert opened.page.locator(".jp-Cell").count() == 4

    widget.open_tab("Trials")
    widget.trials.get_by_role("row").filter(has_text="done").first.click()
    examples = widget.run.get_by_role("grid", name=re.compile("^Examples of trial"))
    examples.focus()
    for key in ("Home", "g", "ArrowDown", "b"):  # of which one inserts a cell in JupyterLab
        examples.press(key)
    expect(examples.get_by_text("Good", exact=True)).to_be_visible()
    expect(examples.get_by_text("Bad", exact=True)).to_be_visible()
    expect(widget.run.get_by_text("2 ratings of replies: 1 good, 1 bad.")).to_be_visible()
    assert opened.page.locator(".jp-Cell").count() == 4
    for key in (*["ArrowDown"] * 14, "End", *["ArrowUp"] * 14, "Home", "PageDown", "PageUp"):
        examples.press(key)
        until(lambda: _shows_its_active_row(examples))

    opened.run(2)
    history = RunWidget(opened.output(2))
    history.view.get_by_role("checkbox").first.click()
    for name, text in (("Rename", "my first run"), ("Tags", "small")):
        history.button(name).click()
        field = history.view.get_by_role("textbox").last
        field.fill(text)
        field.press("Enter")
        expect(history.runs.get_by_text(text)).to_be_visible()

    opened.run(3)  # what the cell searches for stands in the field, and can be changed there
    searched = RunWidget(opened.output(3))
    expect(searched.field("Search the runs")).to_have_value("other words")
    expect(searched.runs.get_by_text("my first run")).to_have_count(0)
    searched.field("Search the runs").fill("first num_trials=")
    expect(searched.runs.get_by_text("my first run")).to_be_visible()


def _shows_its_active_row(table):
    """Return whether the row that the keyboard acts on is in sight, below the header."""
    return table.evaluate(
        """table => {
            const row = document.getElementById(table.getAttribute("aria-activedescendant"));
            const [{ top: seen }, header] = [table, table.firstElementChild].map((each) =>
                each.getBoundingClientRect(),
            );
            const { top, bottom } = row?.getBoundingClientRect() ?? {};
            return top >= header.bottom && bottom <= seen + table.clientTop + table.clientHeight;
        }"""
    )
