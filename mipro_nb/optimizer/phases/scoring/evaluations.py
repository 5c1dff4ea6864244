"""Evaluations: programs scored on validation examples, and what comes of it written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.errors import RequestRefusedError
from mipro_nb.evaluate.evaluate import mean_score
from mipro_nb.evaluate.ledger import Excuse, Ledger, any_excuse, no_excuse
from mipro_nb.evaluate.scoring import ExampleResult, error_line
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.scoring.failing import Failing
from mipro_nb.optimizer.phases.scoring.unreadable import UnreadableReplies
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.search.minibatches import stages
from mipro_nb.optimizer.search.prospects import Prospects
from mipro_nb.runs.configuration import STUDENT, Configuration, configuration_key
from mipro_nb.runs.events import (
    EvaluationKind,
    ExampleScored,
    Phase,
    PhaseStarted,
    TrialAsked,
    TrialTold,
)


@dataclass(frozen=True)
class Evaluated:
    """One evaluation that is over.

    Attributes
    ----------
    trial
        Its number; 0 is the student as given.
    examples
        Those that were scored, by place in the valset.
    """

    trial: int
    kind: EvaluationKind
    configuration: Configuration
    examples: Sequence[int]
    results: Sequence[ExampleResult]

    @property
    def score(self) -> float:
        """Return the mean score in 0–100."""
        return mean_score(self.results)

    @property
    def scores(self) -> dict[int, float]:
        """Return the score of each example, 0–1."""
        return scores_of(self.results)


def scores_of(results: Sequence[ExampleResult]) -> dict[int, float]:
    """Return the score of each example, 0–1."""
    return {result.index: result.score for result in results}


class Evaluations:
    """Evaluates programs on the valset, and writes down what comes of it.

    What was told before the run was resumed (its `progress`) is read, and not judged again. The
    score of each row of the student's, 0-1, is told `on_student_scored`.
    """

    def __init__(
        self,
        spec: RunSpec,
        journal: Journal,
        ledger: Ledger,
        progress: RecordedProgress,
        *,
        unreadable: UnreadableReplies,
        on_student_scored: Callable[[float], None],
    ) -> None:
        self._spec, self._journal, self._ledger, self._progress = spec, journal, ledger, progress
        self._unreadable, self._on_student_scored = unreadable, on_student_scored
        self._failing = Failing(spec, journal, ledger)
        self.done: list[Evaluated] = []

    async def baseline(self) -> Evaluated:
        """Evaluate the student as given on the whole valset; this is trial 0."""
        self._journal.emit(PhaseStarted(phase="baseline"))
        every = range(self._spec.plan.valset_size)
        return await self.evaluate(0, "baseline", {}, self._spec.student.deepcopy(), every)

    async def evaluate(
        self,
        trial: int,
        kind: EvaluationKind,
        configuration: Configuration,
        program: Module,
        examples: Sequence[int],
        *,
        prospects: Prospects | None = None,
    ) -> Evaluated:
        """Score `program` on `examples`; cells that the ledger has are not paid for again.

        If there are `prospects`, it is scored in stages and left at those after which it is lost.
        """
        key = self.key(configuration, program)
        told = self._progress.told(trial)
        if told is not None:
            examples, prospects = told, None
        own = self._progress.scored.get(trial, set())
        self._journal.emit(
            TrialAsked(trial=trial, kind=kind, configuration=configuration, examples=list(examples))
        )
        phase: Phase = "baseline" if kind == "baseline" else "search"
        token = call_labels.set(CallLabels(phase, trial=trial))
        bind(program.named_predictors())
        results: list[ExampleResult] = []
        reused = 0
        try:
            for end in stages(len(examples)) if prospects else [len(examples)]:
                reused += len(self._ledger.begun(key) & set(examples[len(results) : end]) - own)
                results = await self._ledger.evaluate(
                    key,
                    program,
                    examples[:end],
                    priority=trial,
                    on_result=lambda result: self._note(trial, key, result),
                    excuse=self._excuse(kind, is_told=told is not None),
                )
                if kind == "baseline":
                    self._unreadable.take(results)  # also of those that the record has
                if prospects and prospects.are_lost(scores_of(results)):
                    break
        finally:
            call_labels.reset(token)
        scored = examples[: len(results)]
        evaluated = Evaluated(trial, kind, configuration, list(scored), results)
        self._journal.emit(
            TrialTold(
                trial=trial,
                kind=kind,
                configuration=configuration,
                score=evaluated.score,
                examples=len(results),
                reused=reused,
            )
        )
        self.done.append(evaluated)
        return evaluated

    def _excuse(self, kind: EvaluationKind, *, is_told: bool) -> Excuse:
        """Return what tells whether many examples may fail; where they were told, they have."""
        if kind == "baseline":
            return no_excuse
        return any_excuse if is_told else self._failing.is_at_fault

    def note_failures(self, evaluated: Evaluated) -> None:
        """Tell the user, once, of a trial on which too many examples failed."""
        self._failing.take(evaluated.trial, evaluated.results)

    def key(self, configuration: Configuration, program: Module) -> str:
        """Return the ledger's key; a configuration that changes nothing is the student itself."""
        return STUDENT if self.is_student(program) else configuration_key(configuration)

    def is_student(self, program: Module) -> bool:
        """Tell whether `program` is the student as given."""
        return program.dump_state() == self._spec.student.dump_state()

    def _note(self, trial: int, key: str, result: ExampleResult) -> None:
        self._journal.write(
            lambda: self._journal.emit(
                ExampleScored(trial=trial, **cell_of(self._journal, key, result))
            )
        )
        if trial == 0:
            self._unreadable.take([result])
            self._on_student_scored(result.score)


def cell_of(journal: Journal, key: str, result: ExampleResult) -> dict[str, Any]:
    """Return the fields of the event of a configuration's result; its prediction is kept.

    Within one `write` with that event.
    """
    prediction = result.prediction
    values = prediction.to_dict() if isinstance(prediction, Example) else prediction
    return {
        "configuration": key,
        "example": result.index,
        "score": result.score,
        "prediction": None if values is None else _kept(journal, values),
        "feedback": result.feedback,
        "error": None if result.error is None else error_line(result),
        "unusable_reply": result.error is not None and not result.counts_as_error,
        "refused": isinstance(result.error, RequestRefusedError),
        "seconds": result.seconds,
        "notes": list(result.notes),
        "caught": list(result.caught),
    }


def _kept(journal: Journal, values: object) -> str:
    try:
        return journal.keep(values)
    except ValueError:
        return journal.keep(repr(values))
