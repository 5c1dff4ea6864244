"""What DSPy's errors mean to the gate, and the gate's to a program written for DSPy."""

from __future__ import annotations

from mipro_nb.dspy.versions import Kind, kind_of, made, tells_of_no_connection, wait_of
from mipro_nb.errors import (
    LMError,
    LMUnavailableError,
    MiproError,
    PromptTooLongError,
    RequestRefusedError,
    causes_of,
    shown,
)
from mipro_nb.models.calls import Call
from mipro_nb.models.retryable import LONGEST_WAIT_SECONDS, RetryableError
from mipro_nb.models.services.clients.refusals import refused
from mipro_nb.redaction import secrets

_TOO_LONG = "context window"
# Of whatever HTTP client DSPy sends with: nothing answers at the address.
_NO_CONNECTION = frozenset(
    {"ConnectError", "ConnectionRefusedError", "ClientConnectorError", "gaierror"}
)


def meaning(error: Exception, call: Call) -> Exception:
    """Return what the failure of one attempt means: a RetryableError, or an LMError."""
    said = shown(secrets.taken_out(" ".join(str(error).split())))
    what = f"{call.model} failed"
    kind = kind_of(error)
    if kind == "hopeless":
        return LMUnavailableError(f"{what}: {said}")
    if kind in ("refused", "too long"):
        return _refusal(error, call, said)
    return _passing(error, call.model, said) or LMError(f"{what}: {type(error).__name__}: {said}")


def _passing(error: Exception, model: str, said: str) -> RetryableError | None:
    """Return what a failure that may pass means, None if it is not such a one."""
    is_there_none = any(type(cause).__name__ in _NO_CONNECTION for cause in causes_of(error))
    if is_there_none or tells_of_no_connection(error):
        remedy = "Check api_base and that it is running."
        return RetryableError(
            "unreachable", f"Cannot reach the server of {model}", said, remedy=remedy
        )
    kind = kind_of(error)
    if kind == "turned away":
        what = f"{model} turned the call away"
        return RetryableError("turned away", what, said, _wait(error))
    if kind == "in trouble":
        return RetryableError("in trouble", f"{model} failed", said, _wait(error))
    if kind == "no answer":
        return RetryableError("no answer", f"{model} gave no answer", said, billed=None)
    return None


def _refusal(error: Exception, call: Call, said: str) -> LMError:
    if kind_of(error) == "too long":
        return refused(call, _TOO_LONG, said)
    return refused(call, str(error), said)


def as_dspy(error: LMError, raised: Exception | None, model: str) -> Exception:
    """Return what a program hears of an LM call that failed: DSPy's own error.

    Programs look for its class. Where the record reports a call that had failed before a run was
    resumed, there is none, and it is made again.
    """
    if raised is not None:
        return raised
    kind: Kind | None = "refused" if isinstance(error, RequestRefusedError) else None
    if isinstance(error, PromptTooLongError):
        kind = "too long"
    return made(kind, str(error), model)


def ours(error: BaseException) -> MiproError | None:
    """Return the error of ours that led to what a program raised, None if none did."""
    return next((cause for cause in causes_of(error) if isinstance(cause, MiproError)), None)


def _wait(error: Exception) -> float | None:
    try:
        return min(float(wait_of(error)), LONGEST_WAIT_SECONDS)
    except (TypeError, ValueError):
        return None
