"""The prompts that a plain function reads: those that its code, or code of its user's, names."""

from __future__ import annotations

import functools
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeGuard

from mipro_nb.functions.prompts.prompt import FunctionPrompt
from mipro_nb.language.programs.module import Module

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_NOT_USERS = (Path(sysconfig.get_path("stdlib")), Path(__file__).parents[2])


def is_function(value: object) -> TypeGuard[Callable[..., Any]]:
    """Tell whether a value is a function: a partial one, and an object with ``__call__``, as well.

    A class is not one, and neither is a program or a prompt.
    """
    if isinstance(value, type | Module | FunctionPrompt):
        return False
    is_written = isinstance(getattr(type(value), "__call__", None), FunctionType)  # noqa: B004
    return is_written or inspect.isroutine(value) or isinstance(value, functools.partial)


def prompts_of(function: Any) -> list[FunctionPrompt]:
    """Return the prompts that a function names, and those of the user's functions that it names.

    Those that the object of a method holds are among them. Installed packages are not looked into.
    """
    named = _named(function, set())
    return list(dict.fromkeys(each for each in named if isinstance(each, FunctionPrompt)))


def cached_functions(function: Any) -> list[str]:
    """Return the names of functions among these that read a prompt and have functools' cache."""
    cached = [each for each in _named(function, set()) if hasattr(each, "cache_parameters")]
    return [each.__name__ for each in cached if prompts_of(each)]


def _named(value: Any, seen: set[int]) -> Iterator[Any]:
    """Return a function, the prompts that it names, and so on for the user's functions it names."""
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
        module = getattr(named, "__module__", None)
        if (
            isinstance(named, FunctionPrompt)
            or module == function.__module__
            or (isinstance(module, str) and _is_users_own(sys.modules.get(module)))
        ):
            yield from _named(named, seen)


def _is_users_own(module: ModuleType | None) -> bool:
    """Tell whether a module is a file of the user's, and not of an installed package."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return False
    path = Path(file)
    return not _INSTALLED & {*path.parts} and not any(map(path.is_relative_to, _NOT_USERS))


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
    names = set(_names_in(function.__code__))
    of_module = [value for name, value in function.__globals__.items() if name in names]
    for value in [*inspect.getclosurevars(function).nonlocals.values(), *of_module]:
        yield value
        if isinstance(value, ModuleType) and _is_users_own(value):
            yield from (held for name, held in vars(value).items() if name in names)
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
