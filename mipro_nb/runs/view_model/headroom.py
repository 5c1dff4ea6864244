"""What a measurement of headroom found."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mipro_nb.runs.view_model.parts import Clip


class HeadroomPrompt(TypedDict):
    """How one of the prompts fared on the measured rows.

    Attributes
    ----------
    low, high
        95 % interval of the score; None where the metric gives scores outside of 0–1.
    lead
        Points ahead of the student.
    unreadable, errors
        Answers that could not be read, and those that failed otherwise.
    """

    prompt: str
    score: float
    low: float | None
    high: float | None
    lead: float
    unreadable: int
    errors: int


class HeadroomExample(TypedDict):
    """How one of the measured rows came out.

    Attributes
    ----------
    scores
        In 0–1, of each prompt in their order; None where it was not scored.
    """

    example: int
    inputs: dict[str, Clip]
    expected: dict[str, Clip]
    scores: list[float | None]


class HeadroomView(TypedDict):
    """How far prompts are apart on the measured rows, and how far by chance alone.

    Attributes
    ----------
    rows, repeats
        Training rows, and how often each was asked of each prompt.
    prompts
        The student's first.
    floor, spread
        Points that equally good prompts are apart by chance, and those that these are apart.
    expected
        What a run can be expected to bring, in words.
    told
        All of it in sentences, that one among them.
    examples
        The measured rows, or the first of them: those first that no prompt gets right.
    """

    rows: int
    repeats: int
    prompts: list[HeadroomPrompt]
    floor: float
    spread: float
    expected: str
    told: list[str]
    examples: NotRequired[list[HeadroomExample]]
