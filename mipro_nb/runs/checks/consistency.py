"""Whether what a run tells fits together: its trials, its candidates and its rows.

Every event may be sound by itself and the run be none all the same: it was imported from a file
that somebody changed. Resumed, it would try candidates that do not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from mipro_nb.errors import shown
from mipro_nb.runs.configuration import FORMAT, variable_of
from mipro_nb.runs.events import RunPlanned, TextRef
from mipro_nb.runs.sentences.results.measured_formats import formats_tried
from mipro_nb.runs.state import Choice, RunState, TrialState
from mipro_nb.runs.store.json_values import ROWS, parsed

Texts = Callable[[TextRef], str | None]


def incoherences(state: RunState, text: Texts) -> Iterator[str]:
    """Tell what in a run cannot be, each in a sentence's words.

    Parameters
    ----------
    state
        The run.
    text
        Returns a text of the record; None if it is not there, which is told elsewhere.
    """
    planned = state.planned
    if planned is None:
        return
    valset: int | None = None
    for name in ("trainset", "valset"):
        valset, problem = _size(text(getattr(planned, name)))
        if problem:
            yield f"its {name} holds no rows ({problem})"
    yield from _strangers(state, planned)
    yield from _bad_formats(state, planned)
    yield from _bad_demos(state, text)
    if "search" in state.phases:
        yield from _gaps(state, planned)
    sizes = _sizes(state, planned)
    for trial in state.trials.values():
        if problem := _problem_of(trial, sizes, valset):
            yield f"trial {trial.trial} {problem}"
    scored = (example for examples in state.scores.values() for example in examples)
    last = max(scored, default=-1)
    if valset is not None and last >= valset:
        yield f"it scored example {last}, and there are {valset}"
    last = max((example for example, _ in state.ratings), default=-1)
    if valset is not None and last >= valset:
        yield f"a reply to example {last} is rated, and there are {valset}"
    yield from _bad_test(state, planned, text)


def _bad_test(state: RunState, planned: RunPlanned, text: Texts) -> Iterator[str]:
    testset: int | None = 0
    if planned.testset is not None:
        testset, problem = _size(text(planned.testset))
        if problem:
            yield f"its testset holds no rows ({problem})"
    last = max((row for rows in state.test_scores.values() for row in rows), default=-1)
    if testset is not None and last >= testset:
        yield f"it scored row {last} of the testset, and there are {testset}"


def _size(rows: str | None) -> tuple[int | None, str]:
    """Return how many rows a text holds, if that is known, and why it holds none."""
    if rows is None:
        return None, ""
    try:
        size = len(parsed(rows, ROWS))
    except ValueError as error:
        return None, str(error)
    return size, "" if size else "it is empty"


def _strangers(state: RunState, planned: RunPlanned) -> Iterator[str]:
    for what, those in (("candidates", state.candidates), ("demo sets", state.demo_sets)):
        for predictor in those.keys() - planned.predictors.keys():
            yield f"it has {what} of {shown(repr(predictor), 80)}, which is none of its predictors"


def _bad_formats(state: RunState, planned: RunPlanned) -> Iterator[str]:
    chosen = state.format_chosen
    if chosen is None:
        if formats_tried(planned.plan) and state.trials:
            yield "it scored programs before it chose a prompt format"
        return
    if chosen.format not in state.formats_measured:
        yield f"it chose the prompt format {shown(repr(chosen.format), 80)} without measuring it"
    asked = {name for formats in (chosen.formats, *chosen.searched.values()) for name in formats}
    for predictor in asked - planned.predictors.keys():
        yield f"it has a format of {shown(repr(predictor), 80)}, which is none of its predictors"


def _bad_demos(state: RunState, text: Texts) -> Iterator[str]:
    for predictor, sets in state.demo_sets.items():
        for index, built in sets.items():
            demos = text(built.demos)
            try:
                if demos is not None:
                    parsed(demos, ROWS)
            except ValueError as error:
                yield f"demo set {index} of {shown(predictor, 80)} holds no rows ({error})"


def _gaps(state: RunState, planned: RunPlanned) -> Iterator[str]:
    """Tell which candidates are missing, or may not be tried, in a run that had found them all."""
    for predictor in planned.predictors:
        proposed = state.candidates.get(predictor, {})
        if not proposed or proposed.keys() != set(range(len(proposed))):
            yield f"candidates of {shown(predictor, 80)} are missing"
        elif all(Choice(predictor, "instruction", index) in state.banned for index in proposed):
            yield f"every candidate of {shown(predictor, 80)} is banned"
        if _without_demos(planned):
            continue
        built = state.demo_sets.get(predictor, {})
        wanted = planned.plan.get("num_candidates", len(built))
        if not built or len(built) != wanted or built.keys() != set(range(len(built))):
            yield f"demo sets of {shown(predictor, 80)} are missing"
        elif all(Choice(predictor, "demos", index) in state.banned for index in built):
            yield f"every demo set of {shown(predictor, 80)} is banned"


def _without_demos(planned: RunPlanned) -> bool:
    sizes = (planned.plan.get(f"max_{kind}_demos") for kind in ("bootstrapped", "labeled"))
    return all(size == 0 for size in sizes)


def _sizes(state: RunState, planned: RunPlanned) -> Mapping[str, int] | None:
    """Return how many choices each variable has; None if the run had not found them yet."""
    if "search" not in state.phases:
        return None
    sizes = {}
    for predictor in planned.predictors:
        sizes[variable_of(predictor, "instruction")] = len(state.candidates.get(predictor, ()))
        if not _without_demos(planned):
            sizes[variable_of(predictor, "demos")] = len(state.demo_sets.get(predictor, ()))
    if formats := state.searched_formats:
        sizes[FORMAT] = len(formats)
    return sizes


def _problem_of(trial: TrialState, sizes: Mapping[str, int] | None, valset: int | None) -> str:
    if trial.kind != "baseline" and (problem := _wrong_choice(trial.configuration, sizes)):
        return problem
    if valset is None:
        return ""
    if trial.examples and max(trial.examples) >= valset:
        return f"has example {max(trial.examples)}, and there are {valset}"
    whole = trial.kind != "minibatch"
    if trial.told_at is not None and (
        not trial.examples or (whole and set(trial.examples) != set(range(valset)))
    ):
        return "was told without all of its examples"
    return ""


def _wrong_choice(configuration: Mapping[str, int], sizes: Mapping[str, int] | None) -> str:
    if sizes is None:
        return "was asked before the search"
    if configuration.keys() != sizes.keys():
        return "tries candidates that the predictors do not have"
    for variable, index in configuration.items():
        if index >= sizes[variable]:
            return f"tries {shown(variable, 80)}={index}, and there are {sizes[variable]}"
    return ""
