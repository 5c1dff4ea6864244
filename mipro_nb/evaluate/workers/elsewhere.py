"""A program and its metric at work on one example on a worker, with all LM calls made here.

What an LM answered is kept until the example is done. So an example whose worker was lost begins
again on another one, and what it asks again is answered without another call.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
from collections import Counter, defaultdict
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Self

from mipro_nb.errors import ExecutorError, MiproError, WorkerLostError
from mipro_nb.evaluate.metric import Metric, Score
from mipro_nb.evaluate.user_code import in_time
from mipro_nb.evaluate.workers import messages as m
from mipro_nb.evaluate.workers.crew import Crew
from mipro_nb.evaluate.workers.remote_worker import RemoteWorker, SenderLostError, WorkerGone
from mipro_nb.language.execution.attempt import current_attempt, lm_call
from mipro_nb.language.execution.recent_calls import RecentCall, remember
from mipro_nb.language.execution.scored_row import scoring
from mipro_nb.language.execution.tracing import Step, add_notes, add_step, is_traced
from mipro_nb.language.formats import registered_formats
from mipro_nb.language.lms.gateway import complete
from mipro_nb.language.lms.lm_protocol import Completion
from mipro_nb.language.lms.settings import settings
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.calls import Answer
from mipro_nb.models.gate.batching.at_work import example_at_work
from mipro_nb.models.gate.gate import current_gate

_MOST_LOSSES = 3
_numbers = itertools.count()


class Elsewhere:
    """A program and its metric on one example; to be entered inside of an attempt.

    Parameters
    ----------
    crew
        The workers.
    program, example, metric, taught
        As for `score_example`.
    """

    def __init__(
        self, crew: Crew, program: Module, example: Example, metric: Metric, *, taught: bool
    ) -> None:
        self._crew, self._program, self._metric = crew, program, metric
        self._example, self._taught = example, taught
        formats = registered_formats()
        self._surroundings = (example, settings.lm, settings.prompt_format, formats, taught)
        self._name, self._metric_name = type(program).__name__, f"The metric {metric.name}"
        self._predictors = dict(program.named_predictors())
        self._traced = False
        self._context = contextvars.copy_context()
        self._number = next(_numbers)
        self._worker: RemoteWorker | None = None
        self._losses = 0
        # What was asked so far, equal calls in their order; and how many of them by this worker.
        self._calls: dict[str, list[asyncio.Task[m.CodeOutcome]]] = defaultdict(list)
        self._repeated: Counter[str] = Counter()
        self._errors: dict[int, MiproError] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    async def answer(self) -> Any:
        """Return what the program answers; steps and notes are added to those collected here."""
        self._traced = is_traced()
        ran: m.Ran = await in_time(self._name, self._answered())
        for name, inputs, prediction in ran.steps:
            if name in self._predictors:
                add_step(Step(self._predictors[name], inputs, prediction))
        add_notes(ran.notes)
        return ran.prediction

    async def score(self, prediction: Any, trace: Any = None) -> Score:
        """Return the metric's score of what the program answered on the worker."""
        del prediction  # the worker has it
        scored: Score = await in_time(self._metric_name, self._scored(with_trace=trace is not None))
        return scored

    async def _answered(self) -> m.Ran:
        with scoring(self._example, taught=self._taught):
            self._context = contextvars.copy_context()
        while True:
            worker = self._worker = await self._free_worker()
            begin = m.Begin(
                self._number,
                self._crew.load_on(worker, self._program),
                self._crew.load_on(worker, self._metric),
                worker.pickled(self._surroundings),
                self._traced,
            )
            try:
                ran: m.Ran = self._value_of(await worker.begin(self, begin))
            except WorkerGone as lost:
                self._note_loss(lost)
            else:
                return ran

    async def _scored(self, *, with_trace: bool) -> Score:
        while True:
            if self._worker is None:
                await self._answered()
                continue
            self._context = contextvars.copy_context()
            try:
                outcome = await self._worker.score(self._number, with_trace=with_trace)
            except WorkerGone as lost:
                self._note_loss(lost)
            else:
                scored: Score = self._value_of(outcome)
                return scored

    async def _free_worker(self) -> RemoteWorker:
        """Return a worker with room; the attempt's clock stands still meanwhile."""
        alone = self._losses > 0
        free = self._crew.with_room(alone=alone)
        if free is not None:
            return free
        attempt, example = current_attempt(), example_at_work()
        if attempt is not None:
            attempt.begin_call()
        try:
            # Or what waits in a batch, and keeps its worker, would wait for this one in turn.
            async with nullcontext() if example is None else example.aside():
                return await self._next_worker(alone=alone)
        finally:
            if attempt is not None:
                attempt.end_call()

    async def _next_worker(self, *, alone: bool) -> RemoteWorker:
        while True:
            try:
                return await self._crew.next_with_room(alone=alone)
            except ExecutorError as error:
                if not await current_gate().held(error):
                    raise
                self._crew.try_again()

    def _note_loss(self, lost: WorkerGone) -> None:
        """Have the example begin again, unless it is what ends its workers.

        Raises
        ------
        WorkerLostError
            If it has ended several.
        """
        self._leave()
        self._repeated.clear()
        self._losses += lost.at_fault
        if self._losses >= _MOST_LOSSES:
            msg = (
                f"{self._losses} workers ended while they worked on the example, on the last "
                f"{self._losses - 1} of them it was alone: out of memory, or code that ends its "
                "process."
            )
            raise WorkerLostError(msg)
        attempt = current_attempt()
        if attempt is not None:
            attempt.begin_anew()

    def _leave(self) -> None:
        if self._worker is not None:
            self._worker.leave(self._number)
            self._crew.give_back(self._worker)
            self._worker = None

    def _value_of(self, outcome: m.CodeOutcome) -> Any:
        if outcome.met is not None and outcome.met in self._errors:
            raise self._errors[outcome.met]
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def asked(self, asked: m.AskLM | m.AdmitCall) -> asyncio.Task[m.CodeOutcome]:
        """Return what is to come of an LM call; the same as before where it is asked again."""
        key = _key_of(asked)
        made = self._calls[key]
        place = self._repeated[key]
        self._repeated[key] += 1
        if place < len(made) and _is_lost(made[place]):
            del made[place]
        if place >= len(made):
            loop = asyncio.get_running_loop()
            work = self._outcome(asked)
            made.append(loop.create_task(work, context=self._context.copy()))
        made[place].add_done_callback(lambda done: self._note_error(asked.call, done))
        return made[place]

    def _note_error(self, call: int, done: asyncio.Task[m.CodeOutcome]) -> None:
        if not done.cancelled() and isinstance(error := done.result().error, MiproError):
            self._errors[call] = error

    def withdrawn(self, call: asyncio.Task[m.CodeOutcome]) -> None:
        """Give up an LM call that the program waits for no more."""
        for key, made in self._calls.items():
            if call in made:
                made.remove(call)
                self._repeated[key] -= 1
        call.cancel()

    async def _outcome(self, asked: m.AskLM | m.AdmitCall) -> m.CodeOutcome:
        try:
            if isinstance(asked, m.AskLM):
                return m.CodeOutcome(await self._completed(asked))
            return m.CodeOutcome(await self._admitted(asked))
        except Exception as error:  # noqa: BLE001 - an LM of a user's own may raise anything
            return m.CodeOutcome(error=error)

    async def _completed(self, asked: m.AskLM) -> Completion:
        lm, request = self._crew.lent[asked.lm], asked.request
        of_predictor = self._predictors.get(request.predictor or "")
        if of_predictor is not None:
            request = replace(request, signature=of_predictor.signature)
        completion = await complete(lm, request)
        if request.signature is not None:  # a predictor's, as those are remembered here
            remember(RecentCall(lm.name, request.messages, completion.text))
        return completion

    async def _admitted(self, asked: m.AdmitCall) -> Answer:
        worker = self._worker
        if worker is None:
            raise SenderLostError
        with lm_call(asked.wanted.asked):
            return await current_gate().admit(asked.wanted, partial(worker.send, asked.call))


def _key_of(asked: m.AskLM | m.AdmitCall) -> str:
    """Return what tells calls apart that have answers of their own."""
    if isinstance(asked, m.AdmitCall):
        return asked.wanted.key
    request = asked.request
    return repr((asked.lm, request.messages, request.options, request.rollout, request.predictor))


def _is_lost(made: asyncio.Task[m.CodeOutcome]) -> bool:
    """Tell whether nobody will know the answer to a call: a worker had sent it, and is gone."""
    return made.done() and not made.cancelled() and isinstance(made.result().error, SenderLostError)
