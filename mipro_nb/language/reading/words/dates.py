"""Dates as people write them, where they can mean one day only."""

from __future__ import annotations

import re

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_MONTH = "|".join([*_MONTHS, *(f"{month[:3]}\\.?" for month in _MONTHS), r"sept\.?"])
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
# 05/01/2024 is a day in January or in May: such a date is refused.
_WRITTEN = [
    re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"),
    re.compile(
        r"(?P<year>\d{4})\s*[\u5e74\ub144]\s*(?P<month>\d{1,2})\s*[\u6708\uc6d4]\s*"
        r"(?P<day>\d{1,2})\s*[\u65e5\uc77c]"
    ),
    re.compile(
        rf"{_WEEKDAY}(?P<name>{_MONTH})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})"
    ),
    re.compile(
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<name>{_MONTH}),?\s+(?P<year>\d{{4}})"
    ),
]
# The seconds since 1970 of a day in 1973: what is less is a year or a day instead.
LEAST_TIMESTAMP = 100_000_000


def plain_date(text: str) -> str:
    """Return a date as ISO 8601 has it, any other text as it is.

    >>> plain_date("January 5, 2024")
    '2024-01-05'
    """
    said = text.strip().strip("*`\"'").rstrip(".").casefold()
    for pattern in _WRITTEN:
        if found := pattern.fullmatch(said):
            parts = found.groupdict()
            name = parts.get("name")
            number = (
                next(i for i, month in enumerate(_MONTHS, start=1) if month[:3] == name[:3])
                if name
                else int(parts["month"])
            )
            return f"{parts['year']}-{number:02}-{int(parts['day']):02}"
    return text
