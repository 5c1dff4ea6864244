"""Workers of a Dask cluster: each holds an actor, and the messages are calls of its methods.

So they go the ways that the cluster has, with its own security; no port is opened here.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import Any

from mipro_nb.core_loop import core
from mipro_nb.errors import ExecutorError, MiproError, MissingExtraError, shown
from mipro_nb.evaluate.workers.crew import Crew
from mipro_nb.evaluate.workers.remote_worker import RemoteWorker
from mipro_nb.evaluate.workers.worker import Worker

_LOOK_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0
_FAREWELL_SECONDS = 5.0


class DaskHost:
    """Has the workers of a cluster serve, those that come later among them.

    Parameters
    ----------
    given
        The user's client or cluster, or the address of a scheduler.

    Raises
    ------
    MissingExtraError
        If Dask is not installed.

    Attributes
    ----------
    name
        What it is.
    """

    def __init__(self, given: Any) -> None:
        try:
            from distributed import Client  # noqa: PLC0415 - an extra
        except ImportError as error:
            msg = "Dask is not installed: pip install 'mipro_nb[dask]'."
            raise MissingExtraError(msg) from error
        self._client_class = Client
        self._given = given
        self.name = repr(given) if isinstance(given, str) else type(given).__name__
        self._client: Any = None
        self._channels: dict[str, _Actor] = {}
        self._stopping = threading.Event()
        self._count = 1

    @property
    def count(self) -> int:
        """Return how many workers there are."""
        return self._count

    def start(self, crew: Crew) -> None:
        """Have every worker serve."""
        try:
            addresses = self._addresses()
        except MiproError:
            raise
        except Exception as error:
            msg = (
                f"executor={self.name} cannot be reached: {type(error).__name__}: "
                f"{shown(str(error))}. See that its scheduler runs, or leave executor= out."
            )
            raise ExecutorError(msg) from error
        if not addresses:
            msg = (
                f"executor={self.name} has no workers: start some, as with cluster.scale(4), or "
                "leave executor= out."
            )
            raise ExecutorError(msg)
        self._stopping.set()  # for who looked before
        self._stopping = threading.Event()
        self._join(addresses, crew)
        _in_thread(self._look, crew, self._stopping)

    def renew(self) -> bool:
        """Return False: a cluster is its user's to start again."""
        return False

    def stop(self) -> None:
        """Have the workers serve no longer."""
        self._stopping.set()
        channels = list(self._channels.values())
        for channel in channels:
            channel.close()
        deadline = time.monotonic() + _FAREWELL_SECONDS
        for channel in channels:  # or the cluster would log calls that were cut off
            channel.over.wait(max(0.0, deadline - time.monotonic()))
        self._channels.clear()
        if self._client is not None and self._client is not self._given:
            self._client.close()
            self._client = None

    def _addresses(self) -> list[str]:
        if self._client is None or self._client.status != "running":
            self._client = self._connected()
        return list(self._client.nthreads())

    def _connected(self) -> Any:
        if not isinstance(self._given, self._client_class):
            return self._client_class(self._given, set_as_default=False)
        if self._given.status != "running":
            msg = (
                f"executor={self.name} is {self._given.status}: give a Client that is connected, "
                "or leave executor= out."
            )
            raise ExecutorError(msg)
        return self._given

    def _join(self, addresses: list[str], crew: Crew) -> None:
        self._count = max(len(addresses), 1)
        for address in addresses:
            if address not in self._channels:
                channel = self._channels[address] = _Actor(self._client, address)
                _in_thread(self._serve, channel, crew)

    def _serve(self, channel: _Actor, crew: Crew) -> None:
        served = channel.serve(crew)
        channel.over.set()
        if served:  # one that is still there, or comes again, joins once more
            self._channels.pop(channel.address, None)

    def _look(self, crew: Crew, stopping: threading.Event) -> None:
        """Look for workers that have come, for as long as the cluster is there."""
        while not stopping.wait(_LOOK_SECONDS):
            error: Exception | None = None
            try:
                if self._client.status == "running":
                    self._join(list(self._client.nthreads()), crew)
                    continue
                error = ConnectionError("the connection to its scheduler is lost")
            except Exception as met:  # noqa: BLE001 - of whatever transport
                error = met
            if not stopping.is_set():
                self._lose_all(crew)
                _post(crew.broke, error)
            return

    def _lose_all(self, crew: Crew) -> None:
        """Note that all workers are gone: their actors may wait for a scheduler for ever."""
        for channel in list(self._channels.values()):
            if channel.worker is not None:
                _post(crew.lost, channel.worker)
        self._channels.clear()


class _Actor:
    """The way to a worker: calls of an actor's methods, from threads that may wait for them.

    Attributes
    ----------
    address
        Where the worker is.
    worker
        The worker, once it has come.
    over
        Set once nothing more is asked of it.
    """

    def __init__(self, client: Any, address: str) -> None:
        self.address = address
        self._client = client
        self.worker: RemoteWorker | None = None
        self.over = threading.Event()
        self._unsent: SimpleQueue[bytes | None] = SimpleQueue()

    def serve(self, crew: Crew) -> bool:
        """Bring what the worker says to the core loop, until it ends; tell whether it ever did."""
        with self._client.as_current():  # an actor looks for it there
            try:
                made = self._client.submit(
                    Serving,
                    self.address,
                    workers=[self.address],
                    allow_other_workers=False,
                    actor=True,
                    pure=False,
                    retries=0,
                )
                actor = made.result(timeout=_PATIENCE_SECONDS)
                said = actor.said().result()
            except Exception as error:  # noqa: BLE001 - of whatever transport, or of an import there
                _post(crew.failed, error)
                return False
            worker = self.worker = crew.joined(self)
            _in_thread(self._write, actor)
            with contextlib.suppress(Exception):  # of whatever transport: it is gone
                while said is not None:
                    for message in said:
                        _post(worker.take, message)
                    said = actor.said().result()
            _post(crew.lost, worker)
            self._unsent.put(None)
            with contextlib.suppress(Exception):  # the cluster may be gone as well
                made.cancel()
        return True

    def send(self, message: bytes) -> None:
        """Send a message."""
        self._unsent.put(message)

    def close(self) -> None:
        """Have the worker end its work for the core."""
        self._unsent.put(None)

    def _write(self, actor: Any) -> None:
        with self._client.as_current(), contextlib.suppress(Exception):  # as who reads hears
            while (message := self._unsent.get()) is not None:
                together = [message]
                while not self._unsent.empty():
                    if (more := self._unsent.get()) is None:
                        self._unsent.put(None)
                        break
                    together.append(more)
                actor.take(together).result()
            actor.end().result()


class Serving:
    """The actor on a worker of the cluster."""

    def __init__(self, address: str) -> None:
        self._unsaid: deque[bytes] = deque()
        self._ended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None
        self._worker = contextvars.Context().run(Worker, self._say, address)

    def _say(self, message: bytes) -> None:
        self._unsaid.append(message)
        self._tell()

    def _tell(self) -> None:
        loop, news = self._loop, self._news
        if loop is not None and news is not None:
            loop.call_soon_threadsafe(news.set)

    async def said(self) -> list[bytes] | None:
        """Return what the worker has to say, as soon as there is anything; None once it ended."""
        if self._news is None:
            self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        while not self._unsaid and not self._ended:
            await self._news.wait()
            self._news.clear()
        said = []
        while self._unsaid:
            said.append(self._unsaid.popleft())
        return said if said or not self._ended else None

    def take(self, messages: list[bytes]) -> None:
        """Do what messages of the core say."""
        for message in messages:
            self._worker.take(message)

    def end(self) -> None:
        """Give up everything."""
        self._worker.end()
        self._ended = True
        self._tell()


def _in_thread(work: Any, *arguments: Any) -> None:
    run = contextvars.Context().run
    threading.Thread(target=run, args=(work, *arguments), daemon=True).start()


def _post(work: Any, *arguments: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the core loop is closed
        core().loop.call_soon_threadsafe(work, *arguments)
