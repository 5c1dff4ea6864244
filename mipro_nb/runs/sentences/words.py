"""What a word is, where words are counted or compared."""

from __future__ import annotations

import re

# Scripts that put no space between words: Thai, Lao, Myanmar, Khmer; kana, bopomofo, Han.
_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af]"
)
# Of them, each letter counts as a word; a vowel sign that stands on a letter does not.
WORD = rf"(?:(?={_UNSPACED})\w|(?:(?!{_UNSPACED})\w)+)"
_WORD = re.compile(WORD)
_SPACE_WITHIN = re.compile(rf"(?<={_UNSPACED}) (?={_UNSPACED})")


def words_of(text: str) -> list[str]:
    """Return the words of a text, whatever their case.

    Examples
    --------
    >>> words_of("Reply 请回复 now.")
    ['reply', '请', '回', '复', 'now']
    """
    return _WORD.findall(text.casefold())


def as_text(words: tuple[str, ...]) -> str:
    """Return words in a row as they are read."""
    return _SPACE_WITHIN.sub("", " ".join(words))
