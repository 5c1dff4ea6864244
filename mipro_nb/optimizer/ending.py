"""How a run ends: the best program, and everything that is to be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.errors import RecordError
from mipro_nb.language.module import Module
from mipro_nb.optimizer.configuration import Candidates
from mipro_nb.optimizer.evaluations import Evaluated
from mipro_nb.optimizer.job import Job, Journal
from mipro_nb.runs.events import FinalState, RunEnded


@dataclass(frozen=True)
class Outcome:
    """What a run comes to.

    Attributes
    ----------
    program
        The best program, the student itself if there is none.
    score
        Its full evaluation, 0–100; None if there is none.
    trial_logs
        Kind, configuration, score and examples of every evaluation, by trial.
    candidate_programs
        Score, configuration and program of every full evaluation, the best first.
    """

    program: Module
    score: float | None
    trial_logs: dict[int, dict[str, Any]]
    candidate_programs: list[dict[str, Any]]


class Ending:
    """Records the end of a run.

    Parameters
    ----------
    job, journal
        Those of the run.
    done
        Its evaluations: those that are over by the time it ends.

    Attributes
    ----------
    candidates
        What was searched; None as long as there are none.
    unwritten
        What is lost because it could not be recorded; "" if nothing is.
    """

    def __init__(self, job: Job, journal: Journal, done: Sequence[Evaluated]) -> None:
        self._job, self._journal, self._done = job, journal, done
        self.candidates: Candidates | None = None
        self.unwritten = ""

    def end(self, state: FinalState, reason: str | None) -> Outcome:
        """Record the end, and return what the run comes to.

        Raises
        ------
        RecordError
            If a finished run cannot be recorded as such. Any other end is shown all the same, and
            how many answers that were paid for are lost with the record.
        """
        from mipro_nb.optimizer.gain import best_of, gain_of  # noqa: PLC0415 - numpy takes long

        eligible = [e for e in self._done if self._may_be_returned(e)]
        best = best_of(eligible)
        baseline = next((e for e in self._done if e.kind == "baseline"), None)
        program = self._program_of(best)
        gain = None
        if best is not None and baseline is not None and best is not baseline:
            gain = gain_of(best, eligible, self._job.plan.seed)
        ended = RunEnded(
            state=state,
            score=best.score if best else None,
            baseline=baseline.score if baseline else None,
            configuration=best.configuration if best else None,
            program=None,
            gain_low=gain.low if gain else None,
            gain_high=gain.high if gain else None,
            reason=reason,
        )
        try:
            self._journal.write_now(lambda: self._tell(ended, program))
        except RecordError as error:
            if state == "finished":
                raise
            self._show_unwritten(ended, error)
        return self._outcome(program, best)

    def _may_be_returned(self, evaluated: Evaluated) -> bool:
        return not self._journal.state.is_banned(evaluated.configuration)

    def _program_of(self, evaluated: Evaluated | None) -> Module:
        if evaluated is None or self.candidates is None or not evaluated.configuration:
            return self._job.student.deepcopy()
        return self.candidates.apply(self._job.student, evaluated.configuration)

    def _tell(self, ended: RunEnded, program: Module) -> None:
        lost = self._journal.record.take_lost(self._journal.run_id)
        self._journal.emit(
            ended.model_copy(
                update={
                    "program": self._journal.keep(program.dump_state()),
                    "lost_calls": lost.calls,
                    "lost_tokens": lost.tokens,
                    "lost_usd": lost.usd,
                }
            )
        )

    def _show_unwritten(self, ended: RunEnded, error: RecordError) -> None:
        """Have the run end, and tell what is lost because it cannot be recorded."""
        answers = self._journal.backlog.answers
        if answers == 1:
            self.unwritten = "One LM answer that was paid for could not be written and is lost."
        elif answers:
            self.unwritten = (
                f"{answers:,} LM answers that were paid for could not be written and are lost."
            )
        reason = ended.reason or ""
        said = [reason, *([] if str(error) in reason else [str(error)]), self.unwritten]
        self._journal.show(ended.model_copy(update={"reason": " ".join(filter(None, said))}))

    def _outcome(self, program: Module, best: Evaluated | None) -> Outcome:
        full = [e for e in self._done if e.kind != "minibatch" and self._may_be_returned(e)]
        return Outcome(
            program,
            score=best.score if best else None,
            trial_logs={
                e.trial: {
                    "kind": e.kind,
                    "configuration": dict(e.configuration),
                    "score": e.score,
                    "examples": list(e.examples),
                }
                for e in sorted(self._done, key=lambda e: e.trial)
            },
            candidate_programs=[
                {"score": e.score, "configuration": e.configuration, "program": self._program_of(e)}
                for e in sorted(full, key=lambda e: -e.score)
            ],
        )
