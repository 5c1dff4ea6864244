"""Programs, LMs and rows of another library, taken for our own.

Anyone who is handed one asks here, and need not know which library it is of: importing `mipro_nb`
says who knows such a library, and it is loaded for those only who have loaded it themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example


class Library(Protocol):
    """What takes the objects of another library for our own; None for what is none of them."""

    def as_program(self, value: object) -> Module | None:
        """Return `value` as a program."""
        ...

    def as_lm(self, value: object) -> LanguageModel | None:
        """Return `value` as an LM."""
        ...

    def as_row(self, value: object) -> Example | None:
        """Return `value` as a row."""
        ...


_finders: list[Callable[[], Library | None]] = []


def know(find: Callable[[], Library | None]) -> None:
    """Have `find` return a library in use, None if it is not; importing mipro_nb says it."""
    _finders.append(find)


def as_program(value: Any) -> Any:
    """Return `value`, as a Module of ours if it is a program of a library that is known."""
    return _taken(value, Module, lambda library: library.as_program(value))


def as_lm(value: Any) -> Any:
    """Return `value`, as an LM of ours if it is one of a library that is known."""
    return _taken(value, LanguageModel, lambda library: library.as_lm(value))


def as_row(value: Any) -> Any:
    """Return `value`, as an Example of ours if it is a row of a library that is known."""
    return _taken(value, Example, lambda library: library.as_row(value))


def _taken(value: Any, own: type, take: Callable[[Library], Any]) -> Any:
    if value is None or isinstance(value, own):
        return value
    for find in _finders:
        library = find()
        taken = None if library is None else take(library)
        if taken is not None:
            return taken
    return value
