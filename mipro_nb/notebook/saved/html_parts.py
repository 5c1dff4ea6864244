"""What pages without scripts are put together from: paragraphs, tables, texts, all of them safe.

Every text is escaped, with its control and direction characters made visible and nothing in it
taken for a formula.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from mipro_nb.amounts import format_score
from mipro_nb.notebook.plain import visible
from mipro_nb.runs import view_model as vm

MOST_BYTES = 200_000
LONG_TEXT = 2000
CELL_TEXT = 300
_BAR_CELLS = 10
_LONGEST_WORD = 40

_OPENING = '<div class="tex2jax_ignore mathjax_ignore" style="overflow-x:auto">'
_CELL_STYLE = "text-align:left;padding:2px 8px"
_LONG_CELL_STYLE = f"{_CELL_STYLE};overflow-wrap:anywhere"
_TEXT_STYLE = (
    "white-space:pre-wrap;overflow-wrap:anywhere;text-align:left;padding:4px 8px;"
    "background:transparent;border-left:3px solid rgba(128,128,128,0.35)"
)
# Front ends look for formulas between these, but never across an element.
_FORMULA_SIGN = re.compile(r"[$\\]")


class Page:
    """HTML that grows until it is full; what has no room left is counted, not shown."""

    def __init__(self) -> None:
        self._parts = [_OPENING]
        self._room = MOST_BYTES - 500
        self._left_out = 0

    def add(self, part: str) -> None:
        """Add a part, if there is room left for it."""
        size = len(part.encode())
        if size > self._room:
            self._left_out += 1
            return
        self._room -= size
        self._parts.append(part)

    def html(self) -> str:
        """Return the page, and whether it holds all."""
        if self._left_out:
            self._parts.append(paragraph("There is more than fits here: the record has all."))
        return "".join([*self._parts, "</div>"])


def clip_text(clip: vm.Clip, limit: int) -> str:
    """Return the beginning of a text, and how long the whole is if that is more."""
    text = clip["text"][:limit]
    rest = clip["characters"] - len(text)
    return f"{text}… ({clip['characters']:,} characters)" if rest > 0 else text


def bar_text(score: float | None) -> str:
    """Return a score with a bar of letters, which no front end takes away."""
    if score is None:
        return format_score(score)
    full = round(max(0.0, min(100.0, score)) / 100 * _BAR_CELLS)
    return f"{format_score(score)}\u00a0{'█' * full}{'░' * (_BAR_CELLS - full)}"


def heading(text: str, named: str = "") -> str:
    """Return the first line of a page."""
    more = f" · {inline(named)}" if named and not text.startswith(named) else ""
    return f"<p><b>MIPROv2 · {inline(text)}</b>{more}</p>"


def titled(title: str, content: str) -> str:
    """Return content, which is HTML, below its title."""
    return f"<p><b>{inline(title)}</b></p>{content}"


def paragraph(text: str) -> str:
    """Return a text as a paragraph."""
    return f"<p>{inline(text, LONG_TEXT)}</p>"


def details(title: str, *parts: str) -> str:
    """Return parts, which are HTML, folded below their title."""
    body = "".join(parts)
    return f"<details><summary>{inline(title)}</summary>{body}</details>"


def labelled(label: str, clip: vm.Clip) -> str:
    """Return a long text below its label."""
    return titled(label, long_text(clip))


def long_text(clip: vm.Clip) -> str:
    """Return a text with its lines as they are."""
    return code(clip_text(clip, LONG_TEXT))


def code(text: str) -> str:
    """Return a text with its lines and spaces as they are."""
    return pre(escape(visible(text)))


def pre(content: str) -> str:
    """Return content, which is HTML, with its lines and spaces as they are."""
    return f'<pre style="{_TEXT_STYLE}">{content}</pre>'


def inline(text: str, limit: int = CELL_TEXT) -> str:
    """Return a text as HTML that is nothing but text."""
    shown = visible(text if len(text) <= limit else f"{text[:limit]}…")
    safe = _FORMULA_SIGN.sub(r"<span>\g<0></span>", escape(shown))
    return safe.replace("\n", "<br>")


def table(head: Sequence[str] | None, rows: Iterable[Sequence[str]], room: int = 40_000) -> str:
    """Return a table of the first rows that fit into so many bytes, and how many do not."""
    lines = [_row("td", row) for row in rows]
    kept = lines[: _how_many_fit(lines, room)]
    if len(kept) < len(lines):
        kept.append(_row("td", [f"… and {len(lines) - len(kept):,} more"]))
    top = "" if head is None else f"<thead>{_row('th', head)}</thead>"
    return f"<table>{top}<tbody>{''.join(kept)}</tbody></table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(_cell(tag, text) for text in cells)}</tr>"


def _cell(tag: str, text: str) -> str:
    shown = inline(text)
    # Elsewhere words stay whole: a table of narrow columns would break all of them.
    long = any(len(word) > _LONGEST_WORD for word in text[:CELL_TEXT].split())
    return f'<{tag} style="{_LONG_CELL_STYLE if long else _CELL_STYLE}">{shown}</{tag}>'


def fitting(parts: Sequence[str], room: int) -> list[str]:
    """Return the first of `parts` that fit into so many bytes, and a line for the rest."""
    count = _how_many_fit(parts, room)
    rest = len(parts) - count
    return [*parts[:count], *([paragraph(f"… and {rest:,} more.")] if rest else [])]


def _how_many_fit(parts: Sequence[str], room: int) -> int:
    for count, part in enumerate(parts):
        room -= len(part.encode())
        if room < 0:
            return count
    return len(parts)
