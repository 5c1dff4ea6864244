"""Errors as openai's client raises them, where the answer came by another way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import openai

_KINDS: Mapping[int, type[openai.APIStatusError]] = {
    HTTPStatus.BAD_REQUEST: openai.BadRequestError,
    HTTPStatus.UNAUTHORIZED: openai.AuthenticationError,
    HTTPStatus.FORBIDDEN: openai.PermissionDeniedError,
    HTTPStatus.NOT_FOUND: openai.NotFoundError,
    HTTPStatus.CONFLICT: openai.ConflictError,
    HTTPStatus.UNPROCESSABLE_ENTITY: openai.UnprocessableEntityError,
    HTTPStatus.TOO_MANY_REQUESTS: openai.RateLimitError,
}


def status_error(
    status: int, said: str, *, headers: Mapping[str, str], body: object = None
) -> openai.APIStatusError:
    """Return the error of an answer with this status.

    Parameters
    ----------
    status
        400 or above.
    said
        What the server said.
    headers
        Those of the answer.
    body
        The server's error object.
    """
    kind = _KINDS.get(status, openai.APIStatusError)
    kind = openai.InternalServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else kind
    return kind(said, response=_Response(status, headers), body=body)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Response:
    """What openai's errors read of a response."""

    status_code: int
    headers: Mapping[str, str]
    request: Any = None
