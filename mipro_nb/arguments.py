"""Arguments by their names: which ones a function takes, and what was meant by any other.

Python's own TypeError names neither the value nor a remedy. What an argument may be is said in
`checks`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

from mipro_nb.errors import MISSING, NOT_SHOWN, InvalidArgumentError

P = ParamSpec("P")
T = TypeVar("T")

# What people write for what is called otherwise here; the first name that a function takes counts.
_OTHER_WORDS = {
    "max_usd": "cost dollars usd budget spend price max_cost max_dollars max_budget max_spend",
    "max_seconds": "time seconds timeout time_limit max_time max_duration",
    "example_timeout": "timeout",
    "max_calls": "calls max_requests",
    "permission": "requires_permission_to_run yes",
    "requires_permission_to_run": "yes ask permission confirm",
    "lm": "llm model task_model",
    "task_model": "lm llm model",
    "trainset": "train data rows examples dataset training_set train_data",
    "valset": "val dev devset validation validation_set val_data",
    "testset": "test test_set test_data",
    "devset": "data rows examples dataset test testset val valset trainset",
    "num_trials": "trials n_trials max_trials",
    "num_candidates": "candidates n_candidates",
    "num_threads": "threads workers max_workers concurrency n_jobs parallel",
    "max_bootstrapped_demos": "demos shots max_demos num_demos",
    "student": "program module",
    "program": "student module",
    "metric": "metric_fn score_fn",
    "inputs": "input_keys input_columns",
    "seed": "random_state random_seed",
}
_NEAR = 0.75
_MOST_LISTED = 12


def meant_by(name: str, known: Collection[str]) -> str:
    """Return which of `known` somebody means by `name`: another word for it, or a misspelling.

    It is "" if there is none.
    """
    return _by_another_word(name, known) or misspelled(name, known)


def _by_another_word(name: str, known: Collection[str]) -> str:
    word = snake_case(name)
    meanings = (true for true, others in _OTHER_WORDS.items() if word in others.split())
    return next((true for true in meanings if true in known), "")


def misspelled(name: str, known: Collection[str], *, cutoff: float = _NEAR) -> str:
    """Return which of `known` is a `name` misspelled, "" if none is as alike as `cutoff`, 0–1."""
    near = get_close_matches(snake_case(name), known, n=1, cutoff=cutoff)
    return near[0] if near else ""


def snake_case(name: str) -> str:
    """Return a name as Python has it: ``base_url`` for ``baseURL`` and ``BASE-URL``."""
    return re.sub(r"(?<=[a-z\d])(?=[A-Z])", "_", name).replace("-", "_").lower()


def only_known(
    told: Callable[[str], str] | None = None, *, beside: Sequence[str] = (), first: str = ""
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Have a function raise an InvalidArgumentError where Python would raise a TypeError.

    That is for a keyword that it does not take, for an argument that is missing or given twice, and
    for one that has to be given by name.

    Parameters
    ----------
    told
        Returns what to say of an unknown name, empty where there is nothing more to say.
    beside
        Other methods of the class, whose parameters are easily taken for this one's.
    first
        What somebody means who gives one more by place; the first that can only be given by name if
        empty.
    """

    def given(function: Callable[P, T]) -> Callable[P, T]:
        parameters = _Parameters(function, told, beside, first)
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*arguments: P.args, **keywords: P.kwargs) -> Any:
                parameters.check(arguments, keywords)
                return await function(*arguments, **keywords)

            return cast("Callable[P, T]", awaited)

        @wraps(function)
        def checked(*arguments: P.args, **keywords: P.kwargs) -> T:
            parameters.check(arguments, keywords)
            return function(*arguments, **keywords)

        return checked

    return given


def only_fields(cls: type[T]) -> type[T]:
    """Have a dataclass raise as `only_known` does for what is not one of its fields."""
    cls.__init__ = only_known()(cls.__init__)  # type: ignore[method-assign]
    return cls


def taking(shown: Callable[P, Any]) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """Give a method the parameters of another one: for editors, help and type checkers."""

    def given(method: Callable[..., T]) -> Callable[P, T]:
        returned = inspect.signature(method).return_annotation
        signature = inspect.signature(shown).replace(return_annotation=returned)
        method.__signature__ = signature  # type: ignore[attr-defined]
        return method

    return given


class _Parameters:
    """The parameters of a function, and what is said of arguments that are none of them."""

    def __init__(
        self,
        function: Callable[..., Any],
        told: Callable[[str], str] | None,
        beside: Sequence[str],
        first: str,
    ) -> None:
        every = list(inspect.signature(function).parameters.values())
        by_place = (_ONLY_BY_PLACE, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        kinds = {each.kind for each in every}
        self._places = [each.name for each in every if each.kind in by_place]
        self._has_self = bool(self._places) and self._places[0] in ("self", "cls")
        only_by_place = {each.name for each in every if each.kind is _ONLY_BY_PLACE}
        self._known = [
            each.name
            for each in every[self._has_self :]
            if each.name not in only_by_place and each.kind not in _COLLECTING
        ]
        self._required = [
            each.name
            for each in every
            if each.default is inspect.Parameter.empty and each.kind not in _COLLECTING
        ]
        self._only_by_name = [each.name for each in every if each.kind is each.KEYWORD_ONLY]
        self._takes_any_place = inspect.Parameter.VAR_POSITIONAL in kinds
        self._takes_any_name = inspect.Parameter.VAR_KEYWORD in kinds
        self._told = told
        self._beside = beside
        self._first = first
        self._owner = function.__qualname__.rpartition(".")[0]
        self._path = function.__qualname__.removesuffix(".__init__")

    def check(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        """Return if the function takes them.

        Raises
        ------
        InvalidArgumentError
            If not.
        """
        if not self._takes_any_name:
            for name in keywords.keys() - self._known:
                self._refuse(name, keywords[name], arguments)
        if len(arguments) > len(self._places) and not self._takes_any_place:
            self._refuse_by_place(arguments[len(self._places)], keywords)
        by_place = self._places[: len(arguments)]
        for name in by_place:
            if name in keywords and name in self._known:
                remedy = "it is given twice, by place and by name: drop one."
                raise InvalidArgumentError(name, NOT_SHOWN, remedy)
        for name in self._required:
            if name not in keywords and name not in by_place:
                raise InvalidArgumentError(name, MISSING, "it has to be given.")

    def _refuse(self, name: str, value: Any, arguments: tuple[Any, ...]) -> NoReturn:
        elsewhere = self._elsewhere(arguments)
        if self._told is not None and (said := self._told(name)):
            raise InvalidArgumentError(name, _shown(value), said)
        if name in elsewhere:
            remedy = f"it belongs to {elsewhere[name]}(…)."
        else:
            remedy = f"there is no such parameter: {self._meant(name, elsewhere)}"
        raise InvalidArgumentError(name, _shown(value), remedy)

    def _elsewhere(self, arguments: tuple[Any, ...]) -> dict[str, str]:
        """Return where parameters of the other methods belong, by their names."""
        cls = type(arguments[0]) if arguments else None
        return {
            name: self._owner if method == "__init__" else method
            for method in reversed(self._beside)
            for name in _names_of(getattr(cls, method, None))
        }

    def _meant(self, name: str, elsewhere: Mapping[str, str]) -> str:
        for find in (_by_another_word, misspelled):
            if own := find(name, self._known):
                return f"did you mean {own}=?"
            if other := find(name, elsewhere):
                return f"did you mean {other}= of {elsewhere[other]}(…)?"
        if not self._known:
            return "there are none by name."
        if len(self._known) > _MOST_LISTED:
            return f"help({self._path}) tells which there are."
        are = "they are" if len(self._known) > 1 else "it is"
        return f"{are} {', '.join(self._known)}."

    def _refuse_by_place(self, value: Any, keywords: Mapping[str, Any]) -> NoReturn:
        free = (name for name in self._only_by_name if name not in keywords)
        if name := self._first or next(free, ""):
            remedy = (self._told and self._told(name)) or f"give it by name, as {name}=…."
            raise InvalidArgumentError(name, _shown(value), remedy)
        most = len(self._places) - self._has_self
        remedy = f"it is one too many: {most or 'none'} can be given by place."
        raise InvalidArgumentError("arguments", _shown(value), remedy)


_ONLY_BY_PLACE = inspect.Parameter.POSITIONAL_ONLY
_COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _names_of(method: Callable[..., Any] | None) -> list[str]:
    if method is None:  # as of a class that is none of ours, where `self` was left out
        return []
    parameters = inspect.signature(method).parameters.values()
    return [p.name for p in parameters if p.kind not in _COLLECTING and p.name != "self"]


def _shown(value: Any) -> Any:
    """Return what an error shows of a value in the wrong place, which may be a key."""
    return value if value is None or isinstance(value, int | float) else NOT_SHOWN
