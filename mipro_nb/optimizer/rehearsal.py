"""Rehearsal: running program and metric on a few rows with made-up answers and no LM call.

It finds what would fail on the first example before anything is paid, and measures the real
prompts of this program on these data. Answers are the row's own labels where the names match,
and plain values of the right type otherwise.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mipro_nb.errors import (
    CallRefusedError,
    ExampleTimeoutError,
    MetricError,
    ProgramError,
    ReplyError,
    shown,
)
from mipro_nb.evaluate.metric import Metric, MetricReturnError
from mipro_nb.evaluate.user_code import run_user_code
from mipro_nb.language.attempt import attempting
from mipro_nb.language.example import Example
from mipro_nb.language.fields import Field
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.lm_protocol import Completion, LanguageModel, LMRequest
from mipro_nb.language.module import Module
from mipro_nb.language.prompt import format_for
from mipro_nb.language.scope import bind
from mipro_nb.language.settings import context
from mipro_nb.models.gate import all_calls_refused
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.optimizer.bootstrap import can_be_demo
from mipro_nb.optimizer.made_up import made_up

_ROWS = 5
_NO_CALLS_YET = "No LM call may be made before permission was given."


@dataclass(frozen=True)
class RehearsedCall:
    """One call that a program would make.

    Attributes
    ----------
    predictor
        Name of the predictor; None for calls of the metric or of predictors made on the way.
    input_tokens
        Tokens of the prompt, the student's demos included.
    bare_tokens
        Tokens of the prompt without demos.
    output_tokens
        Tokens of the made-up reply.
    demo_tokens
        Tokens that this call would take up as a demo.
    labelled
        Whether the row itself could be a demo of this predictor.
    """

    predictor: str | None
    input_tokens: int
    bare_tokens: int
    output_tokens: int
    demo_tokens: int
    labelled: bool


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal found.

    Attributes
    ----------
    calls
        A list of calls per rehearsed row.
    notes
        What went wrong in a way that made-up answers may have caused.
    """

    calls: Sequence[Sequence[RehearsedCall]]
    notes: Sequence[str]


async def rehearse(
    student: Module,
    rows: Sequence[Example],
    metric: Metric,
    *,
    lm: LanguageModel,
    example_timeout: float | None = None,
) -> Rehearsal:
    """Return what running `student` and `metric` on a few of `rows` would send.

    User code is run (forwards, tools, the metric); LMs are not called.

    Parameters
    ----------
    student
        The program.
    rows
        Rows to take a few of.
    metric
        The metric.
    lm
        The LM whose form the replies have.
    example_timeout
        Seconds that program and metric may work on one row; None for ever.

    Raises
    ------
    ProgramError
        If the program has no predictors, never calls one, or fails before it calls one.
    MetricError
        If the metric returns no score, or raises although every output is the row's own label.
    ExampleTimeoutError
        If the metric takes too long although every output is the row's own label.
    """
    # Calls are matched with predictors by the signature object that both hold.
    names = {id(predictor.signature): name for name, predictor in student.named_predictors()}
    if not names:
        msg = (
            f"{type(student).__name__} has no predictors: keep Predict or ChainOfThought as "
            "attributes, in lists or in dicts of the program."
        )
        raise ProgramError(msg)
    step = max(1, len(rows) // _ROWS)
    calls: list[list[RehearsedCall]] = []
    notes: list[str] = []
    for row in rows[::step][:_ROWS]:
        with attempting(example_timeout):
            made, note = await _rehearse_row(student, names, row, metric, lm=lm)
        calls.append(made)
        if note is not None and note not in notes:
            notes.append(note)
    if not any(call.predictor is not None for row_calls in calls for call in row_calls):
        msg = (
            f"{type(student).__name__} never called any of its predictors "
            f"({', '.join(names.values())}) on the first rows: there is nothing to optimize. "
            f"Its forward must call them.{''.join(f' Note: {note}' for note in notes[:1])}"
        )
        raise ProgramError(msg)
    return Rehearsal(calls, notes[:3])


async def _rehearse_row(
    student: Module, names: dict[int, str], row: Example, metric: Metric, *, lm: LanguageModel
) -> tuple[list[RehearsedCall], str | None]:
    stand_in = _StandIn(row, lm.structured_outputs, getattr(lm, "keeps_to_labels", False))
    row = copy.deepcopy(row)  # the user's code may change what it is given
    program = student.deepcopy()
    with all_calls_refused(_NO_CALLS_YET), context(stand_in=stand_in):
        bind(program)
        prediction = await _run_student(program, row, stand_in.requests)
        calls_of_program = len(stand_in.requests)
        if isinstance(prediction, Exception):
            note: str | None = (
                f"the program raised {_told(prediction)} in a rehearsal with made-up answers."
            )
        else:
            note = await _run_metric(metric, row, prediction)
    by_program = stand_in.requests[:calls_of_program]
    calls = [_measured(names.get(id(r.request.signature)), r, row) for r in by_program]
    calls += [_measured(None, r, row) for r in stand_in.requests[calls_of_program:]]
    return calls, note


async def _run_student(student: Module, row: Example, requests: Sequence[_Request]) -> Any:
    try:
        made = student.acall(**row.inputs().to_dict())
        return await run_user_code(type(student).__name__, made)
    except CallRefusedError as error:
        return error
    except Exception as error:
        if requests:
            return error
        msg = (
            f"{type(student).__name__} failed before its first LM call, on "
            f"{shown(repr(row), 200)}: {_told(error)}"
        )
        raise ProgramError(msg) from error


async def _run_metric(metric: Metric, row: Example, prediction: Any) -> str | None:
    labels = row.labels()
    outputs = set(prediction.keys()) if isinstance(prediction, Example) else set()
    answers = outputs - {"reasoning"}
    try:
        await metric.score(row, prediction)
    except MetricReturnError:
        raise
    except (MetricError, ReplyError, ExampleTimeoutError) as error:
        if not isinstance(error, ReplyError) and answers and answers <= labels.keys():
            raise
        return f"in a rehearsal with made-up answers: {error}"
    except CallRefusedError:
        return "the metric calls an LM directly; those calls are not in the estimate."
    return None


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {shown(str(error), 160)}"


@dataclass
class _Request:
    request: LMRequest
    reply: str


@dataclass
class _StandIn:
    """Answers every request with labels of the row, or made-up values."""

    row: Example
    structured_outputs: bool
    keeps_to_labels: bool
    name: str = "rehearsal"
    requests: list[_Request] = field(default_factory=list)

    async def acomplete(self, request: LMRequest) -> Completion:
        signature = request.signature
        if signature is None:
            raise CallRefusedError(_NO_CALLS_YET)
        outputs = {name: self._value(f) for name, f in signature.output_fields.items()}
        asked_again = any(
            made.request.signature is signature
            and list(made.request.messages) == list(request.messages[:-2])
            for made in self.requests
        )
        reply = FORMATS[format_for(signature, self)].write_answer(signature, outputs)
        if not asked_again:  # only because what was made up does not fit: a real LM knows better
            self.requests.append(_Request(request, reply))
        return Completion(reply)

    def _value(self, output: Field) -> Any:
        return self.row[output.name] if output.name in self.row else made_up(output)


def _measured(name: str | None, made: _Request, row: Example) -> RehearsedCall:
    messages, signature = made.request.messages, made.request.signature
    return RehearsedCall(
        predictor=name,
        input_tokens=count_message_tokens(messages),
        bare_tokens=count_message_tokens([messages[0], messages[-1]]),
        output_tokens=count_tokens(made.reply),
        demo_tokens=count_message_tokens([messages[-1], {"role": "", "content": made.reply}]),
        labelled=signature is not None and can_be_demo(row, signature),
    )
