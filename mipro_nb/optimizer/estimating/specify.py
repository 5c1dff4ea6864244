"""From a student, rows and settings to the specification of a run, by way of a rehearsal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mipro_nb.checks import check_executor
from mipro_nb.errors import InvalidArgumentError, LMNotConfiguredError
from mipro_nb.evaluate.metric import HUNDRED, Metric
from mipro_nb.evaluate.workers.check import checked_on_workers
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.lms.settings import settings
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.lm import limits_noted, prices_noted
from mipro_nb.optimizer.estimating.batch_notes import batch_notes, sends_batches
from mipro_nb.optimizer.estimating.prepare import Models, estimate
from mipro_nb.optimizer.estimating.rehearsing.findings import Rehearsal
from mipro_nb.optimizer.estimating.rehearsing.rehearsal import rehearse
from mipro_nb.optimizer.phases.proposing.repair_rounds import unrepaired_notes
from mipro_nb.optimizer.planning.changes import changed_plan
from mipro_nb.optimizer.planning.data.labels import label_notes
from mipro_nb.optimizer.planning.data.repeated_rows import own_demo_notes, repeated_notes
from mipro_nb.optimizer.planning.data.rows import (
    Rows,
    check_own_demos,
    distinct,
    evidence_rows,
    split_notes,
)
from mipro_nb.optimizer.planning.formats import PlannedFormats, plan_formats
from mipro_nb.optimizer.planning.plan import Plan, resolve
from mipro_nb.optimizer.planning.requested_headroom import (
    DEFAULT_ROWS,
    RequestedHeadroom,
    measured_rows,
    requested_for_headroom,
)
from mipro_nb.optimizer.planning.reserve import reserve_note
from mipro_nb.optimizer.planning.settings.constraints import Constraints, check_constraints
from mipro_nb.optimizer.planning.settings.preference import Preference
from mipro_nb.optimizer.planning.settings.requested import RequestedSettings
from mipro_nb.optimizer.planning.specification.lms import every_lm, lms_of_all
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.planning.specification.source import ProgramSource, program_source
from mipro_nb.optimizer.search.samplers import check_sampler

_ASSUMED = (
    "No LM is configured, and every predictor has its own: whatever else asks for one, such as a "
    "judge, asks {lm}. Give task_model for another."
)


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
    executor: Any = None,
    headroom: RequestedHeadroom | None = None,
) -> RunSpec:
    """Return the specification of a run, with everything about it checked; makes no LM call.

    With `headroom`, the run measures that and optimizes nothing. The configured LM and executor
    stand for those that are None. `others_go_on` tells whether runs are under way that the
    rehearsal has to leave room.

    Raises
    ------
    InvalidArgumentError, ProgramError, MetricError
        If something is wrong with settings, program, data or metric.
    ExecutorError
        If the executor cannot run examples.
    """
    executor = check_executor("executor", executor) or settings.executor
    check_sampler(wanted.search.sampler_name, wanted.seed, paired=wanted.search.paired)
    configured = student.default_lm or settings.lm
    copy = student.deepcopy().fitted_to([*rows.train, *rows.val])
    check_own_demos("testset", rows.test, copy)
    task_lm = copy.own_lm or task_model or configured
    assumed = lms_of_all(copy)[:1] if task_lm is None else []
    task_lm = task_lm or next(iter(assumed), None)
    prompt_lm = prompt_model or configured or task_model
    if task_lm is None or prompt_lm is None:
        needed = "task_model" if task_lm is None else "prompt_model, which writes the instructions"
        msg = f"No LM is configured: call configure(lm=LM(…)), or give {needed}."
        raise LMNotConfiguredError(msg)
    copy.check_lms(task_model=task_model or task_lm, teacher_settings=teacher_lm)
    metric = metric.of(copy)
    formats = plan_formats(copy, task_lm, wanted, len(distinct(rows.train)))
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
    on_workers = await checked_on_workers(
        executor, copy, metric, rows.sets, at_once=wanted.num_threads
    )
    return _Rehearsed(
        program=type(student).__name__,
        student=copy,
        rows=rows,
        metric=metric,
        formats=formats,
        rehearsal=found,
        scale=_scale(found.metric_scale, wanted.metric_threshold, wanted.stop_at),
        source=program_source(copy),
        lms=Models(task_lm, teacher_lm or task_lm, prompt_lm),
        teacher_lm=teacher_lm,
        prompt_format=settings.prompt_format,
        caps=caps,
        verbose=verbose,
        track_stats=track_stats,
        executor=executor,
        on_workers=on_workers,
        headroom=headroom,
        assumed=[_ASSUMED.format(lm=lm.name) for lm in assumed],
    ).spec(wanted)


@dataclass(frozen=True)
class _Rehearsed:
    """A program that was rehearsed on rows: what it would do, for whatever settings."""

    program: str
    student: Module
    rows: Rows
    metric: Metric
    formats: PlannedFormats
    rehearsal: Rehearsal
    scale: Literal[1, 100]
    source: ProgramSource
    lms: Models
    teacher_lm: LanguageModel | None
    prompt_format: str | None
    caps: Caps
    verbose: bool
    track_stats: bool
    executor: Any
    on_workers: Sequence[str]
    headroom: RequestedHeadroom | None
    assumed: Sequence[str]

    def spec(self, wanted: RequestedSettings, changes: Mapping[str, Any] | None = None) -> RunSpec:
        """Return the specification for these settings, some of them changed by a person.

        Raises
        ------
        InvalidArgumentError
            If a setting does not fit the data, or a cap cannot be kept.
        """
        plan = changed_plan(wanted, changes or {}, self._resolved)
        if self.headroom is not None:
            plan = self.headroom.planned_in(plan, self.student, self.rows, self.lms.task)
        self._check_constraints(plan)
        rows_shown = len(evidence_rows(self.rows)) if wanted.search.repair else 0
        plan = replace(
            plan,
            notes=(*plan.notes, *self._notes(wanted, plan, rows_shown)),
            metric_scale=self.scale,
            chosen_formats=tuple(self.formats.chosen),
            caps=self.caps,
            estimate=estimate(
                plan,
                self.rehearsal,
                self.lms,
                student=self.student,
                trainset=self.rows.train,
                source=self.source.text,
                rows_shown=rows_shown,
            ),
        )
        plan.estimate.check_caps(self.caps)
        _check_preference(plan)
        if reserved := reserve_note(plan, self.caps):
            plan = replace(plan, notes=(*plan.notes, reserved))
        return RunSpec(
            plan=plan,
            student=self.student,
            rows=self.rows,
            metric=self.metric.scaled(self.scale),
            source=self.source,
            task_lm=self.lms.task,
            prompt_lm=self.lms.prompt,
            teacher_lm=self.teacher_lm,
            prompt_format=self.prompt_format,
            chosen_formats=self.formats.chosen,
            verbose=self.verbose,
            track_stats=self.track_stats,
            executor=self.executor,
            changed=lambda changes: self.spec(wanted, changes),
            tested=lambda test: self._tested(wanted, changes, test),
            measuring=lambda: self._measuring(wanted),
        )

    def _tested(
        self,
        wanted: RequestedSettings,
        changes: Mapping[str, Any] | None,
        test: Sequence[Example],
    ) -> RunSpec:
        """Return the specification of a run that is over but for its test."""
        rows = replace(self.rows, test=test)
        spec = replace(self, rows=rows).spec(wanted, changes)
        estimate = spec.plan.estimate
        phases = [phase for phase in estimate.phases if phase.phase == "test"]
        only = replace(spec.plan, estimate=replace(estimate, phases=phases), notes=())
        return replace(spec, plan=only)

    def _measuring(self, wanted: RequestedSettings) -> RunSpec:
        """Return the specification of a run that measures headroom for one of these settings.

        Raises
        ------
        InvalidArgumentError
            If there are too few training rows.
        """
        return replace(
            self,
            rows=measured_rows(self.rows, DEFAULT_ROWS, wanted.seed),
            headroom=RequestedHeadroom(None, len(self.rows.val)),
        ).spec(requested_for_headroom(wanted))

    def _check_constraints(self, plan: Plan) -> None:
        check_constraints(plan)
        Constraints(plan, self.rows.train, self.student).check_student()

    def _resolved(self, wanted: RequestedSettings) -> Plan:
        lms, rows, formats = self.lms, self.rows, self.formats
        return resolve(
            wanted,
            program=self.program,
            predictors={n: p.signature.declaration for n, p in self.student.named_predictors()},
            models={"task": lms.task.name, "prompt": lms.prompt.name, "teacher": lms.teacher.name},
            formats=formats.of_predictors,
            trainset_size=len(rows.train),
            valset_size=len(rows.val),
            testset_size=len(rows.test),
            distinct_rows=len(distinct(rows.train)),
            measured_predictors=formats.measured_predictors,
            measured_formats=formats.measured_formats,
            in_batches=sends_batches(lms.task),
        )

    def _notes(self, wanted: RequestedSettings, plan: Plan, rows_shown: int) -> list[str]:
        student, rows = self.student, self.rows
        lms = every_lm(student, self.lms.task, self.lms.prompt, self.teacher_lm)
        notes = [
            *self.assumed,
            *self.on_workers,
            *student.plan_notes,
            *self.formats.notes,
            *self.rehearsal.notes,
            *limits_noted(self.caps, lms),
            *prices_noted(lms),
            *batch_notes(
                replace(plan, caps=self.caps),
                self.rehearsal,
                scoring=every_lm(student, self.lms.task),
                prompt=self.lms.prompt,
            ),
        ]
        if wanted.program_aware_proposer and self.source.problem:
            notes.append(self.source.problem)
        measures = plan.headroom is not None  # and its rows to score are training rows
        sets = {"trainset": rows.train} if measures else rows.sets
        notes += label_notes(sets, [predictor.signature for predictor in student.predictors()])
        if measures:
            return notes
        notes += split_notes(rows)
        notes += _preference_notes(plan.prefer)
        if self.scale == HUNDRED and wanted.stop_at is not None and wanted.stop_at <= 1:
            notes.append(
                f"stop_at={wanted.stop_at:g} is very low: the metric's full score is 100. Did you "
                f"mean {HUNDRED * wanted.stop_at:g}?"
            )
        if wanted.search.repair and not rows_shown:
            notes.append(
                f"repair={wanted.search.repair} does nothing: every row of the trainset is in the "
                "valset as well, and rows to choose by are not shown. Keep the sets apart."
            )
        if rows_shown:
            notes += unrepaired_notes(plan)
        if rows_shown and self.rehearsal.no_feedback is not None:
            notes.append(self.rehearsal.no_feedback)
        return [
            *notes,
            *repeated_notes(rows, zero_shot=plan.zero_shot),
            *own_demo_notes(rows.val, student),
        ]


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
            f"{'; '.join(plan.estimate.unpriced)}; or give {instead!r} instead.",
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
    for name, given in {"metric_threshold": metric_threshold, "stop_at": stop_at}.items():
        if given is not None and given > HUNDRED:
            raise InvalidArgumentError(name, given, "scores go up to 1, or up to 100: give less.")
    scale = HUNDRED if metric_threshold is not None and metric_threshold > 1 else seen
    if stop_at is not None and stop_at > scale:
        raise InvalidArgumentError(
            "stop_at",
            stop_at,
            "it is in the metric's own units, and none of its scores above 1 was seen in the "
            f"rehearsal: give {stop_at / HUNDRED:g}, or metric_threshold in these units, above 1, "
            "if they go to 100.",
        )
    return scale
