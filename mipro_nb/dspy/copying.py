"""Copies of DSPy's programs: everything is copied but LMs, and what was called before."""

from __future__ import annotations

import copy
import threading
from typing import Any

_lock = threading.RLock()


def copied(module: Any) -> Any:
    """Return an independent copy of a program that shares its LMs.

    Those of its predictors, that is: others (a judge's, say) are copied as DSPy does it.
    """
    shared: dict[int, Any] = {
        id(predictor.lm): predictor.lm for _, predictor in module.named_predictors()
    }
    for _, inner in module.named_sub_modules():
        if history := getattr(inner, "history", None):
            shared[id(history)] = []
    try:
        return copy.deepcopy(module, shared)
    except Exception:  # noqa: BLE001 - it holds what nothing can copy: DSPy shares that
        return _copied_by_dspy(module)


def _copied_by_dspy(module: Any) -> Any:
    predictors = [predictor for _, predictor in module.named_predictors()]
    lms = [predictor.lm for predictor in predictors]
    with _lock:  # a copy made at the same time must not miss the LMs
        try:
            for predictor in predictors:
                predictor.lm = None
            twin = module.deepcopy()
        finally:
            _give(predictors, lms)
    _give([predictor for _, predictor in twin.named_predictors()], lms)
    _forget_calls(twin)
    return twin


def taken(module: Any) -> Any:
    """Return a copy of a user's program, to work on, that has no history of calls."""
    # Not as above: others may be calling it now.
    twin = module.deepcopy()
    pairs = zip(module.named_predictors(), twin.named_predictors(), strict=True)
    for (_, given), (_, predictor) in pairs:
        predictor.lm = given.lm
    _forget_calls(twin)
    return twin


def _forget_calls(module: Any) -> None:
    for _, inner in module.named_sub_modules():
        if getattr(inner, "history", None):
            inner.history = []


def _give(predictors: list[Any], lms: list[Any]) -> None:
    for predictor, lm in zip(predictors, lms, strict=True):
        predictor.lm = lm
