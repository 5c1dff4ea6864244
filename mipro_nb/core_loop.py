"""The one event loop that every LM call, trial and evaluation runs on, in a thread of its own.

The kernel's loop and the main thread stay free: blocking calls wait for the core loop from
outside, ``await`` works from any loop, and sync user code runs in worker threads.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import os
import sys
import threading
import time
from concurrent.futures import CancelledError, Future, wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import nest_asyncio2

from mipro_nb.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator
    from contextlib import AbstractContextManager

T = TypeVar("T")

TICK_SECONDS = 0.25
# How long the interpreter's exit waits for cancelled work to tidy up after itself.
_FAREWELL_SECONDS = 2.0

if sys.platform == "win32":
    _BaseLoop = asyncio.ProactorEventLoop
else:
    _BaseLoop = asyncio.SelectorEventLoop


class _ReentrantLoop(_BaseLoop):
    """An event loop that sync code, called on it, may run again.

    A class of its own, because nest_asyncio2 patches classes: the kernel's loop stays as it is.
    """

    def __init__(self) -> None:
        super().__init__()
        # Not when first needed: a loop patched in the middle of a round would afterwards look for
        # callbacks that the inner run has already called, and die. And not by `apply`, which
        # patches asyncio for everybody.
        nest_asyncio2._patch_loop(self)  # noqa: SLF001


class _Workers:
    """Threads for user code; one is started whenever a call finds none idle.

    User code mostly waits for LM answers, and may call more user code, so their number has no
    bound. They are daemons, unlike a ThreadPoolExecutor's, which the interpreter waits for before
    it exits: user code that never returns would keep it for ever.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._idle = threading.Semaphore(0)

    def make(self, call: Callable[[], None]) -> None:
        """Make `call`, which must not raise, in a thread."""
        self._calls.put(call)
        if not self._idle.acquire(blocking=False):
            thread = threading.Thread(target=self._work, name="mipro-worker", daemon=True)
            # Each call brings its own context; that of the first one must not stay in the thread.
            contextvars.Context().run(thread.start)

    def _work(self) -> None:
        while True:
            self._calls.get()()
            self._idle.release()


class _Waited(Generic[T]):
    """Work on a loop that a thread waits for.

    The end of a call is a lock, not a concurrent Future: sync code waits so for every LM call, and
    this takes half the time.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> None:
        self._loop, self._work = loop, work
        self._task: asyncio.Task[T] | None = None
        self._given_up = False
        self._under_way = threading.Lock()
        self._under_way.acquire()

    def begin(self) -> None:
        """Start the work; on the loop."""
        if self._given_up:
            self._work.close()
            return
        self._task = self._loop.create_task(self._work)
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # seen: those who gave the work up hear no more of it
        self._under_way.release()

    def give_up(self) -> None:
        """Cancel the work, begun or not; on the loop."""
        self._given_up = True
        if self._task is not None:
            self._task.cancel()

    def wait(self, tick: Callable[[], None] | None) -> None:
        """Block until the work has ended."""
        if tick is None:
            self._under_way.acquire()
            return
        while not self._under_way.acquire(timeout=TICK_SECONDS):
            tick()
        tick()

    def result(self) -> T:
        """Return what the ended work returned, or raise what it raised."""
        if self._task is None or self._task.cancelled():
            # Not asyncio's error, which would look as if the waiting code had been cancelled.
            raise CancelledError
        return self._task.result()


class CoreLoop:
    """A running event loop in a daemon thread, with worker threads for sync code."""

    def __init__(self) -> None:
        self.loop = _ReentrantLoop()
        self.workers = _Workers()
        self.pid = os.getpid()
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._closed = False
        self.thread = threading.Thread(target=self._run, name="mipro-core", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._closed:
            # sys.exit() in async user code ends the task that called it, not everybody's loop.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `work` on the loop from any thread; context variables of the caller go along."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def wait_for(self, work: Coroutine[Any, Any, T], tick: Callable[[], None] | None = None) -> T:
        """Run `work` on the loop and block until its result is there.

        An interrupt (KeyboardInterrupt) of the waiting thread cancels the work. `tick` is called
        about four times a second in the waiting thread, to show progress from there.
        """
        if threading.current_thread() is self.thread:
            # Sync code was called on the loop itself, by an async forward or metric: the loop
            # must be re-entered, or the two would wait for each other for ever.
            return self.loop.run_until_complete(work)
        waited = _Waited(self.loop, work)
        try:
            self.loop.call_soon_threadsafe(waited.begin)
            waited.wait(tick)
        except BaseException:
            # The interrupt may come before the work has begun.
            self.loop.call_soon_threadsafe(waited.give_up)
            raise
        return waited.result()

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Have `closer` awaited on the loop before it stops at interpreter exit."""
        self._closers.append(closer)

    def close(self) -> None:
        """Close what was opened on the loop, then stop it."""
        if self.pid != os.getpid() or not self.thread.is_alive():
            return
        with contextlib.suppress(Exception):  # at exit nobody is left to hear of it
            self.submit(self._close_all()).result(timeout=5)
        self._closed = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(timeout=5)

    async def _close_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            # A run that is cut off here still writes into its record that it was.
            await asyncio.wait(tasks, timeout=_FAREWELL_SECONDS)
        for closer in self._closers:
            await closer()


def wait_until(
    done: Future[Any], timeout: float | None, *, tick: Callable[[], None] = lambda: None
) -> None:
    """Block until `done`, or for `timeout` seconds, and call `tick` about four times a second.

    It never blocks for longer than that at a time, so that an interrupt is heard.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while not done.done():
        left = TICK_SECONDS if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return
        wait([done], timeout=min(left, TICK_SECONDS))
        tick()


async def until_done(done: Future[Any]) -> None:
    """Await `done` on the running loop, whether it brings a result or an error."""
    waiting = asyncio.wrap_future(done)
    await asyncio.wait([waiting])
    if not waiting.cancelled():
        waiting.exception()  # seen: those who want it ask `done`


_core: CoreLoop | None = None
_lock = threading.Lock()


def _renew_lock() -> None:
    """Let go, in a forked process, of a lock that another thread held when it was forked."""
    global _lock  # noqa: PLW0603 - one lock for the one loop of the process
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # where processes can be forked
    os.register_at_fork(after_in_child=_renew_lock)


def core() -> CoreLoop:
    """Return the process's core loop, started at the first call (and again after a fork)."""
    global _core  # noqa: PLW0603 - one loop per process is the point
    with _lock:
        if _core is None or _core.pid != os.getpid():
            _core = CoreLoop()
            atexit.register(_core.close)
        return _core


async def on_core(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` on the core loop, from whatever loop is running."""
    loop = core()
    if asyncio.get_running_loop() is loop.loop:
        return await work
    return await asyncio.wrap_future(loop.submit(work))


# What is held open while a worker runs code.
_around: contextvars.ContextVar[Callable[[], AbstractContextManager[None]]] = (
    contextvars.ContextVar("mipro_around_workers", default=contextlib.nullcontext)
)


@contextlib.contextmanager
def around_workers(make: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Have code that the block hands to workers run within ``make()``, even if it is given up."""
    token = _around.set(make)
    try:
        yield
    finally:
        _around.reset(token)


def _surrounded(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    with _around.get()():
        return function(*args, **kwargs)


async def in_worker(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Run sync user code in a worker thread, with the context variables of the caller."""
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    came: asyncio.Future[T] = loop.create_future()

    def call() -> None:
        if came.cancelled():
            return
        try:
            result = context.run(_surrounded, function, *args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - handed to the code that awaits the call
            if not isinstance(error, Exception) or isinstance(error, StopIteration):
                # On the loop, SystemExit and its like would end the task they reach without a
                # word. StopIteration fits in no future: who awaits the call would never hear.
                name = getattr(function, "__qualname__", function)
                cause, error = error, ProgramError(f"{name} raised {type(error).__name__}.")
                error.__cause__ = cause
            deliver(came.set_exception, error)
        else:
            deliver(came.set_result, result)

    def deliver(settle: Callable[[Any], None], outcome: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop that waited for it is closed
            loop.call_soon_threadsafe(lambda: None if came.done() else settle(outcome))

    core().workers.make(call)
    return await came
