"""What came of a run that has ended: the scores, the prompts, the price, and what still fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mipro_nb.amounts import format_score
from mipro_nb.errors import RecordError
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.configuration import STUDENT, Configuration, variable_of
from mipro_nb.runs.sentences.results.gain import gain_view
from mipro_nb.runs.sentences.results.held_out import held_out_view
from mipro_nb.runs.sentences.results.measured_formats import asked_text
from mipro_nb.runs.sentences.results.result import (
    BEST_PROGRAM,
    call_text,
    cost_sentence,
    failing_text,
    gain_sentences,
    labelled_gain_sentences,
    labelled_text,
    why_sentences,
    with_labelled,
)
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState, TrialState, Work
from mipro_nb.runs.statistics.interval import score_interval
from mipro_nb.runs.statistics.labelled import labelled_demos, labelled_evaluation
from mipro_nb.runs.store.json_values import FIELDS, ROWS, kept
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.clip import clip, more_of_instruction, more_of_text, within
from mipro_nb.runs.views.results.effects import effects_view
from mipro_nb.runs.views.results.outcomes import is_right, outcomes

_INSTRUCTION_CHARACTERS = 8000


def result_view(record: Record, run_id: str, state: RunState) -> vm.ResultView | None:
    """Return what came of a run; None before its end, or where nothing was scored.

    Raises
    ------
    RecordError
        If the record does not have what the result consists of.
    """
    best = state.best
    if state.ended is None or best is None or best.score is None:
        return None
    try:
        return _Result(record, state, best).view()
    except LookupError as error:
        msg = f"The record does not have the result of run {run_id}: it is damaged."
        raise RecordError(msg) from error


class _Result:
    """Puts the result of one run together."""

    def __init__(self, record: Record, state: RunState, best: TrialState) -> None:
        self._record, self._state, self._best = record, state, best
        self._changed = best.kind != "baseline"
        self._test = held_out_view(state)
        self._student = self._read_student()
        labelled = labelled_evaluation(state)
        # What is returned may be that itself: then `why` says so.
        is_it = labelled is not None and labelled.configuration == best.configuration
        self._labelled = None if is_it else labelled

    def view(self) -> vm.ResultView:
        state, best = self._state, self._best
        scores = state.scores_with(best.configuration)
        shown, left_out = outcomes(self._record, state, best.configuration)
        prompts = self._prompts()
        return {
            "trial": best.trial,
            "changed": self._changed,
            "scores": self._scores(),
            "gain": self._gain(),
            # The scores themselves stand in the table of scores.
            "test": [] if self._test is None else [_sentence(t) for t in self._test["told"][1:]],
            "cost": self._cost(prompts) if self._changed else None,
            "why": [
                *why_sentences(state, best),
                *asked_text(state, best.configuration),
                *self._how_plain(),
            ],
            "prompts": prompts,
            "failing": sum(not is_right(score) for score in scores.values()),
            "failing_told": failing_text(list(scores.values())),
            "outcomes": shown,
            "outcomes_left_out": left_out,
            "effects": effects_view(
                state, best, own_demos=any(demos for _, demos in self._student.values())
            ),
        }

    def _scores(self) -> list[vm.ResultScore]:
        state, best, test = self._state, self._best, self._test
        rows: list[vm.ResultScore] = []
        if state.baseline is not None:
            rows.append(self._score(STUDENT, {}, state.baseline, state.valset_size))
            if test is not None:
                own = (test["student"], test["student_low"], test["student_high"])
                rows[0]["test"], rows[0]["test_low"], rows[0]["test_high"] = own
        if (labelled := self._labelled) is not None:
            examples = len(labelled.examples)
            what = with_labelled(labelled_demos(state, labelled.configuration))
            rows.append(self._score(what, labelled.configuration, labelled.score or 0.0, examples))
        if self._changed:
            examples = len(best.examples)
            rows.append(self._score(BEST_PROGRAM, best.configuration, best.score or 0.0, examples))
            if test is not None:
                found = (test["score"], test["low"], test["high"])
                rows[-1]["test"], rows[-1]["test_low"], rows[-1]["test_high"] = found
        return rows

    def _score(
        self, what: str, configuration: Configuration, score: float, examples: int
    ) -> vm.ResultScore:
        low, high = score_interval(score, examples)
        work = self._work(configuration)
        tokens = work.tokens / work.calls if work.calls else None
        return {
            "what": what,
            "score": score,
            "low": low,
            "high": high,
            "examples": examples,
            "test": None,
            "test_low": None,
            "test_high": None,
            "call": None if tokens is None else call_text(tokens, work.usd_of_a_call),
        }

    def _gain(self) -> list[str]:
        if not self._changed:
            return []
        over_student = gain_sentences(
            self._state.baseline, self._best.score, gain_view(self._state)
        )
        return [*over_student, *labelled_gain_sentences(self._state)]

    def _cost(self, prompts: list[vm.ResultPrompt]) -> str | None:
        """Return what a call takes, as the trials of student and result have it."""
        before, after = self._work({}), self._work(self._best.configuration)
        if not (before.calls and after.calls):
            return None
        own = [demo for _, demos in self._student.values() for demo in demos]
        found = [demo for name in self._student for demo in self._demos(name)]
        instructions = (p["after"]["characters"] - p["before"]["characters"] for p in prompts)
        longer = (sum(instructions), _characters(found) - _characters(own))
        tokens = (before.tokens / before.calls, after.tokens / after.calls)
        return cost_sentence(
            len(found) - len(own), longer, tokens, (before.usd_of_a_call, after.usd_of_a_call)
        )

    def _work(self, configuration: Configuration) -> Work:
        work = Work()
        for trial in self._state.trials.values():
            if trial.configuration == configuration:
                work.add(trial.work)
        return work

    def _how_plain(self) -> list[str]:
        """Return what the result owes to nothing but labelled demos, or to the instructions."""
        demos = labelled_demos(self._state, self._best.configuration)
        if not demos:
            return self._without_demos()
        ended = self._state.ended
        return [labelled_text(demos, is_best=ended is None or ended.preferred is None)]

    def _without_demos(self) -> list[str]:
        """Return how the instructions found fare without the demos, where that was tried."""
        state, configuration = self._state, dict(self._best.configuration)
        empty = {
            variable_of(name, "demos"): next(
                (index for index, built in sets.items() if built.source == "empty"), None
            )
            for name, sets in state.demo_sets.items()
        }
        bare: Configuration = {}
        for variable, index in configuration.items():
            chosen = empty.get(variable, index)
            if chosen is None:
                return []
            bare[variable] = chosen
        if bare == configuration:
            return []
        scores = state.scores_with(bare)
        if not scores:
            return []
        mean = 100 * sum(scores.values()) / len(scores)
        what = "The same instruction" if len(state.demo_sets) == 1 else "The same instructions"
        verb = "scores" if len(state.demo_sets) == 1 else "score"
        over = counted(len(scores), "example")
        return [f"{what} without demos {verb} {format_score(mean)} over {over}."]

    def _prompts(self) -> list[vm.ResultPrompt]:
        configuration = self._best.configuration
        return [self._prompt(name, own, configuration) for name, (own, _) in self._student.items()]

    def _demos(self, name: str) -> list[Any]:
        """Return the demos that a predictor has in the result."""
        demo_set = self._best.configuration.get(variable_of(name, "demos"))
        if demo_set is None:
            return self._student[name][1]
        return kept(self._record, self._state.demo_sets[name][demo_set].demos, ROWS)

    def _prompt(self, name: str, own: vm.Clip, configuration: Configuration) -> vm.ResultPrompt:
        instruction = configuration.get(variable_of(name, "instruction"))
        demo_set = configuration.get(variable_of(name, "demos"))
        found = own
        if instruction:
            text = self._state.candidates[name][instruction].instruction
            found = clip(text, more_of_instruction(name, instruction), _INSTRUCTION_CHARACTERS)
        return {
            "predictor": name,
            "instruction": instruction or None,
            "before": own,
            "after": found,
            "demo_set": demo_set,
            "demos": len(self._demos(name)),
        }

    def _read_student(self) -> Mapping[str, tuple[vm.Clip, list[Any]]]:
        """Return predictor → the student's own instruction and demos."""
        planned = self._state.planned
        ref = None if planned is None else planned.sources.get("student")
        if ref is None:
            return {}
        saved = kept(self._record, ref, FIELDS).get("predictors", {})
        return {
            name: (
                clip(
                    str(entry.get("instructions", "")),
                    within(more_of_text(ref), "predictors", name, "instructions"),
                    _INSTRUCTION_CHARACTERS,
                ),
                list(entry.get("demos", ())),
            )
            for name, entry in saved.items()
        }


def _characters(demos: Iterable[Mapping[str, Any]]) -> int:
    """Return about how long demos are in a prompt."""
    return sum(len(str(value)) for demo in demos for value in demo.values())


def _sentence(told: str) -> str:
    """Return a line of a report as a sentence among others."""
    return f"{told[:1].upper()}{told[1:]}."
