"""What a run has spent, what was estimated, and what it may spend."""

from __future__ import annotations

from typing import Annotated, TypedDict

from mipro_nb.runs.events import Phase
from mipro_nb.runs.view_model.parts import ADDED_LATER, Range


class SpendView(TypedDict):
    """What LM calls took.

    Attributes
    ----------
    usd
        None where the price of any call is unknown.
    attempts
        Requests that were sent, answered or not.
    hedged_calls
        Of the requests, those that were sent beside another one of the same call, which was slow.
    about
        A server did not count tokens: they, and the USD, are about right.
    """

    calls: int
    cached_calls: int
    failed_calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    attempts: Annotated[int, ADDED_LATER]
    hedged_calls: Annotated[int, ADDED_LATER]
    about: Annotated[bool, ADDED_LATER]


class Lost(TypedDict):
    """Calls that a stop, or the end of a process, gave up in flight, at their worst.

    Attributes
    ----------
    tokens
        0 where neither tokens nor USD were capped: then the worst is not known.
    told
        What to say about them; None if there are none.
    billed
        What to say beneath the cost; None if nothing more can have been billed, or it is not known.
    """

    calls: int
    tokens: int
    usd: float
    told: Annotated[str | None, ADDED_LATER]
    billed: Annotated[str | None, ADDED_LATER]


class PhaseEstimateView(TypedDict):
    """What a phase is expected to take; `usd` is None where a price is not known."""

    phase: Phase
    calls: Range
    input_tokens: Range
    output_tokens: Range
    usd: Range | None


class EstimateView(TypedDict):
    """What a run is expected to take.

    Attributes
    ----------
    guess
        Why it is a guess, in words that follow "since".
    hedging
        What of it is for slow calls that are sent twice; None if none are.
    """

    phases: list[PhaseEstimateView]
    total: PhaseEstimateView
    guess: Annotated[str | None, ADDED_LATER]
    hedging: Annotated[str | None, ADDED_LATER]


class CapsView(TypedDict):
    """Hard limits of a run; None where there is none."""

    max_usd: float | None
    max_calls: int | None
    max_tokens: int | None
    max_seconds: float | None
