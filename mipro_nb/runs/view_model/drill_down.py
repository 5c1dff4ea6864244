"""An opened trial or testset: its rows, its prompts, and the LM calls behind them."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from mipro_nb.runs.events import Phase, Rating
from mipro_nb.runs.view_model.parts import Clip
from mipro_nb.runs.view_model.trials import TrialRow

TestedProgram = Literal["student", "result"]
"""Which of the two programs that are scored on the testset."""


class Message(TypedDict):
    """A chat message."""

    role: str
    content: Clip


class Prompt(TypedDict):
    """The prompt of a predictor as it was sent for one example: `example` tells which."""

    predictor: str
    example: int | None
    messages: list[Message]


class ReplyRating(TypedDict):
    """What a person thinks of a reply; the `reason` is empty where they gave none."""

    rating: Rating
    reason: Clip


class ReplyDetail(TypedDict):
    """What a program made of a row, and what the metric says of it.

    Attributes
    ----------
    score
        0–1; None while it is being scored.
    points
        The score as the metric gave it, where its scale is not 0–1.
    notes
        What of the replies was not written as asked and was read all the same.
    """

    prediction: dict[str, Clip] | None
    score: float | None
    points: NotRequired[float]
    feedback: Clip | None
    error: Clip | None
    seconds: float | None
    notes: NotRequired[list[Clip]]


class ExampleRow(ReplyDetail):
    """What became of one example.

    Attributes
    ----------
    scored_by
        The trial that scored it: another one where the cell was reused.
    rating
        Absent where nobody has rated the reply.
    """

    example: int
    inputs: dict[str, Clip]
    expected: dict[str, Clip]
    scored_by: int
    rating: NotRequired[ReplyRating]


class TestsetRow(TypedDict):
    """A row of the testset, and what became of it; it is numbered as the testset has it.

    Attributes
    ----------
    student, result
        With the student as given, and with the program that is returned; None where it is not
        scored, and the latter where the student itself is returned.
    """

    example: int
    inputs: dict[str, Clip]
    expected: dict[str, Clip]
    student: ReplyDetail | None
    result: ReplyDetail | None


class TestsetDetail(TypedDict):
    """The rows of the testset.

    Attributes
    ----------
    changed
        Whether another program than the student was tested.
    told
        How to look at them, and what not to do with them, in a sentence.
    """

    changed: bool
    told: str
    rows: list[TestsetRow]


class TrialDetail(TypedDict):
    """A trial, the prompts that it sent, and what became of each of its examples.

    Attributes
    ----------
    unrateable
        Why its replies cannot be rated from here, in a sentence; absent where they can.
    """

    trial: TrialRow
    prompts: list[Prompt]
    examples: list[ExampleRow]
    unrateable: NotRequired[str]


class CallDetail(TypedDict):
    """One LM call.

    Attributes
    ----------
    thoughts
        What the model thought before it answered, whether the server sent it beside the reply or
        in it: no part of the reply.
    error
        Why it failed, or why the reply cannot be used.
    counted
        False where the server did not count tokens: then they, and the USD, are about right.
    program
        Which program made it, where a row of the testset was scored; absent for any other call, and
        where that is not known.
    """

    phase: Phase
    model: str
    messages: list[Message]
    parameters: dict[str, Any]
    reply: Clip | None
    thoughts: Clip | None
    error: Clip | None
    truncated: bool
    from_cache: bool
    input_tokens: int
    output_tokens: int
    counted: bool
    usd: float | None
    seconds: float
    at: float
    program: NotRequired[TestedProgram]
