"""How a run ends: the best program, and everything that is to be known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mipro_nb.amounts import format_score
from mipro_nb.core_loop import in_worker
from mipro_nb.errors import RecordError, shown
from mipro_nb.language.programs.module import Module
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.ending.held_out import HeldOut
from mipro_nb.optimizer.phases.scoring.evaluations import Evaluated, Evaluations
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.search.configuration import Candidates
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.events import FinalState, RunEnded, ScoresOnTestset
from mipro_nb.runs.sentences.results.objectives import preferred_text
from mipro_nb.runs.sentences.wording import counted, resting_text
from mipro_nb.runs.statistics.labelled import labelled_evaluation
from mipro_nb.runs.statistics.objectives import MeasuredConfiguration, measured_configurations
from mipro_nb.runs.store.batches import batched_usage

if TYPE_CHECKING:
    from mipro_nb.optimizer.phases.scoring.gain import Gain


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
class Chosen:
    """What is returned: its configuration, and its score over so many examples.

    Its gains are over the student, and over the student with plain labelled demos. It may be
    `preferred` to a better one, for the reason given.
    """

    configuration: Configuration | None = None
    score: float | None = None
    examples: int | None = None
    gain: Gain | None = None
    labelled_gain: Gain | None = None
    preferred: str | None = None


_NOTHING = Chosen()


@dataclass(frozen=True)
class _Choice:
    """What was preferred `among` some; none of them where that failed, for the `problem` given."""

    among: tuple[MeasuredConfiguration, ...] = ()
    chosen: MeasuredConfiguration | None = None
    problem: str = ""


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

        What a finished run returns was chosen before.

        Raises
        ------
        RecordError
            If a finished run cannot be recorded as such. Any other end is shown all the same, and
            how many answers that were paid for are lost with the record.
        """
        recorded, chosen = self._returned(state)
        program = self.program_of(chosen.configuration)
        tested = self._held_out.scores(self._key_of(chosen.configuration))
        ended = RunEnded(
            state=recorded,
            score=chosen.score,
            baseline=self._journal.state.baseline,
            configuration=chosen.configuration,
            program=None,
            gain_low=chosen.gain.low if chosen.gain else None,
            gain_high=chosen.gain.high if chosen.gain else None,
            labelled_gain_low=chosen.labelled_gain.low if chosen.labelled_gain else None,
            labelled_gain_high=chosen.labelled_gain.high if chosen.labelled_gain else None,
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

    def _returned(self, state: FinalState) -> tuple[FinalState, Chosen]:
        """Return how a run is recorded that ends in `state`, and what it returns."""
        return state, self._finished() if state == "finished" else self._best_known()

    async def choose(self) -> None:
        """Choose what is preferred, unless that was done: what is tested is what is returned.

        While a function of the user's thinks, a person may ban candidates: then it is asked again.
        """
        prefer = self._spec.plan.prefer
        while prefer is not None and (known := self._comparable()) != self._choice.among:
            try:
                self._choice = _Choice(known, await in_worker(prefer.choose, known))
            except Exception as error:  # noqa: BLE001 - the user's function may raise anything
                self._choice = _Choice(known, problem=shown(str(error), 200))

    def _comparable(self) -> tuple[MeasuredConfiguration, ...]:
        """Return what there is to choose from: what was scored on the whole valset."""
        trials = {e.trial for e in self._eligible()}
        measured = self._journal.read(measured_configurations)
        return tuple(each for each in measured if each.trial in trials)

    def _eligible(self) -> list[Evaluated]:
        return [e for e in self._done if self._may_be_returned(e.configuration)]

    def _finished(self) -> Chosen:
        """Return what a finished run returns."""
        returned, why = self._preferred()
        return _NOTHING if returned is None else replace(self._with_gain(returned), preferred=why)

    def _preferred(self) -> tuple[Evaluated | None, str | None]:
        """Return what is preferred to the best full evaluation, and why; else that, and None."""
        prefer, choice, best = self._spec.plan.prefer, self._choice, self._best_full()
        first = next((e for e in choice.among if best and e.trial == best.trial), None)
        if prefer is None or first is None:
            return best, None
        if choice.chosen is None:
            failed = f"prefer={prefer.text!r} chose nothing: {choice.problem}"
            return best, f"{failed}, so the best program is returned."
        if choice.chosen.trial == first.trial:
            return best, None
        returned = next(e for e in self._done if e.trial == choice.chosen.trial)
        return returned, preferred_text(prefer.text, choice.chosen, first)

    def _best_full(self) -> Evaluated | None:
        """Return the best full evaluation."""
        from mipro_nb.optimizer.phases.scoring.gain import best_of  # noqa: PLC0415 - numpy takes long

        return best_of(self._eligible())

    def _with_gain(self, full: Evaluated) -> Chosen:
        """Return a full evaluation with what it gains over the student, without and with demos."""
        from mipro_nb.optimizer.phases.scoring.gain import gain_of  # noqa: PLC0415 - numpy takes long

        eligible = self._eligible()

        def gain_over(configuration: Configuration | None) -> Gain | None:
            own = [e for e in eligible if e.configuration == configuration]
            over = max(own, key=lambda e: len(e.examples), default=None)
            if over is None or over.configuration == full.configuration:
                return None
            return gain_of(full, over, eligible, self._spec.plan.seed)

        is_found = full.kind != "baseline"
        return Chosen(
            full.configuration,
            full.score,
            len(full.examples),
            gain_over({}) if is_found else None,
            gain_over(self._labelled()) if is_found else None,
        )

    def _labelled(self) -> Configuration | None:
        """Return the student with plain labelled demos, None where that was not scored."""
        labelled = self._journal.read(labelled_evaluation)
        return None if labelled is None else labelled.configuration

    def _best_known(self) -> Chosen:
        """Return the best by what is known, where not all is known that was to be."""
        from mipro_nb.optimizer.phases.scoring import leader  # noqa: PLC0415 - numpy takes long

        size = self._spec.plan.valset_size
        known = self._journal.read(lambda state: leader.known_configurations(state, size))
        if self._journal.state.baseline is None:
            return _NOTHING  # plain labelled demos may be scored already, but with nothing to beat
        labelled = self._labelled()
        whole = [each for each in known if each.whole]
        # What is scored on a few examples looks good by luck: what the search found and scored on
        # all of them is returned before it.
        is_confirmed = any(each.configuration not in ({}, labelled) for each in whole)
        best, best_full = leader.leader_of(whole if is_confirmed else known), self._best_full()
        full = _NOTHING if best_full is None else self._with_gain(best_full)
        if best is None or (self.candidates is None and best.configuration):
            return full
        if best.whole and best.configuration == full.configuration:
            return full
        if not best.configuration:
            return Chosen(best.configuration, best.score, len(best.scores))
        others = [each for each in known if each is not best]
        gain, over_labelled = (
            next((best.gain_over(each) for each in others if each.configuration == over), None)
            for over in ({}, labelled)
        )
        return Chosen(best.configuration, best.score, len(best.scores), gain, over_labelled)

    def _reason(
        self, reason: str | None, chosen: Chosen, tested: ScoresOnTestset | None
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

    def _caveat(self, chosen: Chosen) -> str:
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
        return self._how_to_test(rows) if rows and tested is None else ""

    def _how_to_test(self, rows: int) -> str:
        return (
            f"There is no test score: the run ended before the {counted(rows, 'row')} of the "
            "testset were scored. If it is resumed, they are."
        )

    def chosen(self) -> tuple[str, Module]:
        """Return what a finished run would return: the ledger's key, and the program to score."""
        returned, _ = self._preferred()
        configuration = None if returned is None else returned.configuration
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
        found = {} if self.candidates is None else self.candidates.formats_of(configuration or {})
        return self._spec.in_chosen_formats(self._plain(configuration), found)

    def _tell(self, ended: RunEnded, program: Module) -> None:
        record, run_id = self._journal.record, self._journal.run_id
        lost, batched = record.take_lost(run_id), batched_usage(record, run_id)
        self._journal.emit(
            ended.model_copy(
                update={
                    "program": self._journal.keep(program.dump_state()),
                    "lost_calls": lost.calls,
                    "lost_tokens": lost.tokens,
                    "lost_usd": lost.usd,
                    "batched_calls": batched.calls,
                    "batched_tokens": batched.tokens,
                    "batched_usd": batched.usd,
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

    def _outcome(self, program: Module, chosen: Chosen) -> Outcome:
        full = [
            Chosen(e.configuration, e.score, len(e.examples))
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
