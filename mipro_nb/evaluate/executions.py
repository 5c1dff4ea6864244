"""Executions: a program and its metric at work on one example, here or on a worker."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Protocol

from mipro_nb.evaluate.metric import Metric, Score
from mipro_nb.evaluate.user_code import run_program
from mipro_nb.evaluate.workers.elsewhere import Elsewhere
from mipro_nb.evaluate.workers.place import crew_here
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example


class ExampleExecution(Protocol):
    """A program and its metric at work on one example."""

    async def answer(self) -> Any:
        """Return what the program answers; its steps and notes go to those that collect them."""
        ...

    async def score(self, prediction: Any, trace: Any = None) -> Score:
        """Return the metric's score of what `answer` returned."""
        ...


class _Here:
    """On the core loop, in this process."""

    def __init__(self, program: Module, example: Example, metric: Metric, *, taught: bool) -> None:
        self._program, self._example, self._metric = program, example, metric
        self._taught = taught

    async def answer(self) -> Any:
        return await run_program(self._program, self._example, taught=self._taught)

    async def score(self, prediction: Any, trace: Any = None) -> Score:
        return await self._metric.score(self._example, prediction, trace)


def executed(
    program: Module, example: Example, metric: Metric, *, taught: bool
) -> AbstractAsyncContextManager[ExampleExecution]:
    """Return an execution, to be entered inside of its attempt.

    It is on a worker, where examples are run on those of an executor; on the core loop otherwise.
    `taught` tells whether demos may have been made of the example: the program is run without them.
    """
    crew = crew_here()
    if crew is None:
        return nullcontext(_Here(program, example, metric, taught=taught))
    return Elsewhere(crew, program, example, metric, taught=taught)
