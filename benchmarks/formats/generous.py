"""What a reply says to a reader who wants to understand it, whatever its form.

This knows nothing of the library's own reader, and must not: the gap between the two is what the
reader loses. The last allowed label or number in the reply counts, thoughts removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_AROUND = " \t\r\n\"'`*_#<>/{}[]():,.-="


def last_label(reply: str, labels: Sequence[str]) -> str | None:
    """Return the label that comes last in `reply`, as a word of its own in any letter case."""
    words = "|".join(re.escape(label) for label in labels)
    found = re.findall(rf"\b(?:{words})\b", _answer(reply), re.IGNORECASE)
    return found[-1].lower() if found else None


def last_number(reply: str) -> float | None:
    """Return the number that comes last in `reply`."""
    found = _NUMBER.findall(_answer(reply))
    return float(found[-1].replace(",", "")) if found else None


def parts(reply: str, names: Sequence[str]) -> list[str]:
    """Return the texts between mentions of `names`, or the first line and the rest without any."""
    answer = _answer(reply)
    words = "|".join(re.escape(name) for name in names)
    marked = re.split(rf"[^\w\n]*\b(?:{words})\b[\"'>*`]*\s*[:=>]", answer, flags=re.IGNORECASE)
    pieces = marked[1:] if len(marked) > 1 else answer.strip().split("\n", 1)
    # A closing tag is cut at its name and leaves nothing.
    return [text for piece in pieces if (text := piece.strip(_AROUND))]


def _answer(reply: str) -> str:
    return _THOUGHTS.sub("", reply)
