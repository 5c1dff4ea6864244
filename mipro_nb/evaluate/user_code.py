"""Running a user's program or metric: whatever it does, it does to itself."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from mipro_nb.errors import MiproError, ProgramError
from mipro_nb.language.execution.attempt import Attempt, current_attempt
from mipro_nb.language.execution.own_calls import caught_own_calls, comes_of_a_client
from mipro_nb.language.execution.scored_row import scoring
from mipro_nb.language.execution.threads import let_threads_inherit
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example

T = TypeVar("T")

# How long code that is cancelled may take to tidy up, before it is left to itself.
_FAREWELL_SECONDS = 2.0


async def run_user_code(name: str, work: Awaitable[T]) -> T:
    """Return what `work`, user code called `name`, returns; on the core loop.

    It runs in a task of its own, which it may end or cancel as it likes: ``sys.exit()`` and the
    like would otherwise end the loop, and a CancelledError that nobody asked for would look as if
    the run had been stopped. If the attempt's time is up, or the waiting task is cancelled, the
    code is cancelled; it is left to itself if it does not care.

    Raises
    ------
    ExampleTimeoutError
        If the time of the attempt is up.
    ProgramError
        If the code raises a BaseException that is not an Exception: SystemExit,
        KeyboardInterrupt, GeneratorExit, a CancelledError of its own, …
    MiproError
        If a call failed that the code made by a client of its own, and it raised for that.
    Exception
        Whatever else it raises.
    """
    let_threads_inherit()
    # Or it would never be awaited, and Python say so, where the task ends before it begins.
    over = work.close if isinstance(work, Coroutine) else lambda: None
    outcome = await in_time(name, _caught(work), over)
    if not isinstance(outcome, _Raised):
        return outcome
    if isinstance(outcome.error, Exception):
        raise outcome.as_told()
    msg = f"{name} raised {type(outcome.error).__name__}."
    raise ProgramError(msg) from outcome.error


async def in_time(
    name: str, work: Coroutine[Any, Any, T], over: Callable[[], None] = lambda: None
) -> T:
    """Return what `work`, which has user code called `name` run, returns within the attempt's time.

    It runs in a task of its own, which is cancelled where time is up or the waiting task is
    cancelled. `over` is called as soon as that task has ended.

    Raises
    ------
    ExampleTimeoutError
        If the time of the attempt is up.
    """
    attempt = current_attempt()
    code = asyncio.create_task(work)
    code.add_done_callback(lambda _: over())
    try:
        await _until_over(code, attempt)
    except asyncio.CancelledError:
        if attempt is not None:
            attempt.stop()
        code.cancel()
        await asyncio.wait({code}, timeout=_FAREWELL_SECONDS)
        raise
    if attempt is not None and not code.done():
        code.cancel()
        raise attempt.timed_out(name)
    return code.result()


async def run_program(program: Module, example: Example, *, taught: bool) -> Any:
    """Return what a program answers to an example, without the demos that are made of it.

    `taught` tells whether demos may have been made of the example. Errors are those of
    `run_user_code`.
    """
    inputs = copy.deepcopy(example.inputs().to_dict())
    with scoring(example, taught=taught):
        return await run_user_code(type(program).__name__, program.acall(**inputs))


class _Raised:
    """What code raised, and why a call of its own had failed; None if none did."""

    def __init__(self, error: BaseException, failure: MiproError | None) -> None:
        self.error, self._failure = error, failure

    def as_told(self) -> BaseException:
        """Return the error; if a client's own led to it, what the gate says of that call instead.

        A client's error holds the request, and with it a key.
        """
        if self._failure is not None and comes_of_a_client(self.error):
            return self._failure
        return self.error


async def _caught(work: Awaitable[T]) -> T | _Raised:
    with caught_own_calls() as own:
        try:
            return await work
        except BaseException as error:  # noqa: BLE001 - the user's code may raise anything
            return _Raised(error, own.failure)


async def _until_over(code: asyncio.Task[T], attempt: Attempt | None) -> None:
    ends: set[asyncio.Future[T] | asyncio.Future[None]] = {code}
    if attempt is not None:
        ends.add(attempt.over)
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
