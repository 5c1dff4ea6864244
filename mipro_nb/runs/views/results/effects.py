"""What each instruction, demo set and prompt format adds to the score, by what trials scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mipro_nb.runs import view_model as vm
from mipro_nb.runs.configuration import (
    FORMAT,
    STUDENT,
    Configuration,
    configuration_key,
    split_variable,
    variable_of,
)
from mipro_nb.runs.events import Part
from mipro_nb.runs.sentences.results.effects import HOW_TO_READ, effect_sentence, format_sentence
from mipro_nb.runs.state import RunState, TrialState

if TYPE_CHECKING:
    from mipro_nb.runs.statistics.additive_model import AdditiveModel

_Scored = tuple[Configuration, Mapping[int, float]]

_Z = 1.96  # of a 95 % interval
# Of one predictor's instructions, and of its demo sets, so many that did best are shown.
_MOST_CANDIDATES = 12
_MOST_PREDICTORS = 8
# Of fewer configurations, nothing can be told apart.
_LEAST_CONFIGURATIONS = 3


def effects_view(state: RunState, best: TrialState, *, own_demos: bool) -> vm.EffectsView | None:
    """Return the effects of all candidates; None where too little was scored to tell any.

    Parameters
    ----------
    best
        The evaluation of the program that was returned.
    own_demos
        Whether the student has demos of its own, which no demo set holds.
    """
    student = {
        variable_of(name, part): 0
        for name in state.candidates
        for part, indices in _candidates(state, name).items()
        if indices
    }
    if state.searched_formats:
        student[FORMAT] = 0
    # A student with demos of its own is none of the combinations of instructions and demo sets.
    has_demo_sets = any(split_variable(name)[1] == "demos" for name in student)
    is_one = not (own_demos and has_demo_sets)
    scored = _scored(state, student if is_one else None)
    if len(scored) < _LEAST_CONFIGURATIONS:
        return None
    effects = _Effects(
        state, scored, best.configuration or student, is_one=is_one or bool(best.configuration)
    )
    names = list(state.candidates)
    return {
        "told": HOW_TO_READ,
        "by_predictor": [effects.of(name) for name in names[:_MOST_PREDICTORS]],
        "formats": format_effects(state),
        "left_out": max(0, len(names) - _MOST_PREDICTORS),
    }


def format_effects(state: RunState) -> vm.FormatEffects | None:
    """Return what each prompt format adds; None where none was searched, or too little scored.

    The report tells it as well, which does not know whether the student has demos of its own: so
    its score counts in neither.
    """
    scored = _scored(state, None)
    tried = {each.get(FORMAT) for each, _ in scored.values()}
    if not state.searched_formats or len(scored) < _LEAST_CONFIGURATIONS:
        return None
    model = _fitted(list(scored.values()))
    effects: list[vm.FormatEffect] = []
    for index, name in enumerate(state.searched_formats):
        added = model.added(FORMAT, index, instead_of=0) if index and index in tried else None
        effects.append(
            {
                "format": name,
                "adds": None if added is None else 100 * added.mean,
                "margin": None if added is None else 100 * _Z * added.deviation,
            }
        )
    return {"formats": effects, "told": format_sentence(effects)}


class _Effects:
    """What is believed of the scores of a run.

    Parameters
    ----------
    scored
        Every configuration that was scored, by its key, and its scores by example.
    result
        The one that all others are told beside: the result, or else the one nearest to it.
    is_one
        Whether it is the result.
    """

    def __init__(
        self, state: RunState, scored: dict[str, _Scored], result: Configuration, *, is_one: bool
    ) -> None:
        self._state, self._scored = state, scored
        self._result, self._is_one = result, is_one
        self._seen = {choice for each, _ in scored.values() for choice in each.items()}
        self._model = _fitted(list(scored.values()))
        every = [score for _, scores in scored.values() for score in scores.values()]
        self._in_percent = all(0 <= score <= 1 for score in every)

    def of(self, predictor: str) -> vm.PredictorEffects:
        """Return the effects of one predictor's candidates."""
        candidates = _candidates(self._state, predictor)
        instructions, left_out = self._shown(predictor, "instruction", candidates["instruction"])
        demo_sets, more = self._shown(predictor, "demos", candidates["demos"])
        columns = [{variable_of(predictor, "demos"): each["index"]} for each in demo_sets] or [{}]
        return {
            "predictor": predictor,
            "instructions": [
                {
                    "index": each["index"],
                    "adds": each["adds"],
                    "margin": each["margin"],
                    "cells": [
                        self._cell({variable_of(predictor, "instruction"): each["index"], **column})
                        for column in columns
                    ],
                }
                for each in instructions
            ],
            "demo_sets": demo_sets,
            "told": [
                *effect_sentence("instruction", instructions),
                *effect_sentence("demos", demo_sets),
            ],
            "left_out": left_out + more,
        }

    def _shown(
        self, predictor: str, part: Part, indices: Sequence[int]
    ) -> tuple[list[vm.Effect], int]:
        """Return the candidates that add the most, and how many others there are.

        The first one and that of the result are always among them.
        """
        variable = variable_of(predictor, part)
        effects = [self._effect(variable, index) for index in indices]
        wanted = {0, self._result.get(variable, 0)}

        def rank(effect: vm.Effect) -> tuple[bool, float]:
            return effect["index"] not in wanted, -(effect["adds"] or 0.0)

        shown = {each["index"] for each in sorted(effects, key=rank)[:_MOST_CANDIDATES]}
        return [each for each in effects if each["index"] in shown], len(effects) - len(shown)

    def _effect(self, variable: str, index: int) -> vm.Effect:
        if index == 0 or (variable, index) not in self._seen:
            return {"index": index, "adds": None, "margin": None}
        added = self._model.added(variable, index, instead_of=0)
        return {"index": index, "adds": 100 * added.mean, "margin": 100 * _Z * added.deviation}

    def _cell(self, chosen: Configuration) -> vm.EffectCell:
        configuration = {**self._result, **chosen}
        _, scores = self._scored.get(configuration_key(configuration), ({}, {}))
        belief = self._model.belief(configuration)
        mean = belief.mean
        if scores and len(scores) == self._state.valset_size:
            mean = sum(scores.values()) / len(scores)  # it is known
        elif self._in_percent:
            mean = min(1.0, max(0.0, mean))
        return {
            "score": 100 * mean,
            "margin": 100 * _Z * belief.deviation,
            "examples": len(scores),
            "result": self._is_one and configuration == self._result,
        }


def _candidates(state: RunState, predictor: str) -> dict[Part, list[int]]:
    """Return the candidates that were searched: demo sets may have been for the proposer only."""
    demos = variable_of(predictor, "demos")
    searched = any(demos in trial.configuration for trial in state.trials.values())
    return {
        "instruction": sorted(state.candidates.get(predictor, ())),
        "demos": sorted(state.demo_sets.get(predictor, ())) if searched else [],
    }


def _scored(state: RunState, student: Configuration | None) -> dict[str, _Scored]:
    """Return all configurations that were scored; what the student is among them, if it is."""
    scored: dict[str, _Scored] = {}
    for _, trial in sorted(state.trials.items()):
        configuration = trial.configuration or student
        if configuration is not None:
            key = configuration_key(configuration)
            scores = state.scores.get(STUDENT if configuration == student else key)
            if scores:
                scored.setdefault(key, (configuration, scores))
    return scored


def _fitted(scored: Sequence[_Scored]) -> AdditiveModel:
    from mipro_nb.runs.statistics.additive_model import AdditiveModel  # noqa: PLC0415 - numpy takes long

    model = AdditiveModel(paired=True)
    for configuration, scores in scored:
        model.tell(configuration, dict(sorted(scores.items())))
    return model
