"""Running a program on one example and scoring what it answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.errors import (
    CallRefusedError,
    ExecutorError,
    LMError,
    LMNotConfiguredError,
    LMUnavailableError,
    MiproError,
    PromptFilteredError,
    PromptTooLongError,
    RecordError,
    ReplyError,
)
from mipro_nb.evaluate.executions import executed
from mipro_nb.evaluate.metric import Metric, MetricScaleError, Score
from mipro_nb.language.execution.attempt import Attempt, attempting
from mipro_nb.language.execution.tracing import noting
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example

# What a prompt may come to, and no error of the program.
OUTCOMES = (ReplyError, PromptTooLongError, PromptFilteredError)
# Errors after which every other example would fail alike: whatever is asked, and in any case.
_ENDING = (CallRefusedError, RecordError, ExecutorError)
HOPELESS = (LMUnavailableError, LMNotConfiguredError, MetricScaleError, *_ENDING)
_CAUGHT = "A failed LM call was caught"
_FALLBACK = "Another LM answered in place of a call that failed"


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What became of one example.

    Attributes
    ----------
    index
        Place of the example in its set.
    example
        The example.
    prediction
        What the program returned; None if it failed.
    score
        0–1, or of 100 where the metric gives such scores; 0 if the example failed.
    feedback
        The metric's words, None for none.
    error
        Why the example failed, None if it did not.
    seconds
        How long program and metric took.
    notes
        What of the replies was not written as asked and was read all the same, a sentence each.
    caught
        Why LM calls failed without failing the example: program or metric caught the errors.
    """

    index: int
    example: Example
    prediction: Any
    score: float
    feedback: str | None
    error: Exception | None
    seconds: float
    notes: Sequence[str] = ()
    caught: Sequence[str] = ()

    @property
    def counts_as_error(self) -> bool:
        """Tell whether ``max_errors`` counts this.

        An LM's unusable reply, and a prompt that a server takes not at all, are outcomes, scored 0,
        that a better prompt may fix; everything else that fails is an error.
        """
        return self.error is not None and not isinstance(self.error, OUTCOMES)

    @property
    def met_failed_calls(self) -> bool:
        """Tell whether LM calls of it failed, whatever error it ended with."""
        return isinstance(self.error, LMError) or bool(self.caught)

    def forget_frames(self) -> None:
        """Let go of what the error held: its frames have prompt and reply.

        There may be such an error for every example of a run.
        """
        if self.error is not None:
            self.error.__traceback__ = self.error.__context__ = self.error.__cause__ = None


async def score_example(
    program: Module,
    index: int,
    example: Example,
    metric: Metric,
    *,
    example_timeout: float | None = None,
    taught: bool = False,
    lenient: bool = False,
) -> ExampleResult:
    """Return the result of one example; a failure of this example alone is part of it.

    The program is run without the demos that are made of the example.

    Parameters
    ----------
    program
        The program.
    index
        Place of the example in its set.
    example
        The example.
    metric
        The metric.
    example_timeout
        Seconds that program and metric may work on it, without the LMs' part; None for ever.
    taught
        Whether demos may have been made of the example.
    lenient
        Whether an LM that is not available, and a metric that returns no score, is part of the
        result as well.

    Raises
    ------
    LMUnavailableError
        If no LM call can succeed: every other example would fail alike. It is raised even where
        program or metric caught it, since their score would be that of the outage, unless another
        LM answered in its place.
    LMNotConfiguredError
        If there is no LM to ask.
    CallRefusedError
        If the run was stopped.
    ExecutorError
        If the executor that runs the examples is of no use.
    MetricScaleError
        If the metric returns more than a full score.
    """
    begun = time.monotonic()
    hopeless = _ENDING if lenient else HOPELESS
    prediction = None
    score = Score(0.0)
    failure: Exception | None = None
    notes: Sequence[str] = ()
    with attempting(example_timeout) as attempt:
        try:
            async with executed(program, example, metric, taught=taught) as execution:
                with noting() as notes:
                    prediction = await execution.answer()
                attempt.program_ended()
                check_outages(attempt, hopeless)
                score = await execution.score(prediction)
        except Exception as error:
            if isinstance(error, hopeless):
                raise
            failure = error
        caught = caught_failures(attempt, failure, hopeless)
    result = ExampleResult(
        index,
        example,
        prediction,
        score.score,
        score.feedback,
        failure,
        time.monotonic() - begun,
        tuple(notes),
        caught,
    )
    if isinstance(failure, OUTCOMES):
        result.forget_frames()
    return result


def caught_failures(
    attempt: Attempt,
    failure: Exception | None,
    hopeless: tuple[type[Exception], ...] = HOPELESS,
) -> tuple[str, ...]:
    """Return why LM calls of an attempt failed that came to an end all the same, once each.

    A prompt that was too long is left out where a shorter form of it was answered later: agents
    shorten what they send.

    Parameters
    ----------
    attempt
        The attempt, after program and metric.
    failure
        The error that it ended with; None if it did not fail.
    hopeless
        Errors that every other call would meet as well.

    Raises
    ------
    LMUnavailableError, CallRefusedError, RecordError
        As `check_outages` does.
    """
    check_outages(attempt, hopeless)
    caught: dict[str, None] = {}
    for failed in attempt.failures:
        error = failed.error
        if not isinstance(error, LMError) or error is failure:
            continue
        if failed.is_shortened:
            continue
        what = _FALLBACK if failed.has_fallback else _CAUGHT
        caught[f"{what}: {error}"] = None
    return tuple(caught)


def check_outages(attempt: Attempt, hopeless: tuple[type[Exception], ...]) -> None:
    """Return if no LM call of an attempt met what every other call would meet as well.

    An LM that is not available does no harm where another one answered in its place.

    Raises
    ------
    LMUnavailableError, CallRefusedError, RecordError
        If one did.
    """
    for failed in attempt.failures:
        has_fallback = isinstance(failed.error, LMUnavailableError) and failed.has_fallback
        if isinstance(failed.error, hopeless) and not has_fallback:
            raise failed.error


def error_line(result: ExampleResult) -> str:
    """Return why an example failed, in one line."""
    error = result.error
    kind = "" if isinstance(error, MiproError) else f"{type(error).__name__}: "
    return f"example {result.index}: {kind}{error}"
