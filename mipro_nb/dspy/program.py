"""A program of DSPy's, as the optimizer sees programs."""

from __future__ import annotations

import functools
import inspect
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import dspy

from mipro_nb.core_loop import in_worker
from mipro_nb.dspy.copying import copied, taken
from mipro_nb.dspy.lm_calls.call import saved_by_dspy
from mipro_nb.dspy.lm_calls.doors import check_door_of, open_doors_of_subclasses
from mipro_nb.dspy.lm_calls.failures import ours
from mipro_nb.dspy.lm_calls.lm import DSPyLM
from mipro_nb.dspy.lm_calls.single_use import is_copied
from mipro_nb.dspy.predictors import DSPyPredictor
from mipro_nb.dspy.results import attach_results
from mipro_nb.dspy.rows import (
    GivenPrediction,
    dspy_prediction,
    dspy_row,
)
from mipro_nb.dspy.versions import LM_ERRORS, AdapterParseError
from mipro_nb.errors import InvalidArgumentError, MiproError, ProgramError, ReplyError
from mipro_nb.language.execution.scored_row import demos_beside
from mipro_nb.language.execution.tracing import Step, add_step
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.lms.settings import settings
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Prediction
from mipro_nb.models.media import unwrapped, wrapped
from mipro_nb.redaction import secrets

_log = logging.getLogger(__name__)

# What a caller of DSPy's has set for itself alone, and a run has its own of.
_NOT_TAKEN_ALONG = frozenset({
    "lm", "trace", "caller_modules", "caller_predict", "send_stream", "stream_listeners",
    "usage_tracker", "branch_idx",
})  # fmt: skip
_CALLS_APART = (
    "Answers that DSPy's own cache holds are not taken from it: the record has its own, and "
    "lm.history has them as well, at no cost."
)
_TOOLS_STAY = (
    "What {names} made of its tools stays as it is in its instruction, word for word: the part "
    "that you wrote is searched."
)
_SAVED_BY_DSPY = (
    "DSPy saves a predictor's own LM with the program, {names} among it. If that holds a key, call "
    "set_lm(None) before save()."
)
_PICKLED = (
    "save(…, save_program=True) pickles a predictor's own LM with its api_key: call set_lm(None) "
    "before, or save as JSON."
)
_COPIED = (
    "{names} is called on a copy, as its class has __slots__ or __init_subclass__: what it counts "
    "or keeps of its calls is lost after each."
)
_ASYNC_TOOLS = (
    "ReAct is called without await, and does not get what its async tools return: {names}. Call "
    "dspy.configure(allow_tool_async_sync_conversion=True), or give a module whose aforward awaits "
    "its acall."
)
_TEACHERS = (
    "The teacher that was given bootstraps demos, with its own instructions and demos; of several, "
    "each takes its turn. The estimate takes its calls to be as long as the program's own."
)
_ONE_STEP = (
    "The rehearsal has {names} finish at its first step, so that no tool is used before "
    "permission: each further step is one more call than the estimate has."
)


class Student(Module):
    """A ``dspy.Module``, on which the optimizer works as on a program of ours.

    Parameters
    ----------
    inner
        The program of DSPy's; it becomes this one's own.
    surroundings
        DSPy's settings where the program was given.
    signatures
        Predictors' signatures as ours, where they are known: copies of a program share them.
    notes
        What the plan of a run has to say of what it was given with.
    teachers
        The programs that bootstrap its demos, if it is not itself.
    """

    is_foreign = True

    def __init__(
        self,
        inner: Any,
        surroundings: Mapping[str, Any],
        signatures: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        teachers: Sequence[Student] = (),
    ) -> None:
        known = signatures or {}
        self.inner = inner
        self.surroundings = surroundings
        self.notes = notes
        self._teachers = teachers
        self._predictors = [
            (name, DSPyPredictor(predictor, known.get(name)))
            for name, predictor in inner.named_predictors()
        ]

    @property
    def teachers(self) -> Sequence[Student]:
        """The programs that bootstrap its demos in turn; it does so itself if there are none."""
        return self._teachers

    @property
    def plan_notes(self) -> Sequence[str]:
        """What the plan of a run has to say about it."""
        made = ", ".join(n for n, each in self._predictors if each.made_instruction)
        agents = ", ".join(
            n for n, each in self._predictors if "next_tool_name" in each.signature.output_fields
        )
        notes = [*self.notes, _CALLS_APART]
        notes += [_TOOLS_STAY.format(names=made)] if made else []
        notes += [_TEACHERS] if self._teachers else []
        lms = {id(p.inner.lm): p.inner.lm for _, p in self._predictors if p.inner.lm is not None}
        for saved in filter(None, map(saved_by_dspy, lms.values())):
            notes.append(_SAVED_BY_DSPY.format(names=", ".join(saved)))
        notes += [_PICKLED] if any(lm.kwargs.get("api_key") for lm in lms.values()) else []
        asked = [*lms.values(), *filter(None, [self.surroundings.get("lm")])]
        copies = dict.fromkeys(type(lm).__name__ for lm in asked if is_copied(lm))
        notes += [_COPIED.format(names=", ".join(copies))] if copies else []
        if tools := self._async_tools:
            notes.append(_ASYNC_TOOLS.format(names=", ".join(tools)))
        return notes + ([_ONE_STEP.format(names=agents)] if agents else [])

    @property
    def _async_tools(self) -> list[str]:
        """Names of the tools that a plain agent calls and does not await."""
        # A module of the user's own may have its way to await them.
        converts = self.surroundings.get("allow_tool_async_sync_conversion")
        if converts or type(self.inner) is not dspy.ReAct:
            return []
        tools = self.inner.tools.items()
        return [name for name, tool in tools if inspect.iscoroutinefunction(tool.func)]

    @property
    def default_lm(self) -> LanguageModel | None:
        """The LM that DSPy has configured."""
        lm = self.surroundings.get("lm")
        return None if lm is None else DSPyLM(lm)

    def named_predictors(self) -> list[tuple[str, Any]]:
        """Return (name, predictor) pairs, as DSPy names them."""
        return list(self._predictors)

    def classes(self) -> list[type]:
        """Return the user's classes, whose source tells what the program does."""
        modules = [module for _, module in self.inner.named_sub_modules()]
        classes = [cls for module in modules for cls in type(module).__mro__]
        return [
            cls
            for cls in dict.fromkeys(classes)
            if issubclass(cls, dspy.Module) and cls.__module__.split(".")[0] != "dspy"
        ]

    def check_lms(self, **lms: LanguageModel | None) -> None:
        """Return if the program can be run with these LMs.

        Raises
        ------
        InvalidArgumentError
            If one is not of DSPy's: only those can be asked by its adapters.
        ProgramError
            If the program has no predictors.
        """
        if not self._predictors:
            msg = (
                f"{type(self).__name__} has no predictors: keep dspy.Predict, dspy.ChainOfThought "
                "or another module as an attribute of it; one that is compiled already is frozen, "
                "unless its _compiled is set to False."
            )
            raise ProgramError(msg)
        for name, lm in lms.items():
            if lm is not None and not isinstance(lm, DSPyLM):
                raise InvalidArgumentError(
                    name, lm, "a program of DSPy's asks DSPy's LMs: give a dspy.LM(…)."
                )
        asked = [lm.inner for lm in lms.values() if isinstance(lm, DSPyLM)]
        programs = (self, *self._teachers)
        predictors = [each for program in programs for _, each in program.named_predictors()]
        asked += [each.inner.lm for each in predictors if each.inner.lm is not None]
        for inner in asked:
            check_door_of(inner)

    @contextmanager
    def _surrounded(self) -> Iterator[None]:
        """Have DSPy's settings be those of where the program was given, and the run's LM."""
        lm = settings.lm.inner if isinstance(settings.lm, DSPyLM) else self.surroundings.get("lm")
        taken_along = {n: v for n, v in self.surroundings.items() if n not in _NOT_TAKEN_ALONG}
        with dspy.context(**taken_along, lm=lm):
            yield

    async def acall(self, *args: Any, **inputs: Any) -> Any:
        """Run the program and return what it returns, a prediction as ours.

        Raises
        ------
        ReplyError
            If the adapter could not read a reply.
        """
        if twin := self._without_demos_of_the_row():
            return await twin._run(self, args, inputs)  # noqa: SLF001 - of this very class
        return await self._run(self, args, inputs)

    def _without_demos_of_the_row(self) -> Student | None:
        """Return a copy without demos made of the row that is scored, None if there are none."""
        beside = {}
        for name, predictor in self._predictors:
            demos = predictor.demos
            fitting = demos_beside(demos, {})
            if len(fitting) < len(demos):
                beside[name] = list(fitting)
        if not beside:
            return None
        twin = self.deepcopy()
        for name, predictor in twin.named_predictors():
            predictor.demos = beside.get(name, predictor.demos)
        return twin

    async def _run(self, traced: Student, args: tuple[Any, ...], inputs: Mapping[str, Any]) -> Any:
        """Run it; its steps are told as those of `traced`."""
        trace: list[Any] = []
        given = unwrapped(inputs)
        with self._surrounded(), dspy.context(trace=trace), _tracebacks():
            try:
                if _is_async(type(self.inner)):
                    result = await self.inner.acall(*args, **given)
                else:
                    result = await in_worker(self.inner, *args, **given)
            except AdapterParseError as error:
                reply = str(getattr(error, "lm_response", ""))
                problem = f"{error.adapter_name} found no outputs as the signature has them."
                raise ReplyError(problem, reply, {}) from None
            except LM_ERRORS as error:
                failure = ours(error)
                if failure is None:
                    raise
                raise failure from None
        known = {id(predictor.inner): name for name, predictor in self._predictors}
        told = dict(traced._predictors)
        for predictor, asked, prediction in trace:
            name = known.get(id(predictor))
            if name is not None:
                made = Prediction(wrapped(dict(prediction.items())))
                add_step(Step(told[name], wrapped(asked), made))
        return GivenPrediction(result) if isinstance(result, dspy.Prediction) else result

    def metric_door(self, metric: Callable[..., Any]) -> Callable[..., Any]:
        """Return `metric` as it is called with our rows: it sees DSPy's, in DSPy's settings."""

        def seen(arguments: Sequence[Any]) -> list[Any]:
            example, prediction, *rest = arguments
            traces = [each if isinstance(each, str) else _dspy_trace(each) for each in rest]
            return [dspy_row(example), dspy_prediction(prediction), *traces]

        if inspect.iscoroutinefunction(metric):

            @functools.wraps(metric)
            async def scored_async(*arguments: Any) -> Any:
                with self._surrounded(), _tracebacks():
                    return await metric(*seen(arguments))

            return scored_async

        def scored(*arguments: Any) -> Any:
            with self._surrounded(), _tracebacks():
                return metric(*seen(arguments))

        return scored

    def handed_over(self, **results: Any) -> Any:
        """Return the program of DSPy's, with the `results` of an optimizer as DSPy has them."""
        program = copied(self.inner)
        if results:
            attach_results(program, [name for name, _ in self._predictors], **results)
        return program

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        signatures = {name: predictor.signature for name, predictor in self._predictors}
        return type(self)(
            copied(self.inner), self.surroundings, signatures, self.notes, self._teachers
        )

    def __repr__(self) -> str:
        return repr(self.inner)


def student_of(
    program: Any,
    notes: Sequence[str] = (),
    teachers: Sequence[Student] = (),
    own_settings: Mapping[str, Any] | None = None,
) -> Student:
    """Return what stands for a user's ``dspy.Module``, by the name of its class.

    It is run in DSPy's settings as they are now, and `own_settings`.
    """
    open_doors_of_subclasses(dspy.BaseLM)
    named: type[Student] = type(type(program).__name__, (Student,), {"__module__": __name__})
    surroundings = {**dspy.settings.config, **(own_settings or {})}
    return named(taken(program), surroundings, notes=notes, teachers=teachers)


def teachers_of(teacher: Any, student: Any, own_settings: Mapping[str, Any]) -> list[Student]:
    """Return what stands for the ``teacher=`` of a program: one program, or several.

    Raises
    ------
    InvalidArgumentError
        If one is not a dspy.Module, or has other predictors and fields.
    """
    given = list(teacher) if isinstance(teacher, list | tuple) else [teacher]
    wanted = _fields(student)
    for each in given:
        if not isinstance(each, dspy.Module):
            raise InvalidArgumentError(
                "teacher", type(each), "give a dspy.Module, such as the program optimized before."
            )
        if _fields(each) != wanted:
            raise InvalidArgumentError(
                "teacher",
                type(each),
                f"its predictors are {_fields(each)}, and the program's are {wanted}: give one "
                "with the same predictors and fields.",
            )
    return [student_of(each, own_settings=own_settings) for each in given]


def _fields(program: Any) -> dict[str, list[str]]:
    return {
        name: [*predictor.signature.input_fields, "->", *predictor.signature.output_fields]
        for name, predictor in program.named_predictors()
    }


def _is_async(cls: type) -> bool:
    """Tell whether a program is run by its aforward: where it has no forward as near as that."""
    ranks = {
        name: next(
            (n for n, each in enumerate(cls.__mro__) if name in vars(each)), len(cls.__mro__)
        )
        for name in ("forward", "aforward")
    }
    return ranks["aforward"] < ranks["forward"]


@contextmanager
def _tracebacks() -> Iterator[None]:
    """Log where an error of a user's code came from, if DSPy is set to provide that."""
    try:
        yield
    except Exception as error:
        of_ours = isinstance(error, MiproError) and not isinstance(error, ReplyError)
        if dspy.settings.provide_traceback and settings.stand_in is None and not of_ours:
            told = "".join(traceback.format_exception(error))
            _log.error("An example failed.\n%s", secrets.taken_out(told))
        raise


def _dspy_trace(trace: Any) -> Any:
    if trace is None:
        return None
    return [
        (step.predictor.inner, unwrapped(step.inputs), dspy_prediction(step.prediction))
        for step in trace
    ]
