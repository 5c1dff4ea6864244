"""The test score: the student and the program that was chosen, on rows that no phase has seen.

It is taken once, when nothing can be chosen by it any more.
"""

from __future__ import annotations

from mipro_nb.evaluate.ledger import Ledger, any_excuse, no_excuse
from mipro_nb.evaluate.scoring import ExampleResult
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.module import Module
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.optimizer.control.concurrency import together
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.scoring.evaluations import cell_of
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.events import ExampleTested, PhaseStarted, ScoresOnTestset


class HeldOut:
    """Scores programs on the testset, and tells what came of it.

    Parameters
    ----------
    spec, journal
        Those of the run.
    ledger
        The scores of the testset's rows; those from before the run was resumed are in it.
    """

    def __init__(self, spec: RunSpec, journal: Journal, ledger: Ledger) -> None:
        self._spec, self._journal, self._ledger = spec, journal, ledger

    async def score(self, key: str, program: Module) -> None:
        """Score the student, and `program` unless it is the student itself.

        Where more is broken than the program, too many rows fail with the student beside it.

        Parameters
        ----------
        key
            The ledger's key of the program's configuration.
        """
        self._journal.emit(PhaseStarted(phase="test"))
        programs = {STUDENT: self._spec.student.deepcopy()}
        programs.setdefault(key, program)
        await together(*(self._evaluate(each, programs[each]) for each in programs))

    async def _evaluate(self, key: str, program: Module) -> None:
        call_labels.set(CallLabels("test", tested=key))
        bind(program.named_predictors())
        await self._ledger.evaluate(
            key,
            program,
            range(len(self._spec.rows.test)),
            on_result=lambda result: self._note(key, result),
            excuse=no_excuse if key == STUDENT else any_excuse,
        )

    def _note(self, key: str, result: ExampleResult) -> None:
        self._journal.write(
            lambda: self._journal.emit(ExampleTested(**cell_of(self._journal, key, result)))
        )

    def scores(self, key: str) -> ScoresOnTestset | None:
        """Return the scores of student and program; None where a row is not scored with both."""
        rows = range(len(self._spec.rows.test))
        state = self._journal.state
        student, chosen = (state.test_scores.get(each, {}) for each in (STUDENT, key))
        if not rows or len(student) < len(rows) or len(chosen) < len(rows):
            return None
        low = high = None
        if key != STUDENT:
            from mipro_nb.optimizer.phases.scoring.gain import interval_of  # noqa: PLC0415 - numpy takes long

            gain = interval_of([chosen[n] - student[n] for n in rows], self._spec.plan.seed)
            low, high = gain.low, gain.high
        failed = {row for each, row in state.test_errors if each in (STUDENT, key)}
        return ScoresOnTestset(
            examples=len(rows),
            student=_mean(student),
            score=_mean(chosen),
            errors=len(failed),
            gain_low=low,
            gain_high=high,
        )


def _mean(scores: dict[int, float]) -> float:
    return 100 * sum(scores.values()) / len(scores)
