"""An opened trial: its examples, its prompts, and the LM calls behind them."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from mipro_nb.runs.events import Phase, Rating
from mipro_nb.runs.view_model.parts import Clip
from mipro_nb.runs.view_model.trials import TrialRow


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


class ExampleRow(TypedDict):
    """What became of one example.

    Attributes
    ----------
    score
        0–1; None while it is being scored.
    points
        The score as the metric gave it, where its scale is not 0–1.
    scored_by
        The trial that scored it: another one where the cell was reused.
    notes
        What of the replies was not written as asked and was read all the same.
    rating
        Absent where nobody has rated the reply.
    """

    example: int
    inputs: dict[str, Clip]
    expected: dict[str, Clip]
    prediction: dict[str, Clip] | None
    score: float | None
    points: NotRequired[float]
    feedback: Clip | None
    error: Clip | None
    seconds: float | None
    scored_by: int
    notes: NotRequired[list[Clip]]
    rating: NotRequired[ReplyRating]


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
