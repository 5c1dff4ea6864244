"""Grounding: what the prompt model is told about the data, the program and each predictor."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.errors import (
    LMError,
    LMUnavailableError,
    PromptTooLongError,
    ReplyError,
    TruncatedReplyError,
)
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.programs.predict import Predict
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import InputField, OutputField
from mipro_nb.language.signatures.signature import Signature, SignatureMeta
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.models.gate.recording.draws import Execution, execution
from mipro_nb.optimizer.control.concurrency import Background, together
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.proposing.written import (
    UnusableTextError,
    text_of_unread,
    whole_sentences,
    written_text,
)
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.events import GroundingWritten, PhaseStarted

# Batches of rows that are looked at at a time: the more is known, the less a further one adds, and
# few are read in vain when nothing new turns up. As in DSPy, no more than ten are read at all.
_WAVES = (1, 2, 3, 4)
_NOTHING_NEW = "COMPLETE"
PROPOSING = CallLabels("propose")
_FEWER_ROWS = (
    "Batches of training rows exceed the prompt model's context: it looks at fewer rows of each. A "
    "lower view_data_batch_size has it look at them in smaller batches."
)


@dataclass(frozen=True)
class Grounding:
    """What proposals are based on; empty where a source is switched off or was of no use.

    What the prompt model writes can be awaited: a proposal waits for its own sources alone.
    """

    dataset_summary: asyncio.Task[str]
    program_code: str
    program_description: asyncio.Task[str]
    roles: Mapping[str, asyncio.Task[str]]


class ObserveRows(Signature):
    """Look at these rows of a dataset and write down what you observe.

    Say what the task is, what topics, style and lengths the texts have, how inputs and outputs
    hang together, and what makes rows hard. Be concrete; do not repeat the rows.
    """

    rows: str = InputField(desc="rows of the dataset, one a line, as JSON")
    observations: str = OutputField(desc="what you observe, in a few sentences")


class ObserveMoreRows(Signature):
    """Look at further rows of a dataset of which you already have observations.

    Write down only what the observations do not say yet. If the rows add nothing, answer with
    the single word COMPLETE.
    """

    rows: str = InputField(desc="further rows of the dataset, one a line, as JSON")
    prior_observations: str = InputField(desc="what was observed so far")
    observations: str = OutputField(desc="what is new, or COMPLETE")


class SummarizeObservations(Signature):
    """Condense observations about a dataset into a summary of two or three sentences."""

    observations: str = InputField(desc="what was observed")
    summary: str = OutputField(desc="two or three sentences")


class DescribeProgram(Signature):
    """Read the code of a program that calls a language model and say what task it solves.

    Say what goes in, what comes out and which steps lead from one to the other.
    """

    program_code: str = InputField(desc="source code")
    example: str = InputField(desc="one row that the program is run on, as JSON")
    description: str = OutputField(desc="what the program does, in two or three sentences")


class DescribePredictor(Signature):
    """Say what role one step has within a program that calls a language model."""

    program_code: str = InputField(desc="source code")
    program_description: str = InputField(desc="what the program does")
    predictor: str = InputField(desc="the step: its name, inputs and outputs")
    role: str = OutputField(desc="what this step has to achieve, in one or two sentences")


def ground(spec: RunSpec, journal: Journal, background: Background) -> Grounding:
    """Begin to have the prompt model describe data and program, each thing once."""
    journal.emit(PhaseStarted(phase="propose"))
    source = spec.source
    if spec.plan.program_aware_proposer:
        journal.emit(
            GroundingWritten(
                kind="program source", predictor=None, text=source.text, problem=source.problem
            )
        )
    description = background.begin(_program_description(spec, journal))
    return Grounding(
        dataset_summary=background.begin(_dataset_summary(spec, journal)),
        program_code=source.text if spec.plan.program_aware_proposer else "",
        program_description=description,
        roles={
            name: background.begin(_role(spec, journal, name, predictor.signature, description))
            for name, predictor in spec.student.named_predictors()
        },
    )


def row_batches(rows: Sequence[Example], size: int) -> list[str]:
    """Return the texts of the batches in which `rows` are looked at."""
    starts = range(0, len(rows), size)[: sum(_WAVES)]
    return [_as_lines(rows[start : start + size]) for start in starts]


def in_waves(batches: Iterable[str]) -> list[list[str]]:
    """Return the batches that are looked at at a time, knowing what was seen in those before."""
    left = iter(batches)
    waves = (list(itertools.islice(left, size)) for size in _WAVES)
    return [wave for wave in waves if wave]


async def _dataset_summary(spec: RunSpec, journal: Journal) -> str:
    if not spec.plan.data_aware_proposer:
        return ""
    seen = await _observations(spec, journal)
    if not seen:
        return ""
    summary = await _grounding(spec, SummarizeObservations, "summary", observations=seen)
    journal.emit(GroundingWritten(kind="dataset summary", predictor=None, text=summary))
    return summary


async def _observations(spec: RunSpec, journal: Journal) -> str:
    """Return what is seen in the rows, until two batches in a row add nothing."""
    seen: list[str] = []
    for wave in in_waves(row_batches(spec.rows.train, spec.plan.view_data_batch_size)):
        prior = "\n".join(filter(None, seen))
        seen += await together(*(_observe(spec, journal, rows, prior) for rows in wave))
        if any(not one and not following for one, following in itertools.pairwise(seen)):
            break
    return "\n".join(filter(None, seen))


async def _observe(spec: RunSpec, journal: Journal, rows: str, prior: str) -> str:
    """Return what `rows` add to the `prior` observations, nothing if they add nothing.

    Of rows that exceed the prompt model's context the first half is looked at.
    """
    signature: SignatureMeta = ObserveMoreRows if prior else ObserveRows
    inputs: dict[str, Any] = {"rows": rows}
    if prior:
        inputs["prior_observations"] = prior
    while True:
        try:
            seen = await ask(spec, signature, "observations", **inputs)
            break
        except UnusableTextError:
            return ""
        except LMUnavailableError:
            raise
        except LMError as error:
            lines = inputs["rows"].split("\n")
            if len(lines) == 1 or not isinstance(error, PromptTooLongError):
                return ""
            journal.note("context", _FEWER_ROWS)
            inputs["rows"] = "\n".join(lines[: len(lines) // 2])
    if not prior:
        return seen
    return "" if seen.strip(" .").upper().startswith(_NOTHING_NEW) else seen


async def _program_description(spec: RunSpec, journal: Journal) -> str:
    if not spec.plan.program_aware_proposer:
        return ""
    example = _as_lines(spec.rows.train[:1])
    description = await _grounding(
        spec, DescribeProgram, "description", program_code=spec.source.text, example=example
    )
    journal.emit(GroundingWritten(kind="program description", predictor=None, text=description))
    return description


async def _role(
    spec: RunSpec,
    journal: Journal,
    name: str,
    signature: SignatureMeta,
    description: Awaitable[str],
) -> str:
    if not spec.plan.program_aware_proposer:
        return ""
    role = await _grounding(
        spec,
        DescribePredictor,
        "role",
        program_code=spec.source.text,
        program_description=await asyncio.shield(description),
        predictor=f"{name}: {signature.declaration}",
    )
    journal.emit(GroundingWritten(kind="predictor role", predictor=name, text=role))
    return role


async def _grounding(spec: RunSpec, signature: SignatureMeta, output: str, **inputs: Any) -> str:
    """Return what the prompt model writes; nothing, if the call fails or that cannot be used.

    A proposal can do without one of its sources; the failure is among the run's events.
    """
    try:
        return await ask(spec, signature, output, **inputs)
    except LMUnavailableError:
        raise
    except (LMError, UnusableTextError):
        return ""


async def ask(
    spec: RunSpec,
    signature: SignatureMeta,
    output: str,
    *,
    temperature: float | None = None,
    rollout: int = 0,
    labels: CallLabels = PROPOSING,
    **inputs: str,
) -> str:
    """Return what the prompt model writes for the one output of `signature`.

    A cut-off text is kept up to its last whole sentence, if it is marked as asked: anything else
    may be thoughts.

    Raises
    ------
    UnusableTextError
        If it cannot be read, or repeats the form of the question.
    """
    options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    predictor = Predict(signature, rollout=rollout, **options)
    predictor.lm = spec.prompt_lm
    asked = FORMATS[predictor.format_with(spec.prompt_lm)].asked(signature)
    token = call_labels.set(labels)
    drawing = execution.set(Execution(labels.phase))
    try:
        prediction = await predictor.acall(**inputs)
        text = str(prediction[output])
    except TruncatedReplyError as error:
        text = whole_sentences(str(error.fields.get(output, "")))
        if not text:
            problem = "it was cut off by max_tokens before its first sentence ended"
            raise UnusableTextError(problem, error.raw_text) from error
    except ReplyError as error:
        text = text_of_unread(error)
    finally:
        call_labels.reset(token)
        execution.reset(drawing)
    return written_text(signature, asked, text)


def _as_lines(rows: Sequence[Example]) -> str:
    return "\n".join(json.dumps(row.to_dict(), ensure_ascii=False, default=str) for row in rows)
