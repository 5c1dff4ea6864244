"""The score ledger: (configuration, example) → result, each cell paid for once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from mipro_nb.errors import MetricError, TooManyErrorsError
from mipro_nb.evaluate.metric import Metric
from mipro_nb.evaluate.scoring import ExampleResult, error_line, score_example
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.example import Example
from mipro_nb.language.module import Module
from mipro_nb.models.calls import call_labels

Cell = asyncio.Task[ExampleResult]


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
    """

    def __init__(
        self, examples: Sequence[Example], metric: Metric, slots: Slots, max_errors: int
    ) -> None:
        self.examples = examples
        self._metric = metric
        self._slots = slots
        self._max_errors = max_errors
        self._cells: dict[tuple[str, int], Cell] = {}
        self._scored_one = False

    def begun(self, configuration: str) -> set[int]:
        """Return the examples that are scored, or being scored, for a configuration."""
        return {
            index
            for (key, index), cell in self._cells.items()
            if key == configuration and not cell.cancelled()
        }

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
            If the metric raised on the very first example.
        """
        mine: set[Cell] = set()
        finished: asyncio.Queue[int] = asyncio.Queue()

        def begin(index: int) -> Cell:
            cell = self._cells.get((configuration, index))
            if cell is None or cell.cancelled():
                cell = asyncio.create_task(self._score(program, index, priority, on_result))
                self._cells[configuration, index] = cell
                mine.add(cell)
            cell.add_done_callback(lambda _: finished.put_nowait(index))
            return cell

        cells = {index: begin(index) for index in indices}
        missing = set(cells)
        errors: list[ExampleResult] = []
        try:
            while missing:
                index = await finished.get()
                if cells[index].cancelled():  # by the other evaluation that had begun it
                    cells[index] = begin(index)
                    continue
                missing.remove(index)
                if cells[index].result().counts_as_error:
                    errors.append(cells[index].result())
                    self._check(errors)
        except BaseException:
            for cell in mine:
                cell.cancel()
            await asyncio.gather(*mine, return_exceptions=True)
            raise
        return [cells[index].result() for index in indices]

    async def _score(
        self,
        program: Module,
        index: int,
        priority: int,
        on_result: Callable[[ExampleResult], None],
    ) -> ExampleResult:
        # In a task of its own, so the label goes no further than this example.
        call_labels.set(replace(call_labels.get(), example=index))
        async with self._slots.hold(priority):
            result = await score_example(program, index, self.examples[index], self._metric)
            if isinstance(result.error, MetricError) and not self._scored_one:
                raise result.error
            self._scored_one = self._scored_one or result.error is None
        on_result(result)
        return result

    def _check(self, errors: Sequence[ExampleResult]) -> None:
        if len(errors) < max(self._max_errors, 1):
            return
        lines = "\n  ".join(error_line(result) for result in errors[:5])
        msg = (
            f"{len(errors)} examples failed, which max_errors={self._max_errors} does not allow. "
            f"The first of them:\n  {lines}"
        )
        raise TooManyErrorsError(msg)
