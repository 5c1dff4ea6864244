"""Lines cut into words, and what somebody may have meant by a word that is none of ours."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self

from IPython.core.error import UsageError


def split(line: str) -> list[str]:
    """Return the words of `line`; quotes hold one together, backslashes mean themselves.

    Raises
    ------
    UsageError
        If a quote is not closed.
    """
    lexer = _lexer(line)
    try:
        return list(lexer)
    except ValueError as error:
        msg = f"A quote is not closed in: {line.strip()}"
        raise UsageError(msg) from error


def split_unfinished(line: str) -> list[str]:
    """Return the words of a line that is still being typed; the last is what stands at its end.

    It is empty where the next word has not been begun.
    """
    lexer = _lexer(line)
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # the quote may be closed yet
        return [*words, lexer.token.strip("\"'")]
    return [*words, ""] if not line or line[-1].isspace() else words


class Offered(str):
    """A completion with something to be written beside it; the value itself is what is typed."""

    __slots__ = ("beside",)
    beside: str

    def __new__(cls, text: str, beside: str) -> Self:
        """Return `text` as a completion."""
        offered = super().__new__(cls, text)
        offered.beside = beside
        return offered


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence, with a space before it, that names the nearest of `known`, or nothing."""
    spelled = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), spelled, n=1, cutoff=0.6)
    return f" Did you mean {spelled[near[0]]}?" if near else ""


def _lexer(line: str) -> shlex.shlex:
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""  # C:\runs\record.sqlite is a path, not an escape
    return lexer
