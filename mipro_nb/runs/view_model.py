"""The view-model: what every view of a run is drawn from, as JSON-able values.

The front end's types are made of these (``make types``). Scores are 0–100 unless said otherwise,
times are Unix seconds, durations seconds, money USD. Every text may come from an LM: it is drawn
as text, never as HTML.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.events import EvaluationKind, InstructionSource, Phase
from mipro_nb.runs.state import State

ADDED_LATER = "Absent from what older versions saved in notebooks."
"""Marks what the front end must not rely on: it also draws what older versions wrote."""

Lives = Literal["here", "elsewhere", "ended"]
"""Where a run is: in this kernel, in another one, or nowhere any more."""


class Clip(TypedDict):
    """A text that may have been cut.

    Attributes
    ----------
    characters
        Length of the whole text.
    more
        Name of the whole text, for a `text` request; None where `text` is the whole, or nothing
        more is to be had.
    """

    text: str
    characters: int
    more: str | None


class SpendView(TypedDict):
    """What LM calls took.

    Attributes
    ----------
    usd
        None where the price of any call is unknown.
    attempts
        Requests that were sent, answered or not.
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


class Range(TypedDict):
    """An estimate: the least, the likely and the most that something may come to."""

    low: float
    expected: float
    high: float


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
    """

    phases: list[PhaseEstimateView]
    total: PhaseEstimateView
    guess: Annotated[str | None, ADDED_LATER]


class CapsView(TypedDict):
    """Hard limits of a run; None where there is none."""

    max_usd: float | None
    max_calls: int | None
    max_tokens: int | None
    max_seconds: float | None


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
    told
        Which one was chosen and why, in words.
    """

    rows: int
    measured: list[MeasuredFormat]
    chosen: str | None
    told: str


class BestTrial(TypedDict):
    """The best trial so far.

    Attributes
    ----------
    rests
        What the score rests on, if that is not the whole valset.
    """

    trial: int
    score: float
    configuration: Configuration
    rests: Annotated[str | None, ADDED_LATER]


class GainView(TypedDict):
    """The 95 % interval of the gain over the student, in points."""

    low: float
    high: float


class TestView(TypedDict):
    """What the student and the returned program scored on rows that no phase had seen.

    Attributes
    ----------
    low, high, student_low, student_high
        95 % intervals of the scores; None where the metric gives scores outside of 0–1.
    gain
        None where the student itself is returned.
    validation
        The returned program's score on the valset.
    gap
        By how many points that is above the test score.
    errors
        Rows that failed.
    told
        All of it in sentences.
    """

    examples: int
    student: float
    student_low: float | None
    student_high: float | None
    score: float
    low: float | None
    high: float | None
    gain: GainView | None
    validation: float | None
    gap: float | None
    errors: int
    told: list[str]


Verdict = Literal["never right", "lost", "still wrong", "won"]
"""How an example came out that the student or the result fails.

- ``"never right"``: no configuration that was scored on it gets it right.
- ``"lost"``: the student gets it right, the result does not.
- ``"still wrong"``: neither does, another configuration does.
- ``"won"``: the result gets it right, the student does not.
"""


class ResultScore(TypedDict):
    """A line of the result: what was scored, and how it fared.

    Attributes
    ----------
    low, high, test_low, test_high
        95 % intervals; None where the metric gives scores outside of 0–1.
    examples
        Rows of the valset that the score rests on.
    test
        The score on the testset; None where there is none.
    """

    what: str
    score: float
    low: float | None
    high: float | None
    examples: int
    test: float | None
    test_low: float | None
    test_high: float | None


class ResultPrompt(TypedDict):
    """What became of a predictor's prompt.

    Attributes
    ----------
    instruction
        The index of the instruction found; None where it is the student's own.
    before, after
        The student's instruction, and the one found.
    demo_set
        The index of the demo set found; None where the run searched none.
    demos
        How many demos that one has.
    """

    predictor: str
    instruction: int | None
    before: Clip
    after: Clip
    demo_set: int | None
    demos: int


class ExampleOutcome(TypedDict):
    """How an example came out, over all configurations that were scored on it.

    Attributes
    ----------
    student, result
        Scores in 0–1; None where it was not scored.
    tried, right
        Configurations that were scored on it, and those that got the full score.
    """

    example: int
    verdict: Verdict
    inputs: dict[str, Clip]
    expected: dict[str, Clip]
    student: float | None
    result: float | None
    tried: int
    right: int


class ResultView(TypedDict):
    """What came of a run that has ended.

    Attributes
    ----------
    trial
        The trial whose program was returned.
    changed
        Whether that is another program than the student.
    scores
        The student first, then the result if that is another program.
    gain, test
        What follows of the scores on the valset, and of those on the testset, in sentences.
    cost
        What a call takes now, against what it took, in a sentence; None where it is the same, or
        nothing is known.
    why
        Why this one won, in sentences.
    failing
        Examples that the result fails.
    failing_told
        How many these are, in words.
    outcomes
        The examples that student or result fail, as many as a page can bear.
    outcomes_left_out
        How many more there are.
    """

    trial: int
    changed: bool
    scores: list[ResultScore]
    gain: list[str]
    test: list[str]
    cost: str | None
    why: list[str]
    prompts: list[ResultPrompt]
    failing: int
    failing_told: str
    outcomes: list[ExampleOutcome]
    outcomes_left_out: int


class ObjectiveRow(TypedDict):
    """A configuration that was scored on the whole valset, and what one example takes.

    Attributes
    ----------
    usd, seconds
        None where they are not known.
    seconds
        Those of its LM calls, one after the other.
    characters
        Length of its instructions.
    on_front
        Whether no other is better in score and cost.
    best
        Whether it is the best so far, or what was returned.
    """

    trial: int
    score: float
    usd: float | None
    tokens: float
    seconds: float | None
    characters: int
    on_front: bool
    best: bool


class ObjectivesView(TypedDict):
    """Score and cost of the configurations that were scored on the whole valset.

    Attributes
    ----------
    cost
        What cost is told in.
    told
        How many there are, in words.
    """

    cost: Literal["usd", "tokens"]
    told: str
    rows: list[ObjectiveRow]


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
    formats
        None where none were measured.
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
        None before two configurations were scored on the whole valset.
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
    created: float
    ended: float | None
    seconds: float
    as_of: float
    phases: list[PhaseProgress]
    formats: Annotated[MeasuredFormats | None, ADDED_LATER]
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
    objectives: Annotated[ObjectivesView | None, ADDED_LATER]
    errors: int
    steerable: bool
    lives: Lives


class TrialRow(TypedDict):
    """One trial, as every table shows it.

    Attributes
    ----------
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
    """

    instruction: Clip
    source: InstructionSource
    tip: str | None
    demo_set: int | None
    based_on: int | None
    evidence: Annotated[list[int], ADDED_LATER]


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


class Message(TypedDict):
    """A chat message."""

    role: str
    content: Clip


class Prompt(TypedDict):
    """The prompt of a predictor as it was sent for one example: `example` tells which."""

    predictor: str
    example: int | None
    messages: list[Message]


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


class TrialDetail(TypedDict):
    """A trial, the prompts that it sent, and what became of each of its examples."""

    trial: TrialRow
    prompts: list[Prompt]
    examples: list[ExampleRow]


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
    left_out: NotRequired[int]


class RunDelta(TypedDict):
    """What changed: rows replace those with the same key (trial; predictor and index)."""

    seq: int
    summary: RunSummary
    trials: list[TrialRow]
    instructions: list[InstructionCard]
    demo_sets: list[DemoSetCard]


class HistoryRow(TypedDict):
    """A line of the history.

    Attributes
    ----------
    seconds
        How long it worked, pauses left out.
    score
        That of the returned program, or the best so far.
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
    trials: int
    calls: int
    usd: float | None
    about: Annotated[bool, ADDED_LATER]
    lost_usd: Annotated[float, ADDED_LATER]
    billed: Annotated[str | None, ADDED_LATER]
    models: dict[str, str]
    settings: dict[str, Any]
    rows: Annotated[dict[str, str], ADDED_LATER]
    resume_lines: Annotated[list[str], ADDED_LATER]
    resume_hint: Annotated[str | None, ADDED_LATER]
    here: bool


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
        Why their scores cannot be compared; None if they can.
    """

    runs: list[ComparedRun]
    note: Annotated[str | None, ADDED_LATER]


class SettingView(TypedDict):
    """A setting of a plan.

    Attributes
    ----------
    label
        What it is, in words.
    default
        None also where it has none.
    differs
        Somebody chose another value than the default.
    changeable, changed
        Whether it can be changed before the run begins, and whether it was.
    """

    name: str
    label: str
    value: Any
    default: Any
    differs: bool
    changeable: bool
    changed: bool


class SettingGroup(TypedDict):
    """Settings that belong together."""

    title: str
    settings: list[SettingView]


class LeftToPay(TypedDict):
    """What a run has still to take, where answers of its calls are in the record already.

    Attributes
    ----------
    usd
        None where a price is not known.
    told
        What is answered already, in a sentence.
    """

    calls: Range
    usd: Range | None
    told: str


class PermissionRequest(TypedDict):
    """A question for permission, and what became of it.

    Attributes
    ----------
    groups
        The settings in groups.
    changes
        Settings that were changed since the code gave them.
    left
        What there is left to pay; None where nothing is answered yet.
    seconds
        How long the run will take; None where nothing is known that would tell.
    seconds_told
        What that rests on, or why it is not known.
    resumes
        The run that is resumed; None for a new one.
    joins
        The run of the same plan that is already running; None if none does.
    notes
        What to know before a yes; below its first line, a note may hold code.
    """

    state: Literal["asked", "permitted", "joined", "declined"]
    resumes: Annotated[str | None, ADDED_LATER]
    joins: Annotated[str | None, ADDED_LATER]
    program: str
    predictors: dict[str, str]
    models: dict[str, str]
    trainset_size: int
    valset_size: int
    testset_size: Annotated[int, ADDED_LATER]
    settings: dict[str, Any]
    groups: Annotated[list[SettingGroup], ADDED_LATER]
    changes: Annotated[dict[str, Any], ADDED_LATER]
    notes: list[str]
    estimate: EstimateView
    left: Annotated[LeftToPay | None, ADDED_LATER]
    seconds: Annotated[Range | None, ADDED_LATER]
    seconds_told: Annotated[str | None, ADDED_LATER]
    caps: CapsView


class Shown(TypedDict):
    """What a view shows, None for what it does not: a widget's traits, saved in the notebook.

    Attributes
    ----------
    search
        What the history is searched for at first.
    """

    permission: PermissionRequest | None
    snapshot: RunSnapshot | None
    history: list[HistoryRow] | None
    comparison: RunComparison | None
    search: NotRequired[str]
