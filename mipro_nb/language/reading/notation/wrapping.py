"""What models put around a text that is not part of it: a code fence, quotes, a preface."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from mipro_nb.language.reading.notation.backslashes import meant

_FENCE = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
_QUOTES = ('""', "''", "``", "\u201c\u201d", "\u201e\u201c", "\u2018\u2019", "«»", "»«", "「」")
_QUOTED = {pair[0]: pair[1] for pair in _QUOTES}
_BOLD = re.compile(r"(\*{1,3}|__)(?=\S)([^*_\n]+)(?<=\S)\1")
# Three of the same, or two backquotes, in place of one.
_LONG_QUOTES = re.compile(r"(`{2,3}|\"{3}|'{3})(?P<inner>(?:(?!\1).)+)\1", re.DOTALL)
# A string of JSON, and the comma before the next member of its object.
_MEMBER = re.compile(r'"(?:[^"\\\n]|\\.)*",')
# What opens a reply, and is never "Great care is needed here:".
_GREETING = r"(?:sure|certainly|of course|okay|ok|absolutely|great)(?: thing)?"
# "Here is the instruction:" and the like: a line that announces what follows.
# Narrow on purpose: "Choose one of:" or "The labels are:" may begin an instruction.
_PREFACE = re.compile(
    rf"(?:{_GREETING}(?=\s*[!,.:\uff1a\u2013\u2014-]|\s+(?:here|below|the|this|my|your)\b)[^\n]{{0,200}}?"
    r"|(?:here(?:'s|\u2019s| is| are| you are)|below (?:is|are))\b[^\n]{0,200}?"
    r"|(?:the|my|your|an?)\b[^\n:\uff1a]{0,30}?\b(?:answer|instruction|prompt|result|output|summary)"
    r"\b[^\n:\uff1a]{0,20}?\bis)"
    r"[:\uff1a][*_]*[ \t]*(?:\n|$)",
    re.IGNORECASE,
)
_GREETING_LINE = re.compile(rf"{_GREETING}[!.,]?[ \t]*\n", re.IGNORECASE)
_ADJECTIVES = (
    r"new|improved|revised|better|updated|proposed|suggested|possible|final|following|optimized|"
    r"refined|rewritten|short|concise|clear|detailed|complete|brief"
)
# What models call an instruction.
_ALSO = {"instruction": "prompt"}


def trimmed(text: str, *, after_mark: bool = False) -> str:
    r"""Return `text` without white space around it, but with the indentation of an indented block.

    Parameters
    ----------
    text
        What was written.
    after_mark
        It begins in the line of a mark: a space there is no indentation.

    >>> trimmed("\n    x = 1\n    return x\n")
    '    x = 1\n    return x'
    """
    bare = text.strip()
    _, line, indentation = text[: len(text) - len(text.lstrip())].rpartition("\n")
    further = [each for each in bare.split("\n")[1:] if each.strip()]
    stands_alone = line != "" or not after_mark
    if stands_alone and further and all(each[0] in " \t" for each in further):
        return indentation + bare
    return bare


def unfenced(text: str) -> str:
    """Return what stands in the code fence around all of `text`; `text` if there is none."""
    fenced = _FENCE.fullmatch(text.strip())
    # A fence inside: that is two code blocks with text between them, not one block.
    if fenced is None or "\n```" in fenced[1]:
        return text
    return fenced[1].strip("\n")


def unquoted(text: str) -> str:
    """Return `text` without the quotes or the bold type around all of it."""
    inner = text.strip()
    if len(inner) < 2:  # noqa: PLR2004 - a pair of quotes
        return text
    if inner[0] == inner[-1] == '"':
        try:
            return str(json.loads(meant(inner)[0]))
        except ValueError:
            pass
    if long := _LONG_QUOTES.fullmatch(inner):
        return long["inner"].strip() or text
    if _MEMBER.fullmatch(inner):
        return unquoted(inner[:-1])
    closing = _QUOTED.get(inner[0])
    if closing == inner[-1] and not {inner[0], closing} & set(inner[1:-1]) and inner[1:-1].strip():
        return inner[1:-1]
    bold = _BOLD.fullmatch(inner)
    return bold[2] if bold else text


def unwrapped(text: str) -> str:
    r"""Return `text` without a code fence or quotes around it, and what announces the fence.

    >>> unwrapped("Here is the code:\n```\nprint(1)\n```")
    'print(1)'
    """
    bare = unfenced(text)
    if bare is text and (after := without_preface(text)) != text:
        bare = unfenced(after)
        if bare is after:  # no fence: it may as well be a part of the text
            bare = text
    return unquoted(bare)


def without_preface(text: str) -> str:
    r"""Return `text` without lines such as ``Here is the instruction:`` at its beginning.

    It is a reply, or what stands before the first mark in it. A value that a mark announces
    already keeps such lines, unless they name it: see `without_announcement`.

    >>> without_preface("Sure! Here is the answer:\n\n42")
    '42'
    """
    text = trimmed(text)
    while begun := _GREETING_LINE.match(text) or _PREFACE.match(text):
        text = trimmed(text[begun.end() :])
    return text


def without_announcement(text: str, name: str) -> str:
    """Return `text`, the value of the output `name`, without words that announce it by its name.

    They may stand in the line in which it begins.

    >>> without_announcement("Here is the new instruction: Add the numbers.", "instruction")
    'Add the numbers.'
    """
    announced = _announcement(name).match(text)
    return text[announced.end() :] if announced else text


@lru_cache
def _announcement(name: str) -> re.Pattern[str]:
    """Return what matches the words that announce an output at the beginning of a text.

    They name it, or greet: a first line that ends with a colon may as well be part of the text.
    """
    names = "|".join(re.escape(n) for n in (name, _ALSO.get(name)) if n)
    named = (
        rf"(?:(?:the|a|an|my|your|one)\s+)?(?:(?:{_ADJECTIVES})\s+){{0,3}}(?:{names})s?\b"
        r"(?:\s+(?:for|to|of)\b[^\n:\uff1a.]{0,60})?(?:\s+(?:is|are|reads|would be|could be))?"
        r"(?:\s+(?:as follows|below))?"
    )
    return re.compile(
        rf"[*_#\s]*(?:(?:{_GREETING}\b[^\n:\uff1a]{{0,60}}?)?[*_\s]*"
        rf"(?:(?:here(?:'s|\u2019s| is| are)|this is|below is)\s+)?{named}[*_]*[:\uff1a]"
        rf"|(?:{_GREETING}\b[^\n:\uff1a]{{0,60}}?)?here (?:it is|you go)[:\uff1a.!]"
        rf"|{_GREETING}[,!.:](?:[^\n]{{0,80}}[!:\uff1a])?[ \t]*\n)[*_]*\s*",
        re.IGNORECASE,
    )
