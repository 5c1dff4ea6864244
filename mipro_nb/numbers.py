"""Numbers that a person may give: True and False do not count."""

from __future__ import annotations

import math
from typing import Any, TypeGuard


def is_count(value: Any) -> TypeGuard[int]:
    """Tell whether `value` is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether `value` is a finite number, whole or not."""
    return is_count(value) or (isinstance(value, float) and math.isfinite(value))
