"""Text as a cell's output: as it is, with nothing in it that a front end would obey."""

from __future__ import annotations

import re

# Terminal escapes, right-to-left overrides, zero-width and other invisible characters.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_FIRST_PRINTABLE = 0x20
_DELETE = 0x7F


def visible(text: str) -> str:
    """Return `text` with every character that cannot be seen replaced by a sign for it."""
    return _UNSEEN.sub(lambda found: _sign(ord(found[0])), text.replace("\r\n", "\n"))


def _sign(code: int) -> str:
    if code < _FIRST_PRINTABLE:
        return chr(0x2400 + code)
    return "\u2421" if code == _DELETE else f"\u27e8U+{code:04X}\u27e9"


class Text(str):
    """A str that a cell shows as its lines, not in quotes; the value itself stays as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return visible(self)
