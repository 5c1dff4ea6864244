"""The prompts that a plain function reads: those that its code, or code beside it, names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from mipro_nb.functions.prompts import FunctionPrompt


def prompts_of(function: Any) -> list[FunctionPrompt]:
    """Return the prompts that a function names, and those of functions of its module it names."""
    found: dict[FunctionPrompt, None] = {}
    _look(function, found, set())
    return list(found)


def _look(value: Any, found: dict[FunctionPrompt, None], seen: set[int]) -> None:
    if isinstance(value, FunctionPrompt):
        found[value] = None
    function = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    for named in _named_by(function):
        if (
            isinstance(named, FunctionPrompt)
            or getattr(named, "__module__", "") == function.__module__
        ):
            _look(named, found, seen)


def _named_by(function: FunctionType) -> Iterator[Any]:
    variables = inspect.getclosurevars(function)
    yield from variables.nonlocals.values()
    names = set(_names_in(function.__code__))
    for name, value in function.__globals__.items():
        if name in names:
            yield value
    yield from function.__kwdefaults__.values() if function.__kwdefaults__ else ()
    yield from function.__defaults__ or ()


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names_in(inner)
