"""How amounts are written in static output: as in the widgets (``js/shared/src/format.ts``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mipro_nb.numbers import dollars, one_decimal

_UNKNOWN = "unknown"
# Sums of floating-point numbers may leave their range by this much.
_ROUNDING_ERROR = 1e-9


def format_usd(value: float | None) -> str:
    """Return US dollars: "$1,234.50", "$0.0123", "$0.00052"; "unknown" for None."""
    return _UNKNOWN if value is None else dollars(value)


def about(text: str, is_about: bool | None) -> str:  # noqa: FBT001
    """Return an amount as it is to be read: "about $0.01" where no server counted it.

    Views that older versions saved say nothing of it.
    """
    return f"about {text}" if is_about and text != _UNKNOWN else text


def format_score(score: float | None) -> str:
    """Return a score: "87.5"; "–" for None. Only a perfect one of 0–100 reads "100.0"."""
    if score is None:
        return "–"
    if _ROUNDING_ERROR < score < 0.1:  # noqa: PLR2004 - the least that is written
        return "<0.1"
    if 99.9 < score < 100 - _ROUNDING_ERROR:  # noqa: PLR2004 - perfect
        return ">99.9"
    return one_decimal(score)


def format_count(value: float) -> str:
    """Return a number of things: "1,234", "12.3k", "4.56M"; exact below ten thousand."""
    for limit, size, unit, places in (
        (10_000, 1, "", 0),
        (999_950, 1e3, "k", 1),
        (999_995_000, 1e6, "M", 2),
    ):
        if value < limit:
            return f"{value / size:,.{places}f}{unit}"
    return f"{value / 1e9:,.2f}B"


def format_duration(seconds: float | None) -> str:
    """Return a length of time: "350 ms", "4.2 s", "3 min 5 s", "2 h 5 min"; "–" for None."""
    if seconds is None:
        return "–"
    if round(seconds * 10) < 100:  # noqa: PLR2004 - ten seconds
        return _short_duration(seconds)
    whole = round(seconds)
    for limit, size, large, small_size, small in (
        (60, 1, "s", 1, ""),
        (3600, 60, "min", 1, "s"),
        (86_400, 3600, "h", 60, "min"),
    ):
        if whole < limit:
            return _two_units(whole, size, large, small_size, small)
    return _two_units(whole, 86_400, "d", 3600, "h")


def _short_duration(seconds: float) -> str:
    if seconds <= 0:
        return "0 s"
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:  # noqa: PLR2004 - one second
        return f"{milliseconds} ms" if milliseconds else "<1 ms"
    return f"{seconds:.1f} s"


def _two_units(whole: int, size: int, large: str, small_size: int, small: str) -> str:
    rest = whole % size // small_size
    return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")


def format_range(amount: Mapping[str, Any] | None, form: Callable[[Any], str]) -> str:
    """Return an estimate: "12 (8 to 20)"; where all three read alike, once."""
    if amount is None:
        return _UNKNOWN
    low, expected, high = (form(amount[name]) for name in ("low", "expected", "high"))
    return expected if low == expected == high else f"{expected} ({low} to {high})"


def format_time(at: float) -> str:
    """Return a Unix time as date and time, UTC: a saved notebook is read anywhere."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
