"""Brings files into the site that lie outside `docs/`, and turns the links between the two.

So a link is written as it works on the forge, where the same files are read as plain Markdown.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)
_ROOT = Path(__file__).parents[2]
_DOCS = _ROOT / "docs"
_PLACES = {
    _ROOT / "CHANGELOG.md": _DOCS / "contributing/changelog.md",
    _ROOT / "CONTRIBUTING.md": _DOCS / "contributing/index.md",
    _ROOT / "benchmarks/README.md": _DOCS / "explanation/benchmarks.md",
    **{
        notebook: _DOCS / "tutorials" / notebook.name
        for notebook in sorted((_ROOT / "notebooks").glob("*.ipynb"))
    },
}
_SOURCES = {place: source for source, place in _PLACES.items()}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
# The text of a link may be code.
_CODE = re.compile(r"(^```.*?^```|(?<!\[)`[^`\n]+`)", re.DOTALL | re.MULTILINE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Have the files be copied first, and links be turned as a page is read."""
    for source, place in _PLACES.items():
        text = source.read_text(encoding="utf-8")
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
    app.connect("source-read", _turn_links)
    return {"parallel_read_safe": True}


def _turn_links(app: Sphinx, name: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    source[0] = turned(source[0], page)


def turned(text: str, page: Path) -> str:
    """Return the text of `page` with links that lead to where files are in the site."""
    real = _SOURCES.get(page, page)

    def led(link: re.Match[str]) -> str:
        image, words, target = link.groups()
        path, hash_, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", target):
            return link[0]
        found = (real.parent / path).resolve()
        if not found.exists():
            _log.warning("%s links to %s, which is not there.", real.relative_to(_ROOT), target)
            return link[0]
        place = _PLACES.get(found, found)
        if not place.is_relative_to(_DOCS):
            return words  # a file of the repository that the site does not hold
        return f"{image}[{words}]({os.path.relpath(place, page.parent)}{hash_}{anchor})"

    parts = _CODE.split(text)
    parts[::2] = [_LINK.sub(led, part) for part in parts[::2]]
    return "".join(parts)
