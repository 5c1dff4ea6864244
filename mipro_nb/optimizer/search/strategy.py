"""Strategies of the search: the one that measured best, the paper's own, and all between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from annotated_types import Ge

from mipro_nb.arguments import only_fields
from mipro_nb.checks import CountOrZero, Flag, Remedy, check_fields
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.optimizer.search.minibatches import stages
from mipro_nb.optimizer.search.sampler import SamplerFactory
from mipro_nb.optimizer.search.samplers import name_of_sampler


@only_fields
@dataclass(frozen=True)
class SearchStrategy:
    """How the search chooses, compares and returns configurations.

    Each part can be switched alone. ``search="paired"``, the default, is all of them but repair,
    ``search="repair"`` all of them, with two rounds of repair, and ``search="mipro"`` none: the
    algorithm of the paper (arXiv:2406.11695).

    Attributes
    ----------
    sampler
        ``"additive"``: a linear model of what each instruction and each demo set adds to the
        score, in which an observation counts by the examples it rests on; the configuration with
        the best prospects is tried next. ``"tpe"``: Optuna's tree-structured Parzen estimator.
        Or the name of one that was given to `register_sampler`, or its factory, such as a class
        derived from `Sampler`: then the attribute is its name.
    stratified
        Minibatches hold rows that the student got right and wrong in the proportion of the valset.
    paired
        Scores are compared on common examples: what makes an example easy or hard for all
        configurations is taken off.
    stop_losers
        A minibatch trial ends early if, on its first examples, it is clearly behind the best
        configuration so far.
    finalists
        So many of the best configurations are fully evaluated at the end, if the evidence between
        them is not clear.
    repair
        So many times during the search, the prompt model is shown instructions with training rows
        that they failed, and writes repaired ones, which join the search. Never if 0.

    Raises
    ------
    InvalidArgumentError
        If a value is of another kind, or there is no sampler of that name.

    Examples
    --------
    >>> SearchStrategy()  # doctest: +NORMALIZE_WHITESPACE
    SearchStrategy(sampler='additive', stratified=True, paired=True, stop_losers=True, finalists=2,
                   repair=0)
    >>> SearchStrategy(stop_losers=False).name
    'paired, stop_losers=False'
    """

    sampler: str | SamplerFactory = "additive"
    stratified: Flag = True
    paired: Flag = True
    stop_losers: Flag = True
    finalists: Annotated[int, Ge(1), Remedy("give at least 1.")] = 2
    repair: CountOrZero = 0

    def __post_init__(self) -> None:
        # By name: a run writes its strategy down, and may be resumed in another process.
        object.__setattr__(self, "sampler", name_of_sampler(self.sampler))
        check_fields(self)

    @property
    def sampler_name(self) -> str:
        """Return the name of the sampler."""
        return name_of_sampler(self.sampler)

    def stages(self, size: int) -> list[int]:
        """Return after how many examples a minibatch of this size may end; the last is `size`."""
        return stages(size) if self.stop_losers else [size]

    @property
    def name(self) -> str:
        """Return the strategy's name, or what it differs in from ``"paired"``."""
        for name, strategy in STRATEGIES.items():
            if self == strategy:
                return name
        usual = asdict(STRATEGIES["paired"])
        changed = {name: value for name, value in asdict(self).items() if value != usual[name]}
        return ", ".join(["paired", *(f"{name}={value!r}" for name, value in changed.items())])


STRATEGIES: Mapping[str, SearchStrategy] = {
    "paired": SearchStrategy(),
    "repair": SearchStrategy(repair=2),
    "mipro": SearchStrategy(
        sampler="tpe", stratified=False, paired=False, stop_losers=False, finalists=1
    ),
}


def strategy_of(search: Any) -> SearchStrategy:
    """Return the strategy that a name stands for, or the one that is given.

    Raises
    ------
    InvalidArgumentError
        If there is no strategy of that name.
    """
    if isinstance(search, SearchStrategy):
        return search
    if isinstance(search, str) and search in STRATEGIES:
        return STRATEGIES[search]
    names = ", ".join(repr(name) for name in STRATEGIES)
    raise InvalidArgumentError("search", search, f"give one of {names}, or a SearchStrategy.")
