"""The test score: the student and the program that was chosen, on rows that no phase has seen.

It is taken once, when nothing can be chosen by it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from mipro_nb.evaluate.ledger import Ledger, any_excuse, no_excuse
from mipro_nb.evaluate.scoring import ExampleResult
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.programs.module import Module
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.optimizer.control.concurrency import together
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.scoring.evaluations import cell_of
from mipro_nb.optimizer.planning.data.rows import inputs_key
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.events import ExampleTested, PhaseStarted, ScoresOnTestset

Scores = Mapping[int, float]


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

            gain = interval_of(self._gains(student, chosen), self._spec.plan.seed)
            low, high = gain.low, gain.high
        failed = {row for each, row in state.test_errors if each in (STUDENT, key)}
        return ScoresOnTestset(
            examples=len(rows),
            distinct=None if len(self._distinct) == len(rows) else len(self._distinct),
            student=_mean(student),
            score=_mean(chosen),
            errors=len(failed),
            gain_low=low,
            gain_high=high,
        )

    @cached_property
    def _distinct(self) -> list[list[int]]:
        """The rows of the testset, those of equal inputs together."""
        alike: dict[str, list[int]] = {}
        for number, row in enumerate(self._spec.rows.test):
            alike.setdefault(inputs_key(row), []).append(number)
        return list(alike.values())

    def _gains(self, student: Scores, chosen: Scores) -> list[float]:
        """Return what was gained on each distinct row; their mean is that of all rows.

        A row that is there fifty times says no more than once how the programs differ.
        """
        weight = len(self._distinct) / len(self._spec.rows.test)
        return [
            weight * sum(chosen[number] - student[number] for number in alike)
            for alike in self._distinct
        ]


def _mean(scores: Scores) -> float:
    return 100 * sum(scores.values()) / len(scores)
