"""The score ledger: (configuration, example) → result, each cell paid for once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeGuard

from mipro_nb.errors import MetricError, RequestRefusedError, TooManyErrorsError
from mipro_nb.evaluate.metric import Metric, NotFiniteScoreError
from mipro_nb.evaluate.scoring import ExampleResult, error_line, score_example
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.example import Example
from mipro_nb.language.module import Module
from mipro_nb.models.calls import call_labels
from mipro_nb.models.gate.draws import Execution, execution

Results = Mapping[str, dict[int, ExampleResult]]
"""Configuration → example, by place in the set → result."""

_NONE: Results = {}


class Ledger:
    """Scores of configurations on the examples of one set; used on the core loop only.

    Minibatches and full evaluations are reads of the ledger plus the cells that are missing. A
    cell that is being scored for one evaluation is awaited, not sent again, by another.

    Parameters
    ----------
    examples
        The set.
    metric
        The metric.
    slots
        Programs in flight.
    max_errors
        Failed examples in one evaluation before it raises.
    known
        Results that are there already, by configuration and example.
    example_timeout
        Seconds that program and metric may work on one example; None for ever.
    taught
        Examples, by place in the set, that demos may have been made of.
    lenient
        Whether every failure is part of a result, and none is raised. The caller then judges
        program, LM and metric.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        metric: Metric,
        slots: Slots,
        max_errors: int,
        *,
        known: Results = _NONE,
        example_timeout: float | None = None,
        taught: AbstractSet[int] = frozenset(),
        lenient: bool = False,
    ) -> None:
        self.examples = examples
        self.metric = metric
        self.slots = slots
        self._max_errors = max_errors
        self._example_timeout = example_timeout
        self._taught = taught
        self._lenient = lenient
        # By configuration, then by example. A cell that is scored keeps its result alone: a task
        # would keep its coroutine and context variables for as long as the run lasts.
        self._results: dict[str, dict[int, ExampleResult]] = dict(known)
        self._scoring: dict[str, dict[int, asyncio.Task[None]]] = {}
        self._scored_one = bool(known)

    def begun(self, configuration: str) -> set[int]:
        """Return the examples that are scored, or being scored, for a configuration."""
        return {*self._results.get(configuration, ()), *self._scoring.get(configuration, ())}

    async def evaluate(
        self,
        configuration: str,
        program: Module,
        indices: Sequence[int],
        *,
        priority: int = 0,
        on_result: Callable[[ExampleResult], None] = lambda _: None,
    ) -> list[ExampleResult]:
        """Return the results of a configuration on `indices`, in that order.

        Parameters
        ----------
        configuration
            Key of the configuration.
        program
            The program that it stands for.
        indices
            Examples, by place in the set.
        priority
            The lowest is served first.
        on_result
            Called for every cell that this evaluation scored, as it is scored.

        Raises
        ------
        TooManyErrorsError
            If `max_errors` examples failed.
        MetricError
            If the metric raised, or returned no score, on the very first example.
        """
        results = self._results.setdefault(configuration, {})
        scoring = self._scoring.setdefault(configuration, {})
        mine: set[asyncio.Task[None]] = set()
        made_of = _digest(program)
        finished: asyncio.Queue[int] = asyncio.Queue()

        async def score(index: int) -> None:
            result = await self._score(program, index, priority, made_of)
            on_result(result)
            results[index] = result

        def begin(index: int) -> asyncio.Task[None]:
            task = scoring.get(index)
            if task is None:
                task = scoring[index] = asyncio.create_task(score(index))
                task.add_done_callback(lambda _: scoring.pop(index))
                mine.add(task)
            task.add_done_callback(lambda _: finished.put_nowait(index))
            return task

        errors = [
            results[index]
            for index in dict.fromkeys(indices)
            if index in results and results[index].counts_as_error
        ]
        self._check(errors)
        missing = {index: begin(index) for index in indices if index not in results}
        try:
            while missing:
                index = await finished.get()
                if index not in results:
                    if missing[index].cancelled():  # by the other evaluation that had begun it
                        missing[index] = begin(index)
                        continue
                    missing[index].result()  # raises what the task has raised
                del missing[index]
                if results[index].counts_as_error:
                    errors.append(results[index])
                    self._check(errors)
        except BaseException:
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)
            raise
        return [results[index] for index in indices]

    def forget(self, configuration: str, error: type[Exception]) -> None:
        """Have examples that failed with such an error be scored again."""
        results = self._results.get(configuration, {})
        for index in [n for n, result in results.items() if isinstance(result.error, error)]:
            del results[index]

    async def _score(
        self, program: Module, index: int, priority: int, made_of: str
    ) -> ExampleResult:
        # In a task of its own, so the labels go no further than this example.
        call_labels.set(replace(call_labels.get(), example=index))
        execution.set(Execution("evaluation", made_of, index))
        async with self.slots.hold(priority):
            result = await score_example(
                program,
                index,
                self.examples[index],
                self.metric,
                example_timeout=self._example_timeout,
                taught=index in self._taught,
                lenient=self._lenient,
            )
            if _is_the_metric_s(result.error) and not (self._scored_one or self._lenient):
                raise result.error
            self._scored_one = self._scored_one or result.error is None
        return result

    def _check(self, errors: Sequence[ExampleResult]) -> None:
        """Raise if too many examples failed.

        A server that refuses some calls for what they hold, and answers others, is in order: what
        it refuses is an outcome like any other.
        """
        if self._lenient:
            return
        if self._scored_one:
            errors = [each for each in errors if not isinstance(each.error, RequestRefusedError)]
        if len(errors) < max(self._max_errors, 1):
            return
        lines = "\n  ".join(error_line(result) for result in errors[:5])
        msg = (
            f"{len(errors)} examples failed, which max_errors={self._max_errors} does not allow. "
            f"The first of them:\n  {lines}"
        )
        raise TooManyErrorsError(msg)


def _is_the_metric_s(error: Exception | None) -> TypeGuard[MetricError]:
    """Tell whether an error is the metric's own doing, and not that of one odd answer."""
    return isinstance(error, MetricError) and not isinstance(error, NotFiniteScoreError)


def _digest(program: Module) -> str:
    """Return what tells a configuration from others: equal ones make the same draws."""
    state = json.dumps(program.dump_state(), sort_keys=True)
    return hashlib.sha256(state.encode("utf-8", "backslashreplace")).hexdigest()[:16]
