"""What changed from one text to another, by words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

from mipro_nb.runs.sentences.words import WORD

Change = tuple[Literal["same", "removed", "added"], str]

_WORDS = re.compile(rf"\s*(?:{WORD}|[^\w\s])|\s+")
# With less than this in common, words of the one would stand scattered among those of the other.
_ENOUGH_IN_COMMON = 0.4


def changes(before: str, after: str) -> Iterator[Change]:
    """Give what changed from one text to another by words, or the whole of both."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ENOUGH_IN_COMMON:
        yield "removed", before
        yield "added", after
        return
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield "same", "".join(old[a:b])
            continue
        if a < b:
            yield "removed", "".join(old[a:b])
        if c < d:
            yield "added", "".join(new[c:d])
