"""The state of a run: a pure fold of its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mipro_nb.errors import RecordError
from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import FORMAT, STUDENT, configuration_key
from mipro_nb.runs.state.spend import Spend
from mipro_nb.runs.state.trials import Choice, Tally, TrialState, choices_of
from mipro_nb.runs.store.owners import lives
from mipro_nb.runs.store.record import RecordedEvent
from mipro_nb.runs.usage import Usage

State = Literal[
    "planned", "running", "paused", "finished", "stopped", "capped", "failed", "cut off"
]
GOING_ON = frozenset({"planned", "running", "paused"})
"""States of a run that has not ended, while its process is there."""


Reply = tuple[int, ev.TextRef]
"""An example, and what a program answered to it, whichever configuration did."""

_BOOTSTRAPPING = "bootstrapping"
_TESTING = "testing "
_MEASURING = "headroom "


@dataclass
class RunState:
    """What is known of a run after some of its events.

    Attributes
    ----------
    scores
        The ledger: configuration key → example → score in 0–1.
    errors
        (configuration key, example) → error text of examples that failed.
    scored_by
        (configuration key, example) → the trial that scored it last.
    test_scores
        The same of the testset's rows: configuration key → row → score in 0–1.
    test_errors
        Rows of the testset that failed, as (configuration key, row).
    headroom_scores
        Rows that headroom is measured on: name of the prompt → draw → score in 0–1.
    headroom
        What came of that; None before its end, or where it is not measured.
    noted
        Examples some of whose replies were not written as asked and were read all the same:
        (configuration key, or that of bootstrapping, testing or measuring; example).
    caught
        Examples some of whose LM calls failed, and program or metric caught it; named like those.
    unreadable
        Examples that failed because a reply could not be read; named like those.
    answered_wrongly
        Rows of the trainset that did not pass in bootstrapping for what was answered.
    ratings
        What a person thinks of replies, those rated last at the end.
    pinned, banned
        Candidates that a person pinned or banned.
    approved
        New instructions that may be tried, where each is asked about, and who said so.
    decided
        Those that somebody has approved, banned or pinned, whatever became of that.
    tallies
        How each candidate fared.
    caps
        Limits set with the permission, by the name of their parameter.
    dropped
        Proposed and repaired instructions that broke constraints.
    search_stopped
        Why the search ended before all trials were made; None if it did not.
    ended
        How it ended, and what it returned; None before.
    is_tested
        Whether it had finished and was resumed to be tested, and the test has not ended.
    notes
        What turned out on the way that the user should know.
    faults
        What attempts at calls met that passed, or might have: kinds, and how often.
    lost
        Calls that were in flight when the run, or its process, ended, at their worst.
    batched
        Calls that were out in batches when the run ended, at their worst; none while it goes on.
    reckoned
        What attempts whose end nobody knows may have cost, at the worst, beyond what events
        tell; the attempts themselves are among those told.
    process, process_started
        Whose run it is: the process's id, and the Unix time at which that process began.
    pause_reason
        Why it pauses, where no person paused it.

    Examples
    --------
    >>> state = fold(load(run_id).events())
    >>> state.state, state.baseline < 100
    ('finished', True)
    """

    state: State = "planned"
    planned: ev.RunPlanned | None = None
    permitted: bool = False
    phases: list[ev.Phase] = field(default_factory=list)
    spend: Spend = field(default_factory=Spend)
    spend_by_phase: dict[ev.Phase, Spend] = field(default_factory=dict)
    formats_measured: dict[str, ev.FormatMeasured] = field(default_factory=dict)
    format_chosen: ev.FormatChosen | None = None
    bootstrapped: dict[int, bool] = field(default_factory=dict)
    answered_wrongly: set[int] = field(default_factory=set)
    demo_sets: dict[str, dict[int, ev.DemoSetBuilt]] = field(default_factory=dict)
    grounding: list[ev.GroundingWritten] = field(default_factory=list)
    candidates: dict[str, dict[int, ev.CandidateProposed]] = field(default_factory=dict)
    trials: dict[int, TrialState] = field(default_factory=dict)
    scores: dict[str, dict[int, float]] = field(default_factory=dict)
    errors: dict[tuple[str, int], str] = field(default_factory=dict)
    scored_by: dict[tuple[str, int], int] = field(default_factory=dict)
    test_scores: dict[str, dict[int, float]] = field(default_factory=dict)
    test_errors: set[tuple[str, int]] = field(default_factory=set)
    headroom_scores: dict[str, dict[int, float]] = field(default_factory=dict)
    headroom: ev.HeadroomMeasured | None = None
    noted: set[tuple[str, int]] = field(default_factory=set)
    caught: set[tuple[str, int]] = field(default_factory=set)
    unreadable: set[tuple[str, int]] = field(default_factory=set)
    ratings: dict[Reply, ev.ReplyRated] = field(default_factory=dict)
    pinned: set[Choice] = field(default_factory=set)
    banned: set[Choice] = field(default_factory=set)
    approved: dict[Choice, ev.Approver] = field(default_factory=dict)
    decided: set[Choice] = field(default_factory=set)
    tallies: dict[Choice, Tally] = field(default_factory=dict)
    caps: dict[str, int | float | None] = field(default_factory=dict)
    dropped: list[ev.ProposalDropped] = field(default_factory=list)
    search_stopped: ev.SearchStopped | None = None
    ended: ev.RunEnded | None = None
    is_tested: bool = False
    started_at: float | None = None
    ended_at: float | None = None
    last_at: float | None = None
    paused_at: float | None = None
    paused_seconds: float = 0.0
    pause_reason: str | None = None
    notes: list[ev.RunNoted] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    lost: Usage = field(default_factory=Usage)
    batched: Usage = field(default_factory=Usage)
    reckoned: Usage = field(default_factory=Usage)
    process: int | None = None
    process_started: float | None = None

    @property
    def goes_on(self) -> bool:
        """Tell whether it has not ended, or is tested after its end, while its process is there."""
        return self.state in GOING_ON

    @property
    def search_stopped_before_it_began(self) -> bool:
        """Tell whether the student itself was as good as was asked for."""
        return self.search_stopped is not None and "search" not in self.phases

    @property
    def measured_format(self) -> str | None:
        """Return the prompt format that measured best, or all that are searched; None for none."""
        if self.format_chosen is None:
            return None
        return " or ".join(self.format_chosen.searched) or self.format_chosen.format

    @property
    def searched_formats(self) -> list[str]:
        """Return the prompt formats that the search tries, in order; none where that is settled."""
        return [] if self.format_chosen is None else list(self.format_chosen.searched)

    def format_of(self, configuration: dict[str, int]) -> str | None:
        """Return the prompt format that a configuration tries; None where it leaves that alone."""
        index, formats = configuration.get(FORMAT), self.searched_formats
        return formats[index] if index is not None and index < len(formats) else None

    @property
    def answered(self) -> int:
        """Return how many examples the program was run on, in all phases."""
        return len(self.scored_by) + len(self.bootstrapped) + self.tested + self.measured

    @property
    def measured(self) -> int:
        """Return how many draws were scored to measure headroom, each prompt's counted."""
        return sum(map(len, self.headroom_scores.values()))

    @property
    def tested(self) -> int:
        """Return how many rows of the testset were scored, each program's counted."""
        return sum(map(len, self.test_scores.values()))

    @property
    def about(self) -> bool:
        """Tell whether its tokens and USD are about right: a server did not count them."""
        return self.spend.about or any(note.topic == "tokens" for note in self.notes)

    @property
    def usage(self) -> Usage:
        """Return what all calls took, at the worst where nobody knows: what caps start from."""
        spend = self.spend
        tokens = spend.input_tokens + spend.output_tokens
        return Usage(spend.attempts, tokens, spend.known_usd) + self.unheard + self.reckoned

    @property
    def unheard(self) -> Usage:
        """Return what calls took, at the worst, that brought no answer because the run ended."""
        return self.lost + self.batched

    @property
    def baseline(self) -> float | None:
        """Return the score of the student as given on the whole valset, in 0–100."""
        scores = [t.score for t in self.trials.values() if t.kind == "baseline"]
        return scores[0] if scores else None

    @property
    def best(self) -> TrialState | None:
        """Return the best full evaluation so far, the baseline included, banned ones not.

        Where another one was preferred and returned, it is that one. Of a run that ended early it
        may be one that was scored on a part of the valset only, and is the best by what is known:
        see `is_whole`. None is as long as the student itself is being scored.
        """
        if any(t.kind == "baseline" and t.score is None for t in self.trials.values()):
            return None
        full = [
            t
            for t in self.trials.values()
            if t.kind != "minibatch" and t.score is not None and not self.is_banned(t.configuration)
        ]
        best = max(full, key=lambda t: (t.score or 0.0, -t.trial), default=None)
        return self._returned_in_part() or self._preferred(full) or best

    @property
    def noise_floor(self) -> float | None:
        """Return the points below which nothing is called a gain, if headroom was measured."""
        return None if self.planned is None else self.planned.noise_floor

    @property
    def full_evaluations(self) -> list[TrialState]:
        """Return the first full evaluation of every configuration, in order, the baseline first.

        Those that change nothing of the student have no scores of their own, and are left out.
        """
        first: dict[str, TrialState] = {}
        for _, trial in sorted(self.trials.items()):
            if trial.kind != "minibatch" and trial.score is not None and self.scores.get(trial.key):
                first.setdefault(trial.key, trial)
        return list(first.values())

    def _preferred(self, full: list[TrialState]) -> TrialState | None:
        """Return the full evaluation that was preferred to a better one, None if none was."""
        ended = self.ended
        if ended is None or ended.preferred is None:
            return None
        return next((t for t in full if t.configuration == (ended.configuration or {})), None)

    def _returned_in_part(self) -> TrialState | None:
        """Return the evaluation that an early end chose, None if that was a full one."""
        ended = self.ended
        if ended is None or not ended.configuration or ended.examples is None:
            return None
        scores = self.scores.get(configuration_key(ended.configuration), {})
        tried = [t for t in self.trials.values() if t.configuration == ended.configuration]
        if not tried or not scores or len(scores) >= self.valset_size:
            return None
        score = 100 * sum(scores.values()) / len(scores)
        return replace(tried[-1], kind="minibatch", examples=sorted(scores), score=score)

    @property
    def valset_size(self) -> int:
        """Return how many examples a full evaluation has; 0 as long as there is none."""
        return max(
            (len(t.examples) for t in self.trials.values() if t.kind != "minibatch"), default=0
        )

    def is_whole(self, trial: TrialState) -> bool:
        """Tell whether an evaluation covers the whole valset."""
        return len(trial.examples) >= self.valset_size

    def scores_with(self, configuration: dict[str, int]) -> Mapping[int, float]:
        """Return example → score of a configuration; of one that changes nothing, the student's."""
        scores = self.scores.get(configuration_key(configuration)) if configuration else None
        if scores is not None:
            return scores
        told = any(
            trial.score is not None and trial.configuration == configuration
            for trial in self.trials.values()
        )
        is_student = not any(configuration.values()) or told
        return self.scores.get(STUDENT, {}) if is_student else {}

    def is_banned(self, configuration: dict[str, int]) -> bool:
        """Tell whether a configuration holds a banned candidate."""
        return any(choice in self.banned for choice in choices_of(configuration))

    @property
    def has_all_candidates(self) -> bool:
        """Tell whether nothing more is proposed before the search: then a person may steer."""
        added = (c.source == "user" for made in self.candidates.values() for c in made.values())
        return "search" in self.phases or bool(self.decided) or any(added)

    @property
    def new_instructions(self) -> list[Choice]:
        """Return what the prompt model wrote, proposed or repaired, in order."""
        return [
            Choice(predictor, "instruction", index)
            for predictor, made in self.candidates.items()
            for index, candidate in sorted(made.items())
            if candidate.source in ("proposed", "repaired")
        ]

    @property
    def undecided(self) -> list[Choice]:
        """Return the new instructions that wait until somebody decides about them."""
        if self.planned is None or self.planned.plan.get("approve") is None:
            return []
        return [choice for choice in self.new_instructions if choice not in self.decided]

    @property
    def seconds(self) -> float:
        """Return how long the run has worked, pauses left out, up to its last event."""
        if self.last_at is None:
            return 0.0
        return self.seconds_at(self.ended_at or self.last_at)

    def seconds_at(self, now: float) -> float:
        """Return how long the run has worked at Unix time `now`, pauses left out."""
        if self.started_at is None:
            return 0.0
        until = min(now, self.ended_at or now, self.paused_at or now)
        return max(0.0, until - self.started_at - self.paused_seconds)

    def apply(self, recorded: RecordedEvent) -> None:
        """Take one more event into account.

        Raises
        ------
        RecordError
            If it contradicts those before it.
        """
        try:
            self._apply(recorded)
        except (LookupError, ValueError, TypeError, ArithmeticError) as error:
            msg = (
                f"Event {recorded.seq} of run {recorded.run_id} contradicts those before it: the "
                "run's record is damaged. mipro_nb.runs.check() tells what else is."
            )
            raise RecordError(msg) from error

    def _apply(self, recorded: RecordedEvent) -> None:  # noqa: C901, PLR0912, PLR0915 - a case per event
        if isinstance(recorded.event, ev.ReplyRated):
            self._rate(recorded.event)
            return  # a person did that: the run has not worked any longer
        self.last_at = recorded.at
        match recorded.event:
            case ev.RunPlanned() as event:
                self.planned = event
                self.process, self.process_started = event.process, event.process_started
                self.started_at = recorded.at
            case ev.RunPermitted() as event:
                self.permitted = True
                self.caps = dict(event.caps)
                self.state = "running"
                self.started_at = recorded.at
            case ev.RunPaused(reason=reason):
                self.state = "paused"
                self.pause_reason = reason
                self.paused_at = recorded.at
            case ev.RunResumed() as event:
                if event.process is not None:
                    self._resume(event)
                self.state = "running"
                self._end_pause(recorded.at)
            case ev.RunNoted() as event:
                self.notes.append(event)
            case ev.PhaseStarted(phase=phase):
                self.phases.append(phase)
            case ev.FormatMeasured() as event:
                self.formats_measured[event.format] = event
            case ev.FormatChosen() as event:
                self.format_chosen = event
            case ev.LMCallAnswered() as event:
                self._reckon(event)
                for spend in self._spends(event):
                    spend.add(event)
                if event.trial in self.trials:
                    self.trials[event.trial].work.take(event)
            case ev.LMCallFailed() as event:
                self._reckon(event)
                for spend in self._spends(event):
                    spend.add_failed(event)
            case ev.TraceBootstrapped() as event:
                self.bootstrapped[event.example] = event.kept
                if not event.kept and (event.error is None or event.unusable_reply):
                    self.answered_wrongly.add(event.example)
                cell = (_BOOTSTRAPPING, event.example)
                self._read(cell, event, unreadable=event.unusable_reply)
            case ev.DemoSetBuilt() as event:
                self.demo_sets.setdefault(event.predictor, {})[event.index] = event
            case ev.GroundingWritten() as event:
                self.grounding.append(event)
            case ev.CandidateProposed() as event:
                self.candidates.setdefault(event.predictor, {})[event.index] = event
            case ev.ProposalDropped() as event:
                self.dropped.append(event)
            case ev.CandidatePinned() as event:
                self.decided.add(_switch(self.pinned, event))
            case ev.CandidateBanned() as event:
                self.decided.add(_switch(self.banned, event))
            case ev.CandidateApproved() as event:
                choice = Choice(event.predictor, "instruction", event.index)
                self.approved[choice] = event.by
                self.decided.add(choice)
            case ev.TrialAsked() as event:
                self.trials[event.trial] = TrialState(
                    event.trial, event.kind, event.configuration, event.examples, recorded.at
                )
                for tally in self._tallies(event.trial):
                    tally.trials += 1
            case ev.ExampleScored() as event:
                self._score(event)
            case ev.ExampleTested() as event:
                self._test(event)
            case ev.HeadroomScored() as event:
                self.headroom_scores.setdefault(event.configuration, {})[event.example] = (
                    event.score
                )
                unreadable = event.unusable_reply and not event.refused
                cell = (_MEASURING + event.configuration, event.example)
                self._read(cell, event, unreadable=unreadable)
            case ev.HeadroomMeasured() as event:
                self.headroom = event
            case ev.TrialTold() as event:
                trial = self.trials[event.trial]
                trial.score, trial.reused = event.score, event.reused
                trial.examples = trial.examples[: event.examples]  # fewer if it was clearly lost
                trial.told_at = recorded.at
            case ev.SearchStopped() as event:
                self.search_stopped = event
            case ev.RunEnded() as event:
                self.ended, self.is_tested = event, False
                self.state = event.state
                self.lost += Usage(event.lost_calls, event.lost_tokens, event.lost_usd)
                self.batched = Usage(event.batched_calls, event.batched_tokens, event.batched_usd)
                self.ended_at = recorded.at
                self._end_pause(recorded.at)

    def _resume(self, event: ev.RunResumed) -> None:
        """Have a run that had ended, or was cut off, go on; meanwhile it was paused."""
        self.process, self.process_started = event.process, event.process_started
        self.caps = dict(event.caps)
        if event.settings and self.planned is not None:
            plan = {**self.planned.plan, **event.settings}
            self.planned = self.planned.model_copy(update={"plan": plan})
        if event.testset is not None and self.planned is not None:
            estimate = event.estimate or self.planned.estimate
            tested = {"testset": event.testset, "unkept": event.unkept, "estimate": estimate}
            self.planned = self.planned.model_copy(update=tested)
        self.lost += Usage(event.lost_calls, event.lost_tokens, event.lost_usd)
        self.batched = Usage()  # it asks what came of them
        if self.paused_at is None:
            self.paused_at = event.worked_until
        self.ended_at = None
        # A finished run has its result while it is tested, and whatever becomes of the test.
        self.is_tested = event.testset is not None
        if not self.is_tested:
            self.ended = None

    def _rate(self, event: ev.ReplyRated) -> None:
        reply = (event.example, event.prediction)
        self.ratings.pop(reply, None)
        if event.rating is not None:
            self.ratings[reply] = event

    def _end_pause(self, at: float) -> None:
        self.pause_reason = None
        if self.paused_at is not None:
            self.paused_seconds += at - self.paused_at
            for trial in self.trials.values():
                if trial.told_at is None:
                    trial.paused_seconds += at - max(self.paused_at, trial.asked_at)
            self.paused_at = None

    def _reckon(self, call: ev.LMCallAnswered | ev.LMCallFailed) -> None:
        """Count the faults that a call met, and what they may have cost."""
        for kind, times in call.retryable_errors.items():
            self.faults[kind] = self.faults.get(kind, 0) + times
        if call.reckoned_tokens or call.reckoned_usd:
            self.reckoned += Usage(0, call.reckoned_tokens, call.reckoned_usd)

    def _spends(self, call: ev.LMCallAnswered | ev.LMCallFailed) -> list[Spend]:
        """Return what a call counts towards: the run, its phase, its trial."""
        spends = [self.spend, self.spend_by_phase.setdefault(call.phase, Spend())]
        if call.trial is not None and call.trial in self.trials:
            spends.append(self.trials[call.trial].spend)
        return spends

    def _score(self, event: ev.ExampleScored) -> None:
        cell = (event.configuration, event.example)
        if cell in self.scored_by:  # a failed run that is resumed scores again what had failed
            self._count(cell, -1)
        self.scores.setdefault(event.configuration, {})[event.example] = event.score
        self.errors.pop(cell, None)
        if event.error is not None:
            self.errors[cell] = event.error
        self.scored_by[cell] = event.trial
        self._count(cell, +1)
        # What a server refuses, as too long or filtered, has no reply.
        self._read(cell, event, unreadable=event.unusable_reply and not event.refused)

    def _test(self, event: ev.ExampleTested) -> None:
        cell = (event.configuration, event.example)
        self.test_scores.setdefault(event.configuration, {})[event.example] = event.score
        self.test_errors.discard(cell)
        if event.error is not None:
            self.test_errors.add(cell)
        unreadable = event.unusable_reply and not event.refused
        self._read((_TESTING + cell[0], cell[1]), event, unreadable=unreadable)

    def _read(
        self,
        cell: tuple[str, int],
        event: ev.Cell | ev.TraceBootstrapped,
        *,
        unreadable: bool,
    ) -> None:
        """Note what came of the LM calls for an example, and how their replies could be read."""
        for cells, is_one in (
            (self.unreadable, unreadable),
            (self.noted, bool(event.notes) and not unreadable),
            (self.caught, bool(event.caught)),
        ):
            if is_one:
                cells.add(cell)
            else:
                cells.discard(cell)

    def _count(self, cell: tuple[str, int], one: Literal[1, -1]) -> None:
        """Have a scored example count towards its trial, or (-1) do so no more."""
        number = self.scored_by[cell]
        trial = self.trials.get(number)
        if trial is None:
            return
        configuration, example = cell
        trial.scored += one
        trial.errors += one * (cell in self.errors)
        trial.error = (trial.error or self.errors.get(cell)) if trial.errors else None
        for tally in self._tallies(number):
            tally.points += one * self.scores[configuration][example]
            tally.examples += one

    def _tallies(self, trial: int) -> list[Tally]:
        """Return the tallies of the candidates that a trial tries."""
        configuration = self.trials[trial].configuration
        if configuration:
            choices = choices_of(configuration)
        else:  # the student as given
            predictors = self.planned.predictors if self.planned else ()
            choices = [Choice(name, "instruction", 0) for name in predictors]
        return [self.tallies.setdefault(choice, Tally()) for choice in choices]


def _switch(choices: set[Choice], event: ev.CandidatePinned | ev.CandidateBanned) -> Choice:
    """Put a candidate among `choices`, or take it away, and return it."""
    choice = Choice(event.predictor, event.part, event.index)
    if event.on:
        choices.add(choice)
    else:
        choices.discard(choice)
    return choice


def fold(events: Iterable[RecordedEvent]) -> RunState:
    """Return the state that `events` lead to.

    A run that never ended and whose process is gone is ``"cut off"``; one that had finished, and
    was tested, is finished.

    Raises
    ------
    RecordError
        If an event contradicts those before it.
    """
    state, run_id = RunState(), ""
    for event in events:
        state.apply(event)
        run_id = event.run_id
    return as_it_stands(state, run_id)


def as_it_stands(state: RunState, run_id: str) -> RunState:
    """Return the state of a run, as it is told if its process is gone."""
    gone = state.process is not None and not lives(run_id, state.process, state.process_started)
    state.state = told_state(state, is_there=not gone)
    if not state.goes_on and state.is_tested:
        state.ended_at = state.last_at
    return state


def told_state(state: RunState, *, is_there: bool) -> State:
    """Return the state of a run whose process is there, or is gone."""
    if is_there or not state.goes_on:
        return state.state
    return "cut off" if state.ended is None else state.ended.state
