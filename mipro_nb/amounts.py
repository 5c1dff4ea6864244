"""How amounts are written, the same in every text, and as in the widgets.

``js/shared/src/format.ts`` has the same functions, and both pass the cases of
``tests/amounts.json``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

UNKNOWN = "unknown"
MISSING = "–"
_MINUS = "−"
# Sums of floating-point numbers may leave their range by this much.
_ROUNDING_ERROR = 1e-9
_LEAST_DOLLARS = 0.00001
_CENT = 0.01
_TWO_DIGITS = Context(prec=2, rounding=ROUND_HALF_UP)
_LARGEST_EXACT = 1e15


def format_usd(value: float | None) -> str:
    """Return US dollars: "$1,234.50", "$0.0123", "$0.00052"; "unknown" for None."""
    if value is None:
        return UNKNOWN
    if value <= 0:
        return "$0.00"
    if value < _LEAST_DOLLARS:
        return f"<${_LEAST_DOLLARS:.5f}"
    if value >= 1:
        return f"${_rounded(value, 2)}"
    if value < _CENT:  # two digits that say something
        rounded = _TWO_DIGITS.create_decimal(repr(float(value)))
        return f"${rounded:.{1 - rounded.adjusted()}f}"
    whole, _, cents = _rounded(value, 4).partition(".")
    return f"${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def format_about(text: str, is_about: bool) -> str:  # noqa: FBT001
    """Return an amount as it is to be read: "about $0.01" where no server counted it."""
    return f"about {text}" if is_about and text != UNKNOWN else text


def format_cost(usd: float | None, is_about: bool) -> str:  # noqa: FBT001
    """Return money where nothing beside it says that it is a cost: "$0.01", "cost unknown"."""
    return f"cost {UNKNOWN}" if usd is None else format_about(format_usd(usd), is_about)


def format_score(score: float | None) -> str:
    """Return a score: "87.5"; "–" for None.

    Of 0–100 only a perfect one reads "100.0", and only one of nothing "0.0".
    """
    if score is None:
        return MISSING
    if not math.isfinite(score):
        return "not a number"
    if _ROUNDING_ERROR < score < 0.1:  # noqa: PLR2004 - the least that is written
        return "<0.1"
    if 99.9 < score < 100 - _ROUNDING_ERROR:  # noqa: PLR2004 - perfect
        return ">99.9"
    written = _rounded(abs(score), 1)
    return f"{_MINUS}{written}" if score < 0 and written != "0.0" else written


def format_points(points: float) -> str:
    """Return a difference of scores, in points: "+12.5", "−3.0", "±0.0"."""
    if not math.isfinite(points):
        return "not a number"
    written = _rounded(abs(points), 1)
    if written == "0.0":
        return "±0.0"
    return f"{_MINUS if points < 0 else '+'}{written}"


def format_count(count: float) -> str:
    """Return a number of things: "1,234"."""
    return _rounded(count, 0)


def format_tokens(tokens: float) -> str:
    """Return a number of tokens: "1,234", "12.3k", "4.56M"; exact below ten thousand."""
    whole = round_half_up(tokens)
    # The limits lie where rounding would reach the next unit: never "1,000.0k".
    for limit, size, unit, places in (
        (10_000, 1, "", 0),
        (999_950, 1000, "k", 1),
        (999_995_000, 1_000_000, "M", 2),
    ):
        if whole < limit:
            return f"{_rounded(whole / size, places)}{unit}"
    return f"{_rounded(whole / 1e9, 2)}B"


def format_duration(seconds: float | None) -> str:
    """Return a length of time: "350 ms", "4.2 s", "3 min 5 s", "2 h 5 min"; "–" for None."""
    if seconds is None:
        return MISSING
    if seconds <= 0:
        return "0 s"
    if seconds < 0.001:  # noqa: PLR2004 - a millisecond
        return "<1 ms"
    return _short(seconds) or _long(seconds)


def format_range(amount: Mapping[str, Any] | None, form: Callable[[Any], str]) -> str:
    """Return an estimate: "12 (8 to 20)"; where all three read alike, once."""
    if amount is None:
        return UNKNOWN
    low, expected, high = (form(amount[name]) for name in ("low", "expected", "high"))
    return expected if low == expected == high else f"{expected} ({low} to {high})"


CAPS: Mapping[str, Callable[[Any], str]] = {
    "max_usd": format_usd,
    "max_calls": lambda value: _of("call", value, format_count),
    "max_tokens": lambda value: _of("token", value, format_tokens),
    "max_seconds": format_duration,
}
"""Cap → how an amount of what it limits is written."""


def caps_texts(caps: Mapping[str, Any]) -> list[str]:
    """Return the caps that are set, each in words: "$0.50", "800 calls", "2 h"."""
    return [form(caps[name]) for name, form in CAPS.items() if caps.get(name) is not None]


def format_time(at: float) -> str:
    """Return a Unix time as date and time, UTC: a saved notebook is read anywhere."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _short(seconds: float) -> str | None:
    """Return a length of time in one unit; None from a minute on."""
    # Each step rounds before it compares: never "1000 ms", "60 s" or "1 h 60 min".
    if (milliseconds := round_half_up(seconds * 1000)) < 1000:  # noqa: PLR2004 - one second
        return f"{milliseconds} ms"
    if (tenths := round_half_up(seconds * 10)) < 100:  # noqa: PLR2004 - ten seconds
        return f"{tenths / 10:.1f} s"
    if (whole := round_half_up(seconds)) < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    return None


def _long(seconds: float) -> str:
    if (whole := round_half_up(seconds)) < 60 * 60:
        return _two_units(whole, 60, "min", "s")
    if (minutes := round_half_up(seconds / 60)) < 24 * 60:
        return _two_units(minutes, 60, "h", "min")
    return _two_units(round_half_up(seconds / 3600), 24, "d", "h")


def _of(what: str, number: float, form: Callable[[float], str]) -> str:
    return f"{form(number)} {what}{'' if number == 1 else 's'}"


def round_half_up(value: float) -> int:
    """Return the nearest whole number, the larger one of two, as JavaScript does."""
    return math.floor(value + 0.5)


def _rounded(value: float, places: int) -> str:
    """Return a number with so many decimals; halves go up, as people and widgets round.

    Python's own formatting takes the even neighbour, and of what a float is instead of its digits.
    """
    if not abs(value) < _LARGEST_EXACT:
        return f"{value:,.{places}f}"
    exact = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{exact:,f}"


def _two_units(count: int, size: int, large: str, small: str) -> str:
    rest = count % size
    whole = f"{count // size:,} {large}"
    return f"{whole} {rest} {small}" if rest else whole
