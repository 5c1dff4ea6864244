"""Calls that a program would make, measured: how long each prompt and reply are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mipro_nb.language.lms.lm_protocol import LMRequest
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.optimizer.planning.data.labels import can_be_demo


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


def measured(name: str | None, request: LMRequest, reply: str, row: Example) -> RehearsedCall:
    """Return a call of the predictor `name` on a row, with its tokens."""
    messages, signature = request.messages, request.signature
    return RehearsedCall(
        predictor=name,
        input_tokens=count_message_tokens(messages),
        bare_tokens=count_message_tokens(request.without_demos or [messages[0], messages[-1]]),
        output_tokens=count_tokens(reply),
        demo_tokens=count_message_tokens(
            [request.demo_turn or messages[-1], {"role": "", "content": reply}]
        ),
        labelled=signature is not None and can_be_demo(row, signature),
    )


def names_by_signature(student: Module) -> dict[int, str]:
    """Return the names of predictors by the id of the signature object that their calls hold."""
    return {id(predictor.signature): name for name, predictor in student.named_predictors()}


def first_of_each(calls: Sequence[RehearsedCall]) -> list[RehearsedCall]:
    """Return the first call of each predictor."""
    first: Mapping[str | None, RehearsedCall] = {call.predictor: call for call in reversed(calls)}
    return [*first.values()][::-1]
