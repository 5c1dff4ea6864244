"""Evaluate: a program's score on a set of examples."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from annotated_types import Ge

from mipro_nb.amounts import format_score
from mipro_nb.arguments import only_known, taking
from mipro_nb.checks import Count, ExampleTimeout, Flag, Remedy, check
from mipro_nb.core_loop import TICK_SECONDS, core, on_core
from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.evaluate.ledger import Ledger
from mipro_nb.evaluate.metric import Metric, MetricFunction, scale_of
from mipro_nb.evaluate.scoring import ExampleResult, error_line
from mipro_nb.evaluate.slots import Slots
from mipro_nb.evaluate.workers.check import checked_on_workers
from mipro_nb.evaluate.workers.place import examples_on
from mipro_nb.language.execution.own_calls import caught_own_calls
from mipro_nb.language.execution.scored_row import is_made_of
from mipro_nb.language.from_dspy.dspy_names import told_of_parameter
from mipro_nb.language.lms.settings import context, settings
from mipro_nb.language.programs.foreign import as_program, as_row
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.gate.gate import session_calls
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.statistics.interval import score_interval

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_FAILURES = 5
_Table = Annotated[
    bool | Annotated[int, Ge(0)], Remedy("give True, False or a number of rows, 0 or more.")
]


class EvaluationResult(float):
    """A score in 0–100 that also tells how it came about.

    It is a float, so scores are compared and averaged as numbers.

    Attributes
    ----------
    results : list of ExampleResult
        One per example, in the order of the set.

    Examples
    --------
    >>> result = Evaluate(devset=rows[:10], metric=exact)(student)
    >>> result.score, result > 50
    (100.0, True)
    >>> len(result.to_dataframe())
    10
    """

    results: list[ExampleResult]

    def __new__(cls, results: Sequence[ExampleResult]) -> Self:
        """Make the result of `results`: their mean, as a metric of 0–100 gives it, or times 100."""
        scale = scale_of(result.score for result in results)
        made = super().__new__(cls, mean_score(results) / scale)
        made.results = list(results)
        return made

    @property
    def score(self) -> float:
        """Return the mean score in 0–100, to two decimals."""
        return round(float(self), 2)

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """Return the 95 % interval of the score in 0–100; None if the metric leaves 0–1.

        It is Wilson's (1927), which is too wide rather than too narrow for scores between 0 and 1.
        """
        return score_interval(float(self), len(self.results))

    @property
    def failed(self) -> list[ExampleResult]:
        """Return the examples that failed and therefore scored 0, with their exceptions."""
        return [result for result in self.results if result.error is not None]

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row per example: its values, ``pred_…`` of each output, score, error.

        Where replies were not written as asked and were read all the same, ``notes`` say how; and
        why LM calls failed that program or metric went on without.
        """
        import pandas as pd  # noqa: PLC0415 - slow to import, and only wanted on request

        rows = [_row(result) for result in self.results]
        if any(result.notes or result.caught for result in self.results):
            rows = [
                {**row, "notes": "\n".join([*result.notes, *result.caught])}
                for row, result in zip(rows, self.results, strict=True)
            ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"EvaluationResult({self.score}, {len(self.results)} examples{failed})"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return (EvaluationResult, (self.results,))


def _of_own_demos(program: Module, result: EvaluationResult) -> int:
    """Return how many examples the program has a demo of."""
    demos = [demo for predictor in program.predictors() for demo in predictor.demos]
    rows = [each.example.inputs().to_dict() for each in result.results] if demos else []
    return sum(any(is_made_of(demo, row) for demo in demos) for row in rows)


def mean_score(results: Sequence[ExampleResult]) -> float:
    """Return the mean of scores in 0–1 as a score in 0–100."""
    return 100 * sum(result.score for result in results) / len(results)


def _row(result: ExampleResult) -> dict[str, Any]:
    row = result.example.to_dict()
    prediction = result.prediction
    if isinstance(prediction, Example):
        row.update({f"pred_{name}": value for name, value in prediction.items()})
    elif prediction is not None:
        row["prediction"] = prediction
    row["score"] = result.score
    if result.feedback is not None:
        row["feedback"] = result.feedback
    row["error"] = None if result.error is None else str(result.error)
    return row


class Evaluate:
    """Scores programs on a set of examples, on the workers of the configured executor if any.

    Parameters
    ----------
    devset
        Examples with inputs.
    metric
        ``metric(example, prediction, trace=None)`` → bool, number or `Score`; sync or async.
        Numbers go from 0 to 1; if any is above 1, all are taken for points of 100.
    num_threads
        Programs in flight at once.
    display_progress
        Show a progress bar.
    display_table
        Print the results as a table: True for all rows, a number for the first so many.
    max_errors
        Failed examples before it raises. An example whose reply cannot be read scores 0 and is
        listed, but is not an error: a better prompt can fix it.
    example_timeout
        Seconds that program and metric may work on one example, the waiting for LM answers left
        out; None for as long as they like. Code that takes longer is an error of that example:
        it is cancelled or, in a thread, left to itself, and its further LM calls are refused.
        Async code that computes without ever awaiting cannot be interrupted: all runs wait for it.

    Raises
    ------
    InvalidArgumentError
        If the devset is empty, a row has no inputs or a number is out of range.
    MetricError
        If the metric cannot be called.

    Examples
    --------
    >>> evaluate = Evaluate(devset=rows[:10], metric=exact, num_threads=4)
    >>> evaluate(student)
    EvaluationResult(100.0, 10 examples)
    """

    @only_known(told_of_parameter)
    def __init__(
        self,
        *,
        devset: Sequence[Example],
        metric: MetricFunction | None = None,
        num_threads: int = 6,
        display_progress: bool = False,
        display_table: bool | int = False,
        max_errors: int = 10,
        example_timeout: float | None = None,
    ) -> None:
        self.devset = check_rows("devset", devset)
        self.metric = None if metric is None else Metric(metric)
        self.num_threads = check("num_threads", num_threads, Count)
        self.display_progress = check("display_progress", display_progress, Flag)
        self.display_table = check("display_table", display_table, _Table)
        self.max_errors = check("max_errors", max_errors, Count)
        self.example_timeout = check("example_timeout", example_timeout, ExampleTimeout)

    @only_known(told_of_parameter, beside=("__init__",))
    def __call__(
        self,
        program: Module,
        *,
        devset: Sequence[Example] | None = None,
        metric: MetricFunction | None = None,
        num_threads: int | None = None,
        display_progress: bool | None = None,
        display_table: bool | int | None = None,
    ) -> EvaluationResult:
        """Return the score of `program`, blocking until it is there.

        Parameters given here replace those of the constructor for this call.

        Raises
        ------
        TooManyErrorsError
            If `max_errors` examples failed.
        LMUnavailableError
            If no LM call can succeed, at the first call that tells so.
        LMNotConfiguredError
            If there is no LM to ask.
        ExecutorError
            If the configured executor cannot run examples.
        MetricError
            If the metric raises on the first example, or returns no score.
        """
        program = as_program(program)
        rows = self._rows_of_table(display_table)
        ledger, bar = self._prepared(program, devset, metric, num_threads, display_progress)
        with bar:
            results = core().wait_for(_evaluate(ledger, program, bar), bar.tick)
        return self._shown(program, EvaluationResult(results), rows)

    @only_known(told_of_parameter, beside=("__init__",))
    @taking(__call__)
    async def acall(
        self, program: Module, *, display_table: bool | int | None = None, **given: Any
    ) -> EvaluationResult:
        """Await the score of `program`; parameters and errors as in a call."""
        program = as_program(program)
        rows = self._rows_of_table(display_table)
        ledger, bar = self._prepared(program, **given)
        with bar:
            ticking = asyncio.create_task(bar.tick_forever())
            try:
                results = await on_core(_evaluate(ledger, program, bar))
            finally:
                ticking.cancel()
        return self._shown(program, EvaluationResult(results), rows)

    def _rows_of_table(self, given: bool | int | None) -> bool | int:  # noqa: FBT001
        """Return how many rows are printed; asked before any call, whose result would be lost."""
        return self.display_table if given is None else check("display_table", given, _Table)

    def _prepared(
        self,
        program: Module,
        devset: Sequence[Example] | None = None,
        metric: MetricFunction | None = None,
        num_threads: int | None = None,
        display_progress: bool | None = None,  # noqa: FBT001 - passed on by name's place
    ) -> tuple[Ledger, _Bar]:
        if not isinstance(program, Module):
            remedy = "give a Module such as Predict(…), or a function that reads a mipro.prompt(…)."
            raise InvalidArgumentError("program", program, remedy)
        rows = self.devset if devset is None else check_rows("devset", devset)
        chosen = self.metric if metric is None else Metric(metric)
        if chosen is None:
            raise InvalidArgumentError("metric", None, "give one here or to Evaluate(…).")
        threads = self.num_threads if num_threads is None else num_threads
        slots = Slots(check("num_threads", threads, Count))
        show = self.display_progress
        if display_progress is not None:
            show = check("display_progress", display_progress, Flag)
        chosen = chosen.of(program)
        ledger = Ledger(rows, chosen, slots, self.max_errors, example_timeout=self.example_timeout)
        return ledger, _Bar(len(rows), shown=show)

    def _shown(
        self,
        program: Module,
        result: EvaluationResult,
        rows: bool | int,  # noqa: FBT001
    ) -> EvaluationResult:
        if without := _of_own_demos(program, result):
            print(  # noqa: T201
                f"{counted(without, 'example')} of {len(result.results)} had the inputs of a demo: "
                "that demo was left out of the prompt."
            )
        if noted := sum(bool(each.notes) for each in result.results):
            print(  # noqa: T201
                f"{counted(noted, 'example')} of {len(result.results)} got replies in another form "
                "than asked for. The column notes of to_dataframe() says how they were read."
            )
        if caught := sum(bool(each.caught) for each in result.results):
            print(  # noqa: T201
                f"{counted(caught, 'example')} of {len(result.results)} met failed LM calls whose "
                "errors the program or the metric caught, and the score is that of what it did "
                "then, such as asking another LM. The column notes of to_dataframe() says why they "
                "failed."
            )
        if result.failed:
            lines = [error_line(failed) for failed in result.failed[:_SHOWN_FAILURES]]
            more = len(result.failed) - len(lines)
            lines += [f"… and {more} more: see result.failed"] if more else []
            print(f"{len(result.failed)} examples failed and score 0:")  # noqa: T201
            print("\n".join(f"  {shown(line, 200)}" for line in lines))  # noqa: T201
        if rows:
            table = result.to_dataframe()
            table = table if rows is True else table.head(rows)
            print(table.to_string(max_colwidth=60))  # noqa: T201 - asked for
        return result


async def _evaluate(ledger: Ledger, program: Module, bar: _Bar) -> list[ExampleResult]:
    every = range(len(ledger.examples))
    executor, at_once = settings.executor, ledger.slots.size
    with session_calls(), caught_own_calls(), context(**_lm_of(program)):
        await checked_on_workers(
            executor, program, ledger.metric, {"devset": ledger.examples}, at_once=at_once
        )
        async with examples_on(executor, at_once):
            return await ledger.evaluate("", program, every, on_result=bar.add)


def _lm_of(program: Module) -> dict[str, Any]:
    """Return the setting of the LM that the program's own library has configured, if one has."""
    return {} if program.default_lm is None else {"lm": program.default_lm}


class _Bar:
    """A progress bar that the core loop counts for and the waiting thread draws.

    In a notebook it is text below the cell: of a bar that is a widget, the saved notebook keeps the
    beginning, "0/120", as if nothing had been done.
    """

    def __init__(self, total: int, *, shown: bool) -> None:
        from tqdm import tqdm  # noqa: PLC0415 - takes a moment, and few look on

        # A notebook has another colour for what is written to stderr: that of a failure.
        is_kernels = type(sys.stdout).__module__.startswith("ipykernel.")
        file = sys.stdout if is_kernels else sys.stderr
        self._bar = tqdm(total=total, disable=not shown, desc="evaluate", file=file)
        self._done = 0
        self._points = 0.0
        self._scale = 1

    def add(self, result: ExampleResult) -> None:
        self._done += 1
        self._points += result.score
        self._scale = max(self._scale, scale_of([result.score]))

    def tick(self) -> None:
        if self._done > self._bar.n:
            self._bar.set_postfix_str(
                f"score {format_score(100 * self._points / self._done / self._scale)}",
                refresh=False,
            )
            self._bar.update(self._done - self._bar.n)

    async def tick_forever(self) -> None:
        while True:
            self.tick()
            await asyncio.sleep(TICK_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.tick()
        self._bar.close()


def check_rows(name: str, rows: Sequence[Example]) -> list[Example]:
    """Return `rows` as a list if it can be evaluated.

    Raises
    ------
    InvalidArgumentError
        If there is no row, one is not an Example, or one has no inputs.
    """
    if isinstance(rows, str | bytes) or not hasattr(rows, "__iter__"):
        remedy = "give a list of Example."
        if sets := [each for each in ("train", "dev", "val", "test") if hasattr(rows, each)]:
            named = name.removesuffix("set")
            best = named if named in sets else " or .".join(sets)
            remedy = f"it is a data set: give one of its lists of rows, .{best}."
        raise InvalidArgumentError(name, rows, remedy)
    listed = [as_row(row) for row in rows]
    if not listed:
        raise InvalidArgumentError(name, rows, "it is empty: give at least one Example.")
    for index, row in enumerate(listed):
        if not isinstance(row, Example):
            raise InvalidArgumentError(f"{name}[{index}]", row, "give an Example.")
        if not row.input_names:
            raise InvalidArgumentError(
                f"{name}[{index}]", row, "it has no inputs: use example.with_inputs('question')."
            )
    return listed
