"""What a prompt model says around the text that it was asked for: names, remarks, further ones.

Unlike the value of a program's output, such a text is read by nobody but a model: what is left out
costs nothing, and what stays is tried, and paid for, with every example.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

_NEW = (
    "new|improved|revised|better|updated|proposed|suggested|optimized|optimised|refined|rewritten"
    "|enhanced|alternative"
)
_ALSO = {"instruction": "instructions?|prompt"}
_BOLD = r"[*_#>\s]*"
# You could use the following instruction: …
_LEAD = (
    r"(?:(?:you|we) (?:could|can|might|may) (?:use|try)|i(?:'d| would| will|'ll)? "
    r"(?:suggest|recommend|propose|use)|(?:based on|to|given) [^\n:]{1,80},)\s*"
)
_NUMBER = r"(?:\s*(?:#|no\.?)?\s*\d{1,2})"
_GREETING = re.compile(r"(?:sure|certainly|of course|absolutely)(?: thing)?[!.]\s+", re.IGNORECASE)
# What only speaks of the text above it, in a paragraph of its own.
_REMARK = re.compile(
    r"\n\s*\n[*_(\[]*(?:(?:this|these|the) (?:new |revised |improved |updated |proposed )?"
    r"(?:instructions?|prompt|version|revision|wording|change|changes|summary|description|role)\b"
    r"|this (?:works|makes|ensures|is (?:short|clear|concise))\b|let me know\b|i hope\b|feel free\b"
    r"|please let me know\b|note: (?:this|the|i)\b|rationale\b|why this works\b|key (?:changes"
    r"|improvements)\b|changes(?: made)?\b[*_]*:|improvements\b[*_]*:)",
    re.IGNORECASE,
)
_RULED = re.compile(r"-{3,}[ \t]*\n(?P<inner>.*?)\n[ \t]*-{3,}[ \t]*(?:\n.*)?", re.DOTALL)
_QUOTED = re.compile(r'"(?P<inner>[^"]+)"[ \t]*\n\s*\n.*', re.DOTALL)
_TAGGED = re.compile(r"<(?P<name>[\w -]+)>(?P<inner>.*)</(?P=name)>", re.DOTALL | re.IGNORECASE)
_BULLET = re.compile(
    r"(?:[-*\u2022]|[\u2190-\u21ff\u2460-\u2bff\U0001f000-\U0001faff]\ufe0f?)[ \t]+"
)
# Several are offered: the first one is taken.
_OFFERED = re.compile(
    r"(?:two|three|four|five|several|some|a few|\d)\s+(?:\w+\s+){0,2}"
    r"(?:options|instructions|versions|alternatives|prompts|proposals|variants)\b[^\n]*\n+(?=\W*1[.)])",
    re.IGNORECASE,
)
_ITEM = re.compile(r"(?m)^\W*(\d{1,2})[.)]\s+")
_REFUSAL = re.compile(
    r"(?:i['\u2019]?m sorry|i am sorry|sorry|i apologi[sz]e|as an ai\b|i can(?:no|['\u2019])t\b"
    r"|i['\u2019]?m (?:not able|unable)\b|i am (?:not able|unable)\b)",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 300
_NOTHING = frozenset({"", "n/a", "none", "null", "nothing", "-", "...", "\u2026"})


def bare(name: str, text: str) -> str:
    r"""Return `text`, written for the output `name`, without what is said around it.

    >>> bare("instruction", "Proposed instruction 1: Add both.\n\nThis instruction is short.")
    'Add both.'
    """
    text = _first_offered(name, text.strip())
    for pattern in (_TAGGED, _RULED, _QUOTED):
        found = pattern.fullmatch(text)
        is_own = found is not None and (pattern is not _TAGGED or _names(name, found["name"]))
        if found and is_own:
            text = found["inner"].strip()
    text = only_text(text) or text
    text = _announced(name).sub("", _GREETING.sub("", text, count=1), count=1).strip()
    if remark := _REMARK.search(text):
        text = text[: remark.start()].strip()
    lines = text.split("\n")
    if all(line.startswith(">") for line in lines):
        lines = [line[1:].strip() for line in lines]
    if lines[-1].strip() == "```" and sum(line.startswith("```") for line in lines) == 1:
        lines = lines[:-1]
    return _BULLET.sub("", lines[0], count=1) if len(lines) == 1 else "\n".join(lines).strip()


def says_nothing(text: str) -> bool:
    """Tell whether a text is a refusal to write one, or a word for nothing."""
    if text.strip(" .()").casefold() in _NOTHING:
        return True
    return len(text) < _LONGEST_REFUSAL and _REFUSAL.match(text) is not None


def _first_offered(name: str, text: str) -> str:
    """Return the first of several texts, each under its number; all of `text` if there is one."""
    if offered := _OFFERED.search(text):
        starts = list(_ITEM.finditer(text, offered.end()))
        if [each[1] for each in starts[:2]] == ["1", "2"]:
            return text[starts[0].end() : starts[1].start()].strip()
    starts = list(_numbered(name).finditer(text))
    if [each["number"] for each in starts[:2]] == ["1", "2"] and not text[
        : starts[0].start()
    ].strip():
        return text[starts[0].end() : starts[1].start()].strip()
    return text


def only_text(text: str) -> str:
    """Return the one value of a JSON object, under whatever name, if it is a text; else nothing."""
    try:
        made = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return ""
    if not isinstance(made, dict) or len(made) != 1:
        return ""
    (value,) = made.values()
    return value.strip() if isinstance(value, str) else ""


def _names(name: str, label: str) -> bool:
    nouns = f"{re.escape(name)}|{_ALSO.get(name, name)}"
    return re.fullmatch(rf"(?:(?:{_NEW})[_ -]?)?(?:{nouns})", label, re.IGNORECASE) is not None


@lru_cache
def _numbered(name: str) -> re.Pattern[str]:
    nouns = f"{_ALSO.get(name, re.escape(name))}|option|version|variant|alternative|candidate"
    return re.compile(
        rf"(?im)^[*_#>\s]*(?:(?:{_NEW})\s+)?(?:{nouns})\s*#?\s*(?P<number>\d{{1,2}})[*_]*[:.)\uff1a][*_]*\s*"
    )


@lru_cache
def _announced(name: str) -> re.Pattern[str]:
    """Return what matches the words that lead to a text named `name`, or its heading.

    What stands before them, in paragraphs of its own, was thought.
    """
    nouns = _ALSO.get(name, re.escape(name))
    named = rf"(?:(?:{_NEW})[_\s]+)(?:{nouns})"
    article = r"(?:here(?:'s|\u2019s| is)\s+)?(?:the|an?|my|this)"
    followed = rf"{article}\s+(?:following\s+|{_NEW}|\s)*(?:{nouns})"
    return re.compile(
        rf"\A{_BOLD}(?:{_LEAD})(?:{followed})[^\n:]{{0,40}}[:\uff1a]{_BOLD}"
        rf"|\A{_BOLD}(?:system\s+)?(?:{nouns}){_NUMBER}?[*_]*[:\uff1a]{_BOLD}"
        rf"|\A(?:[^\n]+\n+){{0,6}}?(?:(?<=\n\n)|(?<=\A))[*_#]*\s*{named}{_NUMBER}?(?:[*_]*[:\uff1a]{_BOLD}|[*_]+\s*\n)"
        rf"|\A#+\s*(?:{named}|{nouns})[*_]*[ \t]*\n+"
        rf"|\A\[\[ ## {named} ## \]\]\s*",
        re.IGNORECASE,
    )
