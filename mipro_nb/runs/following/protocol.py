"""What a view and what is behind it, a kernel or the Jupyter server, say to each other.

The view asks; each question is answered with one answer or refusal of the same id. While a run
goes on, deltas are also sent unasked. The front end's types are made of what is
declared here, and of the parameters of what answers (``make types``).
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict, TypeVar, get_type_hints, is_typeddict

from pydantic import TypeAdapter, ValidationError

from mipro_nb.errors import InvalidArgumentError, MiproError
from mipro_nb.runs.events import first_problem
from mipro_nb.runs.view_model import HistoryRow, LiveRunRow, RunDelta, Shown

Kind = Literal["run", "history", "comparison"]
"""What a widget opens with."""

Answers = Mapping[str, Callable[..., Any]]
"""What can be asked → what answers it."""

REQUESTS: list[Callable[..., Any]] = []
"""All methods that answer a request."""

_log = logging.getLogger(__name__)

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


class RunsMessage(TypedDict):
    """What changed among the runs of a record, for who lists them.

    Attributes
    ----------
    rows
        Runs that are new or have changed.
    whole
        `rows` are all runs there are; as they are in the first message, and where the record was
        replaced.
    gone
        Ids of runs that were deleted.
    live
        All runs that go on, as they stand.
    error
        Why the record cannot be read, and the remedy; None if it can.
    """

    kind: Literal["runs"]
    rows: list[HistoryRow]
    whole: bool
    gone: list[str]
    live: list[LiveRunRow]
    error: str | None


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
    kind = type(answering)
    names = [m.__name__ for m in REQUESTS if getattr(kind, m.__name__, None) is m]
    return {name: getattr(answering, name) for name in names}


def reply_to(number: int, what: Any, ask: Any, answers: Answers) -> WidgetAnswer | WidgetRefusal:
    """Return the answer to a request, or why there is none; it raises nothing.

    Parameters
    ----------
    number
        The id that the request has.
    what, ask
        What is asked, and with which values, as they came.
    answers
        What can be asked.
    """
    try:
        if not isinstance(what, str) or what not in answers or not isinstance(ask, dict):
            msg = f"This mipro_nb knows no request {what!r} here: reload the page."
            raise MiproError(msg)  # noqa: TRY301 - refused as all others are
        return {"kind": "answer", "id": number, "value": answered(answers[what], ask)}
    except MiproError as error:
        return refusal(number, str(error))
    except Exception as error:  # noqa: BLE001 - a front end must hear of it, and go on
        _log.exception("A view's request %r failed.", what)
        return refusal(number, f"{type(error).__name__} in mipro_nb: {error}")


def refusal(number: int, error: str) -> WidgetRefusal:
    """Return a refusal that can be sent, whatever the sentence holds."""
    sendable = error.encode("utf-8", "backslashreplace").decode("utf-8")
    return {"kind": "refusal", "id": number, "error": sendable}


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
