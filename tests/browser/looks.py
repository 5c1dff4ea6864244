"""How a view looks: screenshots for people, axe-core for those who do not see them."""

from __future__ import annotations

from pathlib import Path

from notebook_page import THEMES

_AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
_SERIOUS = ("serious", "critical")
_SIZE = {"width": 1280, "height": 900}
_NARROW = 700
# Above and below the output, there is the front end itself.
_AROUND = 500
# Charts are redrawn after the page was laid out again.
_NEXT_FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Looks:
    """Looks at what a notebook shows, from all sides.

    Parameters
    ----------
    folder
        Where screenshots go: ``NAME-light.png``, ``NAME-light-700.png``, the same in dark.
    """

    def __init__(self, folder) -> None:
        self._folder = folder

    def at(self, notebook, view, name):
        """Take pictures of a view, light, dark and narrow, and check that it is accessible."""
        for theme in THEMES:
            notebook.use_theme(theme)
            self._shoot(view, f"{name}-{theme}", _SIZE["width"])
            assert _violations(view) == [], f"{name}, {theme}"
            self._shoot(view, f"{name}-{theme}-{_NARROW}", _NARROW)
        view.page.set_viewport_size(_SIZE)
        notebook.use_theme("light")

    def _shoot(self, view, name, width):
        page = view.page
        # Only so much of a view is in the picture as is in the window.
        page.set_viewport_size({"width": width, "height": _SIZE["height"]})
        page.evaluate(_NEXT_FRAME)
        height = int(view.bounding_box()["height"]) + _AROUND
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(_NEXT_FRAME)
        view.screenshot(path=self._folder / f"{name}.png", animations="disabled")


def _violations(view):
    """Return what axe-core finds that is serious, each as one line."""
    if not view.page.evaluate("'axe' in window"):
        view.page.add_script_tag(path=_AXE)
    found = view.evaluate("view => axe.run(view, { resultTypes: ['violations'] })")
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in _SERIOUS
        for node in violation["nodes"]
    ]
