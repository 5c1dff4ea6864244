"""Bootstrapping: candidate demo sets out of traces that pass the metric."""

from __future__ import annotations

import asyncio
import copy
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mipro_nb.errors import ReplyError, TooManyErrorsError, shown
from mipro_nb.evaluate.exits import exits_as_errors
from mipro_nb.evaluate.metric import Score
from mipro_nb.evaluate.scoring import HOPELESS
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.example import Example
from mipro_nb.language.module import Module
from mipro_nb.language.scope import bind
from mipro_nb.language.signature import SignatureMeta
from mipro_nb.language.tracing import Step, tracing
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.optimizer.job import Job, Journal
from mipro_nb.runs.events import DemoSetBuilt, PhaseStarted, TraceBootstrapped

# In 0-shot mode demos are made for the proposer's eyes only (DSPy's BOOTSTRAPPED_FEWSHOT_EXAMPLES_
# IN_CONTEXT).
DEMOS_FOR_THE_PROPOSER = 3
# Sets 0, 1 and 2 are the empty one, the labelled one and the one in the trainset's own order.
_FIRST_SHUFFLED = 3
# Bootstrapping is what everything else waits for, so it goes before any trial.
_PRIORITY = -2

DemosByPredictor = Mapping[str, Sequence[Example]]


@dataclass(frozen=True)
class DemoSet:
    """One candidate demo set: for each predictor, bootstrapped demos and then labelled ones."""

    bootstrapped: DemosByPredictor
    demos: DemosByPredictor


async def bootstrap(job: Job, journal: Journal, slots: Slots) -> list[DemoSet]:
    """Return the candidate demo sets, in the order of their numbers.

    Raises
    ------
    TooManyErrorsError
        If ``max_errors`` training examples failed for other reasons than an unusable reply.
    """
    journal.emit(PhaseStarted(phase="bootstrap"))
    return await _Bootstrap(job, journal, slots).demo_sets()


class _Bootstrap:
    def __init__(self, job: Job, journal: Journal, slots: Slots) -> None:
        plan = job.plan
        self._job, self._journal, self._slots = job, journal, slots
        self._train = job.rows.train
        self._names = [name for name, _ in job.student.named_predictors()]
        self._most_bootstrapped = (
            DEMOS_FOR_THE_PROPOSER if plan.zero_shot else plan.max_bootstrapped_demos
        )
        self._most_in_all = 0 if plan.zero_shot else plan.max_labeled_demos
        self._attempts: dict[int, asyncio.Task[DemosByPredictor | None]] = {}
        self._errors: list[str] = []
        rng = random.Random(plan.seed)
        self._teacher_demos = self._labelled(range(len(self._train)), self._most_in_all, rng)

    async def demo_sets(self) -> list[DemoSet]:
        numbers = range(self._job.plan.num_candidates)
        tasks = [asyncio.create_task(self._demo_set(number)) for number in numbers]
        try:
            made = await asyncio.gather(*tasks)
        finally:
            running = [*tasks, *self._attempts.values()]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        for number, demo_set in enumerate(made):
            self._note(number, demo_set)
        return list(made)

    async def _demo_set(self, number: int) -> DemoSet:
        rng = random.Random(f"{self._job.plan.seed}:{number}")
        if number == 0:
            return self._filled([], [], rng, fill=0)
        if self._most_bootstrapped == 0 or (number == 1 and self._most_in_all > 0):
            return self._filled([], [], rng, fill=self._most_in_all)
        order = list(range(len(self._train)))
        size = self._most_bootstrapped
        if number >= _FIRST_SHUFFLED or (number == 1 and self._most_in_all == 0):
            rng.shuffle(order)
            size = rng.randint(1, self._most_bootstrapped)
        used, traces = await self._first_passing(order, size)
        return self._filled(used, traces, rng, fill=self._most_in_all)

    async def _first_passing(
        self, order: Sequence[int], size: int
    ) -> tuple[list[int], list[DemosByPredictor]]:
        """Return the first `size` examples of `order` whose traces pass, with their demos.

        As many attempts are in flight as traces are still missing: if all of them pass, all are
        needed, so none is ever wasted.
        """
        used: list[int] = []
        traces: list[DemosByPredictor] = []
        begin = 0
        while begin < len(order) and len(used) < size:
            batch = order[begin : begin + size - len(used)]
            begin += len(batch)
            for index, demos in zip(
                batch, await asyncio.gather(*map(self._attempt, batch)), strict=True
            ):
                if demos is not None:
                    used.append(index)
                    traces.append(demos)
        return used, traces

    async def _attempt(self, index: int) -> DemosByPredictor | None:
        """Return the demos that example `index` gives; each example is tried once per run."""
        if index not in self._attempts:
            self._attempts[index] = asyncio.create_task(self._try(index))
        return await asyncio.shield(self._attempts[index])

    async def _try(self, index: int) -> DemosByPredictor | None:
        async with self._slots.hold(_PRIORITY):
            token = call_labels.set(CallLabels("bootstrap", example=index))
            try:
                return await self._run_teacher(index)
            finally:
                call_labels.reset(token)

    async def _run_teacher(self, index: int) -> DemosByPredictor | None:
        example = self._train[index]
        teacher = self._teacher_without(example)
        try:
            with tracing() as steps, exits_as_errors(type(teacher).__name__):
                bind(teacher)
                prediction = await teacher.acall(**copy.deepcopy(example.inputs().to_dict()))
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
        if isinstance(error, ReplyError):
            return
        self._errors.append(f"trainset[{index}]: {text}")
        limit = self._job.plan.max_errors
        if len(self._errors) >= limit:
            lines = "\n  ".join(self._errors[:5])
            msg = (
                f"{len(self._errors)} training examples failed in bootstrapping, which "
                f"max_errors={limit} does not allow. The first of them:\n  {lines}"
            )
            raise TooManyErrorsError(msg) from None  # its text tells the errors

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
            chosen[name] = [row for row, _ in zip(usable, range(size), strict=False)]
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
        others = [index for index in range(len(self._train)) if index not in used]
        labelled = self._labelled(others, fill, rng)
        demos = {
            name: [*made[name], *labelled[name][: max(0, fill - len(made[name]))]]
            for name in self._names
        }
        return DemoSet(made, demos)

    def _note(self, number: int, demo_set: DemoSet) -> None:
        for name in self._names:
            made, demos = demo_set.bootstrapped[name], demo_set.demos[name]
            with self._journal.record.writing():
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
    has_inputs = all(name in row for name in signature.input_fields)
    return has_inputs and any(name in row for name in signature.output_fields)


def _is_made_of(demo: Example, example: Example) -> bool:
    """Tell whether `demo` gives away the answer to `example`: it has the same inputs."""
    return all(name in demo and demo[name] == value for name, value in example.inputs().items())
