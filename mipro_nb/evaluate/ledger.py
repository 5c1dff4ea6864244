"""The score ledger: (configuration, example) → result, each cell paid for once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TypeGuard

from mipro_nb.errors import MetricError, RequestRefusedError, TooManyErrorsError
from mipro_nb.evaluate.metric import Metric, NotFiniteScoreError
from mipro_nb.evaluate.scoring import ExampleResult, error_line, score_example
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.calls import call_labels
from mipro_nb.models.gate.gate import current_gate
from mipro_nb.models.gate.recording.draws import Execution, execution

Results = Mapping[str, dict[int, ExampleResult]]
"""Configuration → example, by place in the set → result."""

_TRIED_AGAIN = 3

Excuse = Callable[[Sequence[ExampleResult]], Awaitable[bool]]
"""Tells, of ``max_errors`` examples that failed, whether the program alone is at fault."""

_NONE: Results = {}


async def no_excuse(_: Sequence[ExampleResult]) -> bool:
    """Return False, whatever failed."""
    return False


async def any_excuse(_: Sequence[ExampleResult]) -> bool:
    """Return True, whatever failed."""
    return True


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
        self._max_errors = max(max_errors, 1)
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
        excuse: Excuse = no_excuse,
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
        excuse
            Asked once, as soon as `max_errors` examples have failed. If it returns True, any
            number may fail, unless their LM calls did.

        Raises
        ------
        TooManyErrorsError
            If `max_errors` examples failed, and there is no excuse for it.
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

        errors = _Errors(self._max_errors, self._counts, excuse)
        await errors.take([results[index] for index in dict.fromkeys(indices) if index in results])
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
                await errors.take([results[index]])
        except BaseException:
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)
            raise
        return [results[index] for index in indices]

    async def fails_now(self, configuration: str, program: Module, indices: Sequence[int]) -> bool:
        """Tell whether a configuration fails by now on examples that it did not fail on before.

        Its scores stay those that it had.

        Parameters
        ----------
        configuration
            Key of the configuration.
        program
            The program that it stands for.
        indices
            Examples, by place in the set, of which a few are tried.
        """
        before = self._results.get(configuration, {})
        known = [n for n in sorted(indices) if n in before and not before[n].counts_as_error]
        made_of = _digest(program)
        for index in known[:_TRIED_AGAIN]:
            again = await asyncio.create_task(self._score(program, index, 0, made_of))
            if not again.counts_as_error:
                return False
        return True

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
        with current_gate().at_work.example():
            return await self._scored(program, index, priority)

    async def _scored(self, program: Module, index: int, priority: int) -> ExampleResult:
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

    def _counts(self, result: ExampleResult) -> bool:
        """Tell whether ``max_errors`` counts a result.

        A server that refuses some calls for what they hold, and answers others, is in order: what
        it refuses is an outcome like any other.
        """
        is_refused = isinstance(result.error, RequestRefusedError)
        return not self._lenient and not (is_refused and self._scored_one)


class _Errors:
    """Examples that failed in one evaluation; too many raise.

    Parameters
    ----------
    limit
        How many are too many.
    counts
        Tells whether one counts, by now.
    excuse
        Asked once there are too many.
    """

    def __init__(self, limit: int, counts: Callable[[ExampleResult], bool], excuse: Excuse) -> None:
        self._limit, self._counts, self._excuse = limit, counts, excuse
        self._failed: list[ExampleResult] = []
        self._excused = False

    async def take(self, results: Iterable[ExampleResult]) -> None:
        """Take more results.

        Raises
        ------
        TooManyErrorsError
            If too many of all failed, and there is no excuse for it.
        """
        found = [each for each in results if each.counts_as_error]
        if not found:
            return
        self._failed += found
        counted = [each for each in self._failed if self._counts(each)]
        if not self._excused and len(counted) >= self._limit:
            self._excused = await self._excuse(counted)
        if self._excused:
            for each in counted:
                each.forget_frames()
            counted = [each for each in counted if each.met_failed_calls]
        if len(counted) >= self._limit:
            raise self._error(counted)

    def _error(self, counted: Sequence[ExampleResult]) -> TooManyErrorsError:
        lines = "\n  ".join(error_line(result) for result in counted[:5])
        msg = (
            f"{len(counted)} examples failed, which max_errors={self._limit} does not allow. "
            f"The first of them:\n  {lines}"
        )
        return TooManyErrorsError(msg)


def _is_the_metric_s(error: Exception | None) -> TypeGuard[MetricError]:
    """Tell whether an error is the metric's own doing, and not that of one odd answer."""
    return isinstance(error, MetricError) and not isinstance(error, NotFiniteScoreError)


def _digest(program: Module) -> str:
    """Return what tells a configuration from others: equal ones make the same draws."""
    state = json.dumps(program.dump_state(), sort_keys=True)
    return hashlib.sha256(state.encode("utf-8", "backslashreplace")).hexdigest()[:16]
