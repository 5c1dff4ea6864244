"""Before any call: whether an executor's workers can run a program and a metric on these rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mipro_nb.errors import (
    ExecutorError,
    InvalidArgumentError,
    MetricError,
    ProgramError,
    Unquoted,
)
from mipro_nb.evaluate.metric import Metric
from mipro_nb.evaluate.workers.crew import Crew
from mipro_nb.evaluate.workers.pickling import Lent
from mipro_nb.evaluate.workers.place import examples_on
from mipro_nb.evaluate.workers.remote_worker import pickled_for_workers
from mipro_nb.evaluate.workers.unpicklable import found_in
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.runs.sentences.wording import counted

_MAKE_IT_THERE = (
    "Make it where it is used, such as in a function with functools.cache, which a worker calls by "
    "itself; or leave executor= out."
)
_ITS_OWN_PROMPTS = (
    "workers run programs whose LM calls are made here, and this one asks LMs by a library of its "
    "own: run it without an executor, as after `with mipro_nb.context(executor=None):`, or write "
    "it as a Module."
)


async def checked_on_workers(
    executor: Any,
    program: Module,
    metric: Metric,
    rows: Mapping[str, Sequence[Example]],
    *,
    at_once: int,
) -> list[str]:
    """Return notes on an executor; none of its workers has run an example then.

    Parameters
    ----------
    executor
        The executor; None if there is none.
    program, metric
        What its workers shall run.
    rows
        The rows to run it on, by the argument that brought them.
    at_once
        How many examples there may be at once.

    Raises
    ------
    ProgramError, MetricError, InvalidArgumentError
        If program, metric or rows cannot be sent to workers, or not be loaded there.
    ExecutorError
        If it has no workers, or other ones than needed.
    """
    if executor is None:
        return []
    if program.is_foreign:
        raise InvalidArgumentError("executor", type(executor), _ITS_OWN_PROMPTS)
    _check_pickled(program, metric, rows)
    async with examples_on(executor, at_once) as crew:
        assert crew is not None  # noqa: S101 - there is an executor
        await _check_loaded(crew, program, metric)
        count = crew.host.count
        note = (
            f"Program and metric run on {counted(count, 'worker')} of executor={crew.host.name}; "
            "LM calls are made here, as without it."
        )
    return [note]


def _check_pickled(program: Module, metric: Metric, rows: Mapping[str, Sequence[Example]]) -> None:
    name = type(program).__name__
    if (what := _unpicklable(program, name)) is not None:
        msg = f"The program {name} cannot be sent to a worker: {what}. {_MAKE_IT_THERE}"
        raise ProgramError(msg)
    if (what := _unpicklable(metric.function, metric.name)) is not None:
        msg = f"The metric {metric.name} cannot be sent to a worker: {what}. {_MAKE_IT_THERE}"
        raise MetricError(msg)
    for argument, examples in rows.items():
        if (what := _unpicklable(list(examples), argument)) is not None:
            raise InvalidArgumentError(
                argument,
                Unquoted(counted(len(examples), "row")),
                f"rows cannot be sent to workers: {what}. Give plain values, or leave executor= "
                "out.",
            )


def _unpicklable(thing: Any, name: str) -> str | None:
    """Return what of `thing` cannot be pickled, None if all can."""
    lent = Lent()

    def pickle(part: Any) -> None:
        pickled_for_workers(part, lent)

    return found_in(thing, name, pickle)


async def _check_loaded(crew: Crew, program: Module, metric: Metric) -> None:
    worker = await crew.next_with_room()
    try:
        for what, thing in (("program", program), ("metric", metric)):
            if problem := await crew.problem_of(worker, thing):
                msg = (
                    f"The worker {worker.place} of executor={crew.host.name} cannot load the "
                    f"{what}: {problem} See that what it imports is installed there."
                )
                raise ExecutorError(msg)
    finally:
        crew.give_back(worker)
