"""MIPROv2 with the parameters, defaults and results of DSPy's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import dspy

from mipro_nb.arguments import only_known, taking
from mipro_nb.dspy.program import Student, student_of, teachers_of
from mipro_nb.dspy.rows import rows_of
from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError, LMNotConfiguredError
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.foreign import as_lm
from mipro_nb.models.gate.pacing.hedging import Hedge
from mipro_nb.optimizer import miprov2 as own
from mipro_nb.optimizer.planning.data.rows import validation_size
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.settings.requested import DEFAULTS, Auto
from mipro_nb.optimizer.running.run import Run
from mipro_nb.optimizer.search.strategy import SearchStrategy

P = TypeVar("P")

_NO_LOG_DIR = "log_dir= is not used: the record keeps every program that is tried."


class MIPROv2:
    """Optimizes the instructions and demos of a ``dspy.Module``, by the parameters of DSPy's own.

    It asks for permission before the first LM call, which DSPy's does not any more.

    Parameters
    ----------
    metric
        ``metric(example, prediction, trace=None)``, a function or a module.
    prompt_model, task_model
        Write instructions; run the program. The LM that ``dspy.configure`` has set if None.
    teacher_settings
        ``{"lm": dspy.LM}``: the model that bootstraps demos; other settings of DSPy's, such as
        ``"adapter"``, hold for it as well.
    max_bootstrapped_demos, max_labeled_demos
        Demos of one set that are bootstrapped, and in all. Both 0: instructions only.
    auto
        ``"light"``, ``"medium"`` or ``"heavy"``; None where num_candidates and num_trials are
        given.
    num_candidates
        Instruction candidates, and demo-set candidates, per predictor.
    num_threads, max_errors
        Programs in flight at once; failed examples in one evaluation before it raises. Those of
        ``dspy.settings`` if None.
    seed, init_temperature, verbose, track_stats, metric_threshold
        As in `mipro_nb.MIPROv2`.
    log_dir
        Not used: the record keeps every program that is tried.
    search, hedge
        As in `mipro_nb.MIPROv2`; ``search="mipro"`` is the algorithm of the paper.

    Raises
    ------
    InvalidArgumentError, MetricError
        If a parameter is out of range, or the metric cannot be called.

    Examples
    --------
    >>> optimizer = MIPROv2(metric=metric, auto="light")
    >>> optimized = optimizer.compile(program, trainset=rows, max_usd=0.50)
    >>> optimized.score
    100.0
    """

    @only_known(beside=("compile",))
    def __init__(  # noqa: PLR0917 - in the order that DSPy's has them
        self,
        metric: Callable[..., Any],
        prompt_model: Any = None,
        task_model: Any = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 4,
        auto: Auto | None = "light",
        num_candidates: int | None = None,
        num_threads: int | None = None,
        max_errors: int | None = None,
        seed: int = 9,
        init_temperature: float = 1.0,
        verbose: bool = False,  # noqa: FBT001, FBT002
        track_stats: bool = True,  # noqa: FBT001, FBT002
        log_dir: str | None = None,
        metric_threshold: float | None = None,
        *,
        search: str | SearchStrategy = "paired",
        hedge: Hedge = DEFAULTS.hedge,
    ) -> None:
        self.auto = auto
        self.num_candidates = num_candidates
        self._log_dir = log_dir
        teacher_lm, self._teacher_settings = _of_teacher(teacher_settings)
        counts = {
            "num_candidates": num_candidates,
            "num_threads": dspy.settings.num_threads if num_threads is None else num_threads,
            "max_errors": dspy.settings.max_errors if max_errors is None else max_errors,
        }
        self._optimizer = own.MIPROv2(
            metric,
            prompt_model=_of_dspys("prompt_model", prompt_model or dspy.settings.lm),
            task_model=_of_dspys("task_model", task_model or dspy.settings.lm),
            teacher_settings=None if teacher_lm is None else {"lm": teacher_lm},
            max_bootstrapped_demos=max_bootstrapped_demos,
            max_labeled_demos=max_labeled_demos,
            auto=auto,
            seed=seed,
            init_temperature=init_temperature,
            verbose=verbose,
            track_stats=track_stats,
            metric_threshold=metric_threshold,
            search=search,
            hedge=hedge,
            **{name: count for name, count in counts.items() if count is not None},
        )

    @only_known(beside=("__init__",))
    def compile(
        self,
        student: P,
        *,
        trainset: Any,
        teacher: Any = None,
        valset: Any = None,
        num_trials: int | None = None,
        max_bootstrapped_demos: int | None = None,
        max_labeled_demos: int | None = None,
        seed: int | None = None,
        minibatch: bool = True,
        minibatch_size: int = 35,
        minibatch_full_eval_steps: int = 5,
        program_aware_proposer: bool = True,
        data_aware_proposer: bool = True,
        view_data_batch_size: int = 10,
        tip_aware_proposer: bool = True,
        fewshot_aware_proposer: bool = True,
        requires_permission_to_run: bool | None = None,
        provide_traceback: bool | None = None,
        testset: Any = None,
        trials_in_flight: int | None = None,
        example_timeout: float | None = None,
        max_usd: float | None = None,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        resume: bool = False,
        record: str | Path | None = None,
    ) -> P:
        """Optimize `student` and return the best program, blocking until it is there.

        Parameters
        ----------
        student
            The ``dspy.Module``; it is never changed, an optimized copy is returned.
        trainset, valset
            Lists of ``dspy.Example``. If there is no valset, it is the last 80 % of the trainset.
        teacher
            The ``dspy.Module`` that bootstraps demos, with the predictors of `student`: its own
            instructions and demos are what it works with. Of several, in a list, each takes its
            turn. The student itself if None.
        provide_traceback
            Log the traceback of each example that fails, as ``dspy.settings.provide_traceback``
            has it if None.
        num_trials, max_bootstrapped_demos, max_labeled_demos, seed
            As in `mipro_nb.MIPROv2`; those of the constructor if None.
        minibatch, minibatch_size, minibatch_full_eval_steps
            As there; a minibatch is clipped to the valset.
        program_aware_proposer, data_aware_proposer, tip_aware_proposer, fewshot_aware_proposer
            Each switches off one source of grounding of the proposals.
        view_data_batch_size
            Rows that the dataset summary looks at per call.
        requires_permission_to_run
            False has it begin without asking; None asks. In a batch, ``MIPRO_PERMISSION=yes`` in
            the environment permits all runs.
        testset, trials_in_flight, example_timeout, max_usd, max_calls, max_tokens, max_seconds
            As in `mipro_nb.MIPROv2`.
        resume, record
            As there.

        Returns
        -------
        P
            A program of the class of `student`, with ``score``, ``trial_logs``,
            ``candidate_programs``, ``mb_candidate_programs`` and ``total_calls`` as DSPy has them,
            and ``run_id``, the id of the run in the record.

        Raises
        ------
        InvalidArgumentError, ProgramError, MetricError
            If something is wrong with arguments, program, data or metric; before any LM call.
        PermissionDeniedError, PermissionUnansweredError
            If permission is required and was not given; before any LM call.
        LMUnavailableError, TooManyErrorsError
            If the run fails; what was paid for is in the record.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "student")}
        program, settings = self._prepared(student, given)
        optimized: Any = self._optimizer.compile(program, **settings)
        return cast("P", optimized)

    @only_known(beside=("__init__",))
    @taking(compile)  # noqa: A003 - the method above
    async def acompile(self, student: P, *, trainset: Any, **settings: Any) -> P:
        """Optimize `student` without blocking the event loop; parameters as `compile`."""
        program, given = self._prepared(student, self._filled(trainset, settings))
        optimized: Any = await self._optimizer.acompile(program, **given)
        return cast("P", optimized)

    @only_known(beside=("__init__",))
    @taking(compile)  # noqa: A003 - the method above
    def start(self, student: Any, *, trainset: Any, **settings: Any) -> Run:
        """Begin to optimize `student` and return the live Run at once; parameters as `compile`."""
        program, given = self._prepared(student, self._filled(trainset, settings))
        return self._optimizer.start(program, **given)

    @only_known(beside=("__init__",))
    @taking(compile)  # noqa: A003 - the method above
    def plan(self, student: Any, *, trainset: Any, **settings: Any) -> Plan:
        """Return the resolved plan with its estimate; nothing is sent to an LM."""
        program, given = self._prepared(student, self._filled(trainset, settings))
        return self._optimizer.plan(program, **given)

    def resume(
        self, run_id: str, student: Any = None, *, teacher: Any = None, **settings: Any
    ) -> Any:
        """Resume a run that ended early; parameters as in `mipro_nb.MIPROv2.resume`.

        Give the `teacher` with the `student` if `compile` was given one.
        """
        program = None if student is None else self._student(student, self._unused(), teacher)
        return self._optimizer.resume(run_id, program, **settings)

    def _filled(self, trainset: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return `settings` with the defaults of compile for what is left out."""
        parameters = dict(inspect.signature(self.compile).parameters)
        del parameters["student"]
        defaults = {name: parameter.default for name, parameter in parameters.items()}
        return {**defaults, **settings, "trainset": trainset}

    def _prepared(self, student: Any, given: dict[str, Any]) -> tuple[Student, dict[str, Any]]:
        """Return the program, and what our own compile takes of what was given to DSPy's."""
        notes = self._unused()
        teacher, tracebacks = given.pop("teacher"), given.pop("provide_traceback")
        if self.auto is None and (self.num_candidates is None or given["num_trials"] is None):
            name = "num_candidates" if self.num_candidates is None else "num_trials"
            raise InvalidArgumentError(
                name, None, "auto=None needs num_candidates and num_trials: give both, or auto."
            )
        if given["requires_permission_to_run"] is None:
            given["requires_permission_to_run"] = True
        given["trainset"] = rows_of("trainset", given["trainset"])
        for name in ("valset", "testset"):
            if given[name] is not None:
                given[name] = rows_of(name, given[name])
        if self.auto is None and given["minibatch"]:
            valset = given["valset"]
            size = validation_size(len(given["trainset"])) if valset is None else len(valset)
            if 0 < size < (asked := given["minibatch_size"]):
                given["minibatch_size"] = size
                notes.append(f"minibatch_size={asked} is clipped to the {size} rows of the valset.")
        program = self._student(student, notes, teacher, tracebacks=tracebacks)
        return program, {name: value for name, value in given.items() if value is not None}

    def _unused(self) -> list[str]:
        """Return what to say of parameters that are given and not used."""
        return [] if self._log_dir is None else [_NO_LOG_DIR]

    def _student(
        self,
        student: Any,
        notes: Sequence[str],
        teacher: Any = None,
        *,
        tracebacks: bool | None = None,
    ) -> Student:
        if isinstance(student, Student):
            return student
        if not isinstance(student, dspy.Module):
            raise InvalidArgumentError(
                "student", student, "give a dspy.Module, such as dspy.ChainOfThought(…)."
            )
        self._check_lms_of(student)
        if teacher is None and self._teacher_settings:
            teacher = student
        teachers = [] if teacher is None else teachers_of(teacher, student, self._teacher_settings)
        own_settings = {} if tracebacks is None else {"provide_traceback": tracebacks}
        return student_of(student, notes, teachers, own_settings)

    def _check_lms_of(self, student: Any) -> None:
        """Return if there are LMs to run the program and to write its instructions.

        Raises
        ------
        LMNotConfiguredError
            If one is missing.
        """
        task_model, prompt_model = self._optimizer.task_model, self._optimizer.prompt_model
        if dspy.settings.lm is not None or (task_model is not None and prompt_model is not None):
            return
        needed = []
        if task_model is None and not all(each.lm is not None for each in student.predictors()):
            needed.append("task_model, which runs the program")
        if prompt_model is None and task_model is None:
            needed.append("prompt_model, which writes the instructions")
        if needed:
            msg = (
                "No LM is configured: call dspy.configure(lm=dspy.LM(…)), or give "
                f"{' and '.join(needed)}."
            )
            raise LMNotConfiguredError(msg)


def _of_teacher(given: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any]]:
    """Return the LM in ``teacher_settings``, and what else is in it.

    Raises
    ------
    InvalidArgumentError
        If that is not of DSPy's settings.
    """
    if given is not None and not isinstance(given, Mapping):
        raise InvalidArgumentError("teacher_settings", NOT_SHOWN, "give {'lm': LM}, or None.")
    others = dict(given or {})
    lm = others.pop("lm", None)
    for name in others:
        if name not in dspy.settings.config:
            raise InvalidArgumentError(
                "teacher_settings", NOT_SHOWN, f"{name!r} is not a setting of DSPy's: drop it."
            )
    return _of_dspys("teacher_settings['lm']", lm), others


def _of_dspys(name: str, given: Any) -> LanguageModel | None:
    """Return an LM that was given as `name`, as one of ours.

    Raises
    ------
    InvalidArgumentError
        If it is not one.
    """
    lm = as_lm(given)
    if lm is None or isinstance(lm, LanguageModel):
        return lm
    of_a_model = isinstance(given, str)
    example = given if of_a_model and "/" in given else "openai/gpt-4o-mini"
    raise InvalidArgumentError(
        name, given if of_a_model else type(given), f"give an LM, such as dspy.LM({example!r})."
    )
