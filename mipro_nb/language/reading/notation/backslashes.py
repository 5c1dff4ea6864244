r"""Backslashes in JSON that a model forgot to double: LaTeX, regular expressions, Windows paths.

JSON has few escapes. One that it does not have, as in ``"\alpha"``, shows that the model wrote a
text as it stands. So does a form feed or a backspace before a letter: ``"\frac"`` and ``"\beta"``
are JSON, and nobody means what they say there. A tab or a new line may be meant, and stays; only
in a string that shows otherwise do ``\t``, ``\n`` and ``\r`` before a small letter stand for
themselves, as in ``"\alpha \theta"``.
"""

from __future__ import annotations

import re

READ_AS_THEY_STAND = "Backslashes that begin no escape of JSON were read as they stand."

# Strings that nothing ends go on to the end: each character is looked at once.
STRING = r"(?:\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|(?<![\w\"'])'(?:[^'\\]|\\.)*+(?:'|\\?\Z))"
"""Matches a string of JSON, or one in single quotes as Python writes it; a dot is any character."""

_STRING = re.compile(STRING, re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)(?=([A-Za-z]?))", re.DOTALL)
_CONTROLS = re.compile(r"\\(.)", re.DOTALL)


def meant(text: str) -> tuple[str, bool]:
    r"""Return JSON text, or nearly JSON, with the backslashes doubled that stand for themselves.

    With it comes whether there were any. Strings in single quotes, which Python writes, count too.

    >>> meant(r'{"sum": "\alpha + \beta", "rows": "a\nb"}')
    ('{"sum": "\\\\alpha + \\\\beta", "rows": "a\\nb"}', True)
    """
    if "\\" not in text:
        return text, False
    literal = False

    def of_string(found: re.Match[str]) -> str:
        nonlocal literal
        string, by_python = found[0], found[0][0] == "'"
        shown = any(_is_no_escape(each, by_python=by_python) for each in _ESCAPE.finditer(string))
        literal = literal or shown
        return _ESCAPE.sub(
            lambda each: _rewritten(each, literal=shown, by_python=by_python), string
        )

    made = _STRING.sub(of_string, text)
    return made, literal


def unmistakable(quoted: str) -> str:
    r"""Return JSON text in which no escape is one that `meant` takes for a backslash.

    >>> unmistakable(r'"\beta"')
    '"\\u0008eta"'
    """
    codes = {"b": "\\u0008", "f": "\\u000c"}
    return _CONTROLS.sub(lambda escape: codes.get(escape[1], escape[0]), quoted)


def _is_no_escape(escape: re.Match[str], *, by_python: bool) -> bool:
    what, letter = escape[1], escape[2]
    if what in {"b", "f"}:
        return letter != ""
    if what[0] == "x" and len(what) > 1:
        return not by_python  # Python writes so what cannot be printed
    return len(what) == 1 and what not in "\"\\/'nrt"


def _rewritten(escape: re.Match[str], *, literal: bool, by_python: bool) -> str:
    what, letter = escape[1], escape[2]
    if what == "'" and not by_python:
        return what
    if what == "/" and not literal:
        return what  # Python has no such escape
    kept = not literal or what in "\"\\'" or (what[0] == "u" and len(what) > 1)
    if kept or (what in "nrt" and not letter.islower()):
        return escape[0]
    return "\\" + escape[0]
