"""Numbers that a person may give: True and False do not count."""

from __future__ import annotations

import math
import operator
from typing import Any, TypeGuard


def is_count(value: Any) -> TypeGuard[int]:
    """Tell whether `value` is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def own_whole(value: Any) -> Any:
    """Return a whole number of another library, such as NumPy's, as Python's own; else `value`."""
    if isinstance(value, int) or not hasattr(value, "__index__"):
        return value
    try:
        return operator.index(value)
    except TypeError:  # arrays, and True and False of NumPy's, have the method as well
        return value


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether `value` is a finite number, whole or not."""
    return is_count(value) or (isinstance(value, float) and math.isfinite(value))
