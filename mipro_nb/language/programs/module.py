"""Modules: programs made of predictors."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from mipro_nb.arguments import only_known
from mipro_nb.core_loop import core, in_worker
from mipro_nb.errors import ProgramError
from mipro_nb.language.exports import exported
from mipro_nb.language.from_dspy.dspy_names import MODULE_ATTRIBUTES, absent, told_of_parameter
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.saved_programs import saving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mipro_nb.language.prompting.predictor import Predictor
    from mipro_nb.language.rows.example import Example


_ABSENT = 1_000_000
_NO_FORWARD = "{} defines neither forward nor aforward: write one."


class Module:
    """A program: a class that keeps predictors as attributes and calls them in `forward`.

    Predictors and modules may be attributes, or stand in lists, tuples and dicts that are. Write
    ``forward`` as plain Python, or ``async def aforward`` to await several predictors at once.
    Evaluations run one program on several examples at once: what belongs to one of them must not be
    kept on ``self``. Counters and things that are loaded once may be.

    Attributes
    ----------
    score, trial_logs, candidate_programs, run
        Left by an optimizer on the program that it returns; absent before. Attributes of those
        names that the program has itself win over them.

    Examples
    --------
    >>> class TwoSteps(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.solve = Predict("question -> answer")
    ...         self.check = Predict("question, answer -> right: bool")
    ...
    ...     def forward(self, question):
    ...         answer = self.solve(question=question).answer
    ...         return Prediction(answer=answer)
    >>> [name for name, predictor in TwoSteps().named_predictors()]
    ['solve', 'check']
    """

    is_predictor = False
    is_foreign = False
    """Whether it stands for a program of another library, which writes its prompts itself."""
    _results: SimpleNamespace | None = None

    @property
    def default_lm(self) -> LanguageModel | None:
        """The LM that its own library has configured; None where that is ours."""
        return None

    @property
    def own_lm(self) -> LanguageModel | None:
        """The LM that it asks by itself, whatever is configured; None where it asks that one."""
        return None

    @property
    def teachers(self) -> Sequence[Module]:
        """The programs that bootstrap its demos in turn; it does so itself if there are none."""
        return ()

    @property
    def plan_notes(self) -> Sequence[str]:
        """What the plan of a run has to say about it."""
        inner = [predictor for predictor in self.predictors() if predictor is not self]
        return list(dict.fromkeys(note for each in inner for note in each.plan_notes))

    @property
    def source_text(self) -> str:
        """What tells what it does where its class does not; empty otherwise."""
        return ""

    def check_lms(self, **lms: LanguageModel | None) -> None:
        """Return if the program can be run with these LMs, given by the name of their argument.

        Raises
        ------
        InvalidArgumentError
            If it cannot.
        """

    def fitted_to(self, rows: Sequence[Example]) -> Self:
        """Return what is optimized with `rows`: this copy of the program.

        Raises
        ------
        InvalidArgumentError
            If it cannot be run on them.
        """
        del rows
        return self

    def check_rehearsed(self) -> None:
        """Return if the rehearsal has seen in it what is to be optimized.

        Raises
        ------
        ProgramError
            If not.
        """

    def functions(self) -> Sequence[Callable[..., Any]]:
        """Return functions whose source tells what it does, beside that of its classes."""
        return ()

    def metric_door(self, metric: Callable[..., Any]) -> Callable[..., Any]:
        """Return `metric` as it is called with our rows, predictions and traces."""
        return metric

    def classes(self) -> list[type]:
        """Return the classes whose source tells what it does, the most derived first."""
        return [cls for cls in type(self).__mro__ if issubclass(cls, Module)]

    def handed_over(self, **results: Any) -> Any:
        """Return the program as its user knows it, with the `results` of an optimizer."""
        if results:
            self.attach_results(**results)
        return self

    def attach_results(self, **results: Any) -> None:
        """Make `results` readable as attributes; they are not part of the program."""
        self.__dict__["_results"] = SimpleNamespace(**results)

    def __getattr__(self, name: str) -> Any:
        results = self.__dict__.get("_results")
        if results is not None and name in vars(results):
            return getattr(results, name)
        raise absent(f"{type(self).__name__!r} object", name, MODULE_ATTRIBUTES)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program and return what its forward returns.

        Of ``forward`` and ``aforward``, and of ``__call__`` and ``acall`` where a subclass has its
        own, that of the most derived class is run, however the program is called.
        """
        own, asynchronous = _rank(self, "forward"), _rank(self, "aforward")
        if _rank(self, "acall") < min(own, asynchronous, _rank(self, "__call__")):
            return core().wait_for(self.acall(*args, **kwargs))
        if own > asynchronous or inspect.iscoroutinefunction(getattr(self, "forward", None)):
            return core().wait_for(Module.acall(self, *args, **kwargs))
        if own == _ABSENT:
            raise ProgramError(_NO_FORWARD.format(type(self).__name__))
        return self.forward(*args, **kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program without blocking the event loop; a sync method in a worker thread."""
        own, asynchronous = _rank(self, "forward"), _rank(self, "aforward")
        if _rank(self, "__call__") < min(own, asynchronous, _rank(self, "acall")):
            return await in_worker(self.__call__, *args, **kwargs)
        if asynchronous == own == _ABSENT:
            raise ProgramError(_NO_FORWARD.format(type(self).__name__))
        chosen = self.aforward if asynchronous <= own else self.forward
        if asynchronous <= own or inspect.iscoroutinefunction(chosen):
            result = chosen(*args, **kwargs)
        else:
            result = await in_worker(chosen, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    def named_predictors(self) -> list[tuple[str, Predictor]]:
        """Return (name, predictor) pairs: ``"prog.predict"``, ``"steps[0]"``, ``"by_lang['en']"``.

        A predictor that is reached by two names is listed under the first one.
        """
        return list(_walk(self, ""))

    def predictors(self) -> list[Predictor]:
        """Return the predictors, in the order of `named_predictors`."""
        return [predictor for _, predictor in self.named_predictors()]

    @only_known()
    def set_lm(self, lm: LanguageModel) -> None:
        """Have every predictor use `lm`, whatever is configured."""
        for predictor in self.predictors():
            predictor.lm = lm

    def deepcopy(self) -> Self:
        """Return an independent copy.

        LMs are shared, as is an attribute that cannot be copied (a connection, a lock).
        """
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        for name, value in self.__dict__.items():
            twin.__dict__[name] = value if name == "_results" else _copied(value, memo)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: all but the run that it came from, which is in the record."""
        state = dict(self.__dict__)
        if self._results is not None:
            results = vars(self._results)
            kept = {name: value for name, value in results.items() if name != "run"}
            state["_results"] = SimpleNamespace(**kept)
        return state

    def reset_copy(self) -> Self:
        """Return a copy whose predictors have no demos and no LM of their own."""
        twin = self.deepcopy()
        for predictor in twin.predictors():
            predictor.reset()
        return twin

    def dump_state(self) -> dict[str, Any]:
        """Return what every predictor is asked with, as JSON-able values.

        That is its instruction, its demos and, if it has one of its own, its prompt format.
        """
        return saving.dump_state(self.named_predictors())

    @only_known(told_of_parameter)
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take instructions, demos and prompt formats from what `dump_state` returned.

        Raises
        ------
        SavedStateError
            If the state is of another program structure or a newer format.
        """
        saving.load_state(self.named_predictors(), state)

    @only_known(told_of_parameter)
    def save(self, path: str | Path) -> None:
        """Write `dump_state` as readable JSON to `path`, exactly as it is given."""
        saving.save(self.dump_state(), path)

    @only_known(told_of_parameter)
    def load(self, path: str | Path) -> None:
        """Read what `save` wrote into this program, or what DSPy saved as JSON.

        Raises
        ------
        SavedStateError
            If the file is not a saved program, or one of another structure or a newer format.
        """
        saving.load_state(self.named_predictors(), saving.read(path))

    @only_known()
    def export(
        self, form: str, *, predictor: str | None = None, lm: LanguageModel | None = None
    ) -> Any:
        """Return a prompt as it is now, instruction and demos, for use without mipro_nb.

        Parameters
        ----------
        form
            "messages", a list of dicts with placeholders; "text" or "markdown"; "openai", "litellm"
            or "langchain", Python code that needs that package alone; "promptfoo", a YAML config.
        predictor
            Name of the predictor, where there are several.
        lm
            The LM that code and configs name; without it the predictor's own, or the configured
            one. Keys are never written: code reads them from the environment.

        Raises
        ------
        InvalidArgumentError
            If there is no such form or predictor, or code is asked for and there is no LM; or if
            the prompt has text that the form would take for a placeholder.
        """
        return exported(form, dict(self.named_predictors()), predictor, lm)

    def __repr__(self) -> str:
        lines = [f"{name} = {predictor!r}" for name, predictor in self.named_predictors()]
        return f"{type(self).__name__}({', '.join(lines)})"


def _rank(module: Module, method: str) -> int:
    """Return how far from the object a method is defined: 0 on itself, 1 in its class."""
    if callable(module.__dict__.get(method)):
        return 0
    for place, cls in enumerate(type(module).__mro__, start=1):
        if callable(vars(cls).get(method)):
            return place
    return _ABSENT


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    # Containers are taken apart, so that one uncopyable member never leaves predictors shared.
    if id(value) in memo:
        return memo[id(value)]
    if type(value) in (list, dict, tuple) or _holds_modules(value):
        return _copied_container(value, memo)
    if isinstance(value, LanguageModel):
        return value
    # A copy that fails half-way leaves half-made objects in its memo; they must not be used.
    tried = dict(memo)
    try:
        twin = copy.deepcopy(value, tried)
    except Exception:  # noqa: BLE001 - whatever an uncopyable object raises, it is shared instead
        memo[id(value)] = value
        return value
    # The objects that deepcopy keeps alive stand under its memo's own id.
    memo.setdefault(id(memo), []).extend(tried.pop(id(tried), []))
    memo.update(tried)
    return twin


def _copied_container(value: Any, memo: dict[int, Any]) -> Any:
    if isinstance(value, tuple):
        inner = [_copied(member, memo) for member in value]
        # A named tuple takes its values one by one.
        return value._make(inner) if hasattr(value, "_make") else type(value)(inner)
    # A shallow copy keeps what a subclass adds, such as the factory of a defaultdict.
    twin = memo[id(value)] = copy.copy(value)
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        twin[key] = _copied(member, memo)
    return twin


def _holds_modules(value: Any) -> bool:
    return isinstance(value, list | dict | tuple) and any(True for _ in _walk(value, ""))


def _walk(module: Any, prefix: str) -> Iterator[tuple[str, Predictor]]:
    seen: set[int] = set()
    yield from _walk_value(module, prefix, seen)


def _walk_value(value: Any, name: str, seen: set[int]) -> Iterator[tuple[str, Predictor]]:
    if not isinstance(value, Module | list | tuple | dict) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Module) and value.is_predictor:
        yield name or "self", value
        return
    for inner_name, inner in _parts(value, name):
        yield from _walk_value(inner, inner_name, seen)


def _parts(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Module):
        for attribute, inner in value.__dict__.items():
            yield f"{name}.{attribute}" if name else attribute, inner
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield f"{name}[{key!r}]", inner
