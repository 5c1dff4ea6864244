"""Metrics: what they may look like and return, and how one is called."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mipro_nb.arguments import only_fields
from mipro_nb.core_loop import in_worker
from mipro_nb.errors import MetricError, MiproError, shown
from mipro_nb.evaluate.user_code import run_user_code
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.redaction import secrets
from mipro_nb.runs.events import LARGEST_SCORE

MetricFunction = Callable[..., Any]
HUNDRED: Literal[100] = 100
_ROUNDING = 1 + 1e-6
_TOO_HIGH = {
    1: "The run's scores are 0–1, since none above 1 was seen in the rehearsal: have it return "
    "numbers from 0 to 1, or give metric_threshold in its own units, above 1, if they go to 100.",
    HUNDRED: "Scores go up to 1, or up to 100 where any is above 1: divide by the highest one.",
}
_TOO_LOW = (
    "Scores are 0–1, or 0–100: return 1 / (1 + loss) for a loss, and max(0, …) for what may be "
    "below 0."
)
_NOT_FINITE = "Have it return 0.0, or another number, for an answer that it cannot measure."
_WANTED = "def metric(example, prediction, trace=None)"


@only_fields
@dataclass(frozen=True)
class Score:
    """A metric's verdict with words.

    Attributes
    ----------
    score
        The score, 0–1; or 0–100, if the metric gives such scores on all examples.
    feedback
        What was good or bad, as text; None for none.

    Examples
    --------
    >>> verdict = Score(0.5, "the number is right, the unit is missing")
    >>> float(verdict), verdict.feedback
    (0.5, 'the number is right, the unit is missing')
    """

    score: float
    feedback: str | None = None

    def __bool__(self) -> bool:
        return bool(self.score)

    def __float__(self) -> float:
        return float(self.score)


class Metric:
    """A user's metric, checked once and then called alike whether it is sync or async.

    Parameters
    ----------
    function
        ``metric(example, prediction, trace=None)``, or with ``pred_name`` and ``pred_trace``
        besides, as DSPy's GEPA calls it; returns a bool, a number (0–1 or 0–100), a
        `Score`, or anything with ``score`` and ``feedback``. One without ``trace`` will do as well.
    scale
        What it gives for a full score, 1 or 100: scores are divided by it. None if that is not
        known: then they are left as the metric gives them.

    Raises
    ------
    MetricError
        If it is not callable, or not with these arguments.
    """

    def __init__(self, function: MetricFunction, scale: Literal[1, 100] | None = None) -> None:
        if isinstance(function, Metric):
            function = function.function
        self.function = function
        self._called = function
        self.scale = scale
        self.name = getattr(function, "__name__", type(function).__name__)
        self._takes, self._takes_predictor = _takes(function, self.name)
        called = function if inspect.isroutine(function) else getattr(function, "__call__", None)  # noqa: B004
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            called
        )

    def scaled(self, scale: Literal[1, 100] | None) -> Metric:
        """Return the same metric with another `scale`."""
        twin = copy.copy(self)
        twin.scale = scale
        return twin

    def of(self, program: Module) -> Metric:
        """Return the same metric, shown what the authors of `program` know rows and answers as."""
        twin = copy.copy(self)
        twin._called = program.metric_door(self.function)  # noqa: SLF001 - of this very class
        return twin

    async def score(self, example: Example, prediction: Any, trace: Any = None) -> Score:
        """Return the score of one prediction.

        Raises
        ------
        MetricError
            If the metric raises, or returns something that is not a score; shown with the example.
        """
        return await self._scored((example, prediction, trace, None, None)[: self._takes])

    async def of_predictor(
        self, example: Any, prediction: Any, trace: Any, name: str, own: Sequence[Any]
    ) -> Score | None:
        """Return the verdict on what one predictor did; None if the metric gives none of that kind.

        Parameters
        ----------
        trace
            All steps that led to the prediction.
        name
            The predictor.
        own
            The steps of this predictor.
        """
        if not self._takes_predictor:
            return None
        return await self._scored((example, prediction, list(trace), name, list(own)))

    async def _scored(self, arguments: tuple[Any, ...]) -> Score:
        example, prediction = arguments[:2]
        try:
            result = await run_user_code(f"The metric {self.name}", self._verdict(arguments))
        except MiproError:
            raise  # an LLM judge whose LM is gone, a run that was stopped: not the metric's fault
        except Exception as error:
            msg = (
                f"The metric {self.name} raised {type(error).__name__}: {shown(str(error))} "
                f"on {shown(repr(example), 200)} with {shown(repr(prediction), 200)}."
            )
            raise MetricError(msg) from error
        return self._as_score(result, example, prediction)

    async def _verdict(self, arguments: tuple[Any, ...]) -> Any:
        if self._is_async:
            return await self._called(*arguments)
        result = await in_worker(self._called, *arguments)
        return await result if isinstance(result, Awaitable) else result

    def _as_score(self, result: Any, example: Example, prediction: Any) -> Score:
        value, feedback = _value_and_feedback(result)
        highest = self.scale or HUNDRED
        kind: type[MetricError] = MetricReturnError
        problem = ""
        if value is None:
            what = shown(repr(result), 80) + (": does it lack a return?" if result is None else ".")
            problem = f"{what} It must return a bool, a number from 0 to 1 or a Score."
        elif not math.isfinite(value) or value < -LARGEST_SCORE:
            kind = NotFiniteScoreError
            problem = f"{value:g}, which is not a score. {_NOT_FINITE}"
        elif value < 1 - _ROUNDING:
            kind = MetricReturnError
            problem = f"{value:g}. {_TOO_LOW}"
        elif value > highest * _ROUNDING:
            kind = MetricScaleError
            problem = f"{value:g}. {_TOO_HIGH[highest]}"
        elif feedback is not None and not isinstance(feedback, str):
            kind = MetricReturnError
            problem = (
                f"feedback that is not text: {shown(repr(feedback), 80)}. Write it as a str, or "
                "leave it None."
            )
        if value is None or problem:
            msg = (
                f"The metric {self.name} returned {problem} It was called on "
                f"{shown(repr(example), 200)} with {shown(repr(prediction), 200)}."
            )
            raise kind(msg)
        if scale_of([value]) == 1:  # a cosine of equal vectors may be a little more
            value = min(value, 1.0)
        return Score(max(0.0, min(value, highest)) / (self.scale or 1), _as_kept(feedback))


def scale_of(scores: Iterable[float]) -> Literal[1, 100]:
    """Return what stands for a full score where a metric gave `scores`: 1 or 100."""
    return HUNDRED if any(score > _ROUNDING for score in scores) else 1


class MetricReturnError(MetricError):
    """The metric returned something that is not a score."""


class MetricScaleError(MetricReturnError):
    """The metric returned more than a full score: its scale is not the one that was seen."""


class NotFiniteScoreError(MetricError):
    """The metric returned NaN or an infinite number, as it may for one answer alone."""


def _takes(function: MetricFunction, name: str) -> tuple[int, bool]:
    """Return how many arguments a metric is called with, and whether it may get a predictor's.

    These are 2, or 3 with the trace, or 5 where it cannot do without ``pred_name`` and
    ``pred_trace``.
    """
    if not callable(function):
        msg = f"metric={shown(repr(function), 80)} is not callable: write {_WANTED}."
        raise MetricError(msg)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return 2, False  # a builtin that does not tell: call it with what every metric takes
    takes_predictor = "pred_name" in signature.parameters
    for count in (3, 2, *([5] if takes_predictor else [])):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            continue
        return count, takes_predictor
    msg = f"The metric {name}{signature} cannot be called so: write {_WANTED}."
    raise MetricError(msg)


def _as_kept(feedback: str | None) -> str | None:
    """Return feedback as it can be written down and sent: without keys and halves of characters."""
    return None if feedback is None else secrets.clean(feedback)


def _value_and_feedback(result: Any) -> tuple[float | None, Any]:
    feedback = None
    if isinstance(result, Mapping | Example):
        result, feedback = result.get("score"), result.get("feedback")
    elif hasattr(result, "score") and hasattr(result, "feedback"):
        result, feedback = result.score, result.feedback
    try:
        value = None if isinstance(result, str) else float(result)
    except (TypeError, ValueError):
        value = None
    except OverflowError:  # an integer beyond all floats
        value = math.inf
    if value is None:
        return None, None
    return value, feedback
