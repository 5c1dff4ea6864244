"""The state of a run: a pure fold of its events."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from mipro_nb.runs import events as ev
from mipro_nb.runs.record import RecordedEvent

State = Literal["planned", "running", "finished", "stopped", "capped", "failed", "cut off"]


@dataclass
class Spend:
    """What LM calls cost.

    Attributes
    ----------
    calls
        Calls that a server answered.
    cached_calls
        Calls answered from the record, for nothing.
    failed_calls
        Calls that failed for good.
    input_tokens, output_tokens
        Tokens of the answered calls, as the server counted them.
    cached_input_tokens
        Those of the input tokens that the server had in its own prompt cache.
    known_usd
        Price of the calls whose price is known.
    unpriced_calls
        Calls whose price is not known.
    """

    calls: int = 0
    cached_calls: int = 0
    failed_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    known_usd: float = 0.0
    unpriced_calls: int = 0

    @property
    def usd(self) -> float | None:
        """Return the price in USD, None where that of any call is unknown."""
        return None if self.unpriced_calls else self.known_usd

    def add(self, call: ev.LMCallAnswered) -> None:
        """Count one answered call."""
        if call.from_cache:
            self.cached_calls += 1
            return
        self.calls += 1
        self.input_tokens += call.input_tokens
        self.output_tokens += call.output_tokens
        self.cached_input_tokens += call.cached_input_tokens
        if call.usd is None:
            self.unpriced_calls += 1
        else:
            self.known_usd += call.usd


@dataclass
class TrialState:
    """One evaluation of one configuration."""

    trial: int
    kind: ev.EvaluationKind
    configuration: dict[str, int]
    examples: list[int]
    score: float | None = None
    reused: int = 0


@dataclass
class RunState:
    """What is known of a run after some of its events.

    Attributes
    ----------
    scores
        The ledger: configuration key → example → score in 0–1.
    errors
        (configuration key, example) → error text of examples that failed.
    """

    state: State = "planned"
    planned: ev.RunPlanned | None = None
    permitted: bool = False
    phases: list[ev.Phase] = field(default_factory=list)
    spend: Spend = field(default_factory=Spend)
    spend_by_phase: dict[ev.Phase, Spend] = field(default_factory=dict)
    bootstrapped: dict[int, bool] = field(default_factory=dict)
    demo_sets: dict[str, dict[int, ev.DemoSetBuilt]] = field(default_factory=dict)
    grounding: list[ev.GroundingWritten] = field(default_factory=list)
    candidates: dict[str, dict[int, ev.CandidateProposed]] = field(default_factory=dict)
    trials: dict[int, TrialState] = field(default_factory=dict)
    scores: dict[str, dict[int, float]] = field(default_factory=dict)
    errors: dict[tuple[str, int], str] = field(default_factory=dict)
    ended: ev.RunEnded | None = None
    started_at: float | None = None
    ended_at: float | None = None
    last_at: float | None = None

    @property
    def baseline(self) -> float | None:
        """Return the score of the student as given on the whole valset, in 0–100."""
        scores = [t.score for t in self.trials.values() if t.kind == "baseline"]
        return scores[0] if scores else None

    @property
    def best(self) -> TrialState | None:
        """Return the best full evaluation so far, the baseline included."""
        full = [t for t in self.trials.values() if t.kind != "minibatch" and t.score is not None]
        return max(full, key=lambda t: (t.score or 0.0, -t.trial), default=None)

    @property
    def seconds(self) -> float:
        """Return how long the run has taken, up to its last event."""
        if self.started_at is None or self.last_at is None:
            return 0.0
        return (self.ended_at or self.last_at) - self.started_at

    def apply(self, recorded: RecordedEvent) -> None:  # noqa: C901, PLR0912 - a case per event
        """Take one more event into account."""
        self.last_at = recorded.at
        match recorded.event:
            case ev.RunPlanned() as event:
                self.planned = event
                self.started_at = recorded.at
            case ev.RunPermitted():
                self.permitted = True
                self.state = "running"
                self.started_at = recorded.at
            case ev.PhaseStarted(phase=phase):
                self.phases.append(phase)
            case ev.LMCallAnswered() as event:
                self.spend.add(event)
                self.spend_by_phase.setdefault(event.phase, Spend()).add(event)
            case ev.LMCallFailed() as event:
                self.spend.failed_calls += 1
                self.spend_by_phase.setdefault(event.phase, Spend()).failed_calls += 1
            case ev.TraceBootstrapped(example=example, kept=kept):
                self.bootstrapped[example] = kept
            case ev.DemoSetBuilt() as event:
                self.demo_sets.setdefault(event.predictor, {})[event.index] = event
            case ev.GroundingWritten() as event:
                self.grounding.append(event)
            case ev.CandidateProposed() as event:
                self.candidates.setdefault(event.predictor, {})[event.index] = event
            case ev.TrialAsked() as event:
                self.trials[event.trial] = TrialState(
                    event.trial, event.kind, event.configuration, event.examples
                )
            case ev.ExampleScored() as event:
                self.scores.setdefault(event.configuration, {})[event.example] = event.score
                if event.error is not None:
                    self.errors[event.configuration, event.example] = event.error
            case ev.TrialTold() as event:
                trial = self.trials[event.trial]
                trial.score, trial.reused = event.score, event.reused
            case ev.RunEnded() as event:
                self.ended = event
                self.state = event.state
                self.ended_at = recorded.at


def fold(events: Iterable[RecordedEvent]) -> RunState:
    """Return the state that `events` lead to.

    A run that never ended and whose process is gone is ``"cut off"``.
    """
    state = RunState()
    for event in events:
        state.apply(event)
    if state.ended is None and state.planned is not None and not _alive(state.planned.process):
        state.state = "cut off"
    return state


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except (PermissionError, OSError):
        return True
    return True
