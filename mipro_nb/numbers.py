"""Numbers: which a person may give (True and False do not count), and how scores are written."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeGuard

_CENT = Decimal("0.01")
_LEAST_DOLLARS = 0.00001
_LARGEST_EXACT = 1e15


def is_count(value: Any) -> TypeGuard[int]:
    """Tell whether `value` is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether `value` is a finite number, whole or not."""
    return is_count(value) or (isinstance(value, float) and math.isfinite(value))


def dollars(value: float) -> str:
    """Return US dollars, as the widgets write them: "$1,234.50", "$0.0123", "$0.00052"."""
    if value <= 0:
        return "$0.00"
    if value < _LEAST_DOLLARS:
        return f"<${_LEAST_DOLLARS:.5f}"
    if value >= 1:
        return f"${value:,.2f}"
    exact = Decimal(repr(float(value)))
    if exact < _CENT:  # two digits that say something
        return f"${exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1), ROUND_HALF_UP):f}"
    whole, _, cents = f"{exact.quantize(Decimal('0.0001'), ROUND_HALF_UP):f}".partition(".")
    return f"${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def one_decimal(value: float) -> str:
    """Return a score, or a difference of scores, with one decimal: "41.3" for 41.25.

    Halves are rounded up, away from zero, as in the widgets (``js/shared/src/format.ts``): Python's
    own formatting takes the even neighbour, and the same score would read 41.2 here.
    """
    if not abs(value) < _LARGEST_EXACT:  # nor is it a number, perhaps
        return f"{value:.1f}"
    rounded = Decimal(repr(float(value))).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{rounded or abs(rounded):f}"  # never "-0.0"


def signed(points: float) -> str:
    """Return a difference of scores with its sign: "+12.5", "-3.0", "+0.0"."""
    text = one_decimal(points)
    return text if text.startswith("-") else f"+{text}"
