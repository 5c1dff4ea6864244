"""Trials and candidates, as tables and cards show them."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.events import EvaluationKind, InstructionSource
from mipro_nb.runs.view_model.parts import ADDED_LATER, Clip


class TrialRow(TypedDict):
    """One trial, as every table shows it.

    Attributes
    ----------
    format
        The prompt format that it tries; None where it leaves that alone.
    examples, scored, reused
        Examples in it, scored so far, and of those the ones that an earlier trial had scored.
    reason
        Why the first of its failed examples failed.
    low, high
        95 % interval of the score.
    about
        A server did not count tokens: they, and the USD, are about right.
    seconds
        How long it took; None for a running one.
    """

    trial: int
    kind: EvaluationKind
    configuration: Configuration
    format: Annotated[str | None, ADDED_LATER]
    state: Literal["running", "done", "given up"]
    examples: int
    scored: int
    reused: int
    errors: int
    reason: Annotated[Clip | None, ADDED_LATER]
    score: float | None
    low: float | None
    high: float | None
    calls: int
    cached_calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    about: Annotated[bool, ADDED_LATER]
    asked_at: float
    seconds: float | None


class Standing(TypedDict):
    """A candidate's record in the search.

    Attributes
    ----------
    score
        Mean over all examples scored with it.
    """

    predictor: str
    index: int
    score: float | None
    trials: int
    examples: int
    pinned: bool
    banned: bool


class InstructionCard(Standing):
    """A candidate instruction.

    Attributes
    ----------
    demo_set
        The demo set that the prompt model saw.
    based_on
        The candidate that the user edited into this one, or that was repaired.
    evidence
        Rows of the trainset that a repair was shown.
    undecided
        It waits until a person approves, rejects or edits it.
    """

    instruction: Clip
    source: InstructionSource
    tip: str | None
    demo_set: int | None
    based_on: int | None
    evidence: Annotated[list[int], ADDED_LATER]
    undecided: Annotated[bool, ADDED_LATER]


class DemoSetCard(Standing):
    """A candidate demo set.

    Attributes
    ----------
    preview
        The first demos, each as field → text; all of them are fetched with the `demos` request.
    demos
        How many there are.
    """

    source: Literal["empty", "labelled", "bootstrapped"]
    bootstrapped: int
    labelled: int
    preview: list[dict[str, Clip]]
    demos: int
