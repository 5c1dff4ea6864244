"""What a run did before it is carried on: a look into its record."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mipro_nb.errors import MiproError, RecordError, ReplyError
from mipro_nb.evaluate.scoring import ExampleResult
from mipro_nb.language.example import Example
from mipro_nb.language.module import Module
from mipro_nb.language.saving import as_demo
from mipro_nb.models.past_calls import Before, PastCalls
from mipro_nb.optimizer.configuration import Candidates, Configuration
from mipro_nb.runs.events import (
    EvaluationKind,
    ExampleScored,
    LMCallAnswered,
    LMCallFailed,
    RunPlanned,
)
from mipro_nb.runs.record import Record, RecordedEvent
from mipro_nb.runs.state import RunState, TrialState, fold

Fact = tuple[object, ...]


@dataclass(frozen=True)
class Past:
    """What is known of a run that is not going on.

    Nothing that it did is done again: its candidates, trials and scores are taken from here, and
    its calls are answered from here where it has to find out something else once more.

    Attributes
    ----------
    run_id
        The run; empty for one that is new.
    events
        What happened, in order.
    state
        The fold of the events.
    record
        Where they are.
    """

    run_id: str
    events: Sequence[RecordedEvent]
    state: RunState
    record: Record

    @classmethod
    def none(cls, record: Record) -> Past:
        """Return the past of a new run."""
        return cls("", (), RunState(), record)

    def __bool__(self) -> bool:
        return bool(self.events)

    @classmethod
    def of(cls, record: Record, run_id: str) -> Past:
        """Read the past of a run.

        Raises
        ------
        RecordError
            If the run cannot be read, or never was permitted.
        """
        events = record.events(run_id)
        state = fold(events)
        if state.planned is None or not state.permitted:
            msg = f"Run {run_id} never began: there is nothing to carry on."
            raise RecordError(msg)
        return cls(run_id, events, state, record)

    @property
    def planned(self) -> RunPlanned:
        """Return what the run set out to do."""
        if self.state.planned is None:
            msg = "A new run has no past."
            raise RecordError(msg)
        return self.state.planned

    @property
    def _has_failed(self) -> bool:
        """Tell whether it failed: what made it fail is then tried anew."""
        return self.state.state == "failed"

    @cached_property
    def facts(self) -> set[Fact]:
        """Return the facts that the events tell of, and that are not told again."""
        return {
            fact
            for recorded in self.events
            if (fact := recorded.event.fact) is not None and not self._is_redone(recorded)
        }

    def _is_redone(self, recorded: RecordedEvent) -> bool:
        event = recorded.event
        return (
            self._has_failed
            and isinstance(event, ExampleScored)
            and event.error is not None
            and not event.unusable_reply
        )

    def before(self) -> Before:
        """Return what the gate has to know."""
        calls = (
            recorded.event
            for recorded in self.events
            if isinstance(recorded.event, LMCallAnswered | LMCallFailed)
        )
        return Before(self.state.outlay, PastCalls(calls, failures=not self._has_failed))

    @cached_property
    def trials(self) -> Mapping[int, TrialState]:
        """Return the evaluations that were begun, by number, as they stand now."""
        return copy.deepcopy(self.state.trials)

    def asked(self, trial: int) -> Configuration | None:
        """Return the configuration that a trial tried, None if it was not begun."""
        asked = self.trials.get(trial)
        return None if asked is None else dict(asked.configuration)

    def kind(self, trial: int) -> EvaluationKind | None:
        """Return what kind of evaluation a trial was, None if it was not begun."""
        asked = self.trials.get(trial)
        return None if asked is None else asked.kind

    def told(self, trial: int) -> Sequence[int] | None:
        """Return the examples that a trial scored, None if it was not told."""
        told = self.trials.get(trial)
        return None if told is None or told.told_at is None else told.examples

    @cached_property
    def _own_examples(self) -> Mapping[int, set[int]]:
        own: dict[int, set[int]] = defaultdict(set)
        for recorded in self.events:
            if isinstance(recorded.event, ExampleScored):
                own[recorded.event.trial].add(recorded.event.example)
        return own

    def own_examples(self, trial: int) -> set[int]:
        """Return the examples that a trial itself scored."""
        return self._own_examples.get(trial, set())

    def results(self, rows: Sequence[Example]) -> dict[str, dict[int, ExampleResult]]:
        """Return the results of the examples `rows` by configuration and place.

        Predictions are not among them: they are in the record.
        """
        results: dict[str, dict[int, ExampleResult]] = {}
        for recorded in self.events:
            event = recorded.event
            if isinstance(event, ExampleScored) and not self._is_redone(recorded):
                results.setdefault(event.configuration, {})[event.example] = ExampleResult(
                    index=event.example,
                    example=rows[event.example],
                    prediction=None,
                    score=event.score,
                    feedback=event.feedback,
                    error=_error_of(event),
                    seconds=event.seconds,
                )
        return results

    def candidates(self, student: Module, demo_sets: int) -> Candidates | None:
        """Return the candidates, those that a person added among them.

        Parameters
        ----------
        student
            The program they are for.
        demo_sets
            How many demo sets each predictor has; 0 where demos are not searched.

        Returns
        -------
        Candidates or None
            None if the run had not found all of them.
        """
        if "search" not in self.state.phases:
            return None
        instructions = {}
        demos: dict[str, list[list[Example]]] = {}
        for name, predictor in student.named_predictors():
            proposed = self.state.candidates.get(name, {})
            built = self.state.demo_sets.get(name, {})
            instructions[name] = [proposed[index].instruction for index in range(len(proposed))]
            demos[name] = [
                [
                    as_demo(predictor.signature, row)
                    for row in json.loads(self.record.text(built[index].demos))
                ]
                for index in range(demo_sets)
            ]
        return Candidates(instructions, demos if demo_sets else None)


def _error_of(event: ExampleScored) -> Exception | None:
    if event.error is None:
        return None
    said = event.error.removeprefix(f"example {event.example}: ")
    return _UnusableReplyError(said) if event.unusable_reply else MiproError(said)


class _UnusableReplyError(ReplyError):
    """A reply that was found unusable then; the record has it."""

    def __init__(self, said: str) -> None:
        self.problem, self.raw_text, self.fields = said, "", {}
        MiproError.__init__(self, said)
