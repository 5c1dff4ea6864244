"""What an argument may be: its type and bounds, which pydantic checks, and what to give instead.

All of that stands in one annotation, so that a parameter is described in one place.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, get_type_hints

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.numbers import is_number

_DASKS_ADDRESS = re.compile(r"(?:tcp|tls|wss?|ucxx?|inproc)://.")
_NAME = re.compile(r"\w[\w.-]*", re.ASCII)

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


def check_executor(name: str, executor: Any) -> Any:
    """Return `executor`, if it is one whose workers can run examples, or None.

    Raises
    ------
    InvalidArgumentError
        If it is not; it names the argument `name`.
    """
    if executor is None:
        return None
    remedy = (
        "give a concurrent.futures.ProcessPoolExecutor(…); a Client, a cluster or the address of a "
        "scheduler of Dask's; or None to run examples here."
    )
    if _is_dasks(executor):
        return executor
    if getattr(executor, "asynchronous", False):  # its calls belong to a loop of the user's
        why = "it is asynchronous=True, and belongs to an event loop of yours: "
        raise InvalidArgumentError(name, type(executor), why + remedy)
    if not isinstance(executor, Executor):
        given = executor if isinstance(executor, str | int) else type(executor)
        raise InvalidArgumentError(name, given, remedy)
    if isinstance(executor, ThreadPoolExecutor):
        why = "its threads share this process, where examples run in threads without it: "
        raise InvalidArgumentError(name, type(executor), why + remedy)
    return executor


def _is_dasks(executor: Any) -> bool:
    """Tell whether something is a Client, a cluster or an address of Dask's; it is not imported."""
    if isinstance(executor, str):
        return _DASKS_ADDRESS.match(executor) is not None
    if getattr(executor, "asynchronous", False):
        return False
    kinds = {(each.__module__.partition(".")[0], each.__name__) for each in type(executor).__mro__}
    return bool(kinds & {("distributed", "Client"), ("distributed", "Cluster")})


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


def check_fields(given: Any) -> None:
    """Return if every field of a dataclass that has a `Remedy` is of the kind that it names.

    Raises
    ------
    InvalidArgumentError
        If one is not, the first of them; it names the field.
    """
    for name, kind in _kinds(given.__class__).items():
        check(name, getattr(given, name), kind)


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
