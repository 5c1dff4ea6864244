"""Workers in the processes of a `concurrent.futures` executor, reached by local pipes.

Each process serves for as long as somebody uses the executor, and works on several examples at
once: while one of them waits for an LM, another one computes.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import multiprocessing
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from queue import SimpleQueue
from typing import Any
from weakref import WeakSet

from mipro_nb.core_loop import core
from mipro_nb.errors import ExecutorError
from mipro_nb.evaluate.workers.crew import Crew
from mipro_nb.evaluate.workers.messages import Leaving
from mipro_nb.evaluate.workers.remote_worker import RemoteWorker
from mipro_nb.evaluate.workers.worker import Worker

_CLOSE = b""
# How many processes may knock before the first is let in.
_MOST_AT_ONCE = 128


class ProcessHost:
    """Has the processes of an executor serve.

    Parameters
    ----------
    executor
        The user's; it is never shut down here.

    Attributes
    ----------
    name
        What it is.
    """

    def __init__(self, executor: Executor) -> None:
        self.name = type(executor).__name__
        self._executor = executor
        self._replaced = False
        self._key = secrets.token_bytes(32)
        self._listener: Listener | None = None
        self._channels: list[_Pipe] = []

    @property
    def count(self) -> int:
        """Return how many processes there are; the field has no public name for that."""
        return int(getattr(self._executor, "_max_workers", 1))

    def start(self, crew: Crew) -> None:
        """Have every process serve."""
        if self._listener is None:
            self._listener = Listener(backlog=_MOST_AT_ONCE, authkey=self._key)
            accept = contextvars.Context().run
            threading.Thread(
                target=accept, args=(self._accept, self._listener, crew), daemon=True
            ).start()
            _let_go_at_exit()
            _serving.add(self)
        try:
            for _ in range(self.count):
                served = self._executor.submit(serve, self._listener.address, self._key)
                served.add_done_callback(functools.partial(self._served, self._executor, crew))
        except (RuntimeError, BrokenExecutor) as error:
            msg = (
                f"executor={self.name} takes no work: {error}. Give one that is open, or leave "
                "executor= out."
            )
            raise ExecutorError(msg) from error

    def renew(self) -> bool:
        """Put a pool of the same settings in the place of a broken one.

        One that has lost a process takes no more work, and has ended all others.
        """
        if type(self._executor) is not ProcessPoolExecutor:
            return False
        broken: Any = self._executor
        self._executor = ProcessPoolExecutor(
            broken._max_workers,  # noqa: SLF001 - there is no public name for any of them
            broken._mp_context,  # noqa: SLF001
            broken._initializer,  # noqa: SLF001
            broken._initargs,  # noqa: SLF001
            max_tasks_per_child=broken._max_tasks_per_child,  # noqa: SLF001
        )
        if self._replaced:
            broken.shutdown(wait=False)
        self._replaced = True
        return True

    def stop(self) -> None:
        """Have the processes serve no longer."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):  # it wakes who accepts, if anybody still does
                Client(listener.address).close()
            listener.close()
        for channel in self._channels:
            channel.close()
        self._channels.clear()
        if self._replaced:
            self._executor.shutdown(wait=False)

    def _accept(self, listener: Listener, crew: Crew) -> None:
        while self._listener is listener:
            try:
                connection = listener.accept()
            except (OSError, EOFError, AuthenticationError):
                continue
            if self._listener is not listener:
                connection.close()
                return
            channel = _Pipe(connection)
            self._channels.append(channel)
            core().loop.call_soon_threadsafe(channel.begin, crew)

    def _served(self, executor: Executor, crew: Crew, served: Future[None]) -> None:
        if served.cancelled() or (error := served.exception()) is None:
            return
        with contextlib.suppress(RuntimeError):  # the core loop is closed
            core().loop.call_soon_threadsafe(self._failed, executor, crew, error)

    def _failed(self, executor: Executor, crew: Crew, error: BaseException) -> None:
        if not isinstance(error, BrokenExecutor):
            crew.failed(error)
        elif executor is self._executor:  # all that were to serve fail alike: one of them tells
            crew.broke(error)


class _Pipe:
    """The way to a worker: threads that read and write, so that the core loop waits for nobody."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unsent: SimpleQueue[bytes | None] = SimpleQueue()

    def begin(self, crew: Crew) -> None:
        """Begin to read and write; on the core loop."""
        worker = crew.joined(self)
        for work in (lambda: self._read(worker, crew), self._write):
            thread = threading.Thread(target=contextvars.Context().run, args=(work,), daemon=True)
            thread.start()

    def send(self, message: bytes) -> None:
        """Send a message."""
        self._unsent.put(message)

    def close(self) -> None:
        """Have the worker end its work for the core."""
        self._unsent.put(_CLOSE)
        self._unsent.put(None)

    def _read(self, worker: RemoteWorker, crew: Crew) -> None:
        post = core().loop.call_soon_threadsafe
        with contextlib.suppress(RuntimeError):  # the core loop is closed
            try:
                while True:
                    post(worker.take, self._connection.recv_bytes())
            except (EOFError, OSError):
                post(crew.lost, worker)
        self._unsent.put(None)

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # it is gone, as who reads hears
            while (message := self._unsent.get()) is not None:
                self._connection.send_bytes(message)


_serving: WeakSet[ProcessHost] = WeakSet()


@functools.cache
def _let_go_at_exit() -> None:
    """Have all processes be let go before the interpreter waits for executors to end."""
    register = getattr(threading, "_register_atexit", None)  # as concurrent.futures does
    if register is not None:
        with contextlib.suppress(RuntimeError):  # it ends already
            register(_let_go_of_all)


def _let_go_of_all() -> None:
    for host in list(_serving):
        host.stop()


def serve(address: Any, key: bytes) -> None:
    """Serve the core at `address` until it needs this process no more; in a process of a pool."""
    _end_with_the_core()
    try:
        connection = Client(address, authkey=key)
    except (OSError, EOFError):  # nobody needs it any more
        return
    with connection:
        # Of what the process was forked from, nothing holds here.
        contextvars.Context().run(_serve, connection)


def _serve(connection: Connection) -> None:
    sending = threading.Lock()

    def send(message: bytes) -> None:
        with sending, contextlib.suppress(OSError):  # it is gone, as who reads hears
            connection.send_bytes(message)

    worker = Worker(send, f"{socket.gethostname()}, process {os.getpid()}")
    with _undisturbed(worker), contextlib.suppress(EOFError, OSError):
        while (message := connection.recv_bytes()) != _CLOSE:
            worker.take(message)
    worker.end()


@functools.cache
def _end_with_the_core() -> None:
    """Have this process end when the core's does, however that ends; a pool's own would stay."""
    core_process = multiprocessing.parent_process()
    if core_process is None:  # it belongs to an executor that starts processes in its own way
        return

    def end_after(process: multiprocessing.process.BaseProcess) -> None:
        process.join()
        os._exit(1)  # whatever code is at work: nobody hears of it

    threading.Thread(target=end_after, args=(core_process,), daemon=True).start()


@contextlib.contextmanager
def _undisturbed(worker: Worker) -> Iterator[None]:
    """Have the process work on when the core is interrupted, and tell the core if it is ended.

    Ctrl-C, and a notebook that interrupts its kernel, reach all processes of a group: what becomes
    of a run then is the core's to say. And no example is at fault where a process is told to end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def work_on(*_: object) -> None:
        pass

    def end(number: int, _: object) -> None:
        worker.tell(Leaving())
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    # A function, as what is ignored is ignored by the programs as well that user code starts.
    interrupted = signal.signal(signal.SIGINT, work_on)
    ended = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, ended)
        signal.signal(signal.SIGINT, interrupted)
