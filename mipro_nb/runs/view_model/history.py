"""The runs of a record, and some of them compared."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from mipro_nb.runs.events import Phase
from mipro_nb.runs.state import State
from mipro_nb.runs.view_model.parts import ADDED_LATER, Clip


class HistoryRow(TypedDict):
    """A line of the history.

    Attributes
    ----------
    seconds
        How long it worked, pauses left out.
    score
        That of the returned program, or the best so far.
    rests
        What the score rests on; None where that is the whole valset.
    trials
        Evaluations that have ended.
    calls
        LM calls that a server answered.
    usd
        Price of all calls, those among them that failed and were billed all the same; None where
        that of any call is unknown.
    about
        A server did not count the tokens: the USD are about right.
    lost_usd
        What calls may have cost besides that were in flight when the run was interrupted: as far
        as that is known, at their worst.
    billed
        What to say of that beneath the cost; None if there is nothing to say.
    rows
        Trainset and valset: how many rows, and a fingerprint of them.
    metric
        What the user calls it, and a fingerprint of its code; "" where that is not known.
    resume_lines
        Lines of code that resume it: of a cell, and of Python; none where its cell has to be run
        again.
    resume_hint
        How it is resumed where no line does it; None where one does.
    here
        The run is going on in this kernel.
    """

    id: str
    name: str
    tags: list[str]
    note: Annotated[str, ADDED_LATER]
    program: str
    state: State
    created: float
    seconds: float
    baseline: float | None
    score: float | None
    rests: Annotated[str | None, ADDED_LATER]
    trials: int
    calls: int
    usd: float | None
    about: Annotated[bool, ADDED_LATER]
    lost_usd: Annotated[float, ADDED_LATER]
    billed: Annotated[str | None, ADDED_LATER]
    models: dict[str, str]
    settings: dict[str, Any]
    rows: Annotated[dict[str, str], ADDED_LATER]
    metric: Annotated[str, ADDED_LATER]
    resume_lines: Annotated[list[str], ADDED_LATER]
    resume_hint: Annotated[str | None, ADDED_LATER]
    here: bool


class LiveRunRow(TypedDict):
    """A run that goes on, as a list shows it: told every second, so it is short.

    Attributes
    ----------
    phase
        The last phase that has begun and is not over.
    done, total
        Examples scored, and to be scored at most, in baseline, search and test.
    eta
        Seconds to go; None where it is not known.
    score
        The best so far.
    usd
        Price of all calls; None where that of any is unknown.
    about
        A server did not count the tokens: the USD are about right.
    """

    id: str
    name: str
    program: str
    state: State
    phase: Phase | None
    done: int
    total: int | None
    eta: float | None
    score: float | None
    usd: float | None
    about: bool


class CurvePoint(TypedDict):
    """The best score after a full evaluation, and what had been spent until then."""

    calls: int
    usd: float | None
    seconds: float
    score: float


class ComparedRun(TypedDict):
    """A run in a comparison.

    Attributes
    ----------
    curve
        Best full score so far against what had been spent, at each full evaluation.
    instructions
        Predictor → instruction of the returned program.
    """

    row: HistoryRow
    curve: list[CurvePoint]
    instructions: dict[str, Clip]


class RunComparison(TypedDict):
    """Runs side by side.

    Attributes
    ----------
    note
        Why their scores cannot be compared, or in what the runs differ that brought these about;
        None where they have rows and metric in common.
    """

    runs: list[ComparedRun]
    note: Annotated[str | None, ADDED_LATER]
