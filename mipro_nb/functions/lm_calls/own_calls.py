"""LM calls of metrics and of programs of other kinds: caught like those of a function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mipro_nb.core_loop import around_workers
from mipro_nb.functions.executions import FunctionExecution, Observed, executing
from mipro_nb.functions.lm_calls.doors import open_doors
from mipro_nb.language.execution.own_calls import seen_own_calls


@contextmanager
def own_calls() -> Iterator[FunctionExecution]:
    """See `mipro_nb.language.execution.own_calls.caught_own_calls`."""
    seen = seen_own_calls()
    execution = FunctionExecution({}, {}, Observed(calls=seen.calls, places=seen.places))
    # A worker whose code was given up still runs it: its doors are open until it ends.
    with executing(execution), around_workers(open_doors), open_doors():
        yield execution
