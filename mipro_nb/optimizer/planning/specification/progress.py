"""What a run did before it is resumed: a look into its record."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from mipro_nb.errors import MiproError, RecordError, ReplyError, RequestRefusedError
from mipro_nb.evaluate.scoring import ExampleResult
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.language.saved_programs.saving import as_demo
from mipro_nb.language.signatures.signature import SignatureMeta
from mipro_nb.models.gate.recording.earlier_calls import EarlierCalls
from mipro_nb.optimizer.planning.data.rows import Given, given_values
from mipro_nb.optimizer.search.configuration import Candidates
from mipro_nb.runs.checks.consistency import incoherences
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.events import (
    AnyEvent,
    CandidateProposed,
    Cell,
    EvaluationKind,
    ExampleScored,
    RunEnded,
    RunPlanned,
)
from mipro_nb.runs.state import RunState, TrialState, fold
from mipro_nb.runs.store.json_values import ROWS, kept
from mipro_nb.runs.store.record import Record

Fact = tuple[object, ...]


@dataclass(frozen=True)
class RecordedProgress:
    """What is known of a run that is not going on.

    Nothing that it did is done again: its candidates, trials and scores are taken from here, and
    its calls are answered from here where it has to find out something else once more.

    Attributes
    ----------
    run_id
        The run; empty for one that is new.
    record
        Where it is recorded.
    state
        How it stands; it is the run's own, and goes on with it.
    has_failed
        Whether it failed: what made it fail is tried again.
    next
        Number of its next event.
    facts
        What the events have told and is not told again.
    calls
        Its LM calls.
    trials
        The evaluations that were begun, by number, as they stood.
    scored
        Trial → the examples that it scored itself.
    finished
        How it finished; None if it did not.
    """

    run_id: str
    record: Record
    state: RunState
    has_failed: bool
    next: int
    facts: AbstractSet[Fact]
    calls: EarlierCalls
    trials: Mapping[int, TrialState]
    scored: Mapping[int, set[int]]
    finished: RunEnded | None = None

    @classmethod
    def none(cls, record: Record) -> RecordedProgress:
        """Return the progress of a new run."""
        return cls(
            "",
            record,
            RunState(),
            has_failed=False,
            next=0,
            facts=set(),
            calls=EarlierCalls((), failures=True),
            trials={},
            scored={},
        )

    def __bool__(self) -> bool:
        return self.next > 0

    @classmethod
    def of(cls, record: Record, run_id: str) -> RecordedProgress:
        """Read the progress of a run.

        Raises
        ------
        RecordError
            If the run cannot be read, never was permitted, or its record contradicts itself.
        """
        # Of the events themselves nothing is held on to: there may be hundreds of thousands.
        events = record.events(run_id)
        state = fold(events)
        if state.planned is None or not state.permitted:
            msg = f"Run {run_id} never began: there is nothing to resume."
            raise RecordError(msg)
        for problem in incoherences(state, record.text):
            raise damaged(run_id, problem)
        has_failed = state.state == "failed"
        facts: set[Fact] = set()
        scored: dict[int, set[int]] = defaultdict(set)
        over: set[tuple[int, int]] = set()
        for recorded in events:
            event = recorded.event
            if event.fact is not None and not (has_failed and _is_failure(event)):
                facts.add(event.fact)
                if isinstance(event, ExampleScored):
                    over.add((event.trial, event.example))
            if isinstance(event, ExampleScored):
                scored[event.trial].add(event.example)
        told = {n for n, trial in state.trials.items() if not (has_failed or trial.going)}
        return cls(
            run_id,
            record,
            state,
            has_failed,
            next=events[-1].seq + 1,
            facts=facts,
            calls=EarlierCalls(
                (e.event for e in events),
                failures=not has_failed,
                is_over=lambda trial, example: trial in told or (trial, example) in over,
            ),
            trials=copy.deepcopy(state.trials),
            scored=scored,
            finished=state.ended if state.state == "finished" else None,
        )

    @property
    def planned(self) -> RunPlanned:
        """Return what the run set out to do."""
        if self.state.planned is None:
            msg = "A new run has no progress."
            raise RecordError(msg)
        return self.state.planned

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

    def repaired(self) -> dict[int, list[CandidateProposed]]:
        """Return the repaired instructions by their round, each in the order that they joined."""
        rounds: dict[int, list[CandidateProposed]] = {}
        for recorded in self.record.events(self.run_id, types={"candidate_proposed"}):
            event = recorded.event
            if isinstance(event, CandidateProposed) and event.repair_round is not None:
                rounds.setdefault(event.repair_round, []).append(event)
        return rounds

    def demos(self, predictor: str, index: int) -> list[dict[str, Any]]:
        """Return the demos of one demo set, as they were written down.

        Raises
        ------
        RecordError
            If there is no such set, or it cannot be read.
        """
        built = self.state.demo_sets.get(predictor, {}).get(index)
        if built is None:
            raise damaged(self.run_id, f"demo set {index} of {predictor} is missing")
        return kept(self.record, built.demos, ROWS)

    def results(
        self, rows: Sequence[Example], kind: type[Cell] = ExampleScored
    ) -> dict[str, dict[int, ExampleResult]]:
        """Return the results of the examples `rows` by configuration and place.

        Predictions are not among them: they are in the record.

        Parameters
        ----------
        rows
            The valset or, where `kind` is `ExampleTested`, the testset.
        kind
            Which events have them.

        Raises
        ------
        RecordError
            If an example was scored that is not among `rows`.
        """
        results: dict[str, dict[int, ExampleResult]] = {}
        name = kind.model_fields["type"].default
        for recorded in self.record.events(self.run_id, types={name}):
            event = recorded.event
            if isinstance(event, kind) and not (self.has_failed and _is_failure(event)):
                if event.example >= len(rows):
                    problem = f"it scored example {event.example}, and there are {len(rows)}"
                    raise damaged(self.run_id, problem)
                results.setdefault(event.configuration, {})[event.example] = ExampleResult(
                    index=event.example,
                    example=rows[event.example],
                    prediction=None,
                    score=event.score,
                    feedback=event.feedback,
                    error=_error_of(event),
                    seconds=event.seconds,
                    notes=tuple(event.notes),
                    caught=tuple(event.caught),
                )
        return results

    def candidates(
        self, student: Module, demo_sets: int, rows: Sequence[Example]
    ) -> Candidates | None:
        """Return the candidates, those that a person added among them.

        Parameters
        ----------
        student
            The program they are for.
        demo_sets
            How many demo sets each predictor has; 0 where demos are not searched.
        rows
            What demos are made of: their values are taken from here where JSON has others.

        Returns
        -------
        Candidates or None
            None if the run had not found all of them.

        Raises
        ------
        RecordError
            If one of the demo sets cannot be read.
        """
        if not self.state.has_all_candidates:
            return None
        given = given_values(rows)
        instructions = {}
        demos: dict[str, list[list[Example]]] = {}
        for name, predictor in student.named_predictors():
            proposed = self.state.candidates.get(name, {})
            instructions[name] = [proposed[index].instruction for index in range(len(proposed))]
            demos[name] = [
                [_demo(predictor.signature, row, given) for row in self.demos(name, index)]
                for index in range(demo_sets)
            ]
        chosen = self.state.format_chosen
        formats = [] if chosen is None else list(chosen.searched.values())
        return Candidates(instructions, demos if demo_sets else None, formats)


def damaged(run_id: str, problem: str) -> RecordError:
    """Return the error of a run that cannot be resumed as its record has it."""
    return RecordError(
        f"Run {run_id} is damaged: {problem}. It cannot be resumed; mipro_nb.runs.check() tells "
        "what else is wrong in its record."
    )


def _demo(signature: SignatureMeta, row: Mapping[str, Any], given: Given) -> Example:
    """Return a demo that is prompted as it was before it was written down."""
    known = {
        field: given[key]
        for field, value in row.items()
        if given and (key := (field, json.dumps(value))) in given
    }
    return as_demo(signature, row).copy(**known)


def _is_failure(event: AnyEvent) -> bool:
    """Tell whether an example failed in a way that counts towards ``max_errors``.

    Or it went on without calls that failed: they may have been the first ones of an outage.
    """
    if not isinstance(event, Cell):
        return False
    return bool(event.caught) or (event.error is not None and not event.unusable_reply)


def _error_of(event: Cell) -> Exception | None:
    if event.error is None:
        return None
    said = event.error.removeprefix(f"example {event.example}: ")
    if event.unusable_reply:
        return _UnusableReplyError(said)
    return RequestRefusedError(said) if event.refused else MiproError(said)


class _UnusableReplyError(ReplyError):
    """A reply that was found unusable then; the record has it."""

    def __init__(self, said: str) -> None:
        self.problem, self.raw_text, self.fields = said, "", {}
        MiproError.__init__(self, said)
