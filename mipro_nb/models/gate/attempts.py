"""Attempts under way: what they send has passed the gate, and must not be led to it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_under_way: ContextVar[bool] = ContextVar("mipro_attempt_under_way", default=False)


def is_under_way() -> bool:
    """Tell whether an attempt is being made that has passed the gate already."""
    return _under_way.get()


@contextmanager
def under_way() -> Iterator[None]:
    """Have the block be such an attempt."""
    token = _under_way.set(True)
    try:
        yield
    finally:
        _under_way.reset(token)
