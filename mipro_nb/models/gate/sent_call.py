"""A call on its way: where it goes, how it went so far, and what is reported in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from mipro_nb.amounts import format_duration
from mipro_nb.errors import LMError, LMUnavailableError
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.batching.batch import BatchedAttempt
from mipro_nb.models.gate.limits.caps import usd_of
from mipro_nb.models.gate.pacing.limiter import Priority
from mipro_nb.models.gate.pacing.pace import Pace
from mipro_nb.models.retryable import RetryableError
from mipro_nb.runs.usage import Usage

Send = Callable[[Call], Awaitable[Answer]]
"""Makes one attempt; raises a RetryableError if another one may succeed, an LMError if not."""

_GIVEN_UP = "It took long and was sent a second time: given up for the other one's answer."


@dataclass
class SentCall:
    """One call on its way: where it goes, and how it went so far."""

    number: int
    call: Call
    send: Send
    pace: Pace
    priority: Priority
    taken: Callable[[], bool]
    # None where it is sent by itself.
    batched: BatchedAttempt | None = None
    attempts: int = 0
    hedged: int = 0  # of them, those beside another one
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    answer: Answer | None = None
    retryable_errors: Counter[str] = field(default_factory=Counter)
    # Attempts that were billed for nothing, and their seconds.
    broken: list[tuple[float, RetryableError]] = field(default_factory=list)
    # Attempts that were given up for the other one's answer: their seconds, and what the caps
    # count them at.
    given_up: list[tuple[float, Usage]] = field(default_factory=list)
    # What the caps count unresolved attempts at.
    reckoned: Usage = field(default_factory=Usage)


def last_word(trip: SentCall, retryable: RetryableError) -> LMError:
    """Return the error of a call that is not tried again."""
    seconds = trip.pace.seconds_in_vain
    if retryable.kind == "turned away" and seconds is not None:
        last = format_duration(seconds)
        return LMUnavailableError(
            f"{retryable.what}, as all others in the last {last}: {retryable.said}"
        )
    failures = trip.pace.failures_of_one_that_is_down(trip.call.num_retries)
    error = retryable.error(trip.attempts)
    if failures is None or isinstance(error, LMUnavailableError):
        return error
    down = LMUnavailableError(
        f"{retryable.what}, as did all of the last {failures} attempts: {retryable.said}"
    )
    down.input_tokens, down.output_tokens = error.input_tokens, error.output_tokens
    return down


def usage_of(call: Call, came: Answer | LMError) -> Usage:
    """Return what an attempt took that brought something."""
    return Usage(1, came.input_tokens + came.output_tokens, usd_of(call, came) or 0.0)


def as_dear_as(answer: Answer) -> LMError:
    """Return the error of a call given up for `answer`: the server bills it, likely for as much."""
    error = LMError(_GIVEN_UP)
    error.input_tokens = answer.input_tokens
    error.output_tokens = answer.output_tokens
    error.cached_input_tokens = answer.cached_input_tokens
    return error
