"""Whatever an LM writes is shown as text: nothing in it runs, loads, links or hides."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from run_widget import RunWidget
from scripted_task import answer, kind, question_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

_TAGS = (
    "<img src=x-hostile onerror='window.__pwned = 1'><script>window.__pwned = 2</script>"
    "<svg onload='window.__pwned = 3'></svg><iframe srcdoc='<script>parent.__pwned = 4</script>'>"
    "</iframe><style>* { display: none }</style> [a link](javascript:window.__pwned=5)"
    " ![an image](x-hostile) $\\href{javascript:window.__pwned=6}{x}$"
)
_UNSEEN = "\x1b[31mred\x1b[0m \u202etfel ot thgir\u202c zero\u200bwidth"
_HOSTILE = f"{_TAGS} {_UNSEEN}"
_LINE = "x" * 1_000_000
_RUN = """
few = {**data, "num_trials": 6, "trainset": rows(4), "valset": rows(6, start=1000)}
optimizer = mipro.MIPROv2(exact, num_candidates=2)
best = optimizer.compile(student, **few, requires_permission_to_run=False)
"""
_FORBIDDEN = "img, script, iframe, svg[onload], a[href]"


def _hostile(request):
    if kind(request) == "instruction":
        return f"instruction: {_HOSTILE} {request.number}"
    if kind(request) == "task":
        return f"answer: {_HOSTILE} {_LINE if question_of(request).startswith('1000 ') else ''}"
    return f"{answer(request).text} {_HOSTILE}"


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_what_an_lm_writes_is_shown_as_text(notebook, lm, page, front_end):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    lm.answer = _hostile
    opened = notebook(_RUN, front_end=front_end)
    opened.run(1)
    widget = RunWidget(opened.output(1))
    widget.wait_for_state("Finished")

    widget.open_tab("Instructions")
    card = widget.card("Instruction 1")
    _check_text(card)
    for mark in ("escape", "right-to-left override", "zero-width space"):
        expect(card.get_by_title(re.compile(mark)).first).to_be_visible()
    card.get_by_role("button", name="Diff").click()
    _check_text(card)
    widget.open_tab("Demos")
    drill = widget.open_trial(0)
    drill.get_by_role("grid").get_by_role("row").nth(1).click()
    call = drill.get_by_role("region", name=re.compile("LM calls")).get_by_role("article").first
    _check_text(call)
    call.get_by_role("button", name=re.compile("^Show all .* of the reply")).click()
    whole = call.get_by_role("region", name="The whole of the reply of the call")
    expect(whole).to_contain_text(_LINE[:2000])
    whole.evaluate("whole => whole.scrollTo(0, whole.scrollHeight)")
    expect(whole).not_to_contain_text("hostile")
    drill.get_by_role("button", name="Close trial 0").click()
    widget.open_tab("Settings")

    _check_that_nothing_ran(page)

    opened.save()
    opened.server.shut_down_kernels()
    opened.reload()
    opened.use_no_kernel()
    widget.wait_for_state("Finished")
    widget.open_tab("Instructions")
    _check_text(widget.card("Instruction 1"))
    _check_that_nothing_ran(page)

    (output,) = [output for output in opened.read().cells[1].outputs if "data" in output]
    page.goto("about:blank")
    page.set_content(output.data["text/html"])
    page.get_by_text("All instructions").click()
    _check_text(page.locator("body"))
    _check_that_nothing_ran(page)
    assert [url for url in asked if "hostile" in url] == []


def _check_that_nothing_ran(page):
    assert page.evaluate("window.__pwned") is None


def _check_text(place):
    """Check that the hostile text can be read in full, and is nothing but text."""
    text = place.inner_text()
    for part in ("<img src=x-hostile", "<script>window.__pwned", "[a link](javascript:"):
        assert part in text
    assert not re.search("[\x1b\u202e\u200b]", text)
    expect(place.locator(_FORBIDDEN)).to_have_count(0)
