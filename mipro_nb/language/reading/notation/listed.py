"""Lists as models write them: a bullet or a number before each element, or commas between them."""

from __future__ import annotations

import re

from mipro_nb.language.reading.notation.near_json import near_json
from mipro_nb.language.reading.notation.wrapping import unfenced, without_preface

_ELEMENT = r"[ \t]++(?P<element>.*\S)[ \t]*"
_BULLETED = re.compile(rf"(?P<indent>[ \t]*)(?P<bullet>[-*+\u2022\u2013\u2014]){_ELEMENT}")
_NUMBERED = re.compile(
    rf"(?P<indent>[ \t]*)(?P<opening>\(?)(?P<number>\d{{1,3}})(?P<closing>[.)]){_ELEMENT}"
)
# A comma between digits may group them, or begin a fraction.
_IN_NUMBER = re.compile(r"\d,\d{3}(?!\d)")
_LIST_OF_TEXTS = re.compile(r"(?:\[\s*)+[\"']")
_OTHERWISE = re.compile(r"\[[ xX\u2713]?\](?:\s|$)|[\u2610-\u2612]|.*?[\s,;]\(?2[.)]\s")
_IN_TAGS = re.compile(r"\s*<([\w-]+)>([^<]*)</\1>\s*")
_NO_SPACE = re.compile(r",(?!\s)")


def in_lines(text: str) -> list[str] | None:
    """Return the elements of a list with a bullet or a number in each line, None for other texts.

    Or with the same tags around each.

    All lines have the same bullet, or numbers from 1 on; none has others below it.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    elements = _with(_BULLETED, lines) or _numbered(lines) or _in_tags(text)
    # Boxes of which some are ticked, or further numbers within a line: another list is meant.
    return None if elements and any(map(_OTHERWISE.match, elements)) else elements


def is_json_list(text: str) -> bool:
    """Tell whether all of `text` but a preface and a fence is one JSON list without objects.

    What looks like a mark in it belongs to an element.
    """
    inner = unfenced(without_preface(text)).strip()
    if not _LIST_OF_TEXTS.match(inner) or inner[-1] != "]":
        return False
    try:
        left = [near_json(inner)]
    except (ValueError, RecursionError):
        return False
    while left:
        each = left.pop()
        if isinstance(each, dict):
            return False
        if isinstance(each, list):
            left += each
    return True


def is_item(line: str) -> bool:
    """Tell whether `line` may be one of a list in lines."""
    return bool(_BULLETED.fullmatch(line) or _NUMBERED.fullmatch(line))


def between_commas(text: str, *, fractions: bool = False) -> list[str] | None:
    """Return what stands between the commas of a line, None if a comma may belong to a number.

    Parameters
    ----------
    text
        What was written, without brackets.
    fractions
        The elements may be numbers with a fraction.
    """
    if "\n" in text or _IN_NUMBER.search(text) or (fractions and _NO_SPACE.search(text)):
        return None
    return [element.strip() for element in text.split(",")]


def _in_tags(text: str) -> list[str] | None:
    found = list(_IN_TAGS.finditer(text))
    is_all = "".join(each[0] for each in found) == text and len({each[1] for each in found}) == 1
    return [each[2].strip() for each in found] if is_all else None


def _numbered(lines: list[str]) -> list[str] | None:
    found = [_NUMBERED.fullmatch(line) for line in lines]
    numbers = [each["number"] for each in found if each]
    if numbers != [str(number) for number in range(1, len(lines) + 1)]:
        return None
    return _with(_NUMBERED, lines)


def _with(pattern: re.Pattern[str], lines: list[str]) -> list[str] | None:
    """Return the elements if all lines match, and do so alike."""
    found = [each for line in lines if (each := pattern.fullmatch(line))]
    rest = {"element", "number"}
    marks = {tuple(t for n, t in each.groupdict().items() if n not in rest) for each in found}
    if not found or len(found) < len(lines) or len(marks) > 1:
        return None
    return [each["element"] for each in found]
