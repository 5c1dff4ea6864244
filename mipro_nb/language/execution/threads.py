"""Threads that user code starts belong to the example that it works on.

Which gate an LM call passes, what it is made for and which trace it belongs to are context
variables. Python's threads inherit none (before 3.14, and by default also after it), so an LM that
a metric asks in a thread of its own would be paid for past all caps. Therefore `Thread.start` and
`ThreadPoolExecutor.submit` are wrapped: in code that works on an example they pass its context on,
and anywhere else they do what they always did. So calls of the user's own, in cells and in threads
that were started there, are never taken for those of a run.

- A thread belongs to the example of the code that started it, for as long as it lives.
- Work in a pool belongs to the code that submitted it, wherever the pool's threads were started.
- What user code hands by other ways (a queue) to threads that were there before cannot be told
  from the user's own; only predictors of the program know then where they belong (see
  `mipro_nb.language.execution.scope`).
"""

from __future__ import annotations

import concurrent.futures
import contextvars
import functools
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mipro_nb.language.execution.attempt import current_attempt

if TYPE_CHECKING:
    from collections.abc import Callable

# A pool whose work goes to other interpreters (Python 3.14); no context can go there.
_INTERPRETERS: Any = getattr(concurrent.futures, "InterpreterPoolExecutor", ())


@functools.cache
def let_threads_inherit() -> None:
    """Have threads that code of an example starts from now on belong to that example.

    That lasts: user code that was given up goes on in its thread, and may start others.
    """
    threading.Thread.start = _inheriting_start(threading.Thread.start)  # type: ignore[method-assign, assignment]
    ThreadPoolExecutor.submit = _inheriting_submit(ThreadPoolExecutor.submit)  # type: ignore[method-assign]


def _inheriting_start(
    start: Callable[[threading.Thread], None],
) -> Callable[[threading.Thread], None]:
    @functools.wraps(start)
    def inheriting(self: threading.Thread) -> None:
        if current_attempt() is not None:
            # On the object: `run` may be that of a subclass.
            run = functools.partial(contextvars.copy_context().run, self.run)
            self.run = run  # type: ignore[method-assign]
        start(self)

    return inheriting


def _inheriting_submit(submit: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    @functools.wraps(submit)
    def inheriting(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        if current_attempt() is None or isinstance(self, _INTERPRETERS):
            return submit(self, fn, *args, **kwargs)
        context = contextvars.copy_context()
        # In an empty context: a thread that the pool starts now will work for others later.
        return contextvars.Context().run(submit, self, context.run, fn, *args, **kwargs)

    return inheriting
