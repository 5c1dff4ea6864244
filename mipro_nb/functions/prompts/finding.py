"""The prompts that a plain function reads: those that its code, or code beside it, names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, TypeGuard

from mipro_nb.functions.prompts.prompt import FunctionPrompt
from mipro_nb.language.module import Module


def is_function(value: object) -> TypeGuard[Callable[..., Any]]:
    """Tell whether a value is a function: a partial one, and an object with ``__call__``, as well.

    A class is not one, and neither is a program or a prompt.
    """
    if isinstance(value, type | Module | FunctionPrompt):
        return False
    is_written = isinstance(getattr(type(value), "__call__", None), FunctionType)  # noqa: B004
    return is_written or inspect.isroutine(value) or isinstance(value, functools.partial)


def prompts_of(function: Any) -> list[FunctionPrompt]:
    """Return the prompts that a function names, and those of functions of its module it names.

    Those that the object of a method holds are among them.
    """
    named = _named(function, set())
    return list(dict.fromkeys(each for each in named if isinstance(each, FunctionPrompt)))


def cached_functions(function: Any) -> list[str]:
    """Return the names of functions among these that read a prompt and have functools' cache."""
    cached = [each for each in _named(function, set()) if hasattr(each, "cache_parameters")]
    return [each.__name__ for each in cached if prompts_of(each)]


def _named(value: Any, seen: set[int]) -> Iterator[Any]:
    """Return a function, the prompts that it names, and so on for those of its module it names."""
    yield value
    if isinstance(value, functools.partial):
        yield from (each for each in value.args if isinstance(each, FunctionPrompt))
        yield from (each for each in value.keywords.values() if isinstance(each, FunctionPrompt))
        yield from _named(value.func, seen)
        return
    function, owner = _code_of(value)
    if function is None or id(function) in seen:
        return
    seen.add(id(function))
    for named in _named_by(function, owner):
        if (
            isinstance(named, FunctionPrompt)
            or getattr(named, "__module__", "") == function.__module__
        ):
            yield from _named(named, seen)


def _code_of(value: Any) -> tuple[FunctionType | None, Any]:
    """Return the function that runs when `value` is called, and the object that it is given."""
    if not callable(value) or isinstance(value, type | FunctionPrompt):
        return None, None
    if is_function(value) and not inspect.isroutine(value):
        value = MethodType(type(value).__call__, value)
    function = inspect.unwrap(getattr(value, "__func__", value))
    owner = value.__self__ if isinstance(value, MethodType) else None
    return (function if isinstance(function, FunctionType) else None), owner


def _named_by(function: FunctionType, owner: Any) -> Iterator[Any]:
    variables = inspect.getclosurevars(function)
    yield from variables.nonlocals.values()
    names = set(_names_in(function.__code__))
    for name, value in function.__globals__.items():
        if name in names:
            yield value
    for name in () if owner is None else sorted(names):
        held = inspect.getattr_static(owner, name, None)  # no property is run
        yield MethodType(held, owner) if isinstance(held, FunctionType) else held
    yield from function.__kwdefaults__.values() if function.__kwdefaults__ else ()
    yield from function.__defaults__ or ()


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names_in(inner)
