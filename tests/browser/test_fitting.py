"""Views of made-up runs fit their place: words stay whole, and what is opened is in sight."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

_JS = Path(__file__).parents[2] / "js"
_WIDTHS = (800, 700)
_HEIGHT = 900

# Texts of LMs and users may be one long word: those break where they must, and are not looked at.
_BROKEN = r"""() => {
  const found = [];
  const texts = document.createTreeWalker(document.querySelector(".mipro"), NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    if (node.parentElement.closest(".mipro-text, .mipro-only-read, code, pre")) continue;
    for (const word of node.data.matchAll(/[\p{L}\p{N}.,$_%]+/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const tops = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      if (tops.size > 1) found.push(word[0]);
    }
  }
  return found;
}"""
_OVERFLOWS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not (_JS / "node_modules").exists(), reason="js/node_modules is missing"),
]


@pytest.fixture(scope="module")
def scenes():
    """The page that shows views with made-up data."""
    built = subprocess.run(  # noqa: S603 - a command of the repository
        [shutil.which("node"), _JS / "dev" / "build.mjs"],
        check=True,
        capture_output=True,
        text=True,
    )
    return built.stdout.strip()


@pytest.mark.parametrize("scene", ["finished", "headroom", "permission", "history"])
def test_words_and_numbers_stay_whole_and_in_the_view(page, scenes, scene):
    page.goto(f"{scenes}?scene={scene}&rate=0")
    expect(page.locator(".mipro")).not_to_be_empty()
    for width in _WIDTHS:
        page.set_viewport_size({"width": width, "height": _HEIGHT})
        for tab in [None, *page.get_by_role("tab").all()]:
            if tab is not None:
                tab.click()
            where = f"{scene}, {width} px, {tab and tab.inner_text()}"
            assert page.evaluate(_BROKEN) == [], where
            assert page.evaluate(_OVERFLOWS) <= 0, where


def test_an_opened_trial_is_beside_the_others_where_there_is_room_and_else_below(page, scenes):
    page.goto(f"{scenes}?scene=finished")
    trials = page.get_by_role("grid", name="Trials")
    trials.get_by_role("row").nth(2).click()
    opened = page.get_by_role("region", name=re.compile(r"^Trial \d+$"))
    expect(opened).to_be_visible()
    for width, beside in ((1100, True), (700, False)):
        page.set_viewport_size({"width": width, "height": _HEIGHT})
        table, drill = trials.bounding_box(), opened.bounding_box()
        assert (drill["y"] < table["y"] + table["height"]) is beside
        assert (drill["x"] >= table["x"] + table["width"]) is beside
