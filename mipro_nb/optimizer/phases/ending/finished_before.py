"""The end of a run that had finished before, once it is tested: what it returns stays the same."""

from __future__ import annotations

from mipro_nb.language.programs.module import Module
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.ending.ending import Chosen, Ending
from mipro_nb.optimizer.phases.ending.held_out import HeldOut
from mipro_nb.optimizer.phases.scoring.evaluations import Evaluations
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.events import FinalState, RunEnded
from mipro_nb.runs.sentences.wording import counted


class FinishedBefore(Ending):
    """Records that a finished run has finished again, with a test score if it came to one.

    Parameters
    ----------
    before
        How it had finished.
    spec, journal, evaluations, held_out
        As those of an `Ending`.
    """

    def __init__(
        self,
        before: RunEnded,
        spec: RunSpec,
        journal: Journal,
        evaluations: Evaluations,
        held_out: HeldOut,
    ) -> None:
        super().__init__(spec, journal, evaluations, held_out)
        self._before = before

    async def choose(self) -> None:
        """Do nothing: what is returned was chosen before, and the testset chooses nothing."""

    def chosen(self) -> tuple[str, Module]:
        """Return what the run returned: the ledger's key, and the program to score."""
        configuration = self._before.configuration
        return self._key_of(configuration), self._plain(configuration)

    def _returned(self, state: FinalState) -> tuple[FinalState, Chosen]:  # noqa: ARG002 - stays
        from mipro_nb.optimizer.phases.scoring.gain import Gain  # noqa: PLC0415 - numpy takes long

        def gain(low: float | None, high: float | None) -> Gain | None:
            return None if low is None or high is None else Gain(low, high)

        before = self._before
        return "finished", Chosen(
            before.configuration,
            before.score,
            before.examples,
            gain(before.gain_low, before.gain_high),
            gain(before.labelled_gain_low, before.labelled_gain_high),
            before.preferred,
        )

    def _how_to_test(self, rows: int) -> str:
        return (
            f"There is no test score: the {counted(rows, 'row')} of the testset were not all "
            "scored. Call run.test with the same rows again: only the rest is paid for."
        )
