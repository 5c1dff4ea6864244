"""What a failed HTTP attempt means to the gate, and what user code hears of a call that failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from mipro_nb.errors import (
    LMError,
    LMUnavailableError,
    MiproError,
    RequestRefusedError,
    causes_of,
    shown,
)
from mipro_nb.models.calls import Call
from mipro_nb.models.retryable import RetryableError, RetryableKind, asked_to_wait
from mipro_nb.models.services.clients.refusals import refused
from mipro_nb.redaction import secrets

# By their names: there are two libraries, and each has its own.
_NO_CONNECTION = frozenset({"ConnectError", "ConnectTimeout"})
_LOST = "TransportError"
_NO_ACCESS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
)
_ABOUT_THE_CALL = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_PASSING: Mapping[int, RetryableKind] = {
    HTTPStatus.REQUEST_TIMEOUT: "try again",
    HTTPStatus.CONFLICT: "try again",
    HTTPStatus.TOO_MANY_REQUESTS: "turned away",
}
_NO_QUOTA = "insufficient_quota"
_LONGEST_SAID = 4000
_REDIRECTS = range(300, 400)


@dataclass(frozen=True)
class Response:
    """An HTTP response.

    Attributes
    ----------
    status
        Its status.
    headers
        Its headers, by lower-case names.
    content
        Its body.
    """

    status: int
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def of_status(response: Response, call: Call) -> Exception:
    """Return what a response that is an error means: a RetryableError, or an LMError."""
    text = response.content[:_LONGEST_SAID].decode("utf-8", "replace")
    said = _shown(text)
    what = f"{call.model} failed ({response.status})"
    status = response.status
    if status in _NO_ACCESS or _NO_QUOTA in text:
        return LMUnavailableError(f"{what}: {said}")
    if status in _ABOUT_THE_CALL:
        return refused(call, text, said)
    if status in _REDIRECTS:
        return LMUnavailableError(f"{what}: it redirects, which is not followed: give its address.")
    kind = _PASSING.get(status)
    if kind is None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = "in trouble"
    if kind is None:
        return LMError(f"{what}: {said}")
    if kind == "turned away":
        what = f"{call.model} turned the call away"
    return RetryableError(kind, what, said, asked_to_wait(response.headers))


def of_error(error: Exception, call: Call) -> Exception:
    """Return what an error of the HTTP client's means."""
    said = _shown(f"{type(error).__name__}: {error}")
    kinds = {each.__name__ for cause in causes_of(error) for each in type(cause).__mro__}
    if kinds & _NO_CONNECTION:
        remedy = (
            "Check the address that the program or metric calls, and that the server is running."
        )
        what = f"Cannot reach the server of {call.model}"
        return RetryableError("unreachable", what, said, remedy=remedy)
    if _LOST in kinds or "TimeoutError" in kinds:
        return RetryableError("no answer", f"{call.model} gave no answer", said, billed=None)
    return LMError(f"{call.model} failed: {said}")


def no_answer(response: Response, call: Call) -> RetryableError:
    """Return what a response without an answer in it means."""
    said = _shown(response.content[:_LONGEST_SAID].decode("utf-8", "replace"))
    return RetryableError(
        "broken answer", f"{call.model} sent an answer without a reply", said, billed=None
    )


def as_response(error: MiproError, last: Response | None) -> Response:
    """Return what user code hears of a call that failed: what the server said, if it did.

    Clients do not repeat it: the gate has done so already.
    """
    headers = {"content-type": "application/json", "x-should-retry": "false"}
    if last is not None and last.status >= HTTPStatus.BAD_REQUEST:
        kept = {n: v for n, v in last.headers.items() if n in ("content-type", "request-id")}
        return Response(last.status, last.content, {**headers, **kept})
    passes = isinstance(error, LMError) and not isinstance(error, RequestRefusedError)
    status = HTTPStatus.SERVICE_UNAVAILABLE if passes else HTTPStatus.BAD_REQUEST
    told = {"error": {"message": str(error), "type": "mipro_nb", "code": None, "param": None}}
    return Response(status, json.dumps(told).encode(), headers)


def _shown(text: str) -> str:
    return shown(secrets.taken_out(" ".join(text.split())))
