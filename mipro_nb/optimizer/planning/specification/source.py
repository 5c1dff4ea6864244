"""The source code of a program, for the prompt model to look at."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from mipro_nb.language.programs.module import Module
from mipro_nb.redaction import secrets


@dataclass(frozen=True)
class ProgramSource:
    """A program's source.

    Attributes
    ----------
    text
        Source of the program's classes, without keys of LMs; where there is none, the program's
        repr.
    problem
        Why source of a class was not found; None if all was.
    """

    text: str
    problem: str | None


def program_source(program: Module) -> ProgramSource:
    """Return the source of the classes that `program` is made of.

    Classes defined in notebook cells, in files run with ``%run`` and in modules are found
    through the code of their methods, which knows the cell or file that it was compiled from.
    """
    texts, missing = [function_source(each) for each in program.functions()], []
    for cls in _user_classes(program):
        text = _class_source(cls)
        if text is None:
            missing.append(cls.__qualname__)
        else:
            texts.append(text)
    problem = (
        f"No source was found of {', '.join(missing)}: proposals see its structure only."
        if missing
        else None
    )
    texts += filter(None, (module.source_text for module in _modules(program, set())))
    text = "\n\n".join(texts) or repr(program)
    return ProgramSource(secrets.keys_taken_out(text), problem)


def function_source(function: Any) -> str:
    """Return the source of a function, or of the class of a callable; its name if there is none."""
    plain = inspect.unwrap(getattr(function, "__func__", function))
    if not inspect.isroutine(plain):
        text = _class_source(type(function)) or type(function).__qualname__
        return secrets.keys_taken_out(text)
    try:
        text = textwrap.dedent(inspect.getsource(plain)).rstrip()
    except (OSError, TypeError, SyntaxError):
        text = ""
    if not _may_define(text, plain):
        text = str(getattr(plain, "__qualname__", type(plain).__qualname__))
    return secrets.keys_taken_out(text)


def _may_define(text: str, function: Any) -> bool:
    """Tell whether a text names `function`: Python 3.13 has that of ``-c`` for all of ``exec``."""
    code = getattr(function, "__code__", None)
    name = getattr(code, "co_name", "")
    return bool(text) and ("lambda" if name == "<lambda>" else name) in text


def _user_classes(program: Module) -> list[type]:
    """Return the classes of a program and of the modules in it, without our own."""
    found: dict[type, None] = {}
    for module in _modules(program, set()):
        for cls in module.classes():
            own = cls.__module__.split(".")[0] == "mipro_nb"
            if not own:
                found[cls] = None
    return list(found)


def _modules(value: Any, seen: set[int]) -> Iterator[Module]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Module):
        yield value
        for inner in value.__dict__.values():
            yield from _modules(inner, seen)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _modules(inner, seen)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _modules(inner, seen)


def _class_source(cls: type) -> str | None:
    for code in _codes(cls):
        # inspect.getsource(cls) looks for the file of cls.__module__, which a notebook's
        # __main__ does not have; the code object names the cell itself.
        linecache.checkcache(code.co_filename)  # a file may have been changed and run again
        lines = linecache.getlines(code.co_filename)
        text = _enclosing_class(lines, cls.__name__, code.co_firstlineno)
        if text is not None:
            return text
    return None


def _codes(cls: type) -> Iterator[CodeType]:
    for member in vars(cls).values():
        function = inspect.unwrap(getattr(member, "__func__", member))
        if isinstance(function, FunctionType):
            yield function.__code__


def _enclosing_class(lines: list[str], name: str, line: int) -> str | None:
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            last = node.end_lineno or first
            if first <= line <= last:
                return textwrap.dedent("".join(lines[first - 1 : last])).rstrip()
    return None
