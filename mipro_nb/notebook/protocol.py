"""What a widget and its kernel say to each other, as custom messages.

The widget asks; the kernel answers each question with one answer or refusal of the same id. While
a run goes on, the kernel also sends deltas unasked. The front end's types are made of what is
declared here, and of the parameters of what answers (``make types``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict, TypeVar, get_type_hints, is_typeddict

from pydantic import TypeAdapter, ValidationError

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs.events import first_problem
from mipro_nb.runs.view_model import RunDelta, Shown

Kind = Literal["run", "history", "comparison"]
"""What a widget opens with."""

Answers = Mapping[str, Callable[..., Any]]
"""What can be asked → what answers it."""

REQUESTS: list[Callable[..., Any]] = []
"""All methods that answer a request."""

_Method = TypeVar("_Method", bound=Callable[..., Any])


class WidgetState(Shown):
    """The widget's traits, synced with the kernel and saved in the notebook."""

    kind: Kind


class RunBundle(WidgetState):
    """A view as it is kept in an output.

    Attributes
    ----------
    run
        The run shown; None where there is none (yet).
    """

    schema: Literal[1]
    run: str | None


class WidgetAnswer(TypedDict):
    """What was asked for."""

    kind: Literal["answer"]
    id: int
    value: Any


class WidgetRefusal(TypedDict):
    """Why there is no answer, in a sentence for the person."""

    kind: Literal["refusal"]
    id: int
    error: str


class DeltaMessage(TypedDict):
    """What changed in a run."""

    kind: Literal["delta"]
    run: str
    delta: RunDelta


Page = TypedDict("Page", {"text/html": str, "text/plain": str})
Page.__doc__ = "The view as a page without scripts and as text: what GitHub and converters show."


class PageMessage(TypedDict):
    """The view as a page, for a host that keeps it in the notebook."""

    kind: Literal["page"]
    page: Page


def request(method: _Method) -> _Method:
    """Mark a method that answers the request of its name; its parameters are what is asked."""
    REQUESTS.append(method)
    return method


def requests_of(answering: object) -> Answers:
    """Return what can be asked of an object."""
    own = vars(type(answering))
    names = [method.__name__ for method in REQUESTS if own.get(method.__name__) is method]
    return {name: getattr(answering, name) for name in names}


def answered(method: Callable[..., Any], ask: Mapping[str, Any]) -> Any:
    """Return the answer to what is asked; what is absent counts as null.

    Raises
    ------
    InvalidArgumentError
        If a value is not what the method takes.
    """
    shapes = _shapes(getattr(method, "__func__", method))
    values = {name: ask.get(name) for name in shapes}
    for name, shape in shapes.items():
        try:
            shape.validate_python(values[name], strict=True)
        except ValidationError as error:
            raise InvalidArgumentError(name, values[name], first_problem(error)) from error
    return method(**values)


@functools.cache
def _shapes(method: Callable[..., Any]) -> Mapping[str, TypeAdapter[Any]]:
    """Return what the values of the parameters of a method have to be."""
    hints = get_type_hints(method)
    del hints["return"]
    # Of an object the method itself checks what it takes from it.
    return {n: TypeAdapter(dict if is_typeddict(h) else h) for n, h in hints.items()}
