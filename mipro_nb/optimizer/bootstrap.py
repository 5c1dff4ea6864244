"""Bootstrapping: candidate demo sets out of traces that pass the metric."""

from __future__ import annotations

import asyncio
import copy
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mipro_nb.errors import ReplyError, TooManyErrorsError, shown
from mipro_nb.evaluate.metric import Score
from mipro_nb.evaluate.scoring import HOPELESS
from mipro_nb.evaluate.slots import Slots
from mipro_nb.evaluate.user_code import run_user_code
from mipro_nb.language.attempt import attempting
from mipro_nb.language.example import Example
from mipro_nb.language.fields import NO_DEFAULT, Field, accepts
from mipro_nb.language.module import Module
from mipro_nb.language.scope import bind
from mipro_nb.language.signature import SignatureMeta
from mipro_nb.language.tracing import Step, tracing
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.models.draws import Execution, execution
from mipro_nb.optimizer.job import Job, Journal
from mipro_nb.optimizer.plan import Plan
from mipro_nb.optimizer.rows import distinct
from mipro_nb.optimizer.speculation import FirstPassing
from mipro_nb.optimizer.together import Background
from mipro_nb.runs.events import DemoSetBuilt, PhaseStarted, TraceBootstrapped

# In 0-shot mode demos are made for the proposer's eyes only (DSPy's BOOTSTRAPPED_FEWSHOT_EXAMPLES_
# IN_CONTEXT).
DEMOS_FOR_THE_PROPOSER = 3
# This set is of full size, from the trainset in its own order; the other bootstrapped ones are of
# random sizes, from shuffled copies.
_IN_OWN_ORDER = 2
# Bootstrapping is what everything else waits for, so it goes before any trial.
_PRIORITY = -2

DemosByPredictor = Mapping[str, Sequence[Example]]


@dataclass(frozen=True)
class DemoSet:
    """One candidate demo set: for each predictor, bootstrapped demos and then labelled ones."""

    bootstrapped: DemosByPredictor
    demos: DemosByPredictor


def bootstrapped_sets(plan: Plan) -> range:
    """Return the numbers of the demo sets that are made of traces.

    Set 0 is the empty one, and set 1 the labelled one where there are labelled demos.
    """
    if _most_bootstrapped(plan) == 0:
        return range(0)
    return range(2 if plan.max_labeled_demos else 1, plan.num_candidates)


def bootstrap(
    job: Job, journal: Journal, slots: Slots, background: Background
) -> list[asyncio.Task[DemoSet]]:
    """Begin to make the candidate demo sets; each can be awaited, in the order of their numbers.

    Tasks raise a TooManyErrorsError if ``max_errors`` training examples failed for other reasons
    than an unusable reply. Spare attempts may go on in the `background` after the last set.
    """
    journal.emit(PhaseStarted(phase="bootstrap"))
    making = _Bootstrap(job, journal, slots, background)
    return [background.begin(making.demo_set(n)) for n in range(job.plan.num_candidates)]


def _most_bootstrapped(plan: Plan) -> int:
    return DEMOS_FOR_THE_PROPOSER if plan.zero_shot else plan.max_bootstrapped_demos


class _Bootstrap:
    def __init__(self, job: Job, journal: Journal, slots: Slots, background: Background) -> None:
        plan = job.plan
        self._job, self._journal, self._slots = job, journal, slots
        self._background = background
        self._train = job.rows.train
        # Of rows with the same inputs the first is enough: a prompt with twins is paid for twice.
        self._distinct = distinct(self._train)
        self._names = [name for name, _ in job.student.named_predictors()]
        self._most_in_all = plan.max_labeled_demos
        self._attempts: dict[int, asyncio.Task[DemosByPredictor | None]] = {}
        self._errors: dict[int, str] = {}
        self._errors_met: set[int] = set()
        rng = random.Random(plan.seed)
        self._teacher_demos = self._labelled(self._distinct, self._most_in_all, rng)

    async def demo_set(self, number: int) -> DemoSet:
        """Make the demo set of this number, and write it down."""
        rng = random.Random(f"{self._job.plan.seed}:{number}")
        used: list[int] = []
        traces: list[DemosByPredictor] = []
        if number in bootstrapped_sets(self._job.plan):
            order = list(self._distinct)
            size = _most_bootstrapped(self._job.plan)
            if number != _IN_OWN_ORDER:
                rng.shuffle(order)
                size = rng.randint(1, size)
            used, traces = await self._first_passing(order, size)
        made = self._filled(used, traces, rng, fill=self._most_in_all if number > 0 else 0)
        self._note(number, made)
        return made

    async def _first_passing(
        self, order: Sequence[int], size: int
    ) -> tuple[list[int], list[DemosByPredictor]]:
        """Return the first `size` examples of `order` whose traces pass, with their demos."""
        search = FirstPassing(size, len(order))
        made: dict[int, DemosByPredictor] = {}
        in_flight: dict[asyncio.Task[DemosByPredictor | None], int] = {}
        begun = settled = 0
        while True:
            for place in range(begun, search.due):
                in_flight[self._attempt(order[place])] = place
            begun = search.due
            if search.done:
                break
            ended, _ = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
            for attempt in ended:
                place, demos = in_flight.pop(attempt), attempt.result()
                if demos is not None:
                    made[place] = demos
                search.note(place, passed=demos is not None)
            self._check_errors(order[settled : search.settled])
            settled = search.settled
        return [order[place] for place in search.kept], [made[place] for place in search.kept]

    def _attempt(self, index: int) -> asyncio.Task[DemosByPredictor | None]:
        """Return the attempt on example `index`; each example is tried once per run."""
        if index not in self._attempts:
            self._attempts[index] = self._background.begin(self._try(index))
        return self._attempts[index]

    async def _try(self, index: int) -> DemosByPredictor | None:
        async with self._slots.hold(_PRIORITY):
            token = call_labels.set(CallLabels("bootstrap", example=index))
            execution.set(Execution("bootstrap", index))  # the task is this example's own
            try:
                return await self._run_teacher(index)
            finally:
                call_labels.reset(token)

    async def _run_teacher(self, index: int) -> DemosByPredictor | None:
        example = self._train[index]
        teacher = self._teacher_without(example)
        try:
            with attempting(self._job.plan.example_timeout):
                with tracing() as steps:
                    bind(teacher)
                    inputs = copy.deepcopy(example.inputs().to_dict())
                    made = run_user_code(type(teacher).__name__, teacher.acall(**inputs))
                    prediction = await made
                score = await self._job.metric.score(example, prediction, steps)
        except HOPELESS:
            raise
        except Exception as error:  # noqa: BLE001 - the user's program may raise anything
            self._note_error(index, error)
            return None
        kept = self._passes(score)
        self._journal.emit(TraceBootstrapped(example=index, kept=kept, score=score.score))
        return self._demos_of(teacher, steps, index) if kept else None

    def _teacher_without(self, example: Example) -> Module:
        teacher = self._job.student.deepcopy()
        for name, predictor in teacher.named_predictors():
            demos = self._teacher_demos[name] if self._most_in_all else predictor.demos
            predictor.demos = [demo for demo in demos if not _is_made_of(demo, example)]
            if self._job.teacher_lm is not None:
                predictor.lm = self._job.teacher_lm
        return teacher

    def _passes(self, score: Score) -> bool:
        threshold = self._job.plan.metric_threshold
        return bool(score) if threshold is None else score.score >= threshold

    def _demos_of(self, teacher: Module, steps: Sequence[Step], index: int) -> DemosByPredictor:
        names = {id(predictor): name for name, predictor in teacher.named_predictors()}
        by_name: dict[str, list[Example]] = defaultdict(list)
        for step in steps:
            name = names.get(id(step.predictor))
            if name is not None:
                demo = Example(step.inputs, **step.prediction.to_dict())
                by_name[name].append(demo.with_inputs(*step.inputs))
        rng = random.Random(f"{self._job.plan.seed}:trace:{index}")
        return {name: [rng.choice(demos)] for name, demos in by_name.items()}

    def _note_error(self, index: int, error: Exception) -> None:
        text = f"{type(error).__name__}: {shown(str(error))}"
        self._journal.emit(TraceBootstrapped(example=index, kept=False, score=None, error=text))
        if not isinstance(error, ReplyError):
            self._errors[index] = f"trainset[{index}]: {text}"

    def _check_errors(self, needed: Iterable[int]) -> None:
        """Raise if too many of the attempts that were needed failed.

        Spare ones do not count: how many of them have ended by now is a matter of speed.
        """
        limit = self._job.plan.max_errors
        for index in needed:
            if index in self._errors:
                self._errors_met.add(index)
            if len(self._errors_met) >= limit:
                lines = "\n  ".join(self._errors[met] for met in sorted(self._errors_met)[:5])
                msg = (
                    f"{limit} training examples failed in bootstrapping, which "
                    f"max_errors={limit} does not allow. The first of them:\n  {lines}"
                )
                raise TooManyErrorsError(msg)

    def _labelled(
        self, indices: Iterable[int], size: int, rng: random.Random
    ) -> dict[str, list[Example]]:
        """Return for each predictor `size` of the training rows that can be a demo of it."""
        order = list(indices)
        rng.shuffle(order)
        chosen: dict[str, list[Example]] = {}
        for name, predictor in self._job.student.named_predictors():
            rows = (self._train[index] for index in order)
            usable = (row for row in rows if can_be_demo(row, predictor.signature))
            chosen[name] = [
                _labelled_demo(row, predictor.signature)
                for row, _ in zip(usable, range(size), strict=False)
            ]
        return chosen

    def _filled(
        self,
        used: Sequence[int],
        traces: Sequence[DemosByPredictor],
        rng: random.Random,
        fill: int,
    ) -> DemoSet:
        """Return bootstrapped demos, filled up to `fill` with labelled ones."""
        made = {
            name: [demo for trace in traces for demo in trace.get(name, ())] for name in self._names
        }
        others = [index for index in self._distinct if index not in used]
        labelled = self._labelled(others, fill, rng)
        demos = {
            name: [*made[name], *labelled[name][: max(0, fill - len(made[name]))]]
            for name in self._names
        }
        return DemoSet(made, demos)

    def _note(self, number: int, demo_set: DemoSet) -> None:
        for name in self._names:
            self._journal.write(partial(self._tell_built, name, number, demo_set))

    def _tell_built(self, name: str, number: int, demo_set: DemoSet) -> None:
        made, demos = demo_set.bootstrapped[name], demo_set.demos[name]
        self._journal.emit(
            DemoSetBuilt(
                predictor=name,
                index=number,
                source="bootstrapped" if made else "labelled" if demos else "empty",
                bootstrapped=len(made),
                labelled=len(demos) - len(made),
                demos=self._journal.keep([demo.to_dict() for demo in demos]),
            )
        )


def can_be_demo(row: Example, signature: SignatureMeta) -> bool:
    """Tell whether a row of the data can be a labelled demo of a predictor."""
    has_inputs = all(
        name in row or field.default is not NO_DEFAULT
        for name, field in signature.input_fields.items()
    )
    return has_inputs and any(
        name in row and not _is_missing(row[name], field)
        for name, field in signature.output_fields.items()
    )


def _labelled_demo(row: Example, signature: SignatureMeta) -> Example:
    """Return `row` as a demo: without the labels that it lacks, which would be shown as null."""
    missing = [
        name
        for name, field in signature.output_fields.items()
        if name in row and _is_missing(row[name], field)
    ]
    return row.without(*missing) if missing else row


def _is_missing(value: Any, field: Field) -> bool:
    """Tell whether `value` stands for a label that is not there, as in an empty cell of a table."""
    is_nothing = value is None or (isinstance(value, float) and math.isnan(value))
    return is_nothing and not accepts(field, value)


def _is_made_of(demo: Example, example: Example) -> bool:
    """Tell whether `demo` gives away the answer to `example`: it has the same inputs."""
    return all(name in demo and demo[name] == value for name, value in example.inputs().items())
