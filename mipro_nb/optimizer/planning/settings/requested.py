"""Every hyperparameter: its type, bounds and default, once for all that take or show it.

What each of them means is told where users read it: at `MIPROv2` and its compile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Gt, Le

from mipro_nb.checks import (
    Count,
    CountOrZero,
    ExampleTimeout,
    Flag,
    Number,
    Remedy,
    Temperature,
    check_fields,
)
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.formats import check_choice
from mipro_nb.models.gate.pacing.hedging import Hedge
from mipro_nb.optimizer.planning.settings.preference import Preference, preference_of
from mipro_nb.optimizer.search.strategy import STRATEGIES, SearchStrategy

Auto = Literal["light", "medium", "heavy"]


@dataclass(frozen=True)
class AutoSettings:
    """What one value of ``auto`` stands for: candidates, and the cap of the valset."""

    num_candidates: int
    valset_cap: int


# Of DSPy's MIPROv2 (dspy/teleprompt/mipro_optimizer_v2.py, AUTO_RUN_SETTINGS).
AUTO: Mapping[str, AutoSettings] = {
    "light": AutoSettings(6, 100),
    "medium": AutoSettings(12, 300),
    "heavy": AutoSettings(18, 1000),
}
_LARGEST_SEED = 2**32 - 1  # of NumPy, which Optuna draws with
_MOST = 100_000  # far beyond what pays; a slip of the finger would plan for ever


class Unset(int):
    """A default that can be told from the same number given by the user."""


_Auto = Annotated[Auto | None, Remedy("choose one of 'light', 'medium', 'heavy', or None.")]
_Seed = Annotated[
    int,
    Ge(0),
    Le(_LARGEST_SEED),
    Remedy(f"give a whole number of at least 0 and at most {_LARGEST_SEED}."),
]
_Planned = Annotated[
    int, Ge(1), Le(_MOST), Remedy(f"give a whole number of at least 1 and at most {_MOST}.")
]
_NUM_CANDIDATES, _NUM_TRIALS, _MINIBATCH_SIZE = Unset(10), Unset(30), Unset(25)


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What steers a run."""

    auto: _Auto = None
    num_candidates: _Planned = _NUM_CANDIDATES
    num_trials: _Planned = _NUM_TRIALS
    minibatch: Flag = True
    minibatch_size: Count = _MINIBATCH_SIZE
    minibatch_full_eval_steps: Count = 10
    max_bootstrapped_demos: CountOrZero = 4
    max_labeled_demos: CountOrZero = 16
    metric_threshold: Annotated[Number | None, Remedy("give a number, or None.")] = None
    stop_at: Annotated[
        Annotated[Number, Gt(0)] | None,
        Remedy("give a score of the metric's, more than 0, or None."),
    ] = None
    patience: Annotated[
        Annotated[int, Ge(1)] | None, Remedy("give a number of trials, at least 1, or None.")
    ] = None
    num_threads: Count = 6
    max_errors: Count = 10
    init_temperature: Temperature = 1.0
    seed: _Seed = 9
    view_data_batch_size: Count = 10
    program_aware_proposer: Flag = True
    data_aware_proposer: Flag = True
    tip_aware_proposer: Flag = True
    fewshot_aware_proposer: Flag = True
    search: SearchStrategy = STRATEGIES["paired"]
    must_keep: Annotated[Sequence[str], Remedy("give a list of texts.")] = ()
    max_instruction_tokens: Annotated[
        Annotated[int, Ge(1)] | None, Remedy("give a number of tokens, at least 1, or None.")
    ] = None
    max_copied_words: Annotated[
        Annotated[int, Ge(1)] | None, Remedy("give a number of words, at least 1, or None.")
    ] = None
    smallest_edit: Flag = False
    approve: Annotated[
        Literal["proposals"] | None, Remedy("give 'proposals', or None to be asked nothing.")
    ] = None
    prefer: Preference | None = None
    hedge: Annotated[Hedge, Remedy("choose one of 'tail', True, False.")] = "tail"
    example_timeout: ExampleTimeout = None
    prompt_format: str | None = None

    @property
    def zero_shot(self) -> bool:
        """Tell whether instructions alone are searched, without demos."""
        return self.max_bootstrapped_demos == 0 and self.max_labeled_demos == 0


@dataclass(frozen=True, kw_only=True)
class RequestedSettings(Hyperparameters):
    """What the user asked for, checked one by one but not yet against the data.

    Attributes
    ----------
    trials_in_flight
        As in `Plan`; None to have it follow from num_threads.
    measured_predictors
        As in `Plan`; None to have it follow from prompt_format, the models and the data.
    """

    trials_in_flight: Annotated[
        Annotated[int, Ge(1)] | None, Remedy("give a whole number of at least 1.")
    ] = None
    measured_predictors: Annotated[  # a record gives it, which may say anything
        Sequence[str] | None, Remedy("give a list of names.")
    ] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefer", preference_of(self.prefer))
        check_fields(self)
        check_choice(self.prompt_format)
        for name in ("num_candidates", "num_trials") if self.auto is not None else ():
            value = getattr(self, name)
            if not isinstance(value, Unset):
                raise InvalidArgumentError(
                    name, value, f"auto={self.auto!r} sets it: give auto=None, or leave it out."
                )

    def with_those_of(self, given: Mapping[str, Any]) -> Self:
        """Return these with all settings that are among `given`."""
        names = {field.name for field in fields(self)} & given.keys()
        return replace(self, **{name: given[name] for name in names})

    @property
    def valset_cap(self) -> int | None:
        """Return how many validation rows are used at most, None for all."""
        return AUTO[self.auto].valset_cap if self.auto is not None else None


DEFAULTS = RequestedSettings()
