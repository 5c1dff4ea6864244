"""MIPROv2, the front door: from a student, data and a metric to an optimized program."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from mipro_nb.core_loop import core, on_core
from mipro_nb.errors import InvalidArgumentError, ProgramError, RunEndedError
from mipro_nb.evaluate.metric import HUNDRED, Metric, MetricFunction
from mipro_nb.language.foreign import as_lm, as_program
from mipro_nb.language.lm_protocol import LanguageModel
from mipro_nb.language.module import Module
from mipro_nb.language.options import check_flag
from mipro_nb.language.settings import settings
from mipro_nb.models.gate.caps import Caps
from mipro_nb.models.lm import limits_noted
from mipro_nb.optimizer.estimating.prepare import Models, estimate
from mipro_nb.optimizer.estimating.rehearsal import rehearse
from mipro_nb.optimizer.planning.estimate import Estimate
from mipro_nb.optimizer.planning.formats import plan_formats
from mipro_nb.optimizer.planning.labels import label_notes
from mipro_nb.optimizer.planning.lms import every_lm
from mipro_nb.optimizer.planning.plan import (
    DEFAULT_NUM_CANDIDATES,
    DEFAULT_NUM_TRIALS,
    Auto,
    Plan,
    RequestedSettings,
    resolve,
)
from mipro_nb.optimizer.planning.repeated_rows import repeated_notes
from mipro_nb.optimizer.planning.reserve import reserve_note
from mipro_nb.optimizer.planning.rows import distinct, split_rows
from mipro_nb.optimizer.planning.run_spec import RunSpec
from mipro_nb.optimizer.planning.source import program_source
from mipro_nb.optimizer.planning.uncounted import check_counted, note, uncounted
from mipro_nb.optimizer.running import resume as resumption
from mipro_nb.optimizer.running.live_runs import begun_here, find_live, live_runs
from mipro_nb.optimizer.running.permission import is_asked
from mipro_nb.optimizer.running.run import Run
from mipro_nb.optimizer.search.strategy import SearchStrategy, strategy_of
from mipro_nb.runs.store.open_records import open_record
from mipro_nb.runs.store.record import Record

P = TypeVar("P")

_CAPS = ("max_usd", "max_calls", "max_tokens", "max_seconds")
# Parameters of compile that the plan does not depend on.
_ONLY_FOR_RUNS = frozenset({"requires_permission_to_run", "resume", "record"})


_TWIN = (
    "Run {run_id} of this very plan is going on already. Instead of starting another one, you can "
    "join it: choose that where you are asked, or call MIPROv2.join({run_id!r}). If you start "
    "another one, both share their answers and the calls in flight: nothing is paid twice."
)
_OTHER_CAPS = (
    "That run has other caps: {its}, where this plan has {own}. Joining keeps those of the "
    "run that goes on."
)
_TWIN_ELSEWHERE = (
    "Run {run_id} of this very plan is going on in another process: it cannot be joined from here. "
    "mipro_nb.runs.load({run_id!r}) shows how it stands, and so does mipro_nb.history(). Answers "
    "that it has kept are not paid for again; calls in flight are not shared."
)


class MIPROv2:
    """Optimizes the instructions and demos of a program (Opsahl-Ong et al., arXiv:2406.11695).

    Parameters
    ----------
    metric
        ``metric(example, prediction, trace=None)`` → bool, number or `Score`; sync or async.
        Numbers go from 0 to 1, or to 100: if it gives more than 1 in the rehearsal, which every
        plan begins with, its scores are taken for points of 100.
    prompt_model, task_model
        Write instructions; run the program. The configured LM if None.
    auto
        ``"light"``, ``"medium"`` or ``"heavy"`` set num_candidates (6, 12, 18), num_trials and
        minibatch, and cap the valset at 100, 300 or 1,000 rows.
    num_candidates
        Instruction candidates, and demo-set candidates, per predictor.
    num_threads
        Programs in flight at once, and LM calls.
    max_errors
        Failed examples in one evaluation before it raises; replies that cannot be read score 0
        but are not errors.
    teacher_settings
        ``{"lm": LM}``: the model that bootstraps demos.
    max_bootstrapped_demos, max_labeled_demos
        Demos of one set that are bootstrapped, and in all. Both 0: instructions only.
    init_temperature
        Temperature of instruction proposals.
    verbose
        Print candidates and trials as they come.
    track_stats
        Leave score, trial_logs, candidate_programs and run on the returned program.
    metric_threshold
        Keep only traces that score at least this, in the metric's own units; 0 is a threshold too.
    seed
        Seed of every random choice.
    search
        ``"paired"``: compares configurations on common examples, models what each candidate adds,
        and ends trials early that are clearly behind: it gets the most out of few calls.
        ``"mipro"``: the algorithm of the paper. Or a `SearchStrategy` of your own.
    hedge
        Send a call that is slower than 95 % of those before a second time, if there is room. The
        first answer counts, both are paid.

    Raises
    ------
    MetricError
        If the metric cannot be called with (example, prediction[, trace]).
    InvalidArgumentError
        If a parameter is out of range, or `auto` comes with num_candidates.

    Examples
    --------
    >>> optimizer = MIPROv2(exact, auto="light")
    >>> optimized = optimizer.compile(student, trainset=rows, max_usd=0.50)
    >>> optimized.run.status
    'finished'
    """

    def __init__(
        self,
        metric: MetricFunction,
        *,
        prompt_model: LanguageModel | None = None,
        task_model: LanguageModel | None = None,
        auto: Auto | None = None,
        num_candidates: int = DEFAULT_NUM_CANDIDATES,
        num_threads: int = 6,
        max_errors: int = 10,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        init_temperature: float = 1.0,
        verbose: bool = False,
        track_stats: bool = True,
        metric_threshold: float | None = None,
        seed: int = 9,
        search: str | SearchStrategy = "paired",
        hedge: bool = False,
    ) -> None:
        self.metric = Metric(metric)
        self.prompt_model = _checked_lm("prompt_model", prompt_model)
        self.task_model = _checked_lm("task_model", task_model)
        self.teacher_lm = _teacher_lm({} if teacher_settings is None else teacher_settings)
        check_flag("verbose", verbose)
        check_flag("track_stats", track_stats)
        self.verbose = verbose
        self.track_stats = track_stats
        self._requested = RequestedSettings(
            auto=auto,
            num_candidates=num_candidates,
            num_trials=DEFAULT_NUM_TRIALS,
            minibatch=True,
            minibatch_size=25,
            minibatch_full_eval_steps=10,
            max_bootstrapped_demos=max_bootstrapped_demos,
            max_labeled_demos=max_labeled_demos,
            metric_threshold=metric_threshold,
            num_threads=num_threads,
            max_errors=max_errors,
            init_temperature=init_temperature,
            seed=seed,
            view_data_batch_size=10,
            program_aware_proposer=True,
            data_aware_proposer=True,
            tip_aware_proposer=True,
            fewshot_aware_proposer=True,
            search=strategy_of(search),
            hedge=hedge,
            example_timeout=None,
            prompt_format=None,
            trials_in_flight=None,
        )

    def compile(
        self,
        student: P,
        *,
        trainset: Any,
        valset: Any = None,
        inputs: Sequence[str] | None = None,
        num_trials: int = DEFAULT_NUM_TRIALS,
        minibatch: bool = True,
        minibatch_size: int = 25,
        minibatch_full_eval_steps: int = 10,
        max_bootstrapped_demos: int | None = None,
        max_labeled_demos: int | None = None,
        seed: int | None = None,
        program_aware_proposer: bool = True,
        data_aware_proposer: bool = True,
        tip_aware_proposer: bool = True,
        fewshot_aware_proposer: bool = True,
        view_data_batch_size: int = 10,
        trials_in_flight: int | None = None,
        example_timeout: float | None = None,
        prompt_format: str | None = None,
        max_usd: float | None = None,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        requires_permission_to_run: bool = True,
        resume: bool = False,
        record: str | Path | None = None,
    ) -> P:
        """Optimize `student` and return the best program, blocking until it is there.

        An interrupt stops the run gracefully and returns the best program so far.

        Parameters
        ----------
        student
            The program; it is never changed, an optimized copy is returned. A ``dspy.Module`` will
            do as well: then a dspy.Module is returned.
        trainset
            List of Example, list of dict, or a data frame.
        valset
            Rows that configurations are scored on. If None, the first 20 % of trainset stay for
            bootstrapping and proposing and the rest, 1,000 rows at most, is the valset.
        inputs
            Names of the inputs, where rows are dicts or a data frame.
        num_trials
            Minibatch trials, or full ones where ``minibatch=False``.
        minibatch, minibatch_size
            Score trials on random minibatches of so many validation rows.
        minibatch_full_eval_steps
            A full evaluation of the best-averaging configuration not yet fully evaluated, every
            so many trials and at the end.
        max_bootstrapped_demos, max_labeled_demos, seed
            As at init, for this run.
        program_aware_proposer, data_aware_proposer, tip_aware_proposer, fewshot_aware_proposer
            Each switches off one source of grounding of the proposals.
        view_data_batch_size
            Rows that the dataset summary looks at per call.
        trials_in_flight
            How many trials are under way at once. It follows from num_threads if None; the same
            seed, answers and number give the same result at any num_threads.
        example_timeout
            Seconds that program and metric may work on one example, the waiting for LM answers left
            out; None for as long as they like. Code that takes longer is an error of that example:
            it is cancelled or, in a thread, left to itself, and its further LM calls are refused.
            Async code that computes without ever awaiting cannot be interrupted.
        prompt_format
            ``"lines"``, ``"tags"``, ``"json"`` or, where every predictor has one output,
            ``"value"``: how the program's outputs are asked for, whatever its predictors, the LM or
            `configure` say. The optimized program keeps it. ``"auto"``: the run first measures
            which is the best, on 20 training rows; where there are fewer, a note says that nothing
            is measured. If None, a format that one of these chose holds in the same way, the
            predictor's own first; else the one that is known to suit the model. Where that is not
            known, and there are 20 training rows, it is measured.
        max_usd, max_calls, max_tokens, max_seconds
            Hard caps: USD, LM calls, tokens (input and output), seconds of work. The run ends
            before a call that might exceed one, and returns the best program so far.
        requires_permission_to_run
            Ask before the first LM call, unless ``configure(permission="granted")`` or the
            environment's ``MIPRO_PERMISSION=yes`` has answered for the whole process.
        resume
            Resume the newest run of the same plan with the same data, program, LMs and metric
            that was cut off, stopped, capped or failed, if there is one: what it paid for is not
            paid again, and it keeps the caps that are not given here. A note of the plan tells
            which it is, or why there is none.
        record
            Record file; the configured one, or the default, if None.

        Raises
        ------
        InvalidArgumentError, ProgramError, MetricError
            If something is wrong with arguments, program, data or metric; before any LM call.
        PermissionDeniedError, PermissionUnansweredError
            If permission is required and was not given; before any LM call.
        LMUnavailableError, TooManyErrorsError
            If the run fails; what was paid for is in the record.
        """
        spec = core().wait_for(
            self._spec(
                student,
                trainset,
                valset=valset,
                inputs=inputs,
                num_trials=num_trials,
                minibatch=minibatch,
                minibatch_size=minibatch_size,
                minibatch_full_eval_steps=minibatch_full_eval_steps,
                max_bootstrapped_demos=max_bootstrapped_demos,
                max_labeled_demos=max_labeled_demos,
                seed=seed,
                program_aware_proposer=program_aware_proposer,
                data_aware_proposer=data_aware_proposer,
                tip_aware_proposer=tip_aware_proposer,
                fewshot_aware_proposer=fewshot_aware_proposer,
                view_data_batch_size=view_data_batch_size,
                trials_in_flight=trials_in_flight,
                example_timeout=example_timeout,
                prompt_format=prompt_format,
                max_usd=max_usd,
                max_calls=max_calls,
                max_tokens=max_tokens,
                max_seconds=max_seconds,
            )
        )
        ask = _asks(requires_permission_to_run)
        run = _run_of(spec, record, resume=resume, ask=ask)
        optimized: P = _carried_out(run, ask=ask)
        return optimized

    def resume(
        self,
        run_id: str,
        student: Any = None,
        *,
        trainset: Any = None,
        valset: Any = None,
        inputs: Sequence[str] | None = None,
        example_timeout: float | None = None,
        max_usd: float | None = None,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        accept_changes: bool = False,
        requires_permission_to_run: bool = True,
        record: str | Path | None = None,
    ) -> Any:
        """Resume a run that was cut off, stopped, capped or failed; block until it has ended.

        It goes by the run's own plan and seed: what was answered is not sent again, what was
        scored is not scored again, and the result is that of a run that was never interrupted. A
        failed run tries again what had failed. Where nobody knows what became of calls (they were
        in flight when the run was interrupted), they count for the caps at their worst.

        Parameters
        ----------
        run_id
            The run's id, or as much of its beginning as is unique.
        student
            The program, as given to `compile`. If None, that very program, if the run was begun in
            this session.
        trainset, valset, inputs
            The rows, where JSON does not give back the values that they hold (dates, sets, models);
            those in the record, or of this session's run, if None.
        example_timeout
            As in `compile`, for what is still to be done; what the run had if None.
        max_usd, max_calls, max_tokens, max_seconds
            Caps of the whole run; those that it had if None.
        accept_changes
            Resume although program, metric, student or LMs have changed: models, servers,
            parameters or prices. Keys, retries and time limits do not count. Where permission is
            asked for, the question tells what changed, and a yes is enough.
        requires_permission_to_run
            Ask before the first LM call.
        record
            Record file; the configured one, or the default, if None.

        Raises
        ------
        UnknownRunError
            If no run, or more than one, has an id that begins so.
        RunEndedError
            If the run is finished, or is going on.
        InvalidArgumentError
            If a cap is reached already, rows or predictors differ from the run's, rows are
            needed, or anything else changed and nobody is asked.
        RecordError
            If the run cannot be read, or is damaged.

        Errors of `compile` besides.
        """
        given = {
            "max_usd": max_usd,
            "max_calls": max_calls,
            "max_tokens": max_tokens,
            "max_seconds": max_seconds,
        }
        opened = open_record(record if record is not None else settings.record)
        progress = resumption.progress_of(opened, opened.find_run(run_id))
        caps = resumption.caps_of(progress, given)
        if student is None:
            student = _student_of(progress.run_id)
        if trainset is None and valset is not None:
            raise InvalidArgumentError("valset", "(not shown)", "give its trainset as well.")
        wanted = resumption.requested_settings_of(progress, self._requested)
        rows = (
            resumption.rows_of(progress)
            if trainset is None
            else resumption.rows_given(progress, trainset, valset, inputs, wanted.seed)
        )
        if example_timeout is not None:
            wanted = replace(wanted, example_timeout=example_timeout)
        spec = core().wait_for(
            self._spec_of(student, rows.train, rows.val, inputs=None, wanted=wanted, caps=caps)
        )
        plan = resumption.same_auto(progress, spec.plan)
        spec = replace(spec, plan=plan)
        resumption.check_same(progress, spec)
        spec = resumption.on_scale_of(progress, spec)
        changes = [change.text for change in resumption.differences(progress, spec)]
        ask = _asks(requires_permission_to_run)
        if changes and not (accept_changes or ask):
            raise InvalidArgumentError(
                "accept_changes",
                accept_changes,
                "this is not quite what the run was begun with; pass True to go on all the same. "
                + "\n".join(changes),
            )
        notes = (resumption.note(progress), *changes, *spec.plan.notes)
        spec = replace(spec, plan=replace(spec.plan, notes=notes))
        return _carried_out(Run(spec, opened, progress), ask=ask)

    @staticmethod
    def join(run_id: str) -> Run:
        """Return the live run of this id, from wherever in this process it was started.

        Raises
        ------
        RunEndedError
            If it does not go on here.
        """
        run = find_live(run_id)
        if run is None:
            msg = (
                f"Run {run_id} does not go on in this process: mipro_nb.runs.load({run_id!r}) "
                "shows how it stands."
            )
            raise RunEndedError(msg)
        return run

    def plan(self, student: Any, *, trainset: Any, **settings: Any) -> Plan:
        """Return the resolved plan with its estimate; nothing is sent to an LM.

        The program and the metric are run on a few rows with made-up answers, to measure the
        real prompts. Parameters and errors are those of `compile`.
        """
        return core().wait_for(self._spec(student, trainset, **settings)).plan

    async def acompile(
        self,
        student: P,
        *,
        trainset: Any,
        requires_permission_to_run: bool = True,
        resume: bool = False,
        record: str | Path | None = None,
        **settings: Any,
    ) -> P:
        """Optimize `student` without blocking the event loop; parameters as `compile`.

        Cancelling the awaiting task stops the run.
        """
        spec = await on_core(self._spec(student, trainset, **settings))
        ask = _asks(requires_permission_to_run)
        run = _run_of(spec, record, resume=resume, ask=ask).open(ask=ask, blocking=False)
        try:
            optimized: P = await run
        except BaseException:
            if run.joined is None:
                run.stop()
            raise
        return optimized

    def start(
        self,
        student: Any,
        *,
        trainset: Any,
        requires_permission_to_run: bool = True,
        resume: bool = False,
        record: str | Path | None = None,
        **settings: Any,
    ) -> Run:
        """Begin to optimize `student` and return the live Run at once; parameters as `compile`.

        In a notebook the run begins when somebody has said yes in the dialog below the cell.
        """
        spec = core().wait_for(self._spec(student, trainset, **settings))
        ask = _asks(requires_permission_to_run)
        run = _run_of(spec, record, resume=resume, ask=ask).open(ask=ask, blocking=False)
        return run if run.joined is None else run.joined

    async def _spec(
        self,
        student: Any,
        trainset: Any,
        *,
        valset: Any = None,
        inputs: Sequence[str] | None = None,
        **requested: Any,
    ) -> RunSpec:
        """Return the specification, with everything about it checked; makes no LM call."""
        known = inspect.signature(self.compile).parameters.keys()
        for name in requested.keys() - known:
            # Somebody may have put a key here.
            value = requested[name] if isinstance(requested[name], int | float) else "(not shown)"
            raise InvalidArgumentError(
                name, value, f"there is no such parameter: they are {', '.join(known)}."
            )
        caps = Caps(**{name: requested.pop(name) for name in _CAPS if name in requested})
        given = {
            name: v for name, v in requested.items() if v is not None and name not in _ONLY_FOR_RUNS
        }
        wanted = replace(self._requested, **given)
        return await self._spec_of(
            student, trainset, valset, inputs=inputs, wanted=wanted, caps=caps
        )

    async def _spec_of(
        self,
        student: Any,
        trainset: Any,
        valset: Any,
        *,
        inputs: Sequence[str] | None,
        wanted: RequestedSettings,
        caps: Caps,
    ) -> RunSpec:
        student = as_program(student)
        if not isinstance(student, Module):
            raise InvalidArgumentError("student", student, "give a Module, such as Predict(…).")
        rows = split_rows(trainset, valset, inputs, wanted.valset_cap, wanted.seed)
        configured = student.default_lm or settings.lm
        task_lm = self.task_model or configured
        prompt_lm = self.prompt_model or configured or task_lm
        if task_lm is None or prompt_lm is None:
            msg = "No LM is configured: call configure(lm=LM(…)), or give task_model."
            raise ProgramError(msg)
        student.check_lms(task_model=task_lm, teacher_settings=self.teacher_lm)
        copy = student.deepcopy()
        metric = self.metric.of(copy)
        distinct_rows = len(distinct(rows.train))
        formats = plan_formats(copy, task_lm, wanted, distinct_rows)
        found = await rehearse(
            copy,
            [*rows.train, *rows.val],
            metric,
            lm=task_lm,
            others_go_on=lambda: any(run.permitted for run in live_runs()),
            num_threads=wanted.num_threads,
            example_timeout=wanted.example_timeout,
            metric_threshold=wanted.metric_threshold,
        )
        scale = _scale(found.metric_scale, wanted.metric_threshold)
        source = program_source(copy)
        plan = resolve(
            wanted,
            program=type(student).__name__,
            predictors={n: p.signature.declaration for n, p in copy.named_predictors()},
            models={
                "task": task_lm.name,
                "prompt": prompt_lm.name,
                "teacher": (self.teacher_lm or task_lm).name,
            },
            formats=formats.of_predictors,
            trainset_size=len(rows.train),
            valset_size=len(rows.val),
            distinct_rows=distinct_rows,
            measured_predictors=formats.measured_predictors,
            measured_formats=formats.measured_formats,
        )
        lms = every_lm(copy, task_lm, prompt_lm, self.teacher_lm)
        not_counted = uncounted(lms)
        check_counted(caps, not_counted)
        notes = [
            *plan.notes,
            *student.plan_notes,
            *formats.notes,
            *note(not_counted),
            *found.notes,
            *limits_noted(caps, lms),
        ]
        if wanted.program_aware_proposer and source.problem:
            notes.append(source.problem)
        sets = {"trainset": rows.train, "valset": rows.val}
        notes += label_notes(sets, [predictor.signature for predictor in copy.predictors()])
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
                Models(task_lm, self.teacher_lm or task_lm, prompt_lm),
                student=copy,
                trainset=rows.train,
                source=source.text,
            ),
        )
        check_caps(caps, plan.estimate)
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
            teacher_lm=self.teacher_lm,
            prompt_format=settings.prompt_format,
            chosen_formats=formats.chosen,
            verbose=self.verbose,
            track_stats=self.track_stats,
        )


def _show_parameters_of_compile(method: Any) -> None:
    """Have help and completion show what the method takes as ``**settings``."""
    returned = inspect.signature(method).return_annotation
    parameters = inspect.signature(MIPROv2.compile)
    method.__signature__ = parameters.replace(return_annotation=returned)


_show_parameters_of_compile(MIPROv2.plan)
_show_parameters_of_compile(MIPROv2.acompile)
_show_parameters_of_compile(MIPROv2.start)


def _scale(seen: Literal[1, 100], metric_threshold: float | None) -> Literal[1, 100]:
    """Return what the metric gives for a full score; a threshold above 1 also tells it.

    Raises
    ------
    InvalidArgumentError
        If no score can reach the threshold.
    """
    threshold = 0 if metric_threshold is None else metric_threshold
    if threshold > HUNDRED:
        raise InvalidArgumentError(
            "metric_threshold", metric_threshold, "scores go up to 1, or up to 100: give less."
        )
    return HUNDRED if threshold > 1 else seen


def check_caps(caps: Caps, estimate: Estimate) -> None:
    """Return if `caps` can be kept in a run of this estimate.

    Raises
    ------
    InvalidArgumentError
        If USD are capped and the price of a model is not known.
    """
    if caps.max_usd is not None and estimate.total.usd is None:
        raise InvalidArgumentError(
            "max_usd",
            caps.max_usd,
            "the price of a model is not known: give LM(…, price=(input, output)), or max_calls "
            "or max_tokens instead.",
        )


def _asks(requires_permission_to_run: bool) -> bool:  # noqa: FBT001 - as compile takes it
    """Return whether somebody is asked before the first LM call."""
    check_flag("requires_permission_to_run", requires_permission_to_run)
    return is_asked(required=requires_permission_to_run)


def _run_of(spec: RunSpec, record: str | Path | None, *, resume: bool, ask: bool) -> Run:
    check_flag("resume", resume)
    opened = open_record(record if record is not None else settings.record)
    twin = _twin_of(opened, spec)
    progress = None
    if resume:
        found = resumption.same_run(opened, spec)
        progress, caps = found.progress, spec.plan.caps
        if progress is not None:
            caps = resumption.caps_of(progress, caps.to_dict())
            check_caps(caps, spec.plan.estimate)
            spec = resumption.on_scale_of(progress, spec)
        plan = replace(spec.plan, caps=caps, notes=(*found.notes, *spec.plan.notes))
        spec = replace(spec, plan=plan)
    if told := _twin_noted(opened, spec, twin):
        if not ask:
            warnings.warn(told, stacklevel=3)
        spec = replace(spec, plan=replace(spec.plan, notes=(told, *spec.plan.notes)))
    return Run(spec, opened, progress, twin=twin)


def _twin_of(record: Record, spec: RunSpec) -> Run | None:
    """Return the run of the same specification that this process has under way, if any."""
    going_on = {
        run.id: run
        for run in reversed(live_runs())
        if run.permitted and run.record.path == record.path
    }
    found = resumption.twin_of(record, spec, going_on)
    return None if found is None else going_on[found]


def _twin_noted(record: Record, spec: RunSpec, twin: Run | None) -> str:
    """Return what to know of a run of the same specification that goes on, here or elsewhere."""
    if twin is not None:
        told = _TWIN.format(run_id=twin.id)
        its, own = twin.plan.caps, spec.plan.caps
        if its != own:
            told = f"{told} {_OTHER_CAPS.format(its=its.text(), own=own.text())}"
        return told
    elsewhere = resumption.twin_of(record, spec, resumption.going_on_elsewhere(record))
    return "" if elsewhere is None else _TWIN_ELSEWHERE.format(run_id=elsewhere)


def _student_of(run_id: str) -> Any:
    run = begun_here(run_id)
    if run is None:
        raise InvalidArgumentError(
            "student", None, f"run {run_id} was begun in another session: give its program."
        )
    return run.student


def _carried_out(run: Run, *, ask: bool) -> Any:
    """Return the best program of a run, blocking until it is there; an interrupt stops the run."""
    try:
        return run.open(ask=ask, blocking=True).wait()
    except KeyboardInterrupt:
        if run.joined is not None:
            print(f"Interrupted: run {run.id}, which was joined, goes on.")  # noqa: T201
            raise
        run.stop()
        if run.permitted:
            print("Interrupted: stopping the run and keeping the best program so far.")  # noqa: T201
        return run.wait()


def _checked_lm(name: str, lm: Any) -> LanguageModel | None:
    lm = as_lm(lm)
    if lm is not None and not isinstance(lm, LanguageModel):
        given = lm if isinstance(lm, str) else type(lm)
        raise InvalidArgumentError(name, given, "give an LM, such as LM('openai/gpt-4o-mini').")
    return lm


def _teacher_lm(teacher_settings: Any) -> LanguageModel | None:
    if not isinstance(teacher_settings, Mapping):
        raise InvalidArgumentError("teacher_settings", "(not shown)", "give {'lm': LM}, or None.")
    for name in teacher_settings.keys() - {"lm"}:
        raise InvalidArgumentError(
            "teacher_settings", "(not shown)", f"{name!r} is unknown: give {{'lm': LM}}."
        )
    return _checked_lm("teacher_settings['lm']", teacher_settings.get("lm"))
