"""What DSPy's versions differ in: the errors of its LM calls, and what a copy of an LM holds.

Since 3.4 they are classes of DSPy's. Before, they are LiteLLM's, which have openai's as bases, and
DSPy has few of its own.
"""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Literal

import dspy
import openai
from dspy.utils import exceptions

COPIES_ALL = tuple(int(part) for part in version("dspy").split(".")[:2]) < (3, 3)
"""Whether ``BaseLM.copy`` copies all there is, also a connection, which no copy can be made of."""

Kind = Literal["hopeless", "refused", "too long", "turned away", "in trouble", "no answer"]
"""Why a call failed: no other would succeed; what it holds; a prompt that is too long; 429; 5xx; a
time-out, or a connection that was lost."""

AdapterParseError: Any = exceptions.AdapterParseError
"""What an adapter raises that finds no outputs in a reply."""

_OF_DSPYS: dict[str, Kind] = {
    "LMAuthError": "hopeless",
    "LMBillingError": "hopeless",
    "LMUnsupportedModelError": "hopeless",
    "LMConfigurationError": "hopeless",
    "ContextWindowExceededError": "too long",
    "LMInvalidRequestError": "refused",
    "LMRateLimitError": "turned away",
    "LMServerError": "in trouble",
    "LMTimeoutError": "no answer",
    "LMTransportError": "no answer",
}
_OF_STATUS: dict[int, Kind] = {
    HTTPStatus.UNAUTHORIZED: "hopeless",
    HTTPStatus.PAYMENT_REQUIRED: "hopeless",
    HTTPStatus.FORBIDDEN: "hopeless",
    HTTPStatus.NOT_FOUND: "hopeless",
    HTTPStatus.BAD_REQUEST: "refused",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "refused",
    HTTPStatus.UNPROCESSABLE_ENTITY: "refused",
    HTTPStatus.TOO_MANY_REQUESTS: "turned away",
    HTTPStatus.CONFLICT: "in trouble",
}
# DSPy takes both for requests that are wrong in themselves.
_OF_ANOTHER_CLASS: dict[int | None, Kind] = {
    HTTPStatus.NOT_FOUND: "hopeless",
    HTTPStatus.CONFLICT: "in trouble",
}
_TOO_LONG = "ContextWindowExceededError"

LM_ERRORS: tuple[type[Exception], ...] = tuple(
    found
    for found in (getattr(dspy, "DSPyError", None), getattr(dspy, _TOO_LONG, None))
    if found is not None
) + (() if hasattr(dspy, "DSPyError") else (openai.OpenAIError,))
"""What a program raises if one of its LM calls has failed."""


def kind_of(error: BaseException) -> Kind | None:
    """Return why a call failed, None if its error does not tell."""
    if isinstance(error, ImportError):
        return "hopeless"
    if (told := _OF_ANOTHER_CLASS.get(getattr(error, "status", None))) is not None:
        return told
    for name, kind in _OF_DSPYS.items():
        cls = getattr(dspy, name, None)
        if cls is not None and isinstance(error, cls):
            return kind
    if isinstance(error, openai.OpenAIError):
        return _kind_of_litellms(error)
    return None


def _kind_of_litellms(error: openai.OpenAIError) -> Kind | None:
    if type(error).__name__ == _TOO_LONG:
        return "too long"
    if isinstance(error, openai.APIConnectionError):
        return "no answer"
    status = getattr(error, "status_code", None)
    if not isinstance(status, int):
        return None
    return "in trouble" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _OF_STATUS.get(status)


def tells_of_no_connection(error: BaseException) -> bool:
    """Tell whether an error of LiteLLM's is a 500 that no server sent: it reached none.

    openai's own words are all that is left of that.
    """
    is_litellms = type(error).__module__.partition(".")[0] == "litellm"
    return is_litellms and "Connection error" in str(error)


def wait_of(error: BaseException) -> Any:
    """Return how many seconds a server asked to wait, None if it did not."""
    headers: Any = getattr(error, "litellm_response_headers", None)
    headers = headers or getattr(getattr(error, "response", None), "headers", None)
    told = headers.get("retry-after") if hasattr(headers, "get") else None
    return getattr(error, "retry_after", None) or told


def made(kind: Kind | None, said: str, model: str) -> Exception:
    """Return the error that a program hears of a call whose own error is not there any more."""
    names = {"too long": [_TOO_LONG], "refused": ["LMInvalidRequestError"]}
    for name in [*names.get(kind or "", []), "LMError"]:
        cls: Any = getattr(dspy, name, None)
        if cls is not None:
            error: Exception = cls(message=said, model=model)
            return error
    import litellm  # noqa: PLC0415 - that DSPy has loaded it

    cls = litellm.ContextWindowExceededError if kind == "too long" else litellm.BadRequestError
    provider, _, name = model.partition("/")
    made_again: Exception = cls(message=said, model=name or model, llm_provider=provider)
    return made_again
