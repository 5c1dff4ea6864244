"""The row that a program is being scored on, and the demos that would give its answer away."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mipro_nb.language.rows.example import Example


@dataclass(frozen=True)
class _ScoredRow:
    inputs: Mapping[str, Any]
    taught: bool


_scored: ContextVar[_ScoredRow | None] = ContextVar("mipro_scored_row", default=None)


@contextmanager
def scoring(row: Example, *, taught: bool) -> Iterator[None]:
    """Have predictors inside the block leave out demos that are made of `row`.

    Parameters
    ----------
    row
        The row.
    taught
        Whether demos may have been made of it. Then those of predictors that get none of the row's
        inputs are told by the inputs of the call.
    """
    token = _scored.set(_ScoredRow(row.inputs().to_dict(), taught))
    try:
        yield
    finally:
        _scored.reset(token)


def is_scored() -> bool:
    """Tell whether the caller is a program that is being scored, and not its metric."""
    return _scored.get() is not None


def demos_beside(demos: Sequence[Example], inputs: Mapping[str, Any]) -> Sequence[Example]:
    """Return `demos` for a call with `inputs`, without those made of the row that is scored.

    Without such demos they are returned as they are, and so is the prefix of the prompt.
    """
    row = _scored.get()
    if row is None:
        return demos
    beside = [
        demo
        for demo in demos
        if not (is_made_of(demo, row.inputs) or (row.taught and is_made_of(demo, inputs)))
    ]
    return beside if len(beside) < len(demos) else demos


def is_made_of(demo: Example, inputs: Mapping[str, Any]) -> bool:
    """Tell whether `demo` gives away the answer to `inputs`: it holds all of them."""
    return bool(inputs) and all(
        name in demo and _same(demo[name], value) for name, value in inputs.items()
    )


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - values of a user's own types raise anything
        return False
