"""Search: trials over the joint space of instructions and demo sets, and full evaluations.

Trial k is asked once trials 1 … k-p have been told, in order, with p the plan's
``trials_in_flight``; every choice rests on told trials only. So the same seed and the same LM
answers give the same trials at any speed of the network.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mipro_nb.evaluate.evaluate import mean_score
from mipro_nb.evaluate.ledger import Ledger
from mipro_nb.evaluate.scoring import ExampleResult, error_line
from mipro_nb.language.example import Example
from mipro_nb.language.module import Module
from mipro_nb.language.scope import bind
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.optimizer.configuration import Candidates, Configuration
from mipro_nb.optimizer.job import Job, Journal
from mipro_nb.optimizer.sampler import Draw, Sampler
from mipro_nb.runs.events import (
    EvaluationKind,
    ExampleScored,
    Phase,
    PhaseStarted,
    TrialAsked,
    TrialTold,
    configuration_key,
)
from mipro_nb.runs.state import RunState, choices_of

_STUDENT = "student as given"
_RESAMPLES = 2000
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Evaluated:
    """One evaluation that is over.

    Attributes
    ----------
    trial
        Its number; 0 is the student as given.
    score
        Mean over `examples`, 0–100.
    """

    trial: int
    kind: EvaluationKind
    configuration: Configuration
    examples: Sequence[int]
    results: Sequence[ExampleResult]

    @property
    def score(self) -> float:
        """Return the mean score in 0–100."""
        return mean_score(self.results)


@dataclass(frozen=True)
class Gain:
    """The 95 % interval of the best program's gain over the student, in points of 0–100."""

    low: float
    high: float


class Evaluations:
    """Evaluates programs on the valset, and writes down what comes of it."""

    def __init__(self, job: Job, journal: Journal, ledger: Ledger) -> None:
        self._job, self._journal, self._ledger = job, journal, ledger
        self.done: list[Evaluated] = []

    async def baseline(self) -> Evaluated:
        """Evaluate the student as given on the whole valset; this is trial 0."""
        self._journal.emit(PhaseStarted(phase="baseline"))
        every = range(self._job.plan.valset_size)
        return await self.evaluate(0, "baseline", {}, self._job.student.deepcopy(), every)

    async def evaluate(
        self,
        trial: int,
        kind: EvaluationKind,
        configuration: Configuration,
        program: Module,
        examples: Sequence[int],
    ) -> Evaluated:
        """Score `program` on `examples`; cells that the ledger has are not paid for again."""
        key = self.key(configuration, program)
        reused = len(self._ledger.begun(key) & set(examples))
        self._journal.emit(
            TrialAsked(trial=trial, kind=kind, configuration=configuration, examples=list(examples))
        )
        phase: Phase = "baseline" if kind == "baseline" else "search"
        token = call_labels.set(CallLabels(phase, trial=trial))
        bind(program)
        try:
            results = await self._ledger.evaluate(
                key,
                program,
                examples,
                priority=trial,
                on_result=lambda result: self._note(trial, key, result),
            )
        finally:
            call_labels.reset(token)
        evaluated = Evaluated(trial, kind, configuration, list(examples), results)
        self._journal.emit(
            TrialTold(
                trial=trial,
                kind=kind,
                configuration=configuration,
                score=evaluated.score,
                examples=len(results),
                reused=reused,
            )
        )
        self.done.append(evaluated)
        return evaluated

    def key(self, configuration: Configuration, program: Module) -> str:
        """Return the ledger's key; a configuration that changes nothing is the student itself."""
        return _STUDENT if self.is_student(program) else configuration_key(configuration)

    def is_student(self, program: Module) -> bool:
        """Tell whether `program` is the student as given."""
        return program.dump_state() == self._job.student.dump_state()

    def _note(self, trial: int, key: str, result: ExampleResult) -> None:
        prediction = result.prediction
        values = prediction.to_dict() if isinstance(prediction, Example) else prediction
        with self._journal.record.writing():
            self._journal.emit(
                ExampleScored(
                    trial=trial,
                    configuration=key,
                    example=result.index,
                    score=result.score,
                    prediction=None if values is None else self._kept(values),
                    feedback=result.feedback,
                    error=None if result.error is None else error_line(result),
                    seconds=result.seconds,
                )
            )

    def _kept(self, values: object) -> str:
        try:
            return self._journal.keep(values)
        except ValueError:
            return self._journal.keep(repr(values))


class Search:
    """Trials over the joint space of one instruction and one demo set per predictor."""

    def __init__(
        self, job: Job, journal: Journal, candidates: Candidates, evaluations: Evaluations
    ) -> None:
        self._job, self._journal = job, journal
        self._candidates, self._evaluations = candidates, evaluations
        self._sampler = Sampler(job.plan.seed)
        self._told: dict[str, dict[int, ExampleResult]] = {}
        self._configurations: dict[str, Configuration] = {}
        self._full: set[str] = set()
        self._asked = 0
        self._next_number = 1

    async def run(self, baseline: Evaluated) -> None:
        """Make all trials and full evaluations of the plan."""
        plan = self._job.plan
        self._journal.emit(PhaseStarted(phase="search"))
        zeros = dict.fromkeys(self._candidates.variables(), 0)
        # Not so if the student has demos of its own, which no demo set holds.
        if self._evaluations.is_student(self._candidates.apply(self._job.student, zeros)):
            self._sampler.add(zeros, baseline.score)
            self._full.add(self._key(zeros))
        in_flight: deque[tuple[Draw, asyncio.Task[Evaluated]]] = deque()
        full: list[asyncio.Task[Evaluated]] = []
        told = 0
        try:
            for _ in range(plan.num_trials):
                if len(in_flight) == plan.trials_in_flight:
                    told = await self._tell_oldest(in_flight, full, told)
                in_flight.append(self._ask())
            while in_flight:
                told = await self._tell_oldest(in_flight, full, told)
            await self._tell_full(full)
        finally:
            tasks = [*(task for _, task in in_flight), *full]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ask(self) -> tuple[Draw, asyncio.Task[Evaluated]]:
        draw = self._sampler.ask(allowed_choices(self._candidates, self._journal.state))
        configuration = draw.configuration
        self._configurations[self._key(configuration)] = configuration
        size, minibatch = self._job.plan.valset_size, self._job.plan.minibatch
        examples: Sequence[int] = range(size)
        if minibatch:
            rng = random.Random(f"{self._job.plan.seed}:minibatch:{self._asked}")
            examples = rng.sample(range(size), self._job.plan.minibatch_size)
        self._asked += 1
        return draw, self._started("minibatch" if minibatch else "full", configuration, examples)

    def _started(
        self, kind: EvaluationKind, configuration: Configuration, examples: Sequence[int]
    ) -> asyncio.Task[Evaluated]:
        number = self._next_number
        self._next_number += 1
        program = self._candidates.apply(self._job.student, configuration)
        return asyncio.create_task(
            self._evaluations.evaluate(number, kind, configuration, program, examples)
        )

    async def _tell_oldest(
        self,
        in_flight: deque[tuple[Draw, asyncio.Task[Evaluated]]],
        full: list[asyncio.Task[Evaluated]],
        told: int,
    ) -> int:
        """Tell the oldest trial; every so many, begin a full evaluation beside the trials."""
        draw, task = in_flight[0]
        evaluated = await task
        in_flight.popleft()
        self._sampler.tell(draw, evaluated.score)
        results = zip(evaluated.examples, evaluated.results, strict=True)
        self._told.setdefault(self._key(evaluated.configuration), {}).update(results)
        told += 1
        plan = self._job.plan
        due = told % plan.minibatch_full_eval_steps == 0 or told == plan.num_trials
        if plan.minibatch and due:
            await self._tell_full(full)
            best = self._best_average()
            if best is not None:
                self._full.add(self._key(best))
                full.append(self._started("full", best, range(plan.valset_size)))
        return told

    async def _tell_full(self, full: list[asyncio.Task[Evaluated]]) -> None:
        """Tell the sampler what the last full evaluation gave, at a point fixed by the plan."""
        while full:
            evaluated = await full[0]
            full.pop(0)
            self._sampler.add(evaluated.configuration, evaluated.score)

    def _best_average(self) -> Configuration | None:
        """Return the configuration with the best mean over told minibatches, not yet full.

        One that may not be tried any more is not worth a full evaluation.
        """
        allowed = allowed_choices(self._candidates, self._journal.state)

        def may_be_tried(key: str) -> bool:
            configuration = self._configurations[key]
            return all(index in allowed[name] for name, index in configuration.items())

        open_ = {
            key: cells
            for key, cells in self._told.items()
            if key not in self._full and may_be_tried(key)
        }
        if not open_:
            return None
        best = max(open_, key=lambda key: mean_score(list(open_[key].values())))
        return self._configurations[best]

    def _key(self, configuration: Configuration) -> str:
        return configuration_key(configuration)


def allowed_choices(candidates: Candidates, state: RunState) -> dict[str, list[int]]:
    """Return for each variable the candidates to try: the pinned ones, or all but the banned."""
    allowed = {}
    for variable, size in candidates.variables().items():
        (first,) = choices_of({variable: 0})
        choices = [replace(first, index=index) for index in range(size)]
        usable = [choice.index for choice in choices if choice not in state.banned]
        pinned = [index for index in usable if choices[index] in state.pinned]
        allowed[variable] = pinned or usable
    return allowed


def best_of(evaluations: Sequence[Evaluated]) -> Evaluated | None:
    """Return the best full evaluation, the baseline included; the earliest of equals."""
    full = [evaluated for evaluated in evaluations if evaluated.kind != "minibatch"]
    return max(full, key=lambda e: (e.score, -e.trial), default=None)


def gain_of(best: Evaluated, baseline: Evaluated, seed: int) -> Gain:
    """Return the interval of the mean gain, by a paired bootstrap over the valset's examples."""
    gains = np.array(
        [b.score - a.score for a, b in zip(baseline.results, best.results, strict=True)]
    )
    draws = np.random.default_rng(seed).integers(0, len(gains), (_RESAMPLES, len(gains)))
    low, high = np.percentile(100 * gains[draws].mean(axis=1), _INTERVAL)
    return Gain(float(low), float(high))
