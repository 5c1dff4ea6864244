"""The view of a run, which follows it event by event.

A snapshot tells all of the run, a delta what changed since the last one; their forms are those of
`mipro_nb.runs.view_model`. A text in them is cut to a length that a page can bear;
`mipro_nb.runs.views.drill_down.details` reads the whole of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from mipro_nb.errors import RecordError
from mipro_nb.runs import events as ev
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.sentences.instructions.approval import decided_text, waiting_text
from mipro_nb.runs.sentences.instructions.dropped import dropped_notes
from mipro_nb.runs.sentences.instructions.repairs import repaired_of
from mipro_nb.runs.sentences.replies.ratings import ratings_view
from mipro_nb.runs.sentences.replies.readings import reading_notes
from mipro_nb.runs.sentences.results.gain import gain_view
from mipro_nb.runs.sentences.results.headroom import headroom_draws, headroom_sizes, headroom_view
from mipro_nb.runs.sentences.results.held_out import held_out_view
from mipro_nb.runs.sentences.results.measured_formats import formats_tried, formats_view
from mipro_nb.runs.sentences.results.objectives import objectives_view
from mipro_nb.runs.sentences.resume import (
    billed_text,
    resume_hint,
    resume_lines,
    unheard_text,
)
from mipro_nb.runs.sentences.wording import resting_text, told_reason, told_settings
from mipro_nb.runs.state import Choice, RunState, Spend, choices_of, told_state
from mipro_nb.runs.store.owners import lives
from mipro_nb.runs.store.record import Record, RecordedEvent
from mipro_nb.runs.views.clip import clip, clip_fields, more_of_instruction, more_of_text, within
from mipro_nb.runs.views.estimate import estimate_view
from mipro_nb.runs.views.results.headroom_examples import headroom_examples, measured_tally
from mipro_nb.runs.views.results.result import result_view
from mipro_nb.runs.views.trial_row import trial_row

SCHEMA: Literal[1] = 1
_PHASES: tuple[ev.Phase, ...] = (
    *("formats", "baseline", "bootstrap", "propose", "search", "repair", "test", "headroom"),
)
# What a run that measures headroom does not do; it has a demo set and proposals like any other.
_OPTIMIZING: tuple[ev.Phase, ...] = ("baseline", "bootstrap", "search", "repair", "test")
_INSTRUCTION_CHARACTERS = 2000
_DEMOS_SHOWN = 2
_DEMO_CHARACTERS = 200
# After these, other configurations are compared, or another one is the best.
_CHANGE_OBJECTIVES = (ev.TrialTold, ev.CandidateBanned, ev.RunEnded, ev.RunResumed)
# Below this share of the work, a rest of time would be a guess.
_LEAST_SHARE_FOR_ETA = 0.05


class RunView:
    """What a view of one run knows of it.

    Parameters
    ----------
    record
        The record that the run is in.
    run_id
        The run.
    """

    def __init__(self, record: Record, run_id: str) -> None:
        self.run_id = run_id
        self.state = RunState()
        self.seq = -1
        self._record = record
        self._name = ""
        self._tags: tuple[str, ...] = ()
        self._previews: dict[str, tuple[int, list[dict[str, vm.Clip]]]] = {}
        self._came: tuple[int, vm.ResultView | None, list[str]] | None = None
        self._measured_rows: list[vm.HeadroomExample] | None = None
        self._objectives: vm.ObjectivesView | None = None
        self._objectives_changed = True
        self._objectives_told: vm.ObjectivesView | None = None
        self._changed_trials: set[int] = set()
        self._changed_choices: set[Choice] = set()

    def call(self, name: str, tags: Sequence[str]) -> None:
        """Take what the user calls the run, which is not among its events."""
        self._name, self._tags = name, tuple(tags)

    def apply(self, events: Iterable[RecordedEvent]) -> bool:
        """Take further events into account and tell whether there were any."""
        before = self.seq
        for event in events:
            if event.seq <= self.seq:
                continue  # known: a reader may see an event twice, from its listener and its file
            self.state.apply(event)
            self.seq = event.seq
            self._mark(event.event)
        return self.seq > before

    def _mark(self, event: ev.AnyEvent) -> None:
        """Remember what has to be redrawn."""
        if isinstance(event, _CHANGE_OBJECTIVES):
            self._objectives_changed = True
        match event:
            case ev.TrialAsked(trial=trial) | ev.TrialTold(trial=trial):
                self._mark_trial(trial)
            case ev.ExampleScored(trial=trial):
                self._mark_trial(trial)
            case ev.LMCallAnswered(trial=int(trial)) | ev.LMCallFailed(trial=int(trial)):
                self._changed_trials.add(trial)
            case (
                ev.CandidateProposed(predictor=predictor, index=index)
                | ev.CandidateApproved(predictor=predictor, index=index)
            ):
                self._changed_choices.add(Choice(predictor, "instruction", index))
            case ev.HeadroomMeasured():
                self._changed_choices |= {
                    Choice(predictor, "instruction", index)
                    for predictor, candidates in self.state.candidates.items()
                    for index in candidates
                }
            case ev.DemoSetBuilt(predictor=predictor, index=index):
                self._changed_choices.add(Choice(predictor, "demos", index))
            case ev.CandidatePinned() | ev.CandidateBanned():
                self._changed_choices.add(Choice(event.predictor, event.part, event.index))
            case ev.RunEnded() | ev.RunResumed():
                self._changed_trials |= {
                    t.trial for t in self.state.trials.values() if t.score is None
                }

    def _mark_trial(self, trial: int) -> None:
        self._changed_trials.add(trial)
        known = self.state.trials.get(trial)
        if known is None:
            return
        self._changed_choices.update(choices_of(known.configuration))
        if not known.configuration and self.state.planned is not None:
            names = self.state.planned.predictors
            self._changed_choices.update(Choice(name, "instruction", 0) for name in names)

    def snapshot(
        self,
        *,
        now: float,
        in_flight: int | None,
        details: Sequence[vm.TrialDetail] = (),
        tested: vm.TestsetDetail | None = None,
    ) -> vm.RunSnapshot:
        """Return all that is known, for a view that begins.

        Parameters
        ----------
        now
            Unix time that durations are told for.
        in_flight
            LM calls in flight; None where the run is not in this process.
        details
            Trials that can be looked into without a kernel, from
            `mipro_nb.runs.views.drill_down.details`.
        tested
            The rows of the testset, likewise.
        """
        state = self.state
        instructions = [
            Choice(predictor, "instruction", index)
            for predictor, candidates in state.candidates.items()
            for index in sorted(candidates)
        ]
        demo_sets = [
            Choice(predictor, "demos", index)
            for predictor, sets in state.demo_sets.items()
            for index in sorted(sets)
        ]
        snapshot: vm.RunSnapshot = {
            "schema": SCHEMA,
            "seq": self.seq,
            "summary": self.summary(now=now, in_flight=in_flight),
            "trials": [trial_row(state, trial) for trial in sorted(state.trials)],
            "instructions": [self._instruction(choice) for choice in instructions],
            "demo_sets": [self._demo_set(choice) for choice in demo_sets],
            "details": list(details),
        }
        if tested is not None:
            snapshot["tested"] = tested
        return snapshot

    def delta(self, *, now: float, in_flight: int | None) -> vm.RunDelta:
        """Return what changed since the last delta; parameters are those of `snapshot`."""
        state = self.state
        trials = sorted(trial for trial in self._changed_trials if trial in state.trials)
        choices = sorted(self._changed_choices, key=lambda c: (c.predictor, c.part, c.index))
        self._changed_trials.clear()
        self._changed_choices.clear()
        instructions = [
            self._instruction(choice)
            for choice in choices
            if choice.part == "instruction"
            and choice.index in state.candidates.get(choice.predictor, {})
        ]
        demo_sets = [
            self._demo_set(choice)
            for choice in choices
            if choice.part == "demos" and choice.index in state.demo_sets.get(choice.predictor, {})
        ]
        summary = self.summary(now=now, in_flight=in_flight)
        objectives = summary.pop("objectives")
        if objectives != self._objectives_told:  # there may be many rows of them
            summary["objectives"] = self._objectives_told = objectives
        return {
            "seq": self.seq,
            "summary": summary,
            "trials": [trial_row(state, trial) for trial in trials],
            "instructions": instructions,
            "demo_sets": demo_sets,
        }

    def summary(self, *, now: float, in_flight: int | None) -> vm.RunSummary:
        """Return all of the run that is one value, not a list."""
        state, planned = self.state, self.state.planned
        where = self.lives(here=in_flight is not None)
        shown = told_state(state, is_there=where != "ended")
        settings = dict(planned.plan) if planned else {}
        done, total = self._progress(settings)
        best = state.best
        result, unreadable = self._result()
        return {
            "id": self.run_id,
            "name": self._name,
            "tags": list(self._tags),
            "state": shown,
            "resume_lines": resume_lines(self.run_id, state),
            "resume_hint": resume_hint(self.run_id, state),
            "reason": told_reason(state, shown),
            "program": planned.program if planned else "",
            "predictors": dict(planned.predictors) if planned else {},
            "models": dict(planned.models) if planned else {},
            "settings": told_settings(settings, state.measured_format),
            "notes": [
                *(planned.notes if planned else ()),
                *(note.text for note in state.notes),
                *filter(None, [decided_text(state)]),
                *dropped_notes(state),
                *reading_notes(state),
                *unreadable,
            ],
            "trainset_size": settings.get("trainset_size", 0),
            "valset_size": settings.get("valset_size", 0),
            "testset_size": settings.get("testset_size", 0),
            "measured_rows": headroom_sizes(settings).get("rows", 0),
            "created": state.started_at or 0.0,
            "ended": state.ended_at,
            "seconds": state.seconds if shown == "cut off" else state.seconds_at(now),
            # Nothing is known of a run that was cut off since its last event.
            "as_of": state.last_at or 0.0 if shown == "cut off" else now,
            "approval": waiting_text(state),
            "phases": self._phases(settings),
            "formats": formats_view(state),
            "headroom": self._headroom(),
            "done": done,
            "total": total,
            "eta": self._eta(done, total, now) if where != "ended" else None,
            "in_flight": in_flight,
            "num_threads": settings.get("num_threads", 0),
            "spend": _spend(state.spend),
            "lost": {
                "calls": state.unheard.calls,
                "tokens": state.unheard.tokens,
                "usd": state.unheard.usd,
                "told": unheard_text(state.lost, state.batched),
                "billed": billed_text(state.unheard.usd),
            },
            "estimate": estimate_view(planned.estimate) if planned else None,
            "caps": told_caps(state.caps),
            "baseline": state.baseline,
            "best": None
            if best is None or best.score is None
            else {
                "trial": best.trial,
                "score": best.score,
                "configuration": best.configuration,
                "format": state.format_of(best.configuration),
                "rests": None
                if state.is_whole(best)
                else resting_text(best.score, len(best.examples), state.valset_size),
            },
            "gain": gain_view(state),
            "test": held_out_view(state),
            "result": result,
            "objectives": self._compared(),
            "ratings": ratings_view(state),
            "errors": len(state.errors),
            "steerable": where == "here",
            "lives": where,
        }

    def lives(self, *, here: bool) -> vm.Lives:
        """Return where the run goes on, if it does; `here`: whether it is in this process."""
        state = self.state
        if not state.goes_on:
            return "ended"
        if here:
            return "here"
        alive = state.process is not None and lives(
            self.run_id, state.process, state.process_started
        )
        return "elsewhere" if alive else "ended"

    def _compared(self) -> vm.ObjectivesView | None:
        """Return what configurations take, made again only after what changes it."""
        if self._objectives_changed:
            self._objectives = objectives_view(self.state)
            self._objectives_changed = False
        return self._objectives

    def _result(self) -> tuple[vm.ResultView | None, list[str]]:
        """Return what came of the run, and what is to be said if that cannot be read."""
        if self._came is None or self._came[0] != self.seq:
            result, unreadable = None, []
            try:
                result = result_view(self._record, self.run_id, self.state)
            except RecordError as error:
                unreadable = [f"The result cannot be shown. {error}"]
            self._came = (self.seq, result, unreadable)
        return self._came[1:]

    def _headroom(self) -> vm.HeadroomView | None:
        """Return what was measured, with the rows, or why they cannot be read."""
        view = headroom_view(self.state)
        if view is None:
            return None
        try:
            if self._measured_rows is None:
                self._measured_rows = headroom_examples(self._record, self.state)
            view["examples"] = self._measured_rows
        except RecordError as error:
            view["told"].append(f"The measured rows cannot be shown. {error}")
        return view

    def _phases(self, settings: Mapping[str, Any]) -> list[vm.PhaseProgress]:
        state = self.state
        predictors = len(state.planned.predictors) if state.planned else 0
        baseline = state.trials.get(0)
        built = sum(len(sets) for sets in state.demo_sets.values())
        proposed = sum(
            candidate.source == "proposed"
            for candidates in state.candidates.values()
            for candidate in candidates.values()
        )
        searching = "search" in state.phases  # it begins when all candidates are there
        told = sum(t.score is not None for t in state.trials.values() if t.kind != "baseline")
        wanted = settings.get("num_candidates", 0) * predictors
        evaluations = settings.get("num_trials", 0) + _full_evaluations(settings)
        evaluations += bool(_sampled_rows(settings))
        measured, tested = len(formats_tried(settings)), settings.get("testset_size", 0)
        draws = headroom_draws(settings)
        counts: dict[str, tuple[int, int | None, str, bool]] = {
            "formats": (
                len(state.formats_measured),
                measured,
                "formats",
                state.format_chosen is not None,
            ),
            "baseline": (
                baseline.scored if baseline else 0,
                settings.get("valset_size"),
                "examples",
                baseline is not None and baseline.score is not None,
            ),
            "bootstrap": (len(state.bootstrapped), None, "rows", searching or built >= wanted > 0),
            "propose": (proposed, wanted, "instructions", searching),
            "search": (told, evaluations, "evaluations", "test" in state.phases),
            "repair": (len(repaired_of(state)), None, "instructions", "test" in state.phases),
            "test": (state.tested, 2 * tested, "rows", False),
            "headroom": (state.measured, draws, "answers", state.headroom is not None),
        }
        repairs = planned.strategy.get("repair") if (planned := state.planned) else None
        left_out = {"formats": not measured, "repair": not repairs, "test": not tested}
        left_out["headroom"] = not draws
        if draws:
            left_out.update(dict.fromkeys(_OPTIMIZING, True))
        rows: list[vm.PhaseProgress] = []
        for phase in _PHASES:
            done, total, unit, is_done = counts[phase]
            begun = phase in state.phases
            never = state.search_stopped_before_it_began and phase != "test" and not begun
            if left_out.get(phase) or never:
                continue
            over = is_done or (begun and state.state == "finished")
            rows.append(
                {
                    "phase": phase,
                    "state": "done" if over else "running" if begun else "waiting",
                    "done": done,
                    "total": total,
                    "unit": unit,
                    "spend": _spend(state.spend_by_phase.get(phase, Spend())),
                }
            )
        return rows

    def _progress(self, settings: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return the examples scored, and to be scored at most: baseline, search and test."""
        state = self.state
        done = sum(t.scored if t.score is None else len(t.examples) for t in state.trials.values())
        done += state.tested + state.measured
        if draws := headroom_draws(settings):
            return done, draws
        if state.state == "finished":  # its search may have ended before all it might have done
            return done, done
        tests = 2 * settings.get("testset_size", 0)
        if state.search_stopped is not None:
            waiting = sum(len(t.examples) - t.scored for t in state.trials.values() if t.going)
            tests //= 2 if state.search_stopped_before_it_began else 1
            return done, done + waiting + max(0, tests - state.tested)
        size = settings.get("valset_size", 0)
        batch = settings.get("minibatch_size", 0) if settings.get("minibatch") else size
        minibatches = [t for t in state.trials.values() if t.kind == "minibatch"]
        # By trials that ended early. The sample for plain labelled demos may be a larger one.
        saved = sum(max(0, batch - len(t.examples)) for t in minibatches)
        trials = settings.get("num_trials", 0) * batch
        total = size + trials - saved + _full_evaluations(settings) * size + _sampled_rows(settings)
        return done, total + tests or None

    def _eta(self, done: int, total: int | None, now: float) -> float | None:
        """Return the seconds to go, at the pace so far."""
        if not total or done < _LEAST_SHARE_FOR_ETA * total:
            return None
        return self.state.seconds_at(now) * max(0, total - done) / done

    def _standing(self, choice: Choice) -> vm.Standing:
        tally = self.state.tallies.get(choice) or measured_tally(self.state, choice)
        return {
            "predictor": choice.predictor,
            "index": choice.index,
            "score": tally.score,
            "trials": tally.trials,
            "examples": tally.examples,
            "pinned": choice in self.state.pinned,
            "banned": choice in self.state.banned,
        }

    def _instruction(self, choice: Choice) -> vm.InstructionCard:
        candidate = self.state.candidates[choice.predictor][choice.index]
        more = more_of_instruction(choice.predictor, choice.index)
        return {
            **self._standing(choice),
            "instruction": clip(candidate.instruction, more, _INSTRUCTION_CHARACTERS),
            "source": candidate.source,
            "tip": candidate.tip,
            "demo_set": candidate.demo_set,
            "based_on": candidate.based_on,
            "evidence": candidate.evidence,
            "undecided": self.state.ended is None and choice in self.state.undecided,
        }

    def _demo_set(self, choice: Choice) -> vm.DemoSetCard:
        built = self.state.demo_sets[choice.predictor][choice.index]
        if built.demos not in self._previews:
            self._previews[built.demos] = self._preview(built.demos)
        count, preview = self._previews[built.demos]
        return {
            **self._standing(choice),
            "source": built.source,
            "bootstrapped": built.bootstrapped,
            "labelled": built.labelled,
            "preview": preview,
            "demos": count,
        }

    def _preview(self, ref: ev.TextRef) -> tuple[int, list[dict[str, vm.Clip]]]:
        demos = json.loads(self._record.text(ref))
        more = more_of_text(ref)
        shown = [
            clip_fields(demo, within(more, place), _DEMO_CHARACTERS)
            for place, demo in enumerate(demos[:_DEMOS_SHOWN])
        ]
        return len(demos), shown


def _full_evaluations(settings: Mapping[str, Any]) -> int:
    """Return how many full evaluations there are beside the trials, the baseline's left out."""
    full = int(settings.get("full_evaluations", 0))
    return full if settings.get("minibatch") else max(0, full - settings.get("num_trials", 0))


def _sampled_rows(settings: Mapping[str, Any]) -> int:
    """Return how many rows plain labelled demos are first scored on, if not the whole valset."""
    rows = int(settings.get("labelled_rows", 0))
    return rows if rows < int(settings.get("valset_size", 0)) else 0


def _spend(spend: Spend) -> vm.SpendView:
    return {
        "calls": spend.calls,
        "cached_calls": spend.cached_calls,
        "failed_calls": spend.failed_calls,
        "input_tokens": spend.input_tokens,
        "output_tokens": spend.output_tokens,
        "usd": spend.usd,
        "attempts": spend.attempts,
        "hedged_calls": spend.hedged_calls,
        "about": spend.about,
    }


def told_caps(caps: Mapping[str, Any]) -> vm.CapsView:
    """Return all caps: None for those that are not among `caps`."""
    return {
        "max_usd": caps.get("max_usd"),
        "max_calls": caps.get("max_calls"),
        "max_tokens": caps.get("max_tokens"),
        "max_seconds": caps.get("max_seconds"),
    }
