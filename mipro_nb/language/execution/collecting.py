"""What code leaves behind inside a block, threads included: steps, notes, LM calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def collecting(variable: ContextVar[list[T] | None]) -> Iterator[list[T]]:
    """Have `variable` hold a list for the block, which is given to it; None is there outside."""
    collected: list[T] = []
    token = variable.set(collected)
    try:
        yield collected
    finally:
        variable.reset(token)
