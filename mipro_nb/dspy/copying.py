"""Copies of DSPy's programs: everything is copied but LMs, and what was called before."""

from __future__ import annotations

import copy
import threading
from typing import Any

import dspy

_lock = threading.RLock()


def copied(module: Any) -> Any:
    """Return an independent copy of a program that shares its LMs, and has no history of calls."""
    try:
        return _copy_with_its_lms(module)
    except Exception:  # noqa: BLE001 - it holds what nothing can copy: DSPy shares that
        return _copied_by_dspy(module)


def taken(module: Any) -> Any:
    """Return such a copy of a user's program, which others may be calling now."""
    try:
        return _copy_with_its_lms(module)
    except Exception:  # noqa: BLE001 - as above
        twin = module.deepcopy()
        pairs = zip(module.named_predictors(), twin.named_predictors(), strict=True)
        for (_, given), (_, predictor) in pairs:
            predictor.lm = given.lm
        _forget_calls(twin)
        return twin


def _copy_with_its_lms(module: Any) -> Any:
    # What deepcopy finds in its memo it takes for copied already.
    memo: dict[int, Any] = {}
    for _, inner in module.named_sub_modules():
        memo |= {id(each): each for each in vars(inner).values() if isinstance(each, dspy.BaseLM)}
        if history := getattr(inner, "history", None):
            memo[id(history)] = []
    return copy.deepcopy(module, memo)


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


def _forget_calls(module: Any) -> None:
    for _, inner in module.named_sub_modules():
        if getattr(inner, "history", None):
            inner.history = []


def _give(predictors: list[Any], lms: list[Any]) -> None:
    for predictor, lm in zip(predictors, lms, strict=True):
        predictor.lm = lm
