"""Every fact of a run as a typed, versioned event.

A run is the sequence of its events: its state is a fold of them (`mipro_nb.runs.state`), and
everything a person sees is a view of that state. Texts that repeat (prompts, replies, rows) are
kept once in the record and named here by reference.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mipro_nb.errors import shown

Phase = Literal[
    "formats",
    "baseline",
    "bootstrap",
    "propose",
    "search",
    "repair",
    "test",
    "headroom",
    "other",
]
EvaluationKind = Literal["baseline", "minibatch", "full"]
FinalState = Literal["finished", "stopped", "capped", "failed"]
Permitter = Literal["user", "remembered", "not required"]
"""Who permitted a run; remembered: the user, who asked to be asked no more below some price."""
LAST_SECOND = 9_214_646_400
"""The Unix time at which the year 2262 begins: in it the times of pandas end."""
UnixTime = Annotated[float, Ge(0), Le(LAST_SECOND)]
Number = Annotated[int, Ge(0), Lt(2**63)]
"""A count, or the place of something; SQLite and pandas bear none that is larger."""
Amount = Annotated[float, Ge(0), Le(sys.float_info.max)]
"""USD, or seconds: what is spent cannot be taken back."""
LARGEST_SCORE = 1e12
"""Means and percents of scores that are larger, either way, would not be finite."""
PointScore = Annotated[float, Ge(-LARGEST_SCORE), Le(LARGEST_SCORE)]
"""The score of one example, as a metric gives it: in 0–1 as a rule."""
PercentScore = Annotated[float, Ge(-1000 * LARGEST_SCORE), Le(1000 * LARGEST_SCORE)]
"""A mean of such scores: in 0–100 as a rule."""
RefusalKind = Literal["too long", "filtered", "other", "empty", "unavailable"]
"""Why a call has no answer because of what it holds: the prompt exceeds the context; a filter
stopped it; the server refuses it for another reason; it answers, and there is no reply in it."""
Part = Literal["instruction", "demos", "format"]
"""What a candidate is for: of a predictor, or the prompt format of the whole program."""
TextRef = str
"""Name of a text in the record: the first 32 hexadecimal digits of its SHA-256."""


class Event(BaseModel):
    """Base of all events: immutable, and silent about fields that a newer version added."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")
    version: ClassVar[int] = 1
    once: ClassVar[tuple[str, ...] | None] = None
    """Fields that name the fact: a resumed run does not tell it again. None: any number
    of such events may be alike."""
    referring: ClassVar[tuple[str, ...]] = ()
    """Fields that hold references to texts."""

    @property
    def fact(self) -> tuple[object, ...] | None:
        """Return what names the fact that the event tells of, None if it may be told again."""
        if self.once is None:
            return None
        return (type(self).__name__, *(getattr(self, name) for name in self.once))

    @property
    def texts(self) -> set[TextRef]:
        """Return the references of the texts without which the event says too little."""
        refs: set[TextRef] = set()
        for name in self.referring:
            held = getattr(self, name)
            if isinstance(held, dict):
                refs.update(held.values())
            elif held is not None:
                refs.add(held)
        return refs


class RunPlanned(Event):
    """The first event: what will be done, on what, and what it is expected to cost.

    `sources` are the user's code and student, by role: a run is resumed with the same ones.
    `process_started` is the Unix time at which the process began, since ids of processes are used
    again. `lms` tells, by role, what the answers of an LM and their price depend on. `unkept` names
    a value of the rows that JSON does not give back. `names` are what the user calls the
    ``student`` and the ``metric``, as far as that is known, and the magic, if any, that began the
    run as its ``command``. `metric_scale` is what the metric gives
    for a full score; scores in events are divided by it. `noise_floor` is that of a measurement of
    headroom before the run, on its valset.
    """

    referring = ("trainset", "valset", "testset", "sources")
    type: Literal["run_planned"] = "run_planned"
    program: str
    predictors: dict[str, str]
    plan: dict[str, Any]
    estimate: dict[str, Any]
    trainset: TextRef
    valset: TextRef
    testset: TextRef | None = None
    mipro_nb: str
    process: int
    process_started: UnixTime
    inputs: list[str]
    models: dict[str, str]
    notes: list[str] = []
    strategy: dict[str, Any]
    sources: dict[str, TextRef]
    lms: dict[str, dict[str, Any]]
    unkept: str | None = None
    names: dict[str, str] = {}
    metric_scale: Literal[1, 100] = 1
    noise_floor: PercentScore | None = None


class RunPermitted(Event):
    """Somebody said yes, or permission was not required; `caps` are the limits set with it."""

    type: Literal["run_permitted"] = "run_permitted"
    by: Permitter
    caps: dict[str, int | float | None] = {}


class RunPaused(Event):
    """No further LM call is sent; those in flight come back. A person's pause has no `reason`."""

    type: Literal["run_paused"] = "run_paused"
    reason: str | None = None


class RunResumed(Event):
    """Calls are sent again.

    After a pause that is all. A run that had ended, or was cut off at `worked_until` (Unix time),
    is resumed by a `process`, under `caps`. Its calls that were in flight at that time are lost:
    they were sent, nobody knows what became of them, and they count at their worst. `settings` are
    those of the plan that have another value from then on. A finished run goes on only to be tested
    on a `testset` that it had not before; then the `estimate` is that of the run with this test,
    empty where that of the run is not known. `unkept` is as in `RunPlanned`.
    """

    referring = ("testset",)
    type: Literal["run_resumed"] = "run_resumed"
    process: int | None = None
    process_started: UnixTime | None = None
    by: Permitter | None = None
    caps: dict[str, int | float | None] = {}
    settings: dict[str, Any] = {}
    estimate: dict[str, Any] = {}
    worked_until: UnixTime | None = None
    testset: TextRef | None = None
    unkept: str | None = None
    lost_calls: Number = 0
    lost_tokens: Number = 0
    lost_usd: Amount = 0.0


NoteTopic = Literal[
    "parameters",
    "streaming",
    "tokens",
    "context",
    "proposals",
    "settings",
    "replies",
    "failures",
    "batches",
]
"""What a run-time note is about; ``"tokens"``: a server did not count them; ``"settings"``: the run
was resumed with others; ``"replies"``: nearly none of the student's can be read; ``"failures"``:
more examples of a trial failed than ``max_errors`` allows, and not with the student; ``"batches"``:
calls that went in one."""


class RunNoted(Event):
    """Something turned out on the way that the user should know, with the remedy if there is one.

    As where a server refuses a parameter, which is left out from then on.
    """

    once = ("text",)
    type: Literal["run_noted"] = "run_noted"
    topic: NoteTopic
    text: str


class PhaseStarted(Event):
    """The run entered a phase; bootstrap and propose overlap."""

    once = ("phase",)
    type: Literal["phase_started"] = "phase_started"
    phase: Phase


class FormatMeasured(Event):
    """The student was run on a few training rows in one prompt format, with a mean score in 0–100.

    Of so many rows the reply was `unreadable`; so many others are `errors`. `tokens` are those of
    prompts and replies, counted alike whatever the server counts and whatever came from the cache.
    The rows are the same for all formats; `scores` are those of each of them, in their order.
    """

    once = ("format",)
    type: Literal["format_measured"] = "format_measured"
    format: str
    rows: Number
    score: PercentScore
    unreadable: Number = 0
    errors: Number = 0
    tokens: Number = 0
    scores: list[PointScore] = []


class FormatChosen(Event):
    """The format that measured best; `formats` tells it by predictor, for those that it fits.

    The `reason` is why it is ahead of the next best. `searched` are the formats that the search
    tries, each told in the same way: this one comes first, then those not clearly behind it. It is
    empty where this one alone is used.
    """

    once = ()
    type: Literal["format_chosen"] = "format_chosen"
    format: str
    formats: dict[str, str]
    reason: str
    searched: dict[str, dict[str, str]] = {}


class LMCallAnswered(Event):
    """An LM call came back, from the server or from the cache.

    Of `attempts` that were sent the last one was answered, after `seconds`; none if `from_cache`.
    So many were `hedged`: the call was slow, and sent a second time beside the first. That of the
    two which was given up is an `LMCallFailed` of its own, not a final one.
    `retryable_errors` tells what the others met: kinds of faults, and how often. What became of
    some of them nobody knows: caps count these at their worst, as tokens and USD beyond those told.
    An answer from the cache is free; `usd_if_sent` is what it would have cost, None where the price
    is not known, or for any other answer. Where a row of the testset is scored, `tested` is the
    configuration that is asked, as in its `ExampleTested`.
    """

    referring = ("prompt_head", "prompt_tail", "reply")
    type: Literal["lm_call_answered"] = "lm_call_answered"
    phase: Phase
    model: str
    prompt_head: TextRef
    prompt_tail: TextRef
    reply: TextRef
    truncated: bool
    input_tokens: Number
    output_tokens: Number
    cached_input_tokens: Number
    usd: Amount | None
    from_cache: bool
    seconds: Amount
    trial: Number | None = None
    example: Number | None = None
    predictor: str | None = None
    attempts: Number = 1
    hedged: Number = 0
    rollout: int = 0
    retryable_errors: dict[str, Number] = {}
    reckoned_tokens: Number = 0
    reckoned_usd: Amount = 0.0
    thoughts: TextRef | None = None
    problem: str = ""
    counted: bool = True
    usd_if_sent: Amount | None = None
    tested: str | None = None


class LMCallFailed(Event):
    """An LM call failed, after `attempts` that were sent.

    Tokens and USD are those of an answer that came back and could not be used. It is `final` where
    the program was told that it failed; if not, its place was taken by another attempt. Some were
    `hedged`, as for a call that was answered.
    `retryable_errors` tells what passing faults the attempts met: kinds, and how often. The
    `reckoned_…` fields are what caps count beyond what is told, as for a call that was
    answered. A `refusal` says that a server refused it for what it holds, or, ``"unavailable"``,
    whatever it holds; and `room`, as far as that is known, how many tokens of a prompt would fit.
    `tested` is as for a call that was answered.
    """

    referring = ("prompt_head", "prompt_tail")
    type: Literal["lm_call_failed"] = "lm_call_failed"
    phase: Phase
    model: str
    prompt_head: TextRef
    prompt_tail: TextRef
    error: str
    seconds: Amount
    trial: Number | None = None
    example: Number | None = None
    predictor: str | None = None
    input_tokens: Number = 0
    output_tokens: Number = 0
    usd: Amount | None = 0.0
    attempts: Number = 1
    hedged: Number = 0
    rollout: int = 0
    final: bool = True
    retryable_errors: dict[str, Number] = {}
    reckoned_tokens: Number = 0
    reckoned_usd: Amount = 0.0
    refusal: RefusalKind | None = None
    room: Number | None = None
    tested: str | None = None


class TraceBootstrapped(Event):
    """The teacher was run on a training example; `kept` tells whether its trace may be a demo.

    Where it failed, an LM's `unusable_reply` may be why; `notes` and `caught` are as in
    `ExampleScored`.
    """

    once = ("example",)
    type: Literal["trace_bootstrapped"] = "trace_bootstrapped"
    example: Number
    kept: bool
    score: PointScore | None
    error: str | None = None
    unusable_reply: bool = False
    notes: list[str] = []
    caught: list[str] = []


class DemoSetBuilt(Event):
    """One candidate demo set of one predictor; `demos` refers to a JSON list of rows."""

    once = ("predictor", "index")
    referring = ("demos",)
    type: Literal["demo_set_built"] = "demo_set_built"
    predictor: str
    index: Number
    source: Literal["empty", "labelled", "bootstrapped"]
    bootstrapped: Number
    labelled: Number
    demos: TextRef


class GroundingWritten(Event):
    """The prompt model wrote something that proposals are based on."""

    once = ("kind", "predictor")
    type: Literal["grounding_written"] = "grounding_written"
    kind: Literal["dataset summary", "program description", "predictor role", "program source"]
    predictor: str | None
    text: str
    problem: str | None = None


InstructionSource = Literal["student", "proposed", "repaired", "user"]


class CandidateProposed(Event):
    """One candidate instruction of one predictor; index 0 is the student's own.

    A repaired one was written in a `repair_round`, by what candidate `based_on` got wrong on the
    rows of the trainset that are its `evidence`. These the `parent` failed, a configuration.
    """

    once = ("predictor", "index")
    type: Literal["candidate_proposed"] = "candidate_proposed"
    predictor: str
    index: Number
    instruction: str
    source: InstructionSource
    tip: str | None = None
    demo_set: Number | None = None
    based_on: Number | None = None
    repair_round: Number | None = None
    parent: dict[str, Number] = {}
    evidence: list[Number] = []


class ProposalDropped(Event):
    """An instruction that was proposed or repaired broke constraints, also when written again.

    It did not become a candidate; the `reasons` say why.
    """

    once = ("predictor", "instruction")
    type: Literal["proposal_dropped"] = "proposal_dropped"
    predictor: str
    instruction: str
    source: Literal["proposed", "repaired"]
    reasons: list[str]
    repair_round: Number | None = None


class CandidatePinned(Event):
    """While any candidate of a part is pinned, only pinned ones are tried."""

    type: Literal["candidate_pinned"] = "candidate_pinned"
    predictor: str
    part: Part
    index: Number
    on: bool


class CandidateBanned(Event):
    """A banned candidate is not tried any more, and not returned."""

    type: Literal["candidate_banned"] = "candidate_banned"
    predictor: str
    part: Part
    index: Number
    on: bool


Approver = Literal["user", "nobody"]
"""Who let a new instruction be tried; nobody: there was no one to ask."""


class CandidateApproved(Event):
    """A new instruction may be tried; told only in runs that ask about each of them."""

    once = ("predictor", "index")
    type: Literal["candidate_approved"] = "candidate_approved"
    predictor: str
    index: Number
    by: Approver = "user"


class TrialAsked(Event):
    """An evaluation was begun: which configuration, on which validation examples."""

    once = ("trial",)
    type: Literal["trial_asked"] = "trial_asked"
    trial: Number
    kind: EvaluationKind
    configuration: dict[str, Number]
    examples: list[Number]


class Cell(Event):
    """One cell of a score ledger: (configuration, example) → score in 0–1."""

    once = ("configuration", "example")
    referring = ("prediction",)
    configuration: str
    example: Number
    score: PointScore
    prediction: TextRef | None
    feedback: str | None = None
    error: str | None = None
    unusable_reply: bool = False
    refused: bool = False
    seconds: Amount
    notes: list[str] = []
    caught: list[str] = []


class ExampleScored(Cell):
    """One cell of the score ledger: (configuration, example) → score in 0–1.

    Its `error` counts towards ``max_errors`` unless it is an outcome of the prompt: an LM's
    `unusable_reply`, or a prompt that is filtered or exceeds the context, which is told alike. What
    a server `refused` for another reason counts only until any example was scored. `notes` tell
    what of the replies was not written as asked and was read all the same; `caught` why LM calls
    failed whose errors program or metric caught.
    """

    type: Literal["example_scored"] = "example_scored"
    trial: Number


class ExampleTested(Cell):
    """A row of the testset was scored: with the student, or with the program that was chosen.

    That is done once the search is over; the fields are those of `ExampleScored`.
    """

    type: Literal["example_tested"] = "example_tested"


class HeadroomScored(Cell):
    """A training row was scored with one of the prompts that headroom is measured by.

    The `configuration` is the prompt's name. The other fields are those of `ExampleScored`. Where
    rows are asked more than once, they are numbered on: the first row's second draw has the number
    that comes after the last row's first.
    """

    type: Literal["headroom_scored"] = "headroom_scored"


class PromptScore(BaseModel):
    """How a prompt fared on the rows that headroom is measured on: a mean score in 0–100.

    Of so many draws the reply was `unreadable`, and so many others are `errors`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    prompt: str
    score: PercentScore
    unreadable: Number = 0
    errors: Number = 0


class HeadroomMeasured(Event):
    """How far apart very different prompts score on training rows, and how far by chance.

    All are points of 100. Prompts have this `spread`; that of equally good ones is up to the
    `floor` in 95 of 100 cases, and up to `floor_once` where each row is asked once. The best is
    ahead of the student by its `lead`, which is beyond chance above the `lead_floor`. A prompt's
    score, drawn again, is up to `redraw` away; None where rows were asked once. `never_right` are
    rows without any full score. A run with the same arguments has a valset of `valset_size` rows.
    """

    once = ()
    type: Literal["headroom_measured"] = "headroom_measured"
    rows: Number
    repeats: Number
    valset_size: Number
    prompts: Annotated[list[PromptScore], MinLen(2)]
    spread: PercentScore
    floor: PercentScore
    lead: PercentScore
    lead_floor: PercentScore
    floor_once: PercentScore
    redraw: PercentScore | None = None
    never_right: Number = 0


class TrialTold(Event):
    """An evaluation ended with a mean score in 0–100 over `examples` examples."""

    once = ("trial",)
    type: Literal["trial_told"] = "trial_told"
    trial: Number
    kind: EvaluationKind
    configuration: dict[str, Number]
    score: PercentScore
    examples: Number
    reused: Number


Rating = Literal["good", "bad"]
"""What a person thinks of a reply."""
LONGEST_REASON = 1000
"""Characters of the reason for a rating."""


class ReplyRated(Event):
    """A person rated the reply to an example, as a trial had it; the last rating of a reply counts.

    Ratings are told at any time, also after the end of the run. The `configuration` is that of the
    reply's `ExampleScored`, and `prediction` the reply. Without a `rating` it has none any more.
    """

    referring = ("prediction",)
    type: Literal["reply_rated"] = "reply_rated"
    trial: Number
    configuration: str
    example: Number
    prediction: TextRef
    rating: Rating | None
    reason: Annotated[str, MaxLen(LONGEST_REASON)] = ""


StopCause = Literal["full score", "stop_at", "patience"]
"""Why a search ended before all of its trials were made."""


class SearchStopped(Event):
    """The search ended before all trials of the plan were made, after so many `trials`.

    The student has the full score on the valset, or a full evaluation the one that ``stop_at`` asks
    for; or as many trials as the ``patience`` brought no new leader. The `reason` says it in words.
    """

    once = ()
    type: Literal["search_stopped"] = "search_stopped"
    cause: StopCause
    trials: Number
    reason: str


class ScoresOnTestset(BaseModel):
    """Mean scores in 0–100 of the student and of the returned program on all rows of the testset.

    `distinct` are the rows whose inputs no earlier one has; None where that is all of them.
    `errors` are rows that failed with either of them. The gain is that on these rows, as the ends
    of its 95 % interval; None where the student itself is returned.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    examples: Number
    distinct: Number | None = None
    student: PercentScore
    score: PercentScore
    errors: Number = 0
    gain_low: PercentScore | None = None
    gain_high: PercentScore | None = None


class RunEnded(Event):
    """How the run ended and what it returned, and its score over `examples`; then it is only rated.

    A run that ended early may return what was scored on a part of the valset only. Calls are
    `lost` that were sent and that nobody waited for to the end; at their worst. Those that are
    `batched` are out in batches, and a run that is resumed asks what came of them. `tested` is None
    where there is no testset, or the run ended before all of it was scored. `preferred` says why a
    better program is not the one that is returned. The `labelled_gain` is that over the student
    with plain labelled demos; None where these were not scored, or are what is returned.
    """

    referring = ("program",)
    type: Literal["run_ended"] = "run_ended"
    state: FinalState
    score: PercentScore | None
    baseline: PercentScore | None
    configuration: dict[str, Number] | None
    program: TextRef | None
    gain_low: PercentScore | None = None
    gain_high: PercentScore | None = None
    labelled_gain_low: PercentScore | None = None
    labelled_gain_high: PercentScore | None = None
    reason: str | None = None
    lost_calls: Number = 0
    lost_tokens: Number = 0
    lost_usd: Amount = 0.0
    batched_calls: Number = 0
    batched_tokens: Number = 0
    batched_usd: Amount = 0.0
    examples: Number | None = None
    tested: ScoresOnTestset | None = None
    preferred: str | None = None


AnyEvent = Annotated[
    RunPlanned
    | RunPermitted
    | RunPaused
    | RunResumed
    | RunNoted
    | PhaseStarted
    | FormatMeasured
    | FormatChosen
    | LMCallAnswered
    | LMCallFailed
    | TraceBootstrapped
    | DemoSetBuilt
    | GroundingWritten
    | CandidateProposed
    | ProposalDropped
    | CandidatePinned
    | CandidateBanned
    | CandidateApproved
    | TrialAsked
    | ExampleScored
    | ExampleTested
    | HeadroomScored
    | HeadroomMeasured
    | TrialTold
    | ReplyRated
    | SearchStopped
    | RunEnded,
    Field(discriminator="type"),
]

read_event: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def first_problem(error: ValidationError) -> str:
    """Return what is wrong first with something read, and where; nothing of what was read."""
    first = error.errors(include_url=False, include_input=False)[0]
    places = ".".join(map(str, first["loc"]))
    return f"{shown(places, 80)}: {shown(first['msg'])}" if places else shown(first["msg"])
