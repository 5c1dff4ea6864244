"""From a student, rows and settings to the specification of a run, by way of a rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from mipro_nb.errors import InvalidArgumentError, ProgramError
from mipro_nb.evaluate.metric import HUNDRED, Metric
from mipro_nb.language.lm_protocol import LanguageModel
from mipro_nb.language.module import Module
from mipro_nb.language.settings import settings
from mipro_nb.models.gate.caps import Caps
from mipro_nb.models.lm import limits_noted, prices_noted
from mipro_nb.models.prices import PRICE_REMEDY
from mipro_nb.optimizer.estimating.prepare import Models, estimate
from mipro_nb.optimizer.estimating.rehearsal import rehearse
from mipro_nb.optimizer.planning.constraints import Constraints, check_constraints
from mipro_nb.optimizer.planning.formats import plan_formats
from mipro_nb.optimizer.planning.labels import label_notes
from mipro_nb.optimizer.planning.lms import every_lm
from mipro_nb.optimizer.planning.plan import Plan, resolve
from mipro_nb.optimizer.planning.preference import Preference
from mipro_nb.optimizer.planning.repeated_rows import repeated_notes
from mipro_nb.optimizer.planning.requested import RequestedSettings
from mipro_nb.optimizer.planning.reserve import reserve_note
from mipro_nb.optimizer.planning.rows import Rows, distinct, evidence_rows, split_notes
from mipro_nb.optimizer.planning.run_spec import RunSpec
from mipro_nb.optimizer.planning.source import program_source
from mipro_nb.optimizer.search.samplers import check_sampler


async def specify(
    student: Module,
    rows: Rows,
    metric: Metric,
    wanted: RequestedSettings,
    caps: Caps,
    *,
    task_model: LanguageModel | None,
    prompt_model: LanguageModel | None,
    teacher_lm: LanguageModel | None,
    others_go_on: Callable[[], bool],
    verbose: bool,
    track_stats: bool,
) -> RunSpec:
    """Return the specification of a run, with everything about it checked; makes no LM call.

    The configured LM stands for models that are None. `others_go_on` tells whether runs are under
    way that the rehearsal has to leave room.

    Raises
    ------
    InvalidArgumentError, ProgramError, MetricError
        If something is wrong with settings, program, data or metric.
    """
    check_sampler(wanted.search.sampler_name, wanted.seed, paired=wanted.search.paired)
    configured = student.default_lm or settings.lm
    copy = student.deepcopy().fitted_to([*rows.train, *rows.val])
    task_lm = copy.own_lm or task_model or configured
    prompt_lm = prompt_model or configured or task_model
    if task_lm is None or prompt_lm is None:
        needed = "task_model" if task_lm is None else "prompt_model, which writes the instructions"
        msg = f"No LM is configured: call configure(lm=LM(…)), or give {needed}."
        raise ProgramError(msg)
    copy.check_lms(task_model=task_model or task_lm, teacher_settings=teacher_lm)
    check_constraints(wanted)
    Constraints(wanted, rows.train).check_student(
        [predictor.signature.instructions for _, predictor in copy.named_predictors()]
    )
    metric = metric.of(copy)
    distinct_rows = len(distinct(rows.train))
    formats = plan_formats(copy, task_lm, wanted, distinct_rows)
    found = await rehearse(
        copy,
        [*rows.train, *rows.val],
        metric,
        lm=task_lm,
        others_go_on=others_go_on,
        num_threads=wanted.num_threads,
        example_timeout=wanted.example_timeout,
        metric_threshold=wanted.metric_threshold,
    )
    copy.check_rehearsed()
    scale = _scale(found.metric_scale, wanted.metric_threshold, wanted.stop_at)
    source = program_source(copy)
    plan = resolve(
        wanted,
        program=type(student).__name__,
        predictors={n: p.signature.declaration for n, p in copy.named_predictors()},
        models={
            "task": task_lm.name,
            "prompt": prompt_lm.name,
            "teacher": (teacher_lm or task_lm).name,
        },
        formats=formats.of_predictors,
        trainset_size=len(rows.train),
        valset_size=len(rows.val),
        testset_size=len(rows.test),
        distinct_rows=distinct_rows,
        measured_predictors=formats.measured_predictors,
        measured_formats=formats.measured_formats,
    )
    lms = every_lm(copy, task_lm, prompt_lm, teacher_lm)
    notes = [
        *plan.notes,
        *copy.plan_notes,
        *formats.notes,
        *found.notes,
        *limits_noted(caps, lms),
        *prices_noted(lms),
    ]
    if wanted.program_aware_proposer and source.problem:
        notes.append(source.problem)
    notes += label_notes(rows.sets, [predictor.signature for predictor in copy.predictors()])
    notes += split_notes(rows)
    notes += _preference_notes(plan.prefer)
    if scale == HUNDRED and wanted.stop_at is not None and wanted.stop_at <= 1:
        notes.append(
            f"stop_at={wanted.stop_at:g} is next to nothing of 100, which the metric gives for a "
            "full score: is it meant so?"
        )
    rows_shown = len(evidence_rows(rows)) if wanted.search.repair else 0
    if wanted.search.repair and not rows_shown:
        notes.append(
            f"repair={wanted.search.repair} does nothing: every row of the trainset is in the "
            "valset as well, and rows to choose by are not shown. Keep the sets apart."
        )
    notes += repeated_notes(rows, zero_shot=plan.zero_shot)
    plan = replace(
        plan,
        notes=tuple(notes),
        metric_scale=scale,
        chosen_formats=tuple(formats.chosen),
        caps=caps,
        estimate=estimate(
            plan,
            found,
            Models(task_lm, teacher_lm or task_lm, prompt_lm),
            student=copy,
            trainset=rows.train,
            source=source.text,
            rows_shown=rows_shown,
        ),
    )
    plan.estimate.check_caps(caps)
    _check_preference(plan)
    if reserved := reserve_note(plan, caps):
        plan = replace(plan, notes=(*plan.notes, reserved))
    return RunSpec(
        plan=plan,
        student=copy,
        rows=rows,
        metric=metric.scaled(scale),
        source=source,
        task_lm=task_lm,
        prompt_lm=prompt_lm,
        teacher_lm=teacher_lm,
        prompt_format=settings.prompt_format,
        chosen_formats=formats.chosen,
        verbose=verbose,
        track_stats=track_stats,
    )


def _check_preference(plan: Plan) -> None:
    """Return if programs can be compared by what is preferred.

    Raises
    ------
    InvalidArgumentError
        If USD are to be compared and the price of a model is not known.
    """
    prefer = plan.prefer
    if prefer is not None and prefer.objective == "usd" and plan.estimate.total.usd is None:
        instead = prefer.text.replace("cheapest", "fewest tokens")
        raise InvalidArgumentError(
            "prefer",
            prefer.text,
            f"the price of a model is not known: {PRICE_REMEDY}, or give {instead!r} instead.",
        )


def _preference_notes(prefer: Preference | None) -> list[str]:
    if prefer is None or prefer.objective != "seconds":
        return []
    told = (
        "How fast a program is depends on the server and its load: with prefer="
        f"{prefer.text!r}, the same seed may return another program the next time."
    )
    return [told]


def _scale(
    seen: Literal[1, 100], metric_threshold: float | None, stop_at: float | None
) -> Literal[1, 100]:
    """Return what the metric gives for a full score; a threshold above 1 also tells it.

    Raises
    ------
    InvalidArgumentError
        If no score can reach the threshold, or the score to stop at.
    """
    threshold = 0 if metric_threshold is None else metric_threshold
    if threshold > HUNDRED:
        raise InvalidArgumentError(
            "metric_threshold", metric_threshold, "scores go up to 1, or up to 100: give less."
        )
    scale = HUNDRED if threshold > 1 else seen
    if stop_at is not None and stop_at > scale:
        raise InvalidArgumentError(
            "stop_at",
            stop_at,
            f"it is in the metric's own units, and its scores go up to {scale}: give "
            f"{f'{stop_at / HUNDRED:g}' if 1 < stop_at <= HUNDRED else 'less'}.",
        )
    return scale
