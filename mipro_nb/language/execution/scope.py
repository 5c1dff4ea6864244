"""Scopes: what holds for a program's calls, even in threads that the program starts itself.

Which gate a call passes, what it is made for and which trace it belongs to are context variables.
A thread, or a pool's worker, does not inherit those; a predictor that is bound does remember them.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mipro_nb.language.prompting.predictor import Predictor

_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("mipro_inside", default=False)


def bind(named_predictors: Iterable[tuple[str, Predictor]]) -> None:
    """Have every predictor of a program, in whatever thread, answer as if it was called here.

    It also learns its name in the program, so that its calls can be told apart afterwards.
    """
    _inside.set(True)
    scope = contextvars.copy_context()
    for name, predictor in named_predictors:
        predictor.scope = scope
        predictor.bound_name = name


def lost() -> bool:
    """Tell whether the caller is in a thread or task that inherited no scope."""
    return not _inside.get()
