"""Where examples are run: on an executor's workers, or here."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from mipro_nb.evaluate.workers.crew import Crew
from mipro_nb.evaluate.workers.dask_workers import DaskHost
from mipro_nb.evaluate.workers.processes import ProcessHost

_here: ContextVar[Crew | None] = ContextVar("mipro_crew", default=None)
# One crew for an executor: its workers serve several runs at once.
_crews: WeakKeyDictionary[Any, Crew] = WeakKeyDictionary()
_by_address: dict[str, Crew] = {}


def crew_here() -> Crew | None:
    """Return the workers that examples are run on, None if they are run in this process."""
    return _here.get()


@asynccontextmanager
async def examples_on(executor: Any, at_once: int) -> AsyncIterator[Crew | None]:
    """Have examples in the block be run on an executor's workers; here if it is None.

    Parameters
    ----------
    executor
        As `mipro_nb.checks.check_executor` lets it through.
    at_once
        How many examples there may be at once.
    """
    if executor is None:
        yield None
        return
    crew = _crew_of(executor)
    await crew.enter(at_once)
    token = _here.set(crew)
    try:
        yield crew
    finally:
        _here.reset(token)
        await crew.leave(at_once)


def _crew_of(executor: Any) -> Crew:
    crews: MutableMapping[Any, Crew] = _by_address if isinstance(executor, str) else _crews
    crew = crews.get(executor)
    if crew is None:
        has_processes = isinstance(executor, Executor)
        host = ProcessHost(executor) if has_processes else DaskHost(executor)
        crew = crews[executor] = Crew(host)
    return crew
