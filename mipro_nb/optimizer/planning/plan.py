"""The plan: every hyperparameter resolved and checked, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from mipro_nb.amounts import format_duration
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.evaluate.evaluate import check_count, check_seconds
from mipro_nb.language.formats import check_choice
from mipro_nb.language.options import check_flag
from mipro_nb.models.gate.caps import Caps
from mipro_nb.numbers import is_number
from mipro_nb.optimizer.planning.estimate import Estimate
from mipro_nb.optimizer.search.strategy import SearchStrategy
from mipro_nb.runs.sentences.wording import with_origin

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
_LEAST_ROWS_FOR_MINIBATCHES = 50
MEASURED_ROWS = 20
"""How many training rows prompt formats are measured on: as many as tell hopeless formats from good
ones in benchmarks/README.md."""
_LARGEST_SEED = 2**32 - 1  # of NumPy, which Optuna draws with


# What the plan turns into something else than was requested.
_RESOLVED = frozenset(
    {"num_candidates", "num_trials", "minibatch", "minibatch_size", "trials_in_flight"}
    | {"measured_predictors"}
)


# What a plan tells apart from its settings.
_APART = (
    "estimate",
    "notes",
    "caps",
    "models",
    "predictors",
    "program",
    "distinct_rows",
    "metric_scale",
    "chosen_formats",
)


class Unset(int):
    """A default that can be told from the same number given by the user."""


DEFAULT_NUM_CANDIDATES = Unset(10)
DEFAULT_NUM_TRIALS = Unset(30)


@dataclass(frozen=True)
class Hyperparameters:
    """What steers a run; the names and meanings are those of `MIPROv2` and its compile."""

    auto: str | None
    num_candidates: int
    num_trials: int
    minibatch: bool
    minibatch_size: int
    minibatch_full_eval_steps: int
    max_bootstrapped_demos: int
    max_labeled_demos: int
    metric_threshold: float | None
    num_threads: int
    max_errors: int
    init_temperature: float
    seed: int
    view_data_batch_size: int
    program_aware_proposer: bool
    data_aware_proposer: bool
    tip_aware_proposer: bool
    fewshot_aware_proposer: bool
    search: SearchStrategy
    hedge: bool
    example_timeout: float | None
    prompt_format: str | None

    @property
    def zero_shot(self) -> bool:
        """Tell whether instructions alone are searched, without demos."""
        return self.max_bootstrapped_demos == 0 and self.max_labeled_demos == 0


@dataclass(frozen=True)
class RequestedSettings(Hyperparameters):
    """What the user asked for, checked one by one but not yet against the data.

    Attributes
    ----------
    trials_in_flight
        As in `Plan`; None to have it follow from num_threads.
    measured_predictors
        As in `Plan`; None to have it follow from prompt_format, the models and the data.
    """

    trials_in_flight: int | None
    measured_predictors: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.auto is not None:
            self._check_auto()
        for name in (
            "num_candidates",
            "num_trials",
            "minibatch_size",
            "minibatch_full_eval_steps",
            "num_threads",
            "max_errors",
            "view_data_batch_size",
        ):
            check_count(name, getattr(self, name))
        for name in ("max_bootstrapped_demos", "max_labeled_demos", "seed"):
            check_count(name, getattr(self, name), least=0)
        if self.trials_in_flight is not None:
            check_count("trials_in_flight", self.trials_in_flight)
        for name in (
            "minibatch",
            "hedge",
            "program_aware_proposer",
            "data_aware_proposer",
            "tip_aware_proposer",
            "fewshot_aware_proposer",
        ):
            check_flag(name, getattr(self, name))
        if self.seed > _LARGEST_SEED:
            raise InvalidArgumentError("seed", self.seed, f"give at most {_LARGEST_SEED}.")
        temperature, threshold = self.init_temperature, self.metric_threshold
        if not is_number(temperature) or not 0 <= temperature <= 2:  # noqa: PLR2004 - OpenAI's
            raise InvalidArgumentError(
                "init_temperature", temperature, "give a number from 0 to 2."
            )
        if threshold is not None and not is_number(threshold):
            raise InvalidArgumentError("metric_threshold", threshold, "give a number, or None.")
        check_seconds("example_timeout", self.example_timeout)
        self._check_formats()

    def _check_formats(self) -> None:
        check_choice(self.prompt_format)
        measured = self.measured_predictors  # a record gives it, which may say anything
        if measured is not None and not (
            isinstance(measured, list | tuple) and all(isinstance(each, str) for each in measured)
        ):
            raise InvalidArgumentError("measured_predictors", measured, "give a list of names.")

    def _check_auto(self) -> None:
        if not isinstance(self.auto, str) or self.auto not in AUTO:
            choices = ", ".join(repr(name) for name in AUTO)
            raise InvalidArgumentError("auto", self.auto, f"choose one of {choices}, or None.")
        for name in ("num_candidates", "num_trials"):
            value = getattr(self, name)
            if not isinstance(value, Unset):
                raise InvalidArgumentError(
                    name, value, f"auto={self.auto!r} sets it: give auto=None, or leave it out."
                )

    @property
    def valset_cap(self) -> int | None:
        """Return how many validation rows are used at most, None for all."""
        return AUTO[self.auto].valset_cap if self.auto is not None else None


@dataclass(frozen=True)
class Plan(Hyperparameters):
    """What a run will do, with every number resolved.

    Attributes
    ----------
    predictors
        Name → signature of every predictor that is optimized.
    models
        Role (task, prompt, teacher) → name of the LM.
    formats
        Name → prompt format of every predictor, wherever it was chosen, while none is measured.
    chosen_formats
        The predictors whose format somebody chose; that of the others is the default.
    trials_in_flight
        How many trials are asked before the first of them is told (the fixed lag).
    measured_predictors, measured_formats
        The predictors whose format the run measures first, and the formats that it tries.
    distinct_rows
        Rows of the trainset without repetitions: as many demos there can be.
    metric_scale
        What the metric gives for a full score, 1 or 100: the scale of ``metric_threshold``.
    notes
        What the user should know before saying yes.
    estimate
        Calls, tokens and USD by phase.
    caps
        Hard limits; no LM call is sent that could exceed them.

    Examples
    --------
    >>> plan = MIPROv2(exact, auto="light").plan(student, trainset=rows)
    >>> plan.num_trials, plan.num_candidates
    (10, 6)
    >>> plan.estimate.total.calls.low > 0
    True
    """

    program: str
    predictors: Mapping[str, str]
    models: Mapping[str, str]
    formats: Mapping[str, str]
    trials_in_flight: int
    trainset_size: int
    valset_size: int
    distinct_rows: int
    measured_predictors: Sequence[str] = ()
    measured_formats: Sequence[str] = ()
    metric_scale: Literal[1, 100] = 1
    chosen_formats: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    estimate: Estimate = field(default_factory=Estimate)
    caps: Caps = field(default_factory=Caps)

    @property
    def full_evaluations(self) -> int:
        """Return how many full evaluations the search makes after the baseline, at most."""
        if not self.minibatch:
            return self.num_trials
        at_the_end = min(self.search.finalists, self.num_trials)
        return (self.num_trials - 1) // self.minibatch_full_eval_steps + at_the_end

    @property
    def formats_text(self) -> str:
        """Return the prompt formats in words: one, each predictor's, or that it is measured."""
        if self.measured_formats:
            tried = ", ".join(self.measured_formats)
            measured = frozenset(self.measured_predictors)
            others = [f"{n}: {f}" for n, f in self.formats.items() if n not in measured]
            text = f"auto, measured on {MEASURED_ROWS} training rows: the best of {tried}"
            return "; ".join([text, *others])
        if len(set(self.formats.values())) == 1:
            return next(iter(self.formats.values()))
        return ", ".join(f"{name}: {each}" for name, each in self.formats.items())

    @property
    def formats_by(self) -> str:
        """Return whether the formats are the default, or which of them somebody chose.

        Empty where formats are measured: then `formats_text` says it.
        """
        if self.measured_formats:
            return ""
        chosen = [name for name in self.formats if name in self.chosen_formats]
        if len(chosen) in (0, len(self.formats)):
            return "chosen" if chosen else "default"
        return f"chosen for {', '.join(chosen)}"

    @property
    def demos_per_set(self) -> int:
        """Return how many demos a set has at most: labelled ones only fill it up."""
        return min(max(self.max_bootstrapped_demos, self.max_labeled_demos), self.distinct_rows)

    def settings(self) -> dict[str, Any]:
        """Return the hyperparameters by name, the sizes of the sets and what follows from them."""
        values = asdict(replace(self, estimate=Estimate()))
        for apart in _APART:
            del values[apart]
        values["search"] = self.search.name
        values["formats"] = self.formats_text
        values["formats_by"] = self.formats_by
        # As a record gives them back.
        values["measured_predictors"] = list(self.measured_predictors)
        values["measured_formats"] = list(self.measured_formats)
        values["full_evaluations"] = self.full_evaluations
        values["demos_per_set"] = self.demos_per_set
        return values

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def text(self) -> str:
        """Return plan and estimate as lines of text, for a terminal or a cell's output."""
        demos = (
            "instructions only, no demos"
            if self.zero_shot
            else f"{self.num_candidates} demo sets each, of up to "
            f"{min(self.max_bootstrapped_demos, self.distinct_rows)} bootstrapped and "
            f"{self.demos_per_set} in all"
        )
        auto = f" (auto={self.auto!r})" if self.auto else ""
        lines = [f"MIPROv2 plan for {self.program}{auto}"]
        lines += [_line("predictor", f"{name}: {d}") for name, d in self.predictors.items()]
        data = f"{self.trainset_size} rows to learn from, {self.valset_size} to validate on"
        flight = f"{self.num_threads} programs, {self.trials_in_flight} trials; seed {self.seed}"
        roles: dict[str, list[str]] = {}
        for role, name in self.models.items():
            roles.setdefault(name, []).append(role)
        who = "; ".join(f"{name} ({', '.join(does)})" for name, does in roles.items())
        lines += [
            _line("models", who),
            _line("format", with_origin(self.formats_text, self.formats_by)),
            _line("data", data),
            _line("candidates", f"{self.num_candidates} new instructions per predictor; {demos}"),
            _line("search", self._how()),
            _line("in flight", flight),
        ]
        if self.caps != Caps():
            lines.append(_line("caps", self.caps.text()))
        if self.example_timeout is not None:
            limit = format_duration(self.example_timeout)
            told = f"{limit} of program and metric, without the LMs' part"
            lines.append(_line("per example", told))
        lines += [_line("note", note) for note in self.notes]
        lines += ["", self.estimate.text()]
        return "\n".join(lines)

    def _how(self) -> str:
        if not self.minibatch:
            return f"{self.search.name}: {self.num_trials} trials, each on the whole valset"
        size = self.minibatch_size
        text = f"{self.search.name}: {self.num_trials} trials on minibatches of {size}"
        first = self.search.stages(size)[0]
        if first < size:
            text += f" (those clearly behind end after {first})"
        return f"{text}, a full evaluation every {self.minibatch_full_eval_steps}"


def _line(what: str, text: str) -> str:
    return f"  {what:<11} {text}".replace("\n", f"\n{'':14}")


def resolve(
    requested: RequestedSettings,
    *,
    program: str,
    predictors: Mapping[str, str],
    models: Mapping[str, str],
    formats: Mapping[str, str],
    trainset_size: int,
    valset_size: int,
    distinct_rows: int,
    measured_predictors: Sequence[str] = (),
    measured_formats: Sequence[str] = (),
) -> Plan:
    """Return the plan that `requested` means for this program and these data.

    Raises
    ------
    InvalidArgumentError
        If the minibatch is larger than the valset, without ``auto``.
    """
    notes = []
    variables = len(predictors) * (1 if requested.zero_shot else 2)
    candidates, trials = int(requested.num_candidates), int(requested.num_trials)
    minibatch, size = requested.minibatch, requested.minibatch_size
    if requested.auto is not None:
        candidates = AUTO[requested.auto].num_candidates
        trials = int(max(2 * variables * math.log2(candidates), 1.5 * candidates))
        minibatch = valset_size > _LEAST_ROWS_FOR_MINIBATCHES
        if minibatch and not requested.minibatch:
            notes.append(f"With auto={requested.auto!r}, minibatch=True for {valset_size} rows.")
        if minibatch and size > valset_size:
            notes.append(
                f"The valset has {valset_size} rows: minibatch_size={size} is clipped to that."
            )
            size = valset_size
    elif minibatch and size > valset_size:
        raise InvalidArgumentError(
            "minibatch_size",
            size,
            f"the valset has only {valset_size} rows: give at most that, or minibatch=False.",
        )
    # Fewer trials than this leave most candidates untried (DSPy's recommendation).
    least = 0.75 * variables * candidates
    if trials < least:
        notes.append(
            f"{trials} trials are few for {variables} variables of {candidates} candidates: "
            f"at least {math.ceil(least)} are recommended."
        )
    bootstrapped, labelled = requested.max_bootstrapped_demos, requested.max_labeled_demos
    if 0 < labelled < bootstrapped:
        notes.append(
            f"Labelled demos only fill a set up to max_labeled_demos={labelled}: one may "
            f"hold {bootstrapped} bootstrapped ones. For no more than {labelled} demos, also give "
            f"max_bootstrapped_demos={labelled}."
        )
    values = {name: value for name, value in vars(requested).items() if name not in _RESOLVED}
    return Plan(
        **values,
        program=program,
        predictors=dict(predictors),
        models=dict(models),
        formats=dict(formats),
        num_candidates=candidates,
        num_trials=trials,
        minibatch=minibatch,
        minibatch_size=size,
        trials_in_flight=requested.trials_in_flight
        or _trials_in_flight(
            requested.num_threads,
            requested.search.stages(size)[0] if minibatch else valset_size,
            trials,
        ),
        trainset_size=trainset_size,
        valset_size=valset_size,
        distinct_rows=distinct_rows,
        measured_predictors=tuple(measured_predictors),
        measured_formats=tuple(measured_formats),
        notes=tuple(notes),
    )


def _trials_in_flight(threads: int, at_once: int, trials: int) -> int:
    """Return the fixed lag: enough trials to fill every slot, and half as many for stragglers.

    A trial has so many examples in flight `at_once`.

    Some trials at least, the last fifth, shall know what came of others.
    """
    if threads == 1:
        return 1  # one trial leaves no slot idle, and knows what came of all before it
    wanted = 1 + math.ceil(1.5 * threads / at_once)
    return max(2, min(wanted, math.ceil(0.8 * trials)))
