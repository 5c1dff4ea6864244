"""Cells of %%mipro in color: what is typed is marked, and all other Python stays as it is."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_HOSTILE = "<img src=x onerror=alert(1)>"
_CELL = (
    "%%mipro --train train --metric exact --auto=light best\n"
    "text -> topic: Literal['sport', 'politics']\n"
    "Say for each text, if it is not None, which of {topics} is meant, not {{other}}: # one\n"
    f"{_HOSTILE}"
)
_LINES = "best = %mipro run student --train train\nfor row in train: print('%mipro run', row)"
_PYTHON = "def total(row):\n    # %mipro run\n    return {'sum': row['total'], **{}}"


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_cells_of_mipro_are_in_color_and_python_is_as_it_was(notebook, looks, front_end):
    opened = notebook(_CELL, _LINES, _PYTHON, front_end=front_end)

    def parts(index, kind):
        return opened.cell(index).locator(f".cm-content .mipro-magic-{kind}")

    def wait_for(index, **texts):
        """Wait until the parts of each kind have this text, one after the other."""
        until(
            lambda: (
                {kind: "".join(parts(index, kind).all_text_contents()) for kind in texts} == texts
            )
        )

    wait_for(
        1,
        magic="%%mipro",
        option="--train--metric--auto",
        signature="text -> topic: Literal['sport', 'politics']",
        variable="{topics}",
        braces="{{}}",
    )
    expect(opened.cell(1).locator(".cm-line").last).to_have_text(_HOSTILE)
    colors = {kind: _colors(parts(1, kind)) for kind in ("magic", "option", "variable", "text")}
    # Words of an instruction that are Python's, such as "for" and "if", have no color of their own.
    assert [len(found) for found in colors.values()] == [1, 1, 1, 1]
    assert len(set().union(*colors.values())) == len(colors)

    wait_for(2, magic="%mipro", verb="run", option="--train")
    expect(opened.cell(3).locator(".cm-line").first).to_have_text("def total(row):")
    expect(opened.cell(3).locator("[class*='mipro-magic']")).to_have_count(0)

    opened.type(3, "%mipro best\nquestion -> answer")
    wait_for(3, verb="best", signature="")
    opened.type(3, "%%mipro best\nquestion -> answer")
    wait_for(3, verb="", signature="question -> answer")
    lines = opened.cell(1).locator(".cm-line")
    for index, name in ((0, "head"), (2, "instruction")):
        looks.at(opened, lines.nth(index), f"highlighted-{name}-{front_end}")


def _colors(parts):
    """Return the colors that parts of a cell are seen in."""
    return {part.evaluate("part => getComputedStyle(part).color") for part in parts.all()}
