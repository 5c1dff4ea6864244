"""The live run: phases in their order, on the core loop, with a handle for whoever waits."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from mipro_nb.core_loop import core, until_done, wait_until
from mipro_nb.errors import (
    MiproError,
    PermissionDeniedError,
    ProgramError,
    RecordError,
    RunEndedError,
)
from mipro_nb.evaluate.ledger import Ledger, Results
from mipro_nb.evaluate.metric import MetricFunction
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.module import Module
from mipro_nb.language.settings import context
from mipro_nb.models.caps import Caps
from mipro_nb.models.gate import Gate, run_gate
from mipro_nb.models.past_calls import Before
from mipro_nb.optimizer.alive import begin, enter
from mipro_nb.optimizer.bootstrap import bootstrap
from mipro_nb.optimizer.configuration import Candidates
from mipro_nb.optimizer.evaluations import Evaluated, Evaluations
from mipro_nb.optimizer.gain import best_of, gain_of
from mipro_nb.optimizer.grounding import ground
from mipro_nb.optimizer.holding import Holding
from mipro_nb.optimizer.job import Job, Journal
from mipro_nb.optimizer.past import Past
from mipro_nb.optimizer.plan import Plan
from mipro_nb.optimizer.propose import propose
from mipro_nb.optimizer.resumption import check_caps_left
from mipro_nb.optimizer.search import Search
from mipro_nb.optimizer.steering import Steering, as_part
from mipro_nb.optimizer.surface import Window, current_surface
from mipro_nb.optimizer.together import Background, in_order, together
from mipro_nb.runs import living
from mipro_nb.runs.events import (
    FinalState,
    Permitter,
    RunEnded,
    RunPermitted,
    RunPlanned,
    RunResumed,
)
from mipro_nb.runs.frames import RunFrames
from mipro_nb.runs.record import Record, RecordedEvent
from mipro_nb.runs.report import write_report
from mipro_nb.runs.state import Choice, RunState
from mipro_nb.version import __version__

T = TypeVar("T")

_STOPPED = "The run was stopped."
_ENDED = "The run has ended."
_NOT_BEGUN = "The run has not begun: it waits for permission."
_DECLINED = "The plan was not permitted. No LM call was made."
_LOOK_SECONDS = 0.05


class Run(RunFrames):
    """A run that goes on in the background.

    Wait for it with ``run.wait()``, or with ``await run`` in a cell; look at it and steer it
    meanwhile.

    Attributes
    ----------
    id
        Its id in the record: ``mipro_nb.runs.load(run.id)`` reads it back at any time.
    plan
        What it does.
    verbose
        Whether candidates and trials are printed as they come.
    permitted
        Whether it has begun.
    """

    def __init__(self, job: Job, record: Record, past: Past | None = None) -> None:
        self._past = Past.none(record) if past is None else past
        self.id = self._past.run_id or _new_id()
        self.plan: Plan = job.plan
        self.verbose = job.verbose
        self.permitted = False
        self._job = job
        self._journal = Journal(record, self.id, self._past, hold=self._hold)
        self._result: Future[Module] = Future()
        self._begun = threading.Lock()  # held from the answer to the question on
        self._task: asyncio.Task[Any] | None = None
        self._stop = threading.Event()
        self._capped: str | None = None
        self._ending: asyncio.Task[None] | None = None
        self._gate: Gate | None = None
        self._holding: Holding | None = None
        self._unwritten = ""
        self._candidates: Candidates | None = None
        self._window: Window | None = None

    def open(self, *, ask: bool, blocking: bool) -> Self:
        """Show the run to whoever looks on, and begin it, after permission if `ask`."""
        enter(self)
        if not ask:
            self.begin(by="not required")
        try:
            self._window = current_surface().open(self, ask=ask, blocking=blocking)
        except BaseException:
            self.stop()
            raise
        return self

    def begin(self, *, by: Permitter, caps: Caps | None = None) -> bool:
        """Start the work on the core loop, once permission is there.

        Returns False, and does nothing, if the question was answered before.

        Parameters
        ----------
        by
            Who permitted it.
        caps
            Limits that were set with the permission; those of the plan if None.
        """
        if not self._begun.acquire(blocking=False):
            return False
        try:
            if caps is not None:
                self.plan = replace(self.plan, caps=caps)
            self.check_caps(self.plan.caps)
            known = self._past.results(self._job.rows.val)
            with self._journal.record.writing():
                if self._past:
                    self._carry_on(by)
                else:
                    self._journal.record.add_run(self.id, self.plan.program)
                    self._journal.emit(self._planned())
                    self._journal.emit(RunPermitted(by=by, caps=self.plan.caps.to_dict()))
            living.enter(self.id)
            begin(self)
            self.permitted = True
            core().submit(self._run(known)).add_done_callback(self._deliver)
        except BaseException as error:
            # Nothing was begun, and a journal that lacks its beginning is of no use.
            self._result.set_exception(error)
            raise
        return True

    def _carry_on(self, by: Permitter) -> None:
        """Write down that the run goes on, unless somebody else has carried it on meanwhile."""
        record = self._journal.record
        if record.events(self.id, self._past.next - 1):
            msg = f"Run {self.id} was carried on elsewhere: mipro_nb.runs.load shows how it stands."
            raise RunEndedError(msg)
        lost = record.take_lost(self.id)
        self._journal.emit(
            RunResumed(
                process=os.getpid(),
                process_started=living.own_start(),
                by=by,
                caps=self.plan.caps.to_dict(),
                worked_until=self._past.state.last_at,
                lost_calls=lost.calls,
                lost_tokens=lost.tokens,
                lost_usd=lost.usd,
            )
        )

    @property
    def carries_on(self) -> bool:
        """Whether it goes on with a run that had ended, or was cut off."""
        return bool(self._past)

    def check_caps(self, caps: Caps) -> None:
        """Return if the run may begin under `caps`.

        Raises
        ------
        InvalidArgumentError
            If it carries on a run that has reached one of them already.
        """
        if self._past:
            check_caps_left(self._past, caps)

    def decline(self, reason: str = _DECLINED) -> None:
        """Give the run up before it has begun; whoever waits gets a PermissionDeniedError."""
        if self._begun.acquire(blocking=False):
            self._result.set_exception(PermissionDeniedError(reason))

    def _deliver(self, done: Future[Module]) -> None:
        error = CancelledError() if done.cancelled() else done.exception()
        if error is not None:
            self._result.set_exception(error)
        else:
            self._result.set_result(done.result())

    def _planned(self) -> RunPlanned:
        rows, plan = self._job.rows, self.plan
        return RunPlanned(
            program=plan.program,
            predictors=dict(plan.predictors),
            plan=plan.settings(),
            estimate=plan.estimate.to_dict(),
            trainset=self._journal.keep([row.to_dict() for row in rows.train]),
            valset=self._journal.keep([row.to_dict() for row in rows.val]),
            mipro_nb=__version__,
            process=os.getpid(),
            process_started=living.own_start(),
            inputs=list(rows.val[0].inputs().to_dict()),
            models=dict(plan.models),
            notes=list(plan.notes),
            strategy=asdict(plan.search),
            sources={
                role: self._journal.record.put_text(text)
                for role, text in self._job.sources().items()
            },
        )

    @property
    def student(self) -> Module:
        """The program that is optimized, as it was given: a copy."""
        return self._job.student.deepcopy()

    @property
    def metric(self) -> MetricFunction:
        """The metric, as it was given."""
        return self._job.metric.function

    @property
    def status(self) -> str:
        """How the run stands: planned, running, paused, finished, stopped, capped or failed."""
        return self._journal.state.state

    @property
    def state(self) -> RunState:
        """Everything that is known of the run so far; it goes on changing while the run does."""
        return self._journal.state

    @property
    def score(self) -> float | None:
        """The best full evaluation so far, 0–100; None before the first."""
        best = self._journal.read(lambda state: state.best)
        return None if best is None else best.score

    @property
    def done(self) -> bool:
        """Tell whether the run has ended, in whatever way."""
        return self._result.done()

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the run has ended or was declined, at once if it has already."""
        self._result.add_done_callback(lambda _: callback())

    @property
    def in_flight(self) -> int:
        """LM calls that are sent and not answered yet."""
        return 0 if self._gate is None else self._gate.in_flight

    @property
    def record(self) -> Record:
        """The record that the run writes."""
        return self._journal.record

    def events(self) -> Sequence[RecordedEvent]:
        """Return all events so far, as the record has them."""
        return self._journal.record.events(self.id)

    def listen(self, listener: Callable[[RecordedEvent], None]) -> None:
        """Call `listener` with every later event, in the thread of the core loop."""
        self._journal.listen(listener)

    def report(self) -> str:
        """Return score, gain and spend against the estimate as text."""
        return str(self._journal.read(lambda state: write_report(self.id, state)))

    def read(self, view: Callable[[RunState], T]) -> T:
        """Return ``view(state)``, while no event changes the state."""
        return self._journal.read(view)

    def pause(self) -> None:
        """Send no further LM call until `resume`; those in flight come back and are kept.

        Raises
        ------
        RunEndedError
            If the run has ended.
        """
        self._steer(self._pause)

    def resume(self) -> None:
        """Go on after a pause.

        Raises
        ------
        RunEndedError
            If the run has ended.
        """
        self._steer(self._resume)

    def pin(
        self, predictor: str, index: int, *, part: str = "instruction", on: bool = True
    ) -> None:
        """Have only this candidate, and others that are pinned, be tried from now on.

        Parameters
        ----------
        predictor
            Name of the predictor.
        index
            Number of the candidate.
        part
            ``"instruction"`` or ``"demos"``.
        on
            False lifts the pin.

        Raises
        ------
        InvalidArgumentError
            If there is no such candidate, or it is banned.
        RunEndedError
            If the run has ended.
        """
        choice = Choice(predictor, as_part(part), index)
        self._steer(lambda: self._steering().pin(choice, on=on))

    def ban(
        self, predictor: str, index: int, *, part: str = "instruction", on: bool = True
    ) -> None:
        """Have this candidate neither be tried from now on nor be returned.

        The student as given is what the search is measured by: it is returned where nothing else
        is better, whatever is banned.

        Parameters and errors are those of `pin`; the last candidate that is not banned stays.
        """
        choice = Choice(predictor, as_part(part), index)
        self._steer(lambda: self._steering().ban(choice, on=on))

    def add_instruction(
        self, predictor: str, instruction: str, *, based_on: int | None = None
    ) -> int:
        """Add an instruction of your own to the search and return its number.

        Parameters
        ----------
        predictor
            Name of the predictor.
        instruction
            The text.
        based_on
            Number of the candidate that it is an edit of; that one is banned in its favour.

        Raises
        ------
        InvalidArgumentError
            If it is empty, too long, or there already.
        RunEndedError
            If the run has ended.
        """
        return self._steer(lambda: self._steering().add(predictor, instruction, based_on))

    def _steer(self, change: Callable[[], T]) -> T:
        """Make a change on the core loop, between two steps of the run."""

        async def steered() -> T:
            if self._task is None or self._result.done() or self._journal.state.ended is not None:
                raise RunEndedError(_NOT_BEGUN if self._task is None else _ENDED)
            if self._capped is not None:
                raise RunEndedError(f"The run is ending. {self._capped}")
            return change()

        return core().wait_for(steered())

    def _steering(self) -> Steering:
        return Steering(self._journal, self._candidates)

    def _pause(self) -> None:
        if self._holding is not None:
            self._holding.pause()

    def _resume(self) -> None:
        if self._holding is not None:
            self._holding.resume()

    def _hold(self, error: MiproError) -> bool:
        return self._holding is not None and self._holding.hold(error)

    def _can_be_resumed(self) -> bool:
        return self._window is not None and self._window.can_resume

    def stop(self) -> None:
        """Stop gracefully: calls in flight are given up, the best program so far is returned.

        A run that still waits for permission is given up.
        """
        self.decline("The run was stopped before it was permitted. No LM call was made.")
        self._stop.set()
        core().loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._holding is not None:
            self._holding.end()
        if self._task is not None:
            self._task.cancel()

    def wait(self, timeout: float | None = None) -> Module:
        """Block until the run has ended and return the best program.

        An interrupt (KeyboardInterrupt) is passed on; the run goes on without you.

        Parameters
        ----------
        timeout
            Seconds to wait at most; None for ever.

        Raises
        ------
        TimeoutError
            If the run goes on after `timeout`; it is not stopped.
        PermissionDeniedError
            If the run was not permitted.
        ProgramError
            If async code of a run calls it.
        MiproError
            If the run failed. What was paid for is in the record.
        """
        if threading.current_thread() is core().thread:
            msg = f"Async code of a run cannot wait for run {self.id}: it would stop all runs."
            raise ProgramError(msg)
        if self._window is None:
            wait_until(self._result, timeout)
        else:
            self._window.wait(self._result, timeout)
        if not self._result.done():
            msg = f"Run {self.id} goes on after {timeout:g} s; run.stop() ends it."
            raise TimeoutError(msg)
        return self._result.result()

    def __await__(self) -> Generator[Any, None, Module]:
        return self._awaited().__await__()

    async def _awaited(self) -> Module:
        if self._window is None:
            await until_done(self._result)
        else:
            await self._window.attend(self._result)
        return self._result.result()

    async def _run(self, known: Results) -> Module:
        self._task = asyncio.current_task()
        job, journal = self._job, self._journal
        gate = self._gate = Gate(
            lambda: journal.record,
            job.plan.num_threads,
            journal.emit,
            run_id=self.id,
            before=self._before(),
            backlog=journal.backlog,
            caps=self.plan.caps,
            on_cap=lambda reached: self._cap(str(reached)),
            hold=self._hold,
            hedge=job.plan.hedge,
        )
        holding = self._holding = Holding(journal, gate, self._can_be_resumed)
        watch = asyncio.create_task(self._watch_time())
        slots = Slots(job.plan.num_threads)
        ledger = Ledger(
            job.rows.val,
            job.metric,
            slots,
            job.plan.max_errors,
            known=known,
            example_timeout=job.plan.example_timeout,
        )
        evaluations = Evaluations(job, journal, ledger, self._past)
        run_gate.set(gate)
        try:
            if self._stop.is_set():
                raise asyncio.CancelledError  # noqa: TRY301 - stopped before it began
            with context(lm=job.task_lm):
                await self._optimize(slots, evaluations)
            return await self._finish(gate, evaluations)
        except asyncio.CancelledError:
            gate.refuse(_STOPPED)
            if not self._stop.is_set():
                self._end("stopped", evaluations, "The interpreter is shutting down.")
                raise
            if self._capped is not None:
                return self._end("capped", evaluations, self._capped)
            return self._end("stopped", evaluations, _STOPPED)
        except BaseException as error:
            gate.refuse(_ENDED)
            self._end("failed", evaluations, f"{type(error).__name__}: {error}")
            error.add_note(
                f"Run {self.id} failed. MIPROv2(…).resume({self.id!r}, …) carries it on without "
                f"paying again for what was answered; mipro_nb.runs.load({self.id!r}) shows it."
            )
            if self._unwritten:
                error.add_note(self._unwritten)
            raise
        finally:
            holding.end()
            watch.cancel()

    async def _finish(self, gate: Gate, evaluations: Evaluations) -> Module:
        """Record that the run is finished, as soon as that can be done."""
        while True:
            try:
                program = self._end("finished", evaluations, None)
            except RecordError as error:
                if not self._hold(error):
                    raise
                await gate.ready()
            else:
                gate.refuse(_ENDED)
                return program

    def _before(self) -> Before | None:
        """Return what the gate has to know of a run that is carried on."""
        return Before(self._journal.state.outlay, self._past.calls) if self._past else None

    def _cap(self, reason: str) -> None:
        """End the run because a cap is reached, once the calls in flight have come back."""
        if self._capped is None:
            self._capped = reason
            if self._holding is not None:
                self._holding.end()
            self._ending = asyncio.create_task(self._cancel_when_drained())

    async def _cancel_when_drained(self) -> None:
        if self._gate is not None:
            await self._gate.drained()
        self._stop.set()
        self._cancel()

    async def _watch_time(self) -> None:
        limit = self.plan.caps.max_seconds
        while limit is not None:
            spent = self._journal.state.seconds_at(time.time())
            if spent >= limit and self._gate is not None:
                self._gate.pause()
                self._cap(f"The cap max_seconds={limit:g} is reached.")
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _optimize(self, slots: Slots, evaluations: Evaluations) -> None:
        """Do what the paper's algorithm does, each step as soon as its inputs are there."""
        async with Background() as background:
            baseline, candidates = await together(
                evaluations.baseline(), self._find_candidates(slots, background)
            )
            self._candidates = candidates
            search = Search(self._job, self._journal, candidates, evaluations, self._past)
            await search.run(baseline)

    async def _find_candidates(self, slots: Slots, background: Background) -> Candidates:
        job, journal = self._job, self._journal
        found = self._past.candidates(
            job.student, 0 if job.plan.zero_shot else job.plan.num_candidates
        )
        if found is not None:
            return found
        sets = bootstrap(job, journal, slots, background)
        grounding = ground(job, journal, background)
        instructions, demo_sets = await together(
            propose(job, journal, grounding, sets), in_order(sets)
        )
        demos = None
        if not job.plan.zero_shot:
            demos = {name: [made.demos[name] for made in demo_sets] for name in instructions}
        return Candidates(instructions, demos)

    def _end(self, state: FinalState, evaluations: Evaluations, reason: str | None) -> Module:
        """Record the end and return the best program, the student itself if there is none.

        Raises
        ------
        RecordError
            If a finished run cannot be recorded as such. Any other end is shown all the same, and
            how many answers that were paid for are lost with the record.
        """
        done = evaluations.done
        is_banned = self._journal.state.is_banned
        eligible = [e for e in done if not is_banned(e.configuration)]
        best, baseline = best_of(eligible), next((e for e in done if e.kind == "baseline"), None)
        program = self._program_of(best)
        gain = None
        if best is not None and baseline is not None and best is not baseline:
            gain = gain_of(best, eligible, self.plan.seed)
        ended = RunEnded(
            state=state,
            score=best.score if best else None,
            baseline=baseline.score if baseline else None,
            configuration=best.configuration if best else None,
            program=None,
            gain_low=gain.low if gain else None,
            gain_high=gain.high if gain else None,
            reason=reason,
        )
        try:
            self._journal.write_now(lambda: self._tell_ended(ended, program))
        except RecordError as error:
            if state == "finished":
                raise
            self._show_unwritten(ended, error)
        if self._job.track_stats:
            self._attach(program, done, best)
        return program

    def _tell_ended(self, ended: RunEnded, program: Module) -> None:
        lost = self._journal.record.take_lost(self.id)
        self._journal.emit(
            ended.model_copy(
                update={
                    "program": self._journal.keep(program.dump_state()),
                    "lost_calls": lost.calls,
                    "lost_tokens": lost.tokens,
                    "lost_usd": lost.usd,
                }
            )
        )

    def _show_unwritten(self, ended: RunEnded, error: RecordError) -> None:
        """Have the run end, and tell what is lost because it cannot be recorded."""
        answers = self._journal.backlog.answers
        if answers:
            self._unwritten = (
                f"{answers:,} LM answers that were paid for could not be written and are lost."
            )
        reason = ended.reason or ""
        said = [reason, *([] if str(error) in reason else [str(error)]), self._unwritten]
        self._journal.show(ended.model_copy(update={"reason": " ".join(filter(None, said))}))

    def _program_of(self, evaluated: Evaluated | None) -> Module:
        if evaluated is None or self._candidates is None or not evaluated.configuration:
            return self._job.student.deepcopy()
        return self._candidates.apply(self._job.student, evaluated.configuration)

    def _attach(self, program: Module, done: Sequence[Evaluated], best: Evaluated | None) -> None:
        """Leave score, trial log, candidate programs and run on the returned program."""
        is_banned = self._journal.state.is_banned
        full = [e for e in done if e.kind != "minibatch" and not is_banned(e.configuration)]
        full.sort(key=lambda e: -e.score)
        program.attach_results(
            score=best.score if best else None,
            trial_logs={
                e.trial: {
                    "kind": e.kind,
                    "configuration": dict(e.configuration),
                    "score": e.score,
                    "examples": list(e.examples),
                }
                for e in sorted(done, key=lambda e: e.trial)
            },
            candidate_programs=[
                {"score": e.score, "configuration": e.configuration, "program": self._program_of(e)}
                for e in full
            ],
            run=self,
        )

    def __repr__(self) -> str:
        score = "" if self.score is None else f", best {self.score:.1f}"
        return f"Run({self.id}, {self.status}{score})"


def _new_id() -> str:
    """Return an id that sorts by time and is unique across machines."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
