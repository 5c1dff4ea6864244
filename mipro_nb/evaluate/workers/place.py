"""Where examples are run: on an executor's workers, or here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from mipro_nb.evaluate.workers.crew import Crew
from mipro_nb.evaluate.workers.dask_workers import DaskHost
from mipro_nb.evaluate.workers.processes import ProcessHost

_here: ContextVar[Crew | None] = ContextVar("mipro_crew", default=None)
# One crew for an executor, as long as it is used: its workers serve several runs at once.
_crews: dict[Any, Crew] = {}


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
    if executor not in _crews:
        is_of_processes = isinstance(executor, Executor)
        _crews[executor] = Crew(ProcessHost(executor) if is_of_processes else DaskHost(executor))
    crew = _crews[executor]
    crew.enter(at_once)
    token = _here.set(crew)
    try:
        yield crew
    finally:
        _here.reset(token)
        crew.leave(at_once)
        if not crew.is_used:
            del _crews[executor]
            await crew.close()
