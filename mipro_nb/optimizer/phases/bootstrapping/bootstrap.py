"""Bootstrapping: candidate demo sets out of traces that pass the metric."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mipro_nb.errors import (
    PromptFilteredError,
    PromptTooLongError,
    ReplyError,
    RequestRefusedError,
    TooManyErrorsError,
    shown,
)
from mipro_nb.evaluate.executions import executed
from mipro_nb.evaluate.metric import Score
from mipro_nb.evaluate.scoring import HOPELESS, OUTCOMES, caught_failures, check_outages
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.execution.attempt import attempting
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.execution.scored_row import is_made_of
from mipro_nb.language.execution.tracing import Step, noting, tracing
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.models.gate.recording.draws import Execution, execution
from mipro_nb.optimizer.control.concurrency import Background
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.bootstrapping.fitting import SURELY_FIT, Fitting, known_room
from mipro_nb.optimizer.phases.bootstrapping.speculation import FirstPassing
from mipro_nb.optimizer.planning.data.balance import in_turn, label_of
from mipro_nb.optimizer.planning.data.labels import can_be_demo, labelled_demo
from mipro_nb.optimizer.planning.data.rows import distinct
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.events import DemoSetBuilt, PhaseStarted, TraceBootstrapped

# In 0-shot mode demos are made for the proposer's eyes only (DSPy's BOOTSTRAPPED_FEWSHOT_EXAMPLES_
# IN_CONTEXT).
DEMOS_FOR_THE_PROPOSER = 3
# This set is of full size, from the trainset in its own order; the other bootstrapped ones are of
# random sizes, from shuffled copies in which labels take turns.
_IN_OWN_ORDER = 2
# Bootstrapping is what everything else waits for, so it goes before any trial.
_PRIORITY = -2
# How much shorter prompts are tried where a server does not say how long they may be.
_SHORTER = 0.5

DemosByPredictor = Mapping[str, Sequence[Example]]


@dataclass(frozen=True)
class DemoSet:
    """One candidate demo set: for each predictor, the bootstrapped demos, and all that it has."""

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
    spec: RunSpec, journal: Journal, slots: Slots, background: Background
) -> list[asyncio.Task[DemoSet]]:
    """Begin to make the candidate demo sets; each can be awaited, in the order of their numbers.

    Tasks raise a TooManyErrorsError if ``max_errors`` training examples failed for other reasons
    than an unusable reply. Spare attempts may go on in the `background` after the last set.
    """
    journal.emit(PhaseStarted(phase="bootstrap"))
    making = _Bootstrap(spec, journal, slots, background)
    return [background.begin(making.demo_set(n)) for n in range(spec.plan.num_candidates)]


def _most_bootstrapped(plan: Plan) -> int:
    if plan.headroom is not None:
        return 0
    return DEMOS_FOR_THE_PROPOSER if plan.zero_shot else plan.max_bootstrapped_demos


class _Bootstrap:
    def __init__(
        self, spec: RunSpec, journal: Journal, slots: Slots, background: Background
    ) -> None:
        plan = spec.plan
        self._spec, self._journal, self._slots = spec, journal, slots
        self._background = background
        self._train = spec.rows.train
        # Of rows with the same inputs the first is enough: a prompt with twins is paid for twice.
        self._distinct = distinct(self._train)
        self._signatures = {name: each.signature for name, each in spec.student.named_predictors()}
        self._labels = [label_of(row, self._signatures.values()) for row in self._train]
        self._most_in_all = plan.max_labeled_demos
        predictors = spec.student.named_predictors()
        self._fittings = {
            name: Fitting(predictor, self._train, predictor.lm or spec.task_lm)
            for name, predictor in predictors
        }
        # Predictor → how long its prompt may be, in tokens, where that is known: with its own LM,
        # and with whatever runs the teacher.
        self._rooms = _known_rooms({name: p.lm or spec.task_lm for name, p in predictors})
        self._teacher_rooms = dict(self._rooms)
        if spec.teacher_lm is not None:
            self._teacher_rooms = _known_rooms(dict.fromkeys(self._signatures, spec.teacher_lm))
        self._attempts: dict[int, asyncio.Task[DemosByPredictor | None]] = {}
        self._errors: dict[int, str] = {}
        self._errors_met: set[int] = set()
        rng = random.Random(plan.seed)
        self._teacher_demos = self._labelled(self._distinct, self._most_in_all, rng)
        # The example whose attempt goes ahead of all others, to find out whether prompts fit.
        self._ahead = self._distinct[0] if self._may_not_fit() else None

    def _may_not_fit(self) -> bool:
        """Tell whether prompts are so long that they may exceed a context that nobody knows."""
        return any(
            name not in self._teacher_rooms
            and self._fittings[name].longest(self._teacher_demos[name]) > SURELY_FIT
            for name in self._signatures
        )

    async def _find_room(self) -> None:
        """Wait until it is known whether prompts fit, where they may not."""
        if self._ahead is not None:
            await asyncio.shield(self._attempt(self._ahead))

    async def demo_set(self, number: int) -> DemoSet:
        """Make the demo set of this number, and write it down."""
        rng = random.Random(f"{self._spec.plan.seed}:{number}")
        used: list[int] = []
        traces: list[DemosByPredictor] = []
        if number in bootstrapped_sets(self._spec.plan):
            order = list(self._distinct)
            size = _most_bootstrapped(self._spec.plan)
            if number != _IN_OWN_ORDER:
                rng.shuffle(order)
                order = in_turn(order, self._labels.__getitem__)
                size = rng.randint(1, size)
            used, traces = await self._first_passing(order, size)
        made = self._filled(used, traces, rng, fill=self._most_in_all if number > 0 else 0)
        if number > 0 and not self._spec.plan.zero_shot:
            await self._find_room()
            made = self._fitted(made)
        self._note(number, made)
        return made

    def _fitted(self, made: DemoSet) -> DemoSet:
        """Return a demo set without the demos that its predictors' contexts have no room for."""
        demos = {name: self._fit(name, made.demos[name], self._rooms) for name in self._signatures}
        for name in self._signatures:
            if len(demos[name]) < len(made.demos[name]):
                text = (
                    f"Demo sets of {name} hold the demos that the context of its model has room "
                    f"for, and no more: a prompt may have about {self._rooms[name]:,} tokens."
                )
                self._journal.note("context", text)
        return DemoSet(made.bootstrapped, demos)

    def _fit(
        self, name: str, demos: Sequence[Example], rooms: Mapping[str, int]
    ) -> Sequence[Example]:
        return demos if name not in rooms else self._fittings[name].fitting(demos, rooms[name])

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
        if index != self._ahead:
            await self._find_room()
        async with self._slots.hold(_PRIORITY):
            token = call_labels.set(CallLabels("bootstrap", example=index))
            execution.set(Execution("bootstrap", index))  # the task is this example's own
            try:
                return await self._run_teacher(index)
            finally:
                call_labels.reset(token)

    async def _run_teacher(self, index: int) -> DemosByPredictor | None:
        """Run the teacher on an example, with fewer demos if a server refuses its prompts."""
        rooms: Mapping[str, int] = self._teacher_rooms
        while True:
            teacher = self._teacher_without(index, rooms)
            try:
                found = await self._run(teacher, index)
            except RequestRefusedError as error:
                fewer = self._rooms_after(error, teacher, rooms)
                if fewer is None:
                    self._note_error(index, error)
                    return None
                rooms = fewer
            else:
                if index == self._ahead:
                    self._learn(rooms)
                return found

    def _rooms_after(
        self, error: RequestRefusedError, teacher: Module, rooms: Mapping[str, int]
    ) -> Mapping[str, int] | None:
        """Return with how much room to try again, None if there is nothing to leave out.

        A server may refuse a prompt as too long in words that nobody knows: then fewer demos may
        help as well.
        """
        if isinstance(error, PromptFilteredError):
            return None
        room, name = None, None
        if isinstance(error, PromptTooLongError):
            room, name = error.room, error.predictor
        shorter = dict(rooms)
        for predictor, made in teacher.named_predictors():
            if made.demos and name in (None, predictor):
                longest = self._fittings[predictor].longest(made.demos)
                shorter[predictor] = int(longest * _SHORTER) if room is None else room
                if len(self._fit(predictor, made.demos, shorter)) == len(made.demos):
                    shorter[predictor] = int(longest * _SHORTER)
        return None if shorter == rooms else shorter

    def _learn(self, rooms: Mapping[str, int]) -> None:
        """Have all prompts be as short as those that got through."""
        self._teacher_rooms = dict(rooms)
        if self._spec.teacher_lm is None:
            self._rooms = {**self._rooms, **rooms}

    async def _run(self, teacher: Module, index: int) -> DemosByPredictor | None:
        example = self._train[index]
        notes: Sequence[str] = ()
        score = Score(0.0)
        failure: Exception | None = None
        with attempting(self._spec.plan.example_timeout) as attempt:
            try:
                metric = self._spec.metric
                async with executed(teacher, example, metric, taught=False) as execution:
                    with tracing() as steps, noting() as notes:
                        bind(teacher.named_predictors())
                        prediction = await execution.answer()
                    attempt.program_ended()
                    check_outages(attempt, HOPELESS)
                    score = await execution.score(prediction, steps)
            except (*HOPELESS, RequestRefusedError):
                raise
            except Exception as error:  # noqa: BLE001 - the user's program may raise anything
                failure = error
            caught = caught_failures(attempt, failure)
        if failure is not None:
            self._note_error(index, failure, notes, caught)
            return None
        kept = self._passes(score)
        self._journal.emit(
            TraceBootstrapped(
                example=index,
                kept=kept,
                score=score.score,
                notes=list(notes),
                caught=list(caught),
            )
        )
        return self._demos_of(teacher, steps, index) if kept else None

    def _teacher_without(self, index: int, rooms: Mapping[str, int]) -> Module:
        """Return what bootstraps on an example: without that among its demos."""
        teachers = self._spec.student.teachers
        teacher = (teachers[index % len(teachers)] if teachers else self._spec.student).deepcopy()
        inputs = self._train[index].inputs().to_dict()
        for name, predictor in teacher.named_predictors():
            own = not self._most_in_all or (teachers and predictor.demos)
            demos = predictor.demos if own else self._teacher_demos[name]
            others = [demo for demo in demos if not is_made_of(demo, inputs)]
            predictor.demos = list(self._fit(name, others, rooms))
            if self._spec.teacher_lm is not None:
                predictor.lm = self._spec.teacher_lm
                if predictor.lm is not self._spec.task_lm:  # its formats were not measured
                    unmeasured = self._spec.unmeasured_formats
                    predictor.prompt_format = unmeasured.get(name, predictor.prompt_format)
        return teacher

    def _passes(self, score: Score) -> bool:
        threshold = self._spec.plan.metric_threshold
        if threshold is None:
            return bool(score)
        return score.score >= threshold / self._spec.plan.metric_scale

    def _demos_of(self, teacher: Module, steps: Sequence[Step], index: int) -> DemosByPredictor:
        names = {id(predictor): name for name, predictor in teacher.named_predictors()}
        by_name: dict[str, list[Example]] = defaultdict(list)
        for step in steps:
            name = names.get(id(step.predictor))
            if name is not None:
                demo = Example(step.inputs, **step.prediction.to_dict())
                by_name[name].append(demo.with_inputs(*step.inputs))
        rng = random.Random(f"{self._spec.plan.seed}:trace:{index}")
        return {name: [rng.choice(demos)] for name, demos in by_name.items()}

    def _note_error(
        self,
        index: int,
        error: Exception,
        notes: Sequence[str] = (),
        caught: Sequence[str] = (),
    ) -> None:
        text = f"{type(error).__name__}: {shown(str(error))}"
        self._journal.emit(
            TraceBootstrapped(
                example=index,
                kept=False,
                score=None,
                error=text,
                unusable_reply=isinstance(error, ReplyError),
                notes=list(notes),
                caught=list(caught),
            )
        )
        if not isinstance(error, (*OUTCOMES, RequestRefusedError)):
            self._errors[index] = f"trainset[{index}]: {text}"

    def _check_errors(self, needed: Iterable[int]) -> None:
        """Raise if too many of the attempts that were needed failed.

        Spare ones do not count: how many of them have ended by now is a matter of speed.
        """
        limit = self._spec.plan.max_errors
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
        self, indices: Iterable[int], size: int, rng: random.Random, used: Sequence[int] = ()
    ) -> dict[str, list[Example]]:
        """Return for each predictor `size` of the training rows that can be a demo of it.

        Their labels take turns, and make up for those that the rows in `used` have most of.
        """
        order = list(indices)
        rng.shuffle(order)
        order = in_turn(order, self._labels.__getitem__, used)
        chosen: dict[str, list[Example]] = {}
        for name, signature in self._signatures.items():
            rows = (self._train[index] for index in order)
            usable = (row for row in rows if can_be_demo(row, signature))
            chosen[name] = [
                labelled_demo(row, signature) for row, _ in zip(usable, range(size), strict=False)
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
            name: [demo for trace in traces for demo in trace.get(name, ())]
            for name in self._signatures
        }
        others = [index for index in self._distinct if index not in used]
        labelled = self._labelled(others, fill, rng, used)
        demos: dict[str, list[Example]] = {}
        for name, signature in self._signatures.items():
            both = [*made[name], *labelled[name][: max(0, fill - len(made[name]))]]
            demos[name] = in_turn(both, partial(label_of, signatures=[signature]))
        return DemoSet(made, demos)

    def _note(self, number: int, demo_set: DemoSet) -> None:
        for name in self._signatures:
            self._journal.write(partial(self._tell_built, name, number, demo_set))

    def _tell_built(self, name: str, number: int, demo_set: DemoSet) -> None:
        demos = demo_set.demos[name]
        traced = {id(demo) for demo in demo_set.bootstrapped[name]}
        made = [demo for demo in demos if id(demo) in traced]
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


def _known_rooms(lms: Mapping[str, LanguageModel]) -> dict[str, int]:
    rooms = {name: known_room(lm) for name, lm in lms.items()}
    return {name: room for name, room in rooms.items() if room is not None}
