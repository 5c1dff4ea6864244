"""A run as a whole: its summary, all of it, and what has changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.events import Phase
from mipro_nb.runs.state import State
from mipro_nb.runs.view_model.drill_down import TestsetDetail, TrialDetail
from mipro_nb.runs.view_model.headroom import HeadroomView
from mipro_nb.runs.view_model.parts import ADDED_LATER
from mipro_nb.runs.view_model.result import GainView, ObjectivesView, ResultView, TestView
from mipro_nb.runs.view_model.spend import CapsView, EstimateView, Lost, SpendView
from mipro_nb.runs.view_model.trials import DemoSetCard, InstructionCard, TrialRow

Lives = Literal["here", "elsewhere", "ended"]
"""Where a run is: in this kernel, in another one, or nowhere any more."""


class PhaseProgress(TypedDict):
    """How far a phase is.

    Attributes
    ----------
    done, total
        Units done, and units in all where that is known; their unit is `unit`.
    """

    phase: Phase
    state: Literal["waiting", "running", "done"]
    done: int
    total: int | None
    unit: str
    spend: SpendView


class MeasuredFormat(TypedDict):
    """What one prompt format came to on the training rows that it was measured on.

    Attributes
    ----------
    errors
        Rows that failed for another reason than an unreadable reply.
    """

    format: str
    score: float
    unreadable: int
    errors: int
    tokens: int


class MeasuredFormats(TypedDict):
    """The prompt formats that a run measured before all else, and the one that it goes on in.

    Attributes
    ----------
    chosen
        None as long as it is not chosen.
    searched
        The formats that the search tries, the chosen one first; none where that is settled.
    pinned, banned
        Those of them that a person pinned or banned.
    told
        Which one was chosen and why, in words.
    """

    rows: int
    measured: list[MeasuredFormat]
    chosen: str | None
    searched: Annotated[list[str], ADDED_LATER]
    pinned: Annotated[list[str], ADDED_LATER]
    banned: Annotated[list[str], ADDED_LATER]
    told: str


class BestTrial(TypedDict):
    """The best trial so far.

    Attributes
    ----------
    format
        The prompt format that it tries; None where it leaves that alone.
    rests
        What the score rests on, if that is not the whole valset.
    """

    trial: int
    score: float
    configuration: Configuration
    format: Annotated[str | None, ADDED_LATER]
    rests: Annotated[str | None, ADDED_LATER]


class RatingsView(TypedDict):
    """What a person thinks of a run's replies.

    Attributes
    ----------
    told
        How many are good and bad, and how often the metric agrees, in sentences.
    """

    good: int
    bad: int
    told: list[str]


class RunSummary(TypedDict):
    """All of a run that is one value, not a list.

    Attributes
    ----------
    resume_lines
        Lines of code that resume it: of a cell, and of Python; none where its cell has to be run
        again.
    resume_hint
        How it is resumed where no line does it; None where one does.
    reason
        Why it stopped, was capped, failed, or paused by itself.
    predictors
        Predictor → its signature.
    seconds
        How long it has worked, without pauses, as of `as_of`: its last event, if it was cut off.
    approval
        How many new instructions wait for a decision, in words; None where none does.
    formats
        None where none were measured.
    measured_rows
        Training rows that headroom is measured on; 0 for a run that optimizes.
    headroom
        None where it was not measured, or not yet.
    done, total
        Examples scored, and to be scored at most, in baseline, search and test.
    eta
        Seconds to go; None where it is not known.
    in_flight
        None where the run is not in this kernel.
    estimate
        None where its events do not tell a whole one.
    gain
        Only after the end.
    test
        The scores on the testset; None before the end, or where there are none.
    result
        What came of it; None before the end, or where nothing was scored.
    objectives
        None before two configurations were scored on the whole valset; absent from a delta where it
        has not changed.
    ratings
        None where nobody has rated a reply.
    errors
        Examples that failed.
    """

    id: str
    name: str
    tags: list[str]
    state: State
    resume_lines: Annotated[list[str], ADDED_LATER]
    resume_hint: Annotated[str | None, ADDED_LATER]
    reason: str | None
    program: str
    predictors: dict[str, str]
    models: dict[str, str]
    settings: dict[str, Any]
    notes: list[str]
    trainset_size: int
    valset_size: int
    testset_size: Annotated[int, ADDED_LATER]
    measured_rows: Annotated[int, ADDED_LATER]
    created: float
    ended: float | None
    seconds: float
    as_of: float
    approval: Annotated[str | None, ADDED_LATER]
    phases: list[PhaseProgress]
    formats: Annotated[MeasuredFormats | None, ADDED_LATER]
    headroom: Annotated[HeadroomView | None, ADDED_LATER]
    done: int
    total: int | None
    eta: float | None
    in_flight: int | None
    num_threads: int
    spend: SpendView
    lost: Annotated[Lost, ADDED_LATER]
    estimate: EstimateView | None
    caps: CapsView
    baseline: float | None
    best: BestTrial | None
    gain: GainView | None
    test: Annotated[TestView | None, ADDED_LATER]
    result: Annotated[ResultView | None, ADDED_LATER]
    objectives: NotRequired[Annotated[ObjectivesView | None, ADDED_LATER]]
    ratings: Annotated[RatingsView | None, ADDED_LATER]
    errors: int
    steerable: bool
    lives: Lives


class RunSnapshot(TypedDict):
    """All of a run, for a view that begins.

    Attributes
    ----------
    schema
        Version of this form.
    seq
        Number of the last event that it takes into account.
    details
        What can be drilled into without a kernel: baseline and best trial, within a size limit.
    tested
        The rows of the testset, likewise; absent where none is scored, or a kernel is asked.
    left_out
        Trials that a notebook was not burdened with; only in what was kept for one.
    """

    schema: Literal[1]
    seq: int
    summary: RunSummary
    trials: list[TrialRow]
    instructions: list[InstructionCard]
    demo_sets: list[DemoSetCard]
    details: list[TrialDetail]
    tested: NotRequired[TestsetDetail]
    left_out: NotRequired[int]


class RunDelta(TypedDict):
    """What changed: rows replace those with the same key (trial; predictor and index)."""

    seq: int
    summary: RunSummary
    trials: list[TrialRow]
    instructions: list[InstructionCard]
    demo_sets: list[DemoSetCard]
