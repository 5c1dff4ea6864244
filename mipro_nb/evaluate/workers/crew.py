"""The workers of one executor: who has room, who has left, and what each of them has loaded."""

from __future__ import annotations

import asyncio
import itertools
import math
import weakref
from functools import partial
from typing import Any, NamedTuple, Protocol

from mipro_nb.core_loop import core, in_worker
from mipro_nb.errors import ExecutorError, shown
from mipro_nb.evaluate.workers.pickling import Lent
from mipro_nb.evaluate.workers.remote_worker import Channel, RemoteWorker, pickled_for_workers
from mipro_nb.evaluate.workers.worker import VERSIONS

_PATIENCE_SECONDS = 60.0
_MOST_RENEWALS = 3


class Host(Protocol):
    """What has an executor's workers serve, and brings the ways to them.

    Attributes
    ----------
    name
        What the executor is.
    """

    name: str

    @property
    def count(self) -> int:
        """Return how many workers are to be expected."""
        ...

    def start(self, crew: Crew) -> None:
        """Have workers serve, and tell `crew` of them on the core loop; may block for a moment.

        Raises
        ------
        ExecutorError
            If the executor takes no work.
        """
        ...

    def renew(self) -> bool:
        """Put another executor in the place of one that is broken; False if that cannot be done."""
        ...

    def stop(self) -> None:
        """Let go of the executor; may block for a moment."""
        ...


class _Thing(NamedTuple):
    """A program or a metric that workers have loaded."""

    number: int
    pickled: bytes
    alive: weakref.ref[Any]


class Crew:
    """The workers of one executor, for all runs that use it; used on the core loop only.

    Parameters
    ----------
    host
        What brings them.

    Attributes
    ----------
    lent
        The LMs that they may ask, and what else they name by number.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.lent = Lent()
        self._workers: list[RemoteWorker] = []
        self._at_once = 0
        self._users = 0
        self._things: dict[int, _Thing] = {}
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._failure: ExecutorError | None = None
        self._renewals = 0
        self._starting: asyncio.Task[None] | None = None

    def enter(self, at_once: int) -> None:
        """Begin to use the workers, for so many examples at once."""
        self._at_once += at_once
        self._users += 1
        if self._users == 1:
            self.try_again()

    def leave(self, at_once: int) -> None:
        """Use them no more."""
        self._at_once -= at_once
        self._users -= 1

    @property
    def is_used(self) -> bool:
        """Tell whether anybody uses the workers."""
        return self._users > 0

    async def close(self) -> None:
        """Let the workers go, for good."""
        if self._starting is not None:
            await asyncio.wait({self._starting})
        for worker in self._workers:
            worker.close()
        self._workers.clear()
        self._things.clear()
        await in_worker(self.host.stop)

    def try_again(self) -> None:
        """Have workers start, after a failure or for the first time."""
        if self._starting is not None and not self._starting.done():
            return
        self._failure = None
        self._starting = asyncio.create_task(self._start())

    async def _start(self) -> None:
        try:
            await in_worker(self.host.start, self)
        except ExecutorError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - an initializer that cannot be pickled, say
            self.failed(error)

    async def next_with_room(self, *, alone: bool = False) -> RemoteWorker:
        """Return a worker as `with_room` does, as soon as there is one.

        Raises
        ------
        ExecutorError
            If there are no workers.
        """
        while True:
            found = self.with_room(alone=alone)
            if found is not None:
                return found
            if not self._workers and self._failure is not None:
                raise ExecutorError(*self._failure.args)
            await self._change()

    async def _change(self) -> None:
        """Wait until workers come, go or have room; with patience only where there are none."""
        waiting = self._changed.wait()
        if self._workers:
            await waiting
            return
        try:
            await asyncio.wait_for(waiting, _PATIENCE_SECONDS)
        except TimeoutError:
            msg = (
                f"No worker of executor={self.host.name} has come within "
                f"{_PATIENCE_SECONDS:.0f} s: it is busy, or its processes cannot start. Give one "
                "that is free, or leave executor= out."
            )
            self._fail(ExecutorError(msg))

    def with_room(self, *, alone: bool = False) -> RemoteWorker | None:
        """Return the worker with the fewest examples, to be given back; None if none has room.

        As long as workers are still to come, none takes more than its share. After that, how many
        examples there are at once is not for the workers to say.

        Parameters
        ----------
        alone
            Whether it may work on nothing else meanwhile.
        """
        most = math.inf
        if alone:
            most = 1
        elif len(self._workers) < self.host.count:
            most = math.ceil(self._at_once / self.host.count)
        free = [each for each in self._workers if each.executions < most and not each.is_alone]
        found = min(free, key=lambda each: each.executions, default=None)
        if found is not None:
            found.executions += 1
            found.is_alone = alone
        return found

    def give_back(self, worker: RemoteWorker) -> None:
        """Note that a worker has room for one more example."""
        worker.executions -= 1
        worker.is_alone = False
        self._renewals = 0
        self._tell()

    def load_on(self, worker: RemoteWorker, thing: Any) -> int:
        """Return the number by which a worker knows a program or a metric."""
        found = self._thing(thing)
        worker.load(found.number, found.pickled)
        return found.number

    async def problem_of(self, worker: RemoteWorker, thing: Any) -> str:
        """Return what keeps a worker from loading a program or a metric, "" if nothing does."""
        found = self._thing(thing)
        return await worker.load(found.number, found.pickled)

    def _thing(self, thing: Any) -> _Thing:
        known = self._things.get(id(thing))
        if known is None or known.alive() is not thing:
            alive = weakref.ref(thing, partial(self._forget, id(thing)))
            known = _Thing(next(self._numbers), pickled_for_workers(thing, self.lent), alive)
            self._things[id(thing)] = known
        return known

    def _forget(self, key: int, _: object) -> None:
        # The last reference may be dropped in any thread.
        thing = self._things.pop(key, None)
        if thing is not None:
            core().loop.call_soon_threadsafe(self._tell_to_forget, thing.number)

    def _tell_to_forget(self, number: int) -> None:
        for worker in self._workers:
            worker.forget(number)

    def joined(self, channel: Channel) -> RemoteWorker:
        """Return a worker that has come; it takes part as soon as it has said what it runs on."""
        return RemoteWorker(channel, self.lent, self._ready)

    def _ready(self, worker: RemoteWorker) -> None:
        other = {name: found for name, found in worker.versions.items() if found != VERSIONS[name]}
        if other:
            worker.close()
            there = ", ".join(f"{name} {found}" for name, found in other.items())
            here = ", ".join(f"{name} {VERSIONS[name]}" for name in other)
            msg = (
                f"The worker {worker.place} of executor={self.host.name} has {there}, and this "
                f"process has {here}: install the same on both sides."
            )
            self._fail(ExecutorError(msg))
            return
        if not self._users:
            worker.close()
            return
        self._workers.append(worker)
        self._tell()

    def lost(self, worker: RemoteWorker) -> None:
        """Note that a worker has ended."""
        if worker in self._workers:
            self._workers.remove(worker)
        worker.lost()
        self._tell()

    def failed(self, error: BaseException) -> None:
        """Note that workers cannot serve."""
        msg = (
            f"The workers of executor={self.host.name} cannot serve: {type(error).__name__}: "
            f"{shown(str(error))}. See that mipro_nb can be imported there, or leave executor= out."
        )
        self._fail(ExecutorError(msg))

    def broke(self, error: BaseException) -> None:
        """Note that the executor takes no more work."""
        self._renewals += 1
        if self._users and self._renewals <= _MOST_RENEWALS and self.host.renew():
            self.try_again()
            return
        msg = (
            f"executor={self.host.name} is of no use any more: {error}. Give another one, or leave "
            "executor= out."
        )
        self._fail(ExecutorError(msg))

    def _fail(self, error: ExecutorError) -> None:
        self._failure = error
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
