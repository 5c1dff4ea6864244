"""Checks that the built site needs nothing from elsewhere: no script, style, font or picture."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)
_ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_LOADED = {"src", "srcset", "poster", "data"}
_IN_STYLES = re.compile(
    r"(?:@import\s+|url\()\s*[\"']?\s*((?:https?:)?//[^\"')\s]+)", re.IGNORECASE
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Have the site be looked through once it is built."""
    app.connect("build-finished", _look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _look(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        for path, address in fetched_from_elsewhere(Path(app.outdir)):
            _log.warning("%s loads %s, which is not part of the site.", path, address)


def fetched_from_elsewhere(site: Path) -> list[tuple[str, str]]:
    """Return which file of a site loads what from another server."""
    found = []
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            page = _Page()
            page.feed(path.read_text(encoding="utf-8"))
            found += [(path.relative_to(site).as_posix(), each) for each in page.loaded]
        elif path.suffix == ".css":
            styles = path.read_text(encoding="utf-8")
            found += [
                (path.relative_to(site).as_posix(), each) for each in _IN_STYLES.findall(styles)
            ]
    return found


class _Page(HTMLParser):
    """What a page loads from another server."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        names = _LOADED | ({"href"} if tag in {"link", "image", "use"} else set())
        if given.get("rel") in {"canonical", "next", "prev"}:
            names = set()
        addresses = [given[name] for name in names & given.keys()]
        self.loaded += [address for address in addresses if _ELSEWHERE.match(address)]
        self.loaded += _IN_STYLES.findall(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.loaded += _IN_STYLES.findall(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False
