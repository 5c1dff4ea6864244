"""The samplers by name: the two there are, and those of users."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Sequence
from typing import Any

from mipro_nb.arguments import only_known
from mipro_nb.checks import check_name
from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.optimizer.search.choices import Choices
from mipro_nb.optimizer.search.prospects import Prospects
from mipro_nb.optimizer.search.sampler import AnySampler, SamplerFactory, Scores
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.statistics.belief import Belief


def _additive(seed: int, *, paired: bool) -> AnySampler:
    from mipro_nb.optimizer.search.additive import AdditiveSampler  # noqa: PLC0415 - numpy is slow

    return AdditiveSampler(seed, paired=paired)


def _tpe(seed: int, *, paired: bool) -> AnySampler:
    from mipro_nb.optimizer.search.tpe import TreeSampler  # noqa: PLC0415 - so is Optuna

    return TreeSampler(seed, paired=paired)


_OWN: dict[str, SamplerFactory] = {"additive": _additive, "tpe": _tpe}
_registered: dict[str, SamplerFactory] = {}


@only_known()
def register_sampler(name: str, factory: SamplerFactory) -> None:
    """Have ``SearchStrategy(sampler=name)`` mean samplers that `factory` makes.

    Another one of the same name takes its place, so that a cell can be run again.

    Parameters
    ----------
    name
        Letters, digits, ``_``, ``-`` and dots.
    factory
        Called with the seed and ``paired=``, as a `Sampler` is.

    Raises
    ------
    InvalidArgumentError
        If the name is one of mipro_nb's own, or no name, or `factory` cannot be called.
    """
    check_name("name", name, "a sampler", _OWN)
    _check_callable(factory)
    _registered[name] = factory


def name_of_sampler(sampler: Any) -> str:
    """Return the name of a sampler that is given by name or as a factory.

    A factory that nobody registered goes by where it is defined, ``"module:name"``.

    Raises
    ------
    InvalidArgumentError
        If there is none of that name, or a factory has no name of its own.
    """
    if isinstance(sampler, str):
        if sampler not in _OWN and sampler not in _registered:
            raise InvalidArgumentError("sampler", sampler, _remedy(sampler))
        return sampler
    _check_callable(sampler)
    for name, factory in (_OWN | _registered).items():
        if factory is sampler:
            return name
    module, place = (getattr(sampler, each, None) for each in ("__module__", "__qualname__"))
    if not (isinstance(module, str) and isinstance(place, str)) or "<" in place:
        raise InvalidArgumentError(
            "sampler",
            sampler,
            "it has no name by which a resumed run could find it: call "
            "register_sampler('a-name', …) with it and give that name.",
        )
    name = f"{module}:{place}"
    _registered[name] = sampler
    return name


def make_sampler(name: str, seed: int, *, paired: bool) -> AnySampler:
    """Return a sampler of that name for one search.

    Raises
    ------
    InvalidArgumentError
        If there is none of that name, or what its factory makes is not a sampler.
    """
    factory = (_OWN | _registered)[name_of_sampler(name)]
    if not _takes(factory, seed, paired=paired):
        raise InvalidArgumentError(
            "sampler",
            name,
            "it cannot be called as sampler(seed, paired=…): derive a class from mipro_nb.Sampler. "
            "A sampler of Optuna's can be asked from its ask and tell.",
        )
    made = factory(seed, paired=paired)
    if not isinstance(made, AnySampler):
        raise InvalidArgumentError(
            "sampler",
            name,
            f"what it makes is not a sampler but {shown(repr(made), 80)}: derive its class from "
            "mipro_nb.Sampler.",
        )
    return made if name in _OWN else _Apart(made)


class _Apart:
    """A user's sampler, which is given copies: what it does to them changes nothing of the run."""

    def __init__(self, sampler: AnySampler) -> None:
        self._sampler = sampler

    def ask(self, choices: Choices) -> Configuration:
        asked = self._sampler.ask({name: list(each) for name, each in choices.items()})
        if not isinstance(asked, dict):
            return asked
        # It may keep what it returned, and numpy's numbers are not ours.
        return {name: _as_int(index) for name, index in asked.items()}

    def tell(self, configuration: Configuration, scores: Scores) -> None:
        self._sampler.tell(dict(configuration), dict(scores))

    def belief(self, configuration: Configuration) -> Belief:
        return self._sampler.belief(dict(configuration))

    def prospects(self, configuration: Configuration, examples: Sequence[int]) -> Prospects:
        return self._sampler.prospects(dict(configuration), list(examples))


def _as_int(index: Any) -> Any:
    """Return a whole number of any kind as Python's own; anything else as it is."""
    try:
        return operator.index(index)
    except TypeError:
        return index


def check_sampler(name: str, seed: int, *, paired: bool) -> None:
    """Return if there are samplers of that name, and a user's own can be made.

    Errors are those of `make_sampler`, and what the user's factory raises.
    """
    if name not in _OWN:
        make_sampler(name, seed, paired=paired)


def _takes(factory: SamplerFactory, seed: int, *, paired: bool) -> bool:
    try:
        inspect.signature(factory).bind(seed, paired=paired)
    except ValueError:
        return True  # written in C, without a signature: its call tells
    except TypeError:
        return False
    return True


def _check_callable(factory: Any) -> None:
    if not callable(factory):
        raise InvalidArgumentError(
            "sampler", factory, "give a class derived from mipro_nb.Sampler, or a name."
        )


def _remedy(name: str) -> str:
    known = ", ".join(map(repr, _OWN | _registered))
    if ":" in name:
        place = name.rpartition(":")[2]
        return (
            f"it is not known in this process: run the code that defines {place}, and call "
            f"SearchStrategy(sampler={place}), which makes it known. Known are {known}."
        )
    return (
        f"there is no such sampler: give one of {known}, or call register_sampler({name!r}, …) "
        "first."
    )
