"""Attempts: one try of a program and its metric at one example, and how long it may take.

The attempt that code belongs to is a context variable, so it follows the code to other tasks, to
worker threads, and to the threads that the code starts itself (see
`mipro_nb.language.execution.threads`).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mipro_nb.errors import (
    CallRefusedError,
    ExampleTimeoutError,
    MiproError,
    PromptTooLongError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mipro_nb.language.lms.lm_protocol import Message

_LATE = "The example was given up: it took longer than example_timeout."
_STOPPED = "The example was given up: what wanted its score was stopped."


class AskedLM(NamedTuple):
    """Whom an LM call asks, for which predictor (None for none of the program's), and what."""

    server: str
    model: str
    predictor: str | None
    messages: Sequence[Message]

    def shortens(self, other: AskedLM) -> bool:
        """Tell whether it asks what `other` did, with lines left out: as agents do."""
        lines = iter(other._lines())
        return self._lines() != other._lines() and all(line in lines for line in self._lines())

    def _lines(self) -> list[str]:
        return [line for each in self.messages for line in each["content"].splitlines()]


@dataclass
class FailedCall:
    """An LM call of an attempt that failed, and what the same code did about it.

    Attributes
    ----------
    error
        Why it failed.
    asked
        Whom it asked, and what.
    has_fallback
        Whether another LM has answered the same predictor, or the same question, since.
    is_shortened
        Whether its prompt was too long, and a shorter form of it was answered since.
    """

    error: MiproError
    asked: AskedLM
    has_fallback: bool = False
    is_shortened: bool = False

    def note_answer(self, asked: AskedLM) -> None:
        """Note that a later call was answered."""
        if asked.predictor != self.asked.predictor:
            return
        elsewhere = (asked.server, asked.model) != (self.asked.server, self.asked.model)
        # Of calls that no predictor makes, only the question tells what they are for.
        if elsewhere and (asked.predictor is not None or asked.messages == self.asked.messages):
            self.has_fallback = True
        if isinstance(self.error, PromptTooLongError) and asked.shortens(self.asked):
            self.is_shortened = True


class Attempt:
    """One try at an example; made and used on the core loop only.

    Its clock stands still while an LM call is under way, from the asking for it to the answer:
    waiting for turns and through pauses is not the user's code's doing, and calls have a timeout
    of their own.

    Parameters
    ----------
    timeout
        Seconds that the user's code may work on it; None for as long as it likes.
    refuses
        Whether LM calls are refused once it was given up; False where their LM does so.

    Attributes
    ----------
    over
        Done once the attempt was given up.
    failures
        LM calls of the attempt that failed, whether or not the user's code let that through.
    """

    def __init__(self, timeout: float | None, *, refuses: bool = True) -> None:
        self._outer = _attempt.get()
        self._refuses = refuses
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self._loop.create_future()
        self.failures: list[FailedCall] = []
        self._of_program = 0
        self._timeout = timeout
        self._left = timeout
        self._running_since = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._calls = 0
        self._refusal: str | None = None
        self._afterwards: list[Callable[[], None]] = []
        self._wind()

    def _wind(self) -> None:
        if self._left is not None:
            self._running_since = time.monotonic()
            self._alarm = self._loop.call_later(self._left, self._give_up, _LATE)

    def _halt(self) -> None:
        if self._alarm is not None and self._left is not None:
            self._alarm.cancel()
            self._alarm = None
            self._left -= time.monotonic() - self._running_since

    def _give_up(self, reason: str) -> None:
        if self._refusal is None:
            self._refusal = reason
            self.over.set_result(None)

    def stop(self) -> None:
        """Give it up, because nobody wants its score any more."""
        self._give_up(_STOPPED)

    def begin_anew(self) -> None:
        """Give the code all of its time again: it begins once more, elsewhere."""
        self._halt()
        self._left = self._timeout
        if self._calls == 0:
            self._wind()

    def end(self) -> None:
        """Take the time no longer: the score is there, or the attempt was given up."""
        self._halt()
        self._left = None

    def afterwards(self, act: Callable[[], None]) -> None:
        """Have `act` done once program and metric are through."""
        self._afterwards.append(act)

    def clear_up(self) -> None:
        """Do what was left for afterwards."""
        while self._afterwards:
            self._afterwards.pop()()

    def timed_out(self, name: str) -> ExampleTimeoutError:
        """Return the error of user code called `name` that took too long."""
        msg = f"{name} took longer than example_timeout={self._timeout:g} s."
        return ExampleTimeoutError(msg)

    def check(self) -> None:
        """Return if the attempt goes on.

        Raises
        ------
        CallRefusedError
            If it, or one that it is part of, was given up.
        """
        if self._refusal is not None and self._refuses:
            raise CallRefusedError(self._refusal)
        if self._outer is not None:
            self._outer.check()

    def begin_call(self) -> None:
        """Note that an LM call is asked for; attempts that this one is part of wait as well."""
        self._calls += 1
        self._halt()
        if self._outer is not None:
            self._outer.begin_call()

    def note_failure(self, error: MiproError, asked: AskedLM) -> None:
        """Note that an LM call failed; attempts that this one is part of note it as well."""
        self.failures.append(FailedCall(error, asked))
        if self._outer is not None:
            self._outer.note_failure(error, asked)

    def note_answer(self, asked: AskedLM) -> None:
        """Note that an LM call was answered; attempts that this one is part of do so as well."""
        for failed in self.failures[self._of_program :]:
            failed.note_answer(asked)
        if self._outer is not None:
            self._outer.note_answer(asked)

    def program_ended(self) -> None:
        """Note that the metric's part begins: its answers make up for no failure before it."""
        self._of_program = len(self.failures)

    def end_call(self) -> None:
        """Note that an LM call is over."""
        self._calls -= 1
        if self._calls == 0:
            self._wind()
        if self._outer is not None:
            self._outer.end_call()


_attempt: ContextVar[Attempt | None] = ContextVar("mipro_attempt", default=None)


def current_attempt() -> Attempt | None:
    """Return the attempt that the caller belongs to, None outside of all."""
    return _attempt.get()


@contextmanager
def attempting(timeout: float | None, *, refuses: bool = True) -> Iterator[Attempt]:
    """Have the block, and all that it calls, belong to a new attempt; parameters as there."""
    attempt = Attempt(timeout, refuses=refuses)
    token = _attempt.set(attempt)
    try:
        yield attempt
    finally:
        attempt.end()
        attempt.clear_up()
        _attempt.reset(token)


@contextmanager
def lm_call(asked: AskedLM) -> Iterator[None]:
    """Have the attempt's clock stand still for the block, an LM call; on the core loop.

    The attempt notes whether the call is answered or fails.

    Raises
    ------
    CallRefusedError
        If the attempt was given up.
    """
    attempt = current_attempt()
    if attempt is None:
        yield
        return
    attempt.check()
    attempt.begin_call()
    try:
        yield
    except MiproError as error:
        attempt.note_failure(error, asked)
        raise
    else:
        attempt.note_answer(asked)
    finally:
        attempt.end_call()
