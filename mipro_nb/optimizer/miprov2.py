"""MIPROv2, the front door: from a student, data and a metric to an optimized program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from mipro_nb.arguments import only_known, taking
from mipro_nb.checks import Flag, check
from mipro_nb.core_loop import core, on_core
from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError, RunEndedError
from mipro_nb.evaluate.metric import Metric, MetricFunction
from mipro_nb.language.from_dspy.dspy_names import told_of_parameter
from mipro_nb.language.lms.lm_protocol import LanguageModel, check_lm
from mipro_nb.language.lms.settings import settings
from mipro_nb.language.programs.foreign import as_lm, as_program
from mipro_nb.language.programs.module import Module
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.gate.pacing.hedging import Hedge
from mipro_nb.optimizer.estimating.specify import specify
from mipro_nb.optimizer.planning.changes import RESUMED_CHANGEABLE
from mipro_nb.optimizer.planning.data.rows import Rows, split_rows
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.requested_headroom import (
    DEFAULT_ROWS,
    RequestedHeadroom,
    measured_rows,
    requested_for_headroom,
)
from mipro_nb.optimizer.planning.settings.requested import DEFAULTS, Auto, RequestedSettings
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.running.asking.outlook import Answered, outlook_of
from mipro_nb.optimizer.running.asking.permission import is_asked
from mipro_nb.optimizer.running.beginning.headroom import measured
from mipro_nb.optimizer.running.beginning.starting import carried_out, plan_of, run_of
from mipro_nb.optimizer.running.results.later_test import spec_of_test
from mipro_nb.optimizer.running.resuming import resume as resumption
from mipro_nb.optimizer.running.run import Beginning, Run, live_runs, runs_here, test_of
from mipro_nb.optimizer.search.strategy import SearchStrategy, strategy_of
from mipro_nb.runs.sentences.resume import begun_again
from mipro_nb.runs.sentences.wording import measures_headroom
from mipro_nb.runs.statistics.objectives import Choose
from mipro_nb.runs.store.open_records import open_record
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.results.headroom import Headroom

P = TypeVar("P")

_as_in_compile = only_known(told_of_parameter, beside=("__init__",))


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
        but are not errors. A configuration on which the student does not fail raises nothing:
        what fails scores 0.
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
        ``"repair"``: the same, and twice during the search the prompt model is shown training rows
        that instructions failed, and repairs these. ``"mipro"``: the algorithm of the paper. Or a
        `SearchStrategy` of your own.
    hedge
        Which calls that are slower than 95 % of those before, and than 1 s, are sent a second time,
        if there is room: ``"tail"`` those that a phase waits for at its end, at most 3 % of all
        calls; True all of them, also below 1 s; False none. The first answer counts, both are paid.
        The embedded model's never are.

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

    @only_known(told_of_parameter, beside=("compile",))
    def __init__(
        self,
        metric: MetricFunction,
        *,
        prompt_model: LanguageModel | None = None,
        task_model: LanguageModel | None = None,
        auto: Auto | None = DEFAULTS.auto,
        num_candidates: int = DEFAULTS.num_candidates,
        num_threads: int = DEFAULTS.num_threads,
        max_errors: int = DEFAULTS.max_errors,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = DEFAULTS.max_bootstrapped_demos,
        max_labeled_demos: int = DEFAULTS.max_labeled_demos,
        init_temperature: float = DEFAULTS.init_temperature,
        verbose: bool = False,
        track_stats: bool = True,
        metric_threshold: float | None = DEFAULTS.metric_threshold,
        seed: int = DEFAULTS.seed,
        search: str | SearchStrategy = "paired",
        hedge: Hedge = DEFAULTS.hedge,
    ) -> None:
        given = {**locals(), "search": strategy_of(search)}
        self.metric = Metric(metric)
        self.prompt_model = _checked_lm("prompt_model", prompt_model)
        self.task_model = _checked_lm("task_model", task_model)
        self.teacher_lm = _teacher_lm({} if teacher_settings is None else teacher_settings)
        self.verbose = check("verbose", verbose, Flag)
        self.track_stats = check("track_stats", track_stats, Flag)
        self._requested = DEFAULTS.with_those_of(given)

    @_as_in_compile
    def compile(
        self,
        student: P,
        *,
        trainset: Any,
        valset: Any = None,
        testset: Any = None,
        inputs: Sequence[str] | None = None,
        num_trials: int = DEFAULTS.num_trials,
        minibatch: bool = DEFAULTS.minibatch,
        minibatch_size: int = DEFAULTS.minibatch_size,
        minibatch_full_eval_steps: int = DEFAULTS.minibatch_full_eval_steps,
        max_bootstrapped_demos: int | None = None,
        max_labeled_demos: int | None = None,
        seed: int | None = None,
        program_aware_proposer: bool = DEFAULTS.program_aware_proposer,
        data_aware_proposer: bool = DEFAULTS.data_aware_proposer,
        tip_aware_proposer: bool = DEFAULTS.tip_aware_proposer,
        fewshot_aware_proposer: bool = DEFAULTS.fewshot_aware_proposer,
        view_data_batch_size: int = DEFAULTS.view_data_batch_size,
        stop_at: float | None = DEFAULTS.stop_at,
        patience: int | None = DEFAULTS.patience,
        trials_in_flight: int | None = DEFAULTS.trials_in_flight,
        example_timeout: float | None = DEFAULTS.example_timeout,
        prompt_format: str | None = DEFAULTS.prompt_format,
        must_keep: Sequence[str] = DEFAULTS.must_keep,
        max_instruction_tokens: int | None = DEFAULTS.max_instruction_tokens,
        max_copied_words: int | None = DEFAULTS.max_copied_words,
        smallest_edit: bool = DEFAULTS.smallest_edit,
        approve: Literal["proposals"] | None = DEFAULTS.approve,
        prefer: str | Choose | None = None,
        max_usd: float | None = None,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        requires_permission_to_run: bool = True,
        resume: bool = False,
        executor: Any = None,
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
        testset
            Rows that the student and the returned program are scored on at the end, once, and that
            nothing before has seen: the run's report tells that score beside the one on the valset.
            None of them may be in another set. A run that is stopped, or ends at a cap, leaves them
            out.
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
        stop_at
            A score, in the metric's own units: the search ends once a full evaluation reaches it.
            A trial that seems to is fully evaluated at once, three times at most. A student that
            has the full score on the valset ends the run before the search in any case.
        patience
            The search ends once so many trials in a row brought no new leader: none of them was,
            for the first time, the best-averaging configuration.
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
        must_keep
            Texts of the student's instructions that every new version of that instruction has to
            hold, word for word.
        max_instruction_tokens
            How many tokens a new instruction has at most, as mipro_nb counts them: about.
        max_copied_words
            How many words in a row it may copy from a value of a training row.
        smallest_edit
            Have the instruction changed as little as possible: at least half of its words stay.
        approve
            ``"proposals"``: you see what each new instruction changes, and it is tried only once
            you have approved it. You may also reject it, or edit it. Until then the run pauses. It
            does not where nobody can be asked: then it says so and goes on.
        prefer
            Which program is returned, where not the best: ``"cheapest within 1 point"`` for the one
            that costs the least per example, of those scored on the whole valset that lie at most
            so many points of 100 below the best score. Also ``"fewest tokens within …"``,
            ``"fastest …"`` and ``"shortest …"``, by the length of its instructions. Or a function
            that takes a list of `MeasuredConfiguration` and returns one of them; it is called in a
            thread. A run that ends early returns the best by what is known.
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
        executor
            Whose workers run program and metric, for code that computes much: a
            ``concurrent.futures.ProcessPoolExecutor``; or a ``Client``, a cluster or the address of
            a scheduler of Dask's, with the extra ``dask``. All LM calls are made in this process,
            as without it, and so is the rehearsal. The configured executor if None; without one,
            everything runs here.
        record
            Record file; the configured one, or the default, if None.

        Raises
        ------
        InvalidArgumentError, ProgramError, MetricError
            If something is wrong with arguments, program, data or metric; before any LM call.
        ExecutorError
            If the executor cannot run examples; before any LM call.
        PermissionDeniedError, PermissionUnansweredError
            If permission is required and was not given; before any LM call.
        LMUnavailableError, TooManyErrorsError
            If the run fails; what was paid for is in the record.
        """
        given = {**locals()}
        del given["self"]
        ask = _asks(requires_permission_to_run)
        run = run_of(core().wait_for(self._spec(**given)), ask=ask, **given)
        optimized: P = carried_out(run, ask=ask)
        return optimized

    @_as_in_compile
    @taking(compile)  # noqa: A003 - the method above
    def plan(self, student: Any, *, trainset: Any, **given: Any) -> Plan:
        """Return the resolved plan with its estimate; nothing is sent to an LM.

        The program and the metric are run on a few rows with made-up answers, to measure the
        real prompts. The plan notes what the record knows of it: headroom that was measured, or a
        run of the same plan. Parameters and errors are those of `compile`.
        """
        spec = core().wait_for(self._spec(student, trainset=trainset, **given))
        return plan_of(spec, **given)

    @_as_in_compile
    @taking(compile)  # noqa: A003 - the method above
    async def acompile(
        self,
        student: Any,
        *,
        trainset: Any,
        requires_permission_to_run: bool = True,
        **given: Any,
    ) -> Any:
        """Optimize `student` without blocking the event loop; parameters as `compile`.

        Cancelling the awaiting task stops the run.
        """
        spec = await on_core(self._spec(student, trainset=trainset, **given))
        ask = _asks(requires_permission_to_run)
        run = run_of(spec, ask=ask, student=student, **given)
        run.open(ask=ask, blocking=False)
        try:
            return await run
        except BaseException:
            if run.joined is None:
                run.stop()
            raise

    @_as_in_compile
    @taking(compile)  # noqa: A003 - the method above
    def start(
        self,
        student: Any,
        *,
        trainset: Any,
        requires_permission_to_run: bool = True,
        **given: Any,
    ) -> Run:
        """Begin to optimize `student` and return the live Run at once; parameters as `compile`.

        In a notebook the run begins when somebody has said yes in the dialog below the cell.
        """
        spec = core().wait_for(self._spec(student, trainset=trainset, **given))
        ask = _asks(requires_permission_to_run)
        run = run_of(spec, ask=ask, student=student, **given)
        run.open(ask=ask, blocking=False)
        return run if run.joined is None else run.joined

    @only_known(told_of_parameter, beside=("compile", "__init__"))
    def headroom(
        self,
        student: Any,
        *,
        trainset: Any,
        valset: Any = None,
        testset: Any = None,
        inputs: Sequence[str] | None = None,
        rows: int = DEFAULT_ROWS,
        repeats: int | None = None,
        max_labeled_demos: int | None = None,
        seed: int | None = None,
        program_aware_proposer: bool = DEFAULTS.program_aware_proposer,
        data_aware_proposer: bool = DEFAULTS.data_aware_proposer,
        tip_aware_proposer: bool = DEFAULTS.tip_aware_proposer,
        view_data_batch_size: int = DEFAULTS.view_data_batch_size,
        example_timeout: float | None = DEFAULTS.example_timeout,
        prompt_format: str | None = DEFAULTS.prompt_format,
        must_keep: Sequence[str] = DEFAULTS.must_keep,
        max_instruction_tokens: int | None = DEFAULTS.max_instruction_tokens,
        max_copied_words: int | None = DEFAULTS.max_copied_words,
        smallest_edit: bool = DEFAULTS.smallest_edit,
        max_usd: float | None = None,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        requires_permission_to_run: bool = True,
        resume: bool = False,
        executor: Any = None,
        record: str | Path | None = None,
    ) -> Headroom:
        """Measure, before a run, how much prompts matter here and how much is chance.

        A few very different prompts answer the same training rows: the student's own, two
        instructions that the prompt model writes, and the student with labelled demos. It is a run
        of its own, with its own estimate, permission and caps, and it is recorded. No validation or
        test row is sent; what `compile` asks in the same words later is not paid again.

        Parameters
        ----------
        student, trainset, valset, testset, inputs
            As in `compile`. The rows that are asked are among those that a run would learn from:
            without a valset, the first fifth of the trainset.
        rows
            How many training rows are asked, 10 to 200.
        repeats
            How often each is asked of each prompt, 1 to 10. If None, 2, and 1 at temperature 0,
            where the same question has the same answer.
        max_labeled_demos, seed
            As at init, for this measurement.
        program_aware_proposer, data_aware_proposer, tip_aware_proposer, view_data_batch_size
            As in `compile`: what the instructions are based on.
        example_timeout, prompt_format
            As in `compile`. A format that a run would measure first is measured first here as well.
        must_keep, max_instruction_tokens, max_copied_words, smallest_edit
            As in `compile`: what the instructions may not do.
        max_usd, max_calls, max_tokens, max_seconds
            Hard caps, as in `compile`.
        requires_permission_to_run, record
            As in `compile`.
        resume
            Go on with the newest measurement of the same plan that was cut off, stopped, capped or
            failed: what it paid for is not paid again.
        executor
            As in `compile`.

        Raises
        ------
        InvalidArgumentError, ProgramError, MetricError
            If something is wrong with arguments, program, data or metric; or there are fewer than
            10 different training rows. Before any LM call.
        PermissionDeniedError, PermissionUnansweredError
            If permission is required and was not given; before any LM call.
        LMUnavailableError, TooManyErrorsError
            If it fails; what was paid for is in the record.
        RunEndedError
            If it ended before all prompts were scored: it was stopped, or reached a cap.
        """
        given = {**locals()}
        del given["self"]
        ask = _asks(requires_permission_to_run)
        run = run_of(core().wait_for(self._headroom_spec(**given)), ask=ask, **given)
        return measured(run, ask=ask)

    @only_known(told_of_parameter, beside=("compile", "__init__"))
    def resume(
        self,
        run_id: str,
        student: Any = None,
        *,
        trainset: Any = None,
        valset: Any = None,
        testset: Any = None,
        inputs: Sequence[str] | None = None,
        example_timeout: float | None = None,
        prefer: str | Choose | None = None,
        max_usd: float | None = None,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        accept_changes: bool = False,
        requires_permission_to_run: bool = True,
        executor: Any = None,
        record: str | Path | None = None,
    ) -> Any:
        """Resume a run that was cut off, stopped, capped or failed; block until it has ended.

        With a testset, one that is finished and has no test score is tested, as by `Run.test`.

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
        trainset, valset, testset, inputs
            The rows, where JSON does not give back the values that they hold (dates, sets, models);
            those in the record, or of this session's run, if None. The testset alone is given to
            test a run that is finished.
        example_timeout
            As in `compile`, for what is still to be done; what the run had if None.
        prefer
            As in `compile`; what the run had if None. A function has to be given again, unless the
            run was begun in this session.
        max_usd, max_calls, max_tokens, max_seconds
            Caps of the whole run; those that it had if None.
        accept_changes
            Resume although program, metric, student or LMs have changed: models, servers,
            parameters or prices. Keys, retries and time limits do not count. Where permission is
            asked for, the question tells what changed, and a yes is enough.
        requires_permission_to_run
            Ask before the first LM call.
        executor
            As in `compile`.
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
        given = {**locals()}
        opened = open_record(record if record is not None else settings.record)
        progress = resumption.progress_of(
            opened, opened.find_run(run_id), tests=testset is not None
        )
        tests = progress.finished is not None
        if measures_headroom(progress.planned):
            remedy = f"it measures headroom: {begun_again(progress.state)}."
            raise InvalidArgumentError("run_id", run_id, remedy)
        caps = resumption.caps_of(progress, {name: given[name] for name in _CAPS})
        begun = runs_here.begun(progress.run_id)
        if student is None:
            student = resumption.student_of(progress, None if begun is None else begun.student)
        for name in ("valset", *(() if tests else ("testset",))) if trainset is None else ():
            if given[name] is not None:
                raise InvalidArgumentError(name, NOT_SHOWN, "give its trainset as well.")
        wanted = resumption.requested_settings_of(
            progress,
            self._requested,
            prefer=prefer,
            begun_with=None if begun is None else begun.plan.prefer,
        )
        rows = (
            resumption.rows_of(progress, None if begun is None else begun.rows)
            if trainset is None
            else resumption.rows_given(
                progress, trainset, valset, inputs, wanted.seed, testset=None if tests else testset
            )
        )
        if example_timeout is not None:
            wanted = replace(wanted, example_timeout=example_timeout)
        spec = core().wait_for(
            self._spec_of(student, lambda: rows, wanted, caps, executor=executor)
        )
        ask = _asks(requires_permission_to_run)
        if tests:
            spec, changes = resumption.checked(
                progress, spec, accept_changes=accept_changes, asks=ask
            )
            spec = spec_of_test(progress, spec, testset, name="testset", changes=changes)
            return carried_out(test_of(progress, spec, opened, student), ask=ask)

        def resumed(spec: RunSpec) -> Beginning:
            goes_on = resumption.resumed_spec(
                progress,
                spec,
                given=() if prefer is None else ("prefer",),
                accept_changes=accept_changes,
                asks=ask,
            )
            answered = Answered.by(progress.run_id, progress.state.spend)
            outlook = outlook_of(goes_on.plan, history_rows(opened), answered)
            return Beginning(goes_on, progress, changeable=RESUMED_CHANGEABLE, outlook=outlook)

        run = Run(
            resumed(spec), opened, lambda changes: resumed(spec.changed(changes)), student=student
        )
        return carried_out(run, ask=ask)

    @staticmethod
    @only_known()
    def join(run_id: str) -> Run:
        """Return the live run of this id, from wherever in this process it was started.

        Raises
        ------
        RunEndedError
            If it does not go on here.
        """
        run = runs_here.find_live(run_id)
        if run is None:
            msg = (
                f"Run {run_id} does not go on in this process: mipro_nb.runs.load({run_id!r}) "
                "shows how it stands."
            )
            raise RunEndedError(msg)
        return run

    async def _spec(
        self,
        student: Module,
        *,
        trainset: Any,
        valset: Any = None,
        testset: Any = None,
        inputs: Sequence[str] | None = None,
        **requested: Any,
    ) -> RunSpec:
        """Return the specification, with everything about it checked; makes no LM call."""
        wanted, caps = self._wanted(requested)
        return await self._spec_of(
            student,
            lambda: split_rows(
                trainset, valset, inputs, wanted.valset_cap, wanted.seed, testset=testset
            ),
            wanted,
            caps,
            executor=requested.get("executor"),
        )

    async def _headroom_spec(
        self,
        student: Any,
        *,
        trainset: Any,
        valset: Any,
        testset: Any,
        inputs: Sequence[str] | None,
        rows: int,
        repeats: int | None,
        **requested: Any,
    ) -> RunSpec:
        """Return the specification of a run that measures headroom, as `_spec` does."""
        wanted, caps = self._wanted(requested)
        sets = split_rows(trainset, valset, inputs, wanted.valset_cap, wanted.seed, testset=testset)
        asked = measured_rows(sets, rows, wanted.seed)
        return await self._spec_of(
            student,
            lambda: asked,
            requested_for_headroom(wanted),
            caps,
            executor=requested.get("executor"),
            headroom=RequestedHeadroom(repeats, len(sets.val)),
        )

    def _wanted(self, requested: Mapping[str, Any]) -> tuple[RequestedSettings, Caps]:
        """Return the settings that are requested here and at init, and the caps."""
        caps = Caps(**{name: requested[name] for name in _CAPS & requested.keys()})
        given = {name: value for name, value in requested.items() if value is not None}
        return self._requested.with_those_of(given), caps

    async def _spec_of(
        self,
        student: Module,
        rows: Callable[[], Rows],
        wanted: RequestedSettings,
        caps: Caps,
        *,
        executor: Any = None,
        headroom: RequestedHeadroom | None = None,
    ) -> RunSpec:
        student = as_program(student)
        if not isinstance(student, Module):
            remedy = "give a Module such as Predict(…), or a function that reads a mipro.prompt(…)."
            raise InvalidArgumentError("student", student, remedy)
        return await specify(
            student,
            rows(),
            self.metric,
            wanted,
            caps,
            task_model=self.task_model,
            prompt_model=self.prompt_model,
            teacher_lm=self.teacher_lm,
            others_go_on=lambda: any(run.permitted for run in live_runs()),
            verbose=self.verbose,
            track_stats=self.track_stats,
            executor=executor,
            headroom=headroom,
        )


_CAPS = Caps().to_dict().keys()


def _asks(required: bool) -> bool:  # noqa: FBT001 - as compile takes it
    """Return whether somebody is asked before the first LM call."""
    return is_asked(required=check("requires_permission_to_run", required, Flag))


def _checked_lm(name: str, lm: Any) -> LanguageModel | None:
    return check_lm(name, as_lm(lm))


def _teacher_lm(teacher_settings: Any) -> LanguageModel | None:
    if not isinstance(teacher_settings, Mapping):
        raise InvalidArgumentError("teacher_settings", NOT_SHOWN, "give {'lm': LM}, or None.")
    for name in teacher_settings.keys() - {"lm"}:
        raise InvalidArgumentError(
            "teacher_settings", NOT_SHOWN, f"{name!r} is unknown: give {{'lm': LM}}."
        )
    return _checked_lm("teacher_settings['lm']", teacher_settings.get("lm"))
