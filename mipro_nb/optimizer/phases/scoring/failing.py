"""Configurations on which the program fails: told from a world in which every one would fail."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.errors import RequestRefusedError
from mipro_nb.evaluate.ledger import Ledger
from mipro_nb.evaluate.scoring import ExampleResult, error_line
from mipro_nb.language.execution.scope import bind
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.events import NoteTopic
from mipro_nb.runs.sentences.replies.failing import failing_text

_TOPIC: NoteTopic = "failures"


class Failing:
    """Tells whether a configuration is at fault where too many examples fail, and notes it once.

    It is, if the student as given does not fail on them: then what fails scores 0, and the search
    goes on. Where the student fails as well by now, or LM calls failed, something else is broken.

    Parameters
    ----------
    spec, journal, ledger
        Those of the run.
    """

    def __init__(self, spec: RunSpec, journal: Journal, ledger: Ledger) -> None:
        self._spec, self._journal, self._ledger = spec, journal, ledger

    async def is_at_fault(self, failed: Sequence[ExampleResult]) -> bool:
        """Tell whether a configuration is at fault for these failures."""
        own = [result.index for result in failed if not result.met_failed_calls]
        student = self._spec.student.deepcopy()
        token = call_labels.set(CallLabels("baseline"))
        try:
            bind(student.named_predictors())
            return bool(own) and not await self._ledger.fails_now(STUDENT, student, own)
        finally:
            call_labels.reset(token)

    def take(self, trial: int, results: Sequence[ExampleResult]) -> None:
        """Note the first trial on which more examples failed than ``max_errors`` allows."""
        limit = self._spec.plan.max_errors
        failed = [
            result
            for result in results
            if result.counts_as_error and not isinstance(result.error, RequestRefusedError)
        ]
        was_told = any(note.topic == _TOPIC for note in self._journal.state.notes)
        if len(failed) < limit or was_told:
            return
        text = failing_text(trial, len(failed), len(results), error_line(failed[0]), limit)
        self._journal.note(_TOPIC, text)
