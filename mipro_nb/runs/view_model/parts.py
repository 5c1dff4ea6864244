"""What many views are made of: texts that may have been cut, and ranges."""

from __future__ import annotations

from typing import TypedDict

ADDED_LATER = "Absent from what older versions saved in notebooks."
"""Marks what the front end must not rely on: it also draws what older versions wrote."""


class Clip(TypedDict):
    """A text that may have been cut.

    Attributes
    ----------
    characters
        Length of the whole text.
    more
        Name of the whole text, for a `text` request; None where `text` is the whole, or nothing
        more is to be had.
    """

    text: str
    characters: int
    more: str | None


class Range(TypedDict):
    """An estimate: the least, the likely and the most that something may come to."""

    low: float
    expected: float
    high: float
