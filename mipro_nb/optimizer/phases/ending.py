"""How a run ends: the best program, and everything that is to be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mipro_nb.amounts import format_score
from mipro_nb.errors import RecordError, shown
from mipro_nb.language.module import Module
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.evaluations import Evaluated, Evaluations
from mipro_nb.optimizer.phases.held_out import HeldOut
from mipro_nb.optimizer.planning.preference import Preference
from mipro_nb.optimizer.planning.run_spec import RunSpec
from mipro_nb.optimizer.search.configuration import Candidates
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.events import FinalState, RunEnded, ScoresOnTestset
from mipro_nb.runs.objectives import MeasuredConfiguration, measured_configurations
from mipro_nb.runs.sentences.objectives import preferred_text
from mipro_nb.runs.sentences.wording import counted, resting_text

if TYPE_CHECKING:
    from mipro_nb.optimizer.phases.gain import Gain


@dataclass(frozen=True)
class Outcome:
    """What a run comes to.

    Attributes
    ----------
    program
        The best program, the student itself if there is none.
    score
        Its score, 0–100: that of its full evaluation, or of as many examples as are known where
        the run ended early; None if there is none.
    trial_logs
        Kind, configuration, score and examples of every evaluation, by trial.
    candidate_programs
        Score, examples that it rests on, configuration and program of every full evaluation, the
        best first; before them the program that is returned, where it has no full evaluation.
    """

    program: Module
    score: float | None
    trial_logs: dict[int, dict[str, Any]]
    candidate_programs: list[dict[str, Any]]


@dataclass(frozen=True)
class _Chosen:
    """What is returned: its configuration, and its score over so many examples.

    It may be `preferred` to a better one, for the reason given.
    """

    configuration: Configuration | None = None
    score: float | None = None
    examples: int | None = None
    gain: Gain | None = None
    preferred: str | None = None


_NOTHING = _Chosen()


class _Choice:
    """What is preferred, chosen once: what is tested is what is returned."""

    def __init__(self) -> None:
        self._made: tuple[list[MeasuredConfiguration], MeasuredConfiguration] | None = None

    def of(self, prefer: Preference, known: list[MeasuredConfiguration]) -> MeasuredConfiguration:
        """Return what is preferred among those that are `known`."""
        if self._made is None or self._made[0] != known:
            self._made = known, prefer.choose(known)
        return self._made[1]


class Ending:
    """Records the end of a run.

    Parameters
    ----------
    spec, journal
        Those of the run.
    evaluations
        Its evaluations: those that are over by the time it ends.
    held_out
        What is known of the testset by then.

    Attributes
    ----------
    candidates
        What was searched; None as long as there are none.
    unwritten
        What is lost because it could not be recorded; "" if nothing is.
    """

    def __init__(
        self, spec: RunSpec, journal: Journal, evaluations: Evaluations, held_out: HeldOut
    ) -> None:
        self._spec, self._journal, self._held_out = spec, journal, held_out
        self._evaluations, self._done = evaluations, evaluations.done
        self.candidates: Candidates | None = None
        self.unwritten = ""
        self._choice = _Choice()

    def end(self, state: FinalState, reason: str | None) -> Outcome:
        """Record the end, and return what the run comes to.

        Raises
        ------
        RecordError
            If a finished run cannot be recorded as such. Any other end is shown all the same, and
            how many answers that were paid for are lost with the record.
        """
        chosen = self._best_full() if state == "finished" else self._best_known()
        program = self.program_of(chosen.configuration)
        tested = self._held_out.scores(self._key_of(chosen.configuration))
        ended = RunEnded(
            state=state,
            score=chosen.score,
            baseline=self._journal.state.baseline,
            configuration=chosen.configuration,
            program=None,
            gain_low=chosen.gain.low if chosen.gain else None,
            gain_high=chosen.gain.high if chosen.gain else None,
            reason=self._reason(reason, chosen, tested),
            examples=chosen.examples,
            tested=tested,
            preferred=chosen.preferred,
        )
        try:
            self._journal.write_now(lambda: self._tell(ended, program))
        except RecordError as error:
            if state == "finished":
                raise
            self._show_unwritten(ended, error)
        return self._outcome(program, chosen)

    def _best_full(self) -> _Chosen:
        """Return the best full evaluation."""
        from mipro_nb.optimizer.phases.gain import best_of, gain_of  # noqa: PLC0415 - numpy takes long

        eligible = [e for e in self._done if self._may_be_returned(e.configuration)]
        best = best_of(eligible)
        if best is None:
            return _NOTHING
        returned, why = self._preferred(best, eligible)
        gain = None
        if returned.kind != "baseline" and any(e.kind == "baseline" for e in eligible):
            gain = gain_of(returned, eligible, self._spec.plan.seed)
        return _Chosen(returned.configuration, returned.score, len(returned.examples), gain, why)

    def _preferred(
        self, best: Evaluated, eligible: Sequence[Evaluated]
    ) -> tuple[Evaluated, str | None]:
        """Return what is preferred to the best program, and why; the best itself if nothing is."""
        prefer = self._spec.plan.prefer
        measured = self._journal.read(measured_configurations)
        by_trial = {e.trial: e for e in eligible}
        known = [each for each in measured if each.trial in by_trial]
        if prefer is None or not known:
            return best, None
        first = next((each for each in known if each.trial == best.trial), None)
        try:
            chosen = self._choice.of(prefer, known)
        except Exception as error:  # noqa: BLE001 - the user's function may raise anything
            return best, f"prefer={prefer.text!r} chose nothing: {shown(str(error), 200)}"
        if first is None or chosen.trial == best.trial:
            return best, None
        return by_trial[chosen.trial], preferred_text(prefer.text, chosen, first)

    def _best_known(self) -> _Chosen:
        """Return the best by what is known, where not all is known that was to be."""
        from mipro_nb.optimizer.phases import leader  # noqa: PLC0415 - numpy takes long

        size = self._spec.plan.valset_size
        known = self._journal.read(lambda state: leader.known_configurations(state, size))
        best = leader.leader_of(known)
        full = self._best_full()
        if best is None or (self.candidates is None and best.configuration):
            return full
        if best.whole and best.configuration == full.configuration:
            return full
        gain = best.gain_over(known[0]) if best.configuration else None
        return _Chosen(best.configuration, best.score, len(best.scores), gain)

    def _reason(
        self, reason: str | None, chosen: _Chosen, tested: ScoresOnTestset | None
    ) -> str | None:
        """Return all that is to be said of the end; None where nothing is."""
        stopped = self._journal.state.search_stopped
        said = [
            reason,
            None if stopped is None else stopped.reason,
            chosen.preferred,
            self._caveat(chosen),
            self._untested(tested),
        ]
        return " ".join(filter(None, said)) or None

    def _caveat(self, chosen: _Chosen) -> str:
        """Return what is to be said of a program that was not scored on the whole valset."""
        size = self._spec.plan.valset_size
        if chosen.score is None or chosen.examples is None or chosen.examples >= size:
            return ""
        resting = resting_text(chosen.score, chosen.examples, size)
        return (
            f"What is returned is the best by what is known, not confirmed by a full evaluation: "
            f"{format_score(chosen.score)} {resting}."
        )

    def _untested(self, tested: ScoresOnTestset | None) -> str:
        """Return what is to be said of a testset that was not scored."""
        rows = len(self._spec.rows.test)
        if not rows or tested is not None:
            return ""
        return (
            f"There is no test score: the run ended before the {counted(rows, 'row')} of the "
            "testset were scored. If it is resumed, they are."
        )

    def chosen(self) -> tuple[str, Module]:
        """Return what a finished run would return: the ledger's key, and the program to score."""
        configuration = self._best_full().configuration
        return self._key_of(configuration), self._plain(configuration)

    def _key_of(self, configuration: Configuration | None) -> str:
        return self._evaluations.key(configuration or {}, self._plain(configuration))

    def _plain(self, configuration: Configuration | None) -> Module:
        """Return the student with `configuration` set, as the run itself scores it."""
        if self.candidates is None or not configuration:
            return self._spec.student.deepcopy()
        return self.candidates.apply(self._spec.student, configuration)

    def _may_be_returned(self, configuration: Configuration) -> bool:
        return not self._journal.state.is_banned(configuration)

    def program_of(self, configuration: Configuration | None) -> Module:
        """Return the student with `configuration` set; the student as given if there is none."""
        return self._spec.in_chosen_formats(self._plain(configuration))

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

    def _outcome(self, program: Module, chosen: _Chosen) -> Outcome:
        full = [
            _Chosen(e.configuration, e.score, len(e.examples))
            for e in sorted(self._done, key=lambda e: -e.score)
            if e.kind != "minibatch" and self._may_be_returned(e.configuration)
        ]
        is_full = any(each.configuration == chosen.configuration for each in full)
        listed = full if is_full or chosen.score is None else [chosen, *full]
        return Outcome(
            program,
            score=chosen.score,
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
                {
                    "score": each.score,
                    "examples": each.examples,
                    "configuration": each.configuration,
                    "program": self.program_of(each.configuration),
                }
                for each in listed
            ],
        )
