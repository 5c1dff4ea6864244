"""What an argument may be: its type and bounds, which pydantic checks, and what to give instead.

All of that stands in one annotation, so that a parameter is described in one place.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, wraps
from typing import Annotated, Any, ParamSpec, TypeVar, get_type_hints

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.numbers import is_number

_NAME = re.compile(r"\w[\w.-]*", re.ASCII)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Remedy:
    """In an annotation: what to give instead of a value that does not fit."""

    text: str


def _own(value: Any) -> Any:
    if not is_number(value):
        raise ValueError
    return value


Number = Annotated[float, BeforeValidator(_own)]
"""A finite number of Python's own, whole or not; True and False are not numbers here."""
Flag = Annotated[bool, Remedy("give True or False.")]
Count = Annotated[int, Ge(1), Remedy("give a whole number of at least 1.")]
CountOrZero = Annotated[int, Ge(0), Remedy("give a whole number of at least 0.")]
Temperature = Annotated[Number, Ge(0), Le(2), Remedy("give a number from 0 to 2.")]
"""OpenAI's range."""
Usd = Annotated[Number, Gt(0), Remedy("give USD, more than 0.")]
ExampleTimeout = Annotated[
    Annotated[Number, Gt(0)] | None, Remedy("give seconds, more than 0, or None.")
]


def check(name: str, value: T, kind: Any) -> T:
    """Return `value`, unchanged, if it is of a `kind`: an annotation with a `Remedy`.

    Raises
    ------
    InvalidArgumentError
        If it is not; it names the argument `name`.
    """
    adapter, remedy = _read(kind)
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        raise InvalidArgumentError(name, value, remedy) from error
    return value


def check_name(argument: str, name: Any, what: str, taken: Collection[str]) -> None:
    """Return if `name` is one under which something of a user's own can be registered.

    Raises
    ------
    InvalidArgumentError
        If it is not a name, or is `taken`: mipro_nb has `what`, such as "a sampler", of that
        name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidArgumentError(argument, name, "give letters, digits, _, - and dots.")
    if name in taken:
        raise InvalidArgumentError(
            argument, name, f"mipro_nb has {what} of that name: take another."
        )


def check_parameters(
    given: Mapping[str, Any], known: Collection[str], told: Callable[[str], str] | None = None
) -> None:
    """Return if all parameters that are `given` are `known`.

    Parameters
    ----------
    given
        The keywords and their values.
    known
        The names of parameters.
    told
        Returns what to say of an unknown name, empty where there is nothing more to say.

    Raises
    ------
    InvalidArgumentError
        If one is not.
    """
    for name in given.keys() - known:
        # Somebody may have put a key here.
        value = given[name] if isinstance(given[name], int | float) else "(not shown)"
        if told is not None and (said := told(name)):
            raise InvalidArgumentError(name, value, said)
        near = get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}=?" if near else f"they are {', '.join(known)}."
        raise InvalidArgumentError(name, value, f"there is no such parameter: {meant}")


def no_others(told: Callable[[str], str]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Have a method raise an InvalidArgumentError for a keyword that it does not take.

    Python's own TypeError names neither the value nor a remedy; `told` is that of
    `check_parameters`.
    """

    def given(method: Callable[P, T]) -> Callable[P, T]:
        known = [name for name in inspect.signature(method).parameters if name != "self"]

        @wraps(method)
        def checked(*arguments: P.args, **keywords: P.kwargs) -> T:
            check_parameters(keywords, known, told)
            return method(*arguments, **keywords)

        return checked

    return given


def check_fields(given: Any) -> None:
    """Return if every field of a dataclass that has a `Remedy` is of the kind that it names.

    Raises
    ------
    InvalidArgumentError
        If one is not, the first of them; it names the field.
    """
    for name, kind in _kinds(given.__class__).items():
        check(name, getattr(given, name), kind)


def taking(shown: Callable[P, Any]) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """Give a method the parameters of another one: for editors, help and type checkers."""

    def given(method: Callable[..., T]) -> Callable[P, T]:
        returned = inspect.signature(method).return_annotation
        signature = inspect.signature(shown).replace(return_annotation=returned)
        method.__signature__ = signature  # type: ignore[attr-defined]
        return method

    return given


@cache
def _read(kind: Any) -> tuple[TypeAdapter[Any], str]:
    (remedy,) = (each for each in kind.__metadata__ if isinstance(each, Remedy))
    strict = ConfigDict(strict=True, arbitrary_types_allowed=True)
    return TypeAdapter(kind, config=strict), remedy.text


@cache
def _kinds(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {
        name: kind
        for name, kind in hints.items()
        if any(isinstance(each, Remedy) for each in getattr(kind, "__metadata__", ()))
    }
