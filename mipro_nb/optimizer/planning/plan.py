"""The plan: every hyperparameter resolved and checked, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal

from mipro_nb.amounts import format_duration
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.optimizer.planning.estimate import Estimate
from mipro_nb.optimizer.planning.headroom import SETTINGS as SETTINGS_OF_HEADROOM
from mipro_nb.optimizer.planning.headroom import PlannedHeadroom
from mipro_nb.optimizer.planning.settings.constraints import constraints_text
from mipro_nb.optimizer.planning.settings.preference import Preference
from mipro_nb.optimizer.planning.settings.requested import (
    AUTO,
    Hyperparameters,
    RequestedSettings,
    Unset,
)
from mipro_nb.optimizer.search.configuration import LABELLED_SET
from mipro_nb.optimizer.search.strategy import SearchStrategy
from mipro_nb.runs.sentences.wording import counted, data_text, ends_early, with_origin

_LEAST_ROWS_FOR_MINIBATCHES = 50
# Of evaluations that go out in batches: rows of a minibatch, and trials in flight.
_BATCHED_MINIBATCH, _BATCHED_TRIALS = 100, 2
# A first score of plain labelled demos rests on so many rows, or on a minibatch if that is larger.
_LABELLED_ROWS = 50
MEASURED_ROWS = 20
"""How many training rows prompt formats are measured on: as many as tell hopeless formats from good
ones in benchmarks/README.md."""


CONFIRMATIONS = 3
"""How many trials that seem to reach ``stop_at`` are fully evaluated at once, at most."""
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
    "noise_floor",
)
# What a plan tells that measures headroom and optimizes nothing.
_OF_HEADROOM = frozenset(
    {*SETTINGS_OF_HEADROOM, "headroom", "trainset_size", "num_candidates"}
    | {"formats", "formats_by", "measured_predictors", "measured_formats"}
)


@dataclass(frozen=True, kw_only=True)
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
    testset_size
        Rows that the student and the best program are scored on at the end.
    distinct_rows
        Rows of the trainset without repetitions: as many demos there can be.
    metric_scale
        What the metric gives for a full score, 1 or 100: the scale of ``metric_threshold``.
    headroom
        How headroom is measured, where that is all that is done; None for a run that optimizes.
    noise_floor
        Points on the valset below which nothing is called a gain, where headroom was measured
        before; None where it was not.
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
    testset_size: int = 0
    measured_predictors: Sequence[str] = ()
    measured_formats: Sequence[str] = ()
    metric_scale: Literal[1, 100] = 1
    chosen_formats: tuple[str, ...] = ()
    headroom: PlannedHeadroom | None = None
    noise_floor: float | None = None
    notes: tuple[str, ...] = ()
    estimate: Estimate = field(default_factory=Estimate)
    caps: Caps = field(default_factory=Caps)

    @property
    def full_evaluations(self) -> int:
        """Return how many full evaluations the search makes after the baseline, at most."""
        of_labelled = int(self.labelled_rows == self.valset_size)
        return of_labelled + (self.completing_evaluations if self.minibatch else self.num_trials)

    @property
    def labelled_rows(self) -> int:
        """Return how many validation rows plain labelled demos are scored on before any trial.

        0 where there are none. All other rows are scored only if they are among the best then.
        """
        if self.max_labeled_demos == 0 or self.num_candidates <= LABELLED_SET:
            return 0
        if not self.minibatch:
            return self.valset_size
        return min(self.valset_size, max(self.minibatch_size, _LABELLED_ROWS))

    @property
    def completing_evaluations(self) -> int:
        """Return how many full evaluations complete what minibatches scored, at most."""
        at_the_end = min(self.search.finalists, self.num_trials)
        return self.full_evaluations_between + self.confirmations + at_the_end

    @property
    def evaluations(self) -> int:
        """Return how many evaluations there are at most, the baseline and all trials among them."""
        of_parts = self.num_trials if self.minibatch else 0
        return 1 + self.full_evaluations + of_parts + (0 < self.labelled_rows < self.valset_size)

    @property
    def full_evaluations_between(self) -> int:
        """Return how many full evaluations there are between trials, every so many."""
        return (self.num_trials - 1) // self.minibatch_full_eval_steps

    @property
    def confirmations(self) -> int:
        """Return how many trials that seem to reach ``stop_at`` are fully evaluated at once."""
        return CONFIRMATIONS if self.stop_at is not None and self.minibatch else 0

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
        """Return the hyperparameters by name, the sizes of the sets and what follows from them.

        They are as a record gives them back.
        """
        names = (each.name for each in fields(self) if each.name not in _APART)
        values = {name: as_recorded(getattr(self, name)) for name in names}
        values["formats"] = self.formats_text
        values["formats_by"] = self.formats_by
        values["full_evaluations"] = self.full_evaluations
        values["labelled_rows"] = self.labelled_rows
        values["demos_per_set"] = self.demos_per_set
        if self.headroom is not None:
            return {name: each for name, each in values.items() if name in _OF_HEADROOM}
        del values["headroom"]  # nothing to tell
        if not self.testset_size:
            del values["testset_size"]
        if not self.labelled_rows:
            del values["labelled_rows"]
        return values

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def text(self) -> str:
        """Return plan and estimate as lines of text, for a terminal or a cell's output."""
        auto = f" (auto={self.auto!r})" if self.auto else ""
        what = "MIPROv2 plan for" if self.headroom is None else "Headroom of"
        lines = [f"{what} {self.program}{auto}"]
        lines += [_line("predictor", f"{name}: {d}") for name, d in self.predictors.items()]
        roles: dict[str, list[str]] = {}
        for role, name in self.models.items():
            roles.setdefault(name, []).append(role)
        who = "; ".join(f"{name} ({', '.join(does)})" for name, does in roles.items())
        lines += [
            _line("models", who),
            _line("format", with_origin(self.formats_text, self.formats_by)),
        ]
        does = self._search_lines() if self.headroom is None else self._headroom_lines()
        lines += [_line(*each) for each in does]
        if constraints := constraints_text(self):
            lines.append(_line("proposals", constraints))
        if self.approve is not None:
            lines.append(_line("approval", "no new instruction is tried before you have said yes"))
        if self.prefer is not None:
            lines.append(
                _line("returns", f"{self.prefer.text}, of those scored on the whole valset")
            )
        if self.caps != Caps():
            lines.append(_line("caps", self.caps.text()))
        if self.example_timeout is not None:
            limit = format_duration(self.example_timeout)
            told = f"{limit} of program and metric, without the LMs' part"
            lines.append(_line("per example", told))
        lines += [_line("note", note) for note in self.notes]
        lines += ["", self.estimate.text()]
        return "\n".join(lines)

    def _search_lines(self) -> Iterator[tuple[str, str]]:
        """Tell what is searched, and how."""
        demos = (
            "instructions only, no demos"
            if self.zero_shot
            else f"{self.num_candidates} demo sets each, of up to "
            f"{min(self.max_bootstrapped_demos, self.distinct_rows)} bootstrapped and "
            f"{self.demos_per_set} in all"
        )
        flight = f"{self.num_threads} programs, {self.trials_in_flight} trials; seed {self.seed}"
        yield "data", data_text(self.trainset_size, self.valset_size, self.testset_size)
        if self.measured_formats:
            demos += "; prompt formats, if they matter and several may be the best"
        yield "candidates", f"{self.num_candidates} new instructions per predictor; {demos}"
        yield "search", self._how()
        yield "in flight", flight
        if ends := ends_early(self.settings()):
            yield "ends early", ends

    def _headroom_lines(self) -> Iterator[tuple[str, str]]:
        """Tell by what headroom is measured."""
        if self.headroom is not None:
            yield from self.headroom.lines(min(self.max_labeled_demos, self.distinct_rows))
        yield "in flight", f"{self.num_threads} programs; seed {self.seed}"

    def _how(self) -> str:
        text = f"{self.search.name}: {self._begins()}{self.num_trials} trials"
        if not self.minibatch:
            return f"{text}, each on the whole valset"
        size = self.minibatch_size
        text = f"{text} on minibatches of {size}"
        first = self.search.stages(size)[0]
        if first < size:
            text += f" (those clearly behind end after {first})"
        return f"{text}, a full evaluation every {self.minibatch_full_eval_steps}"

    def _begins(self) -> str:
        if not self.labelled_rows:
            return ""
        is_sample = self.labelled_rows < self.valset_size
        sample = f" on {counted(self.labelled_rows, 'row')}" if is_sample else ""
        return f"plain labelled demos{sample}, then "


def as_recorded(value: object) -> Any:
    """Return a setting as a record gives it back: a strategy or preference by its name."""
    match value:
        case SearchStrategy():
            return value.name
        case Preference():
            return value.text
        case PlannedHeadroom():
            return value.to_dict()
        case list() | tuple():
            return list(value)
    return value


def recorded_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `settings` of a recorded plan, and the defaults of those that it does not have.

    An older version planned it, which had no such settings.
    """
    defaults = {
        each.name: as_recorded(each.default)
        for each in fields(Plan)
        if each.name not in _APART and each.default is not MISSING
    }
    return {**defaults, **settings}


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
    testset_size: int = 0,
    measured_predictors: Sequence[str] = (),
    measured_formats: Sequence[str] = (),
    in_batches: bool = False,
) -> Plan:
    """Return the plan that `requested` means for this program and these data.

    Where evaluations go out `in_batches`, each takes hours however large it is: so trials are
    larger, and fewer of them are made without knowing of the others.

    Raises
    ------
    InvalidArgumentError
        If the minibatch is larger than the valset, without ``auto``.
    """
    notes = []
    variables = len(predictors) * (1 if requested.zero_shot else 2)
    candidates, trials = int(requested.num_candidates), int(requested.num_trials)
    minibatch, size = requested.minibatch, requested.minibatch_size
    if in_batches and isinstance(size, Unset):
        size = min(valset_size, _BATCHED_MINIBATCH)
    size = int(size)
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
    if requested.patience is not None and requested.patience >= trials:
        notes.append(
            f"patience={requested.patience} changes nothing: there are only {trials} trials."
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
        or (_BATCHED_TRIALS if in_batches else 0)
        or _trials_in_flight(
            requested.num_threads,
            requested.search.stages(size)[0] if minibatch else valset_size,
            trials,
        ),
        trainset_size=trainset_size,
        valset_size=valset_size,
        distinct_rows=distinct_rows,
        testset_size=testset_size,
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
