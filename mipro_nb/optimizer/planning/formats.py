"""In which formats a run asks: those that somebody chose, the default, or one that it measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.formats import AUTO, FORMATS
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.module import Module
from mipro_nb.language.prompting.predictor import Predictor
from mipro_nb.language.prompting.prompt import best_known_format, chosen_format, format_choice
from mipro_nb.optimizer.planning.plan import MEASURED_ROWS
from mipro_nb.optimizer.planning.settings.requested import RequestedSettings
from mipro_nb.runs.sentences.wording import counted


@dataclass(frozen=True)
class PlannedFormats:
    """The formats of a run, as far as they are known before it begins.

    Attributes
    ----------
    of_predictors
        Predictor → the format that it is asked in, as long as none is measured.
    chosen
        Those that somebody chose.
    measured_predictors
        The predictors whose format the run measures.
    measured_formats
        The formats that it tries.
    notes
        What the user should know of it.
    """

    of_predictors: Mapping[str, str]
    chosen: Mapping[str, str]
    measured_predictors: tuple[str, ...] = ()
    measured_formats: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan_formats(
    student: Module, task_lm: LanguageModel, requested: RequestedSettings, distinct_rows: int
) -> PlannedFormats:
    """Give the predictors of `student` the format that is wished for; return what comes of it.

    A prompt that is written elsewhere keeps to what it asks for. Of the others, the format is
    measured where "auto" says so; or where nobody chose one and it is not known which suits the
    model, if there are enough training rows.

    Raises
    ------
    InvalidArgumentError
        If outputs do not fit a format.
    """
    predictors = dict(student.named_predictors())
    own = [name for name, predictor in predictors.items() if predictor.writes_own_prompt]
    if own and len(own) == len(predictors) and requested.prompt_format is not None:
        raise InvalidArgumentError("prompt_format", requested.prompt_format, _own_prompts(student))
    planned = _of_ours(
        {name: each for name, each in predictors.items() if name not in own},
        task_lm,
        requested,
        distinct_rows,
    )
    formats = {
        name: each.format_with(each.lm or task_lm) if name in own else planned.of_predictors[name]
        for name, each in predictors.items()
    }
    kept = {name: predictors[name].prompt_format for name in own}
    chosen = {name: each for name, each in kept.items() if each is not None}
    return replace(planned, of_predictors=formats, chosen={**planned.chosen, **chosen})


def _of_ours(
    predictors: Mapping[str, Predictor],
    task_lm: LanguageModel,
    requested: RequestedSettings,
    distinct_rows: int,
) -> PlannedFormats:
    of_predictors, chosen = {}, {}
    auto, unknown = [], []
    for name, predictor in predictors.items():
        if requested.prompt_format not in (None, AUTO):
            predictor.prompt_format = requested.prompt_format
        lm = predictor.lm or task_lm
        of_predictors[name] = predictor.format_with(lm)
        own = predictor.prompt_format
        choice = format_choice(predictor.signature, lm, own)
        if (name_of_choice := chosen_format(predictor.signature, lm, own)) is not None:
            chosen[name] = name_of_choice
        if AUTO in (requested.prompt_format, choice):
            auto.append(name)
        elif choice is None and best_known_format(predictor.signature, lm) is None:
            unknown.append(name)
    notes = []
    if requested.measured_predictors is not None:  # of a run that is resumed
        measured = [name for name in predictors if name in requested.measured_predictors]
    elif distinct_rows >= MEASURED_ROWS:
        measured = [name for name in predictors if name in {*auto, *unknown}]
        if unknown:
            notes.append(_unknown_note(unknown, predictors, task_lm))
    else:
        measured = []
        if auto:
            notes.append(_too_few_note(distinct_rows, [of_predictors[name] for name in auto]))
    formats = _fitting([predictors[name] for name in measured])
    return PlannedFormats(of_predictors, chosen, tuple(measured), tuple(formats), tuple(notes))


def _own_prompts(student: Module) -> str:
    if student.is_foreign:
        return (
            f"{type(student).__name__} writes its prompts itself, or by an adapter of its own "
            "library: leave this out, and change it there."
        )
    return (
        f"the prompt of {type(student).__name__} says itself how to answer: leave this out, or "
        "say in ChatPrompt(…, prompt_format=…) what it asks for."
    )


def _fitting(predictors: Sequence[Predictor]) -> Iterator[str]:
    """Return the formats that fit any of `predictors`."""
    for name, prompt_format in FORMATS.items():
        if any(prompt_format.fits(predictor.signature) for predictor in predictors):
            yield name


def with_format(student: Module, predictors: Sequence[str], name: str) -> dict[str, str]:
    """Return the predictors of `predictors` that the format `name` fits, each with that name.

    The others keep to the format that they have.
    """
    return {
        each: name
        for each, predictor in student.named_predictors()
        if each in predictors and FORMATS[name].fits(predictor.signature)
    }


def _unknown_note(
    unknown: Sequence[str], predictors: Mapping[str, Predictor], task_lm: LanguageModel
) -> str:
    models = dict.fromkeys((predictors[name].lm or task_lm).name for name in unknown)
    return (
        f"It is not known which prompt format suits {' and '.join(models)} for such outputs, so "
        f"the run first measures on {MEASURED_ROWS} training rows. To skip that, pass "
        "prompt_format='lines', or another one."
    )


def _too_few_note(distinct_rows: int, defaults: Sequence[str]) -> str:
    return (
        f"prompt_format='auto' measures formats on {MEASURED_ROWS} different training rows, and "
        f"there {'is' if distinct_rows == 1 else 'are'} {counted(distinct_rows, 'row')}: nothing "
        f"is measured, and the program is asked in {' and '.join(dict.fromkeys(defaults))}."
    )
