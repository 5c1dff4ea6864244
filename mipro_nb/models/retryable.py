"""Retryable errors: what keeps one attempt from being answered and may not keep the next one."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from mipro_nb.errors import EmptyAnswerError, LMError, LMUnavailableError, rebuilt

RetryableKind = Literal[
    "turned away",
    "in trouble",
    "no answer",
    "unreachable",
    "try again",
    "broken answer",
    "other terms",
]
"""429; 5xx; a time-out or a lost connection; a refused connection; 408, 409 and what a server says;
an empty answer, or only half of one; a parameter that is refused, and sent otherwise now."""

Tokens = tuple[int, int]
"""Tokens of the prompt and of the reply."""
_NO_TOKENS = (0, 0)

LONGEST_WAIT_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_JITTER = 0.25
# Not the global generator: what a user seeds there shall not depend on how often a server fails.
_rng = random.Random()


class RetryableError(Exception):
    """An attempt failed in a way that may pass.

    Parameters
    ----------
    kind
        What happened.
    what
        The beginning of a sentence that tells it: ``"gpt at http://… broke off the connection"``.
    said
        What the server, or the connection, said.
    wait
        Seconds that the server asked to wait, None if it did not.
    billed
        Tokens that the server bills for it; None if nobody knows.
    remedy
        A sentence that tells what to do about it, if anything can be done.
    empty
        Whether the server answered as it should, but for the reply.
    """

    def __init__(
        self,
        kind: RetryableKind,
        what: str,
        said: str,
        wait: float | None = None,
        billed: Tokens | None = _NO_TOKENS,
        *,
        remedy: str = "",
        empty: bool = False,
    ) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.said = said
        self.wait = wait
        self.billed = billed
        self.remedy = remedy
        self.empty = empty

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuilt, (type(self), self.args, self.__dict__)

    def error(self, attempts: int) -> LMError:
        """Return what to raise if it is given up after so many attempts."""
        times = "once" if attempts == 1 else f"{attempts} times"
        kind = LMUnavailableError if self.kind == "unreachable" else LMError
        kind = EmptyAnswerError if self.empty else kind
        said = f"{self.said.rstrip('.')}. {self.remedy}" if self.remedy else self.said
        error = kind(f"{self.what} (tried {times}): {said}")
        error.input_tokens, error.output_tokens = self.billed or _NO_TOKENS
        return error


def pause_seconds(failures: int) -> float:
    """Return how long to wait after so many failures: twice as long each time, at most 8 s.

    It is a little random, so that those who failed together do not come back together.
    """
    longest = _FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10)
    return min(longest, _LONGEST_PAUSE_SECONDS) * (1 - _JITTER * _rng.random())


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``retry-after-ms`` or ``Retry-After`` ask for, at most 60.

    The latter holds seconds or a date. None where there is neither, or nothing to wait for.
    """
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        seconds /= 1000
    else:
        seconds = _number(headers.get("retry-after"))
    if seconds is None:
        seconds = _seconds_until(headers.get("retry-after"))
    if seconds is None or not seconds > 0:
        return None
    return min(seconds, LONGEST_WAIT_SECONDS)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _seconds_until(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date or "").timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
