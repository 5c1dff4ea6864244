"""The live run: phases in their order, on the core loop, with a handle for whoever waits."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from typing import Any, Self

from mipro_nb.core_loop import TICK_SECONDS, core
from mipro_nb.errors import MiproError
from mipro_nb.evaluate.ledger import Ledger
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.module import Module
from mipro_nb.language.settings import context
from mipro_nb.models.gate import Gate, run_gate
from mipro_nb.optimizer.bootstrap import bootstrap
from mipro_nb.optimizer.configuration import Candidates
from mipro_nb.optimizer.grounding import ground
from mipro_nb.optimizer.job import Job, Journal
from mipro_nb.optimizer.plan import Plan
from mipro_nb.optimizer.propose import propose
from mipro_nb.optimizer.search import Evaluated, Evaluations, Search, best_of, gain_of
from mipro_nb.optimizer.together import together
from mipro_nb.runs.events import FinalState, RunEnded, RunPermitted, RunPlanned
from mipro_nb.runs.record import Record, RecordedEvent
from mipro_nb.runs.report import write_report
from mipro_nb.runs.state import RunState
from mipro_nb.version import __version__

_NOT_PERMITTED = "The run was not permitted yet: no LM call may be made."
_STOPPED = "The run was stopped."
_ENDED = "The run has ended."


class Run:
    """A run that goes on in the background.

    Wait for it with ``run.wait()``, or with ``await run`` in a cell; look at it meanwhile.

    Attributes
    ----------
    id
        Its id in the record: ``mipro_nb.runs.load(run.id)`` reads it back at any time.
    plan
        What it does.
    """

    def __init__(self, job: Job, record: Record) -> None:
        self.id = _new_id()
        self.plan: Plan = job.plan
        self._job = job
        self._journal = Journal(record, self.id)
        self._future: Future[Module] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stop = threading.Event()
        self._candidates: Candidates | None = None
        record.add_run(self.id, job.plan.program)
        self._journal.emit(self._planned())

    def _planned(self) -> RunPlanned:
        rows, plan = self._job.rows, self._job.plan
        return RunPlanned(
            program=plan.program,
            predictors=dict(plan.predictors),
            plan=plan.settings(),
            estimate=plan.estimate.to_dict(),
            trainset=self._journal.keep([row.to_dict() for row in rows.train]),
            valset=self._journal.keep([row.to_dict() for row in rows.val]),
            mipro_nb=__version__,
            process=os.getpid(),
        )

    def begin(self, *, permitted_by_user: bool) -> Self:
        """Start the work on the core loop; called once, after permission."""
        self._journal.emit(RunPermitted(by="user" if permitted_by_user else "not required"))
        self._future = core().submit(self._run())
        return self

    @property
    def status(self) -> str:
        """How the run stands: planned, running, finished, stopped or failed."""
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
        return self._future is not None and self._future.done()

    def events(self) -> Sequence[RecordedEvent]:
        """Return all events so far, as the record has them."""
        return self._journal.record.events(self.id)

    def listen(self, listener: Callable[[RecordedEvent], None]) -> None:
        """Call `listener` with every later event, in the thread of the core loop."""
        self._journal.listen(listener)

    def report(self) -> str:
        """Return score, gain and spend against the estimate as text."""
        return str(self._journal.read(lambda state: write_report(self.id, state)))

    def stop(self) -> None:
        """Stop gracefully: calls in flight are given up, the best program so far is returned."""
        self._stop.set()
        core().loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def wait(
        self, timeout: float | None = None, *, tick: Callable[[], None] | None = None
    ) -> Module:
        """Block until the run has ended and return the best program.

        Parameters
        ----------
        timeout
            Seconds to wait at most; None for ever.
        tick
            Called about ten times a second while waiting.

        Raises
        ------
        TimeoutError
            If the run goes on after `timeout`; it is not stopped.
        MiproError
            If the run failed. What was paid for is in the record.
        """
        future = self._begun()
        deadline = None if timeout is None else time.monotonic() + timeout
        while not future.done():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                msg = f"Run {self.id} goes on after {timeout:g} s; run.stop() ends it."
                raise TimeoutError(msg)
            wait([future], timeout=TICK_SECONDS if left is None else min(left, TICK_SECONDS))
            if tick is not None:
                tick()
        return future.result()

    def __await__(self) -> Generator[Any, None, Module]:
        return asyncio.shield(asyncio.wrap_future(self._begun())).__await__()

    def _begun(self) -> Future[Module]:
        if self._future is None:
            raise MiproError(_NOT_PERMITTED)
        return self._future

    async def _run(self) -> Module:
        self._task = asyncio.current_task()
        job, journal = self._job, self._journal
        gate = Gate(lambda: journal.record, job.plan.num_threads, journal.emit)
        slots = Slots(job.plan.num_threads)
        ledger = Ledger(job.rows.val, job.metric, slots, job.plan.max_errors)
        evaluations = Evaluations(job, journal, ledger)
        run_gate.set(gate)
        try:
            if self._stop.is_set():
                raise asyncio.CancelledError  # noqa: TRY301 - stopped before it began
            with context(lm=job.task_lm):
                await self._optimize(slots, evaluations)
        except asyncio.CancelledError:
            gate.refuse(_STOPPED)
            if not self._stop.is_set():
                self._end("stopped", evaluations, "The interpreter is shutting down.")
                raise
            return self._end("stopped", evaluations, _STOPPED)
        except BaseException as error:
            gate.refuse(_ENDED)
            self._end("failed", evaluations, f"{type(error).__name__}: {error}")
            error.add_note(
                f"Run {self.id} failed; what was paid for is kept: "
                f"mipro_nb.runs.load({self.id!r}) shows it."
            )
            raise
        gate.refuse(_ENDED)
        return self._end("finished", evaluations, None)

    async def _optimize(self, slots: Slots, evaluations: Evaluations) -> None:
        """Do what the paper's algorithm does, each step as soon as its inputs are there."""
        baseline, candidates = await together(evaluations.baseline(), self._find_candidates(slots))
        self._candidates = candidates
        search = Search(self._job, self._journal, candidates, evaluations)
        await search.run(baseline)

    async def _find_candidates(self, slots: Slots) -> Candidates:
        job, journal = self._job, self._journal
        demo_sets, grounding = await together(bootstrap(job, journal, slots), ground(job, journal))
        instructions = await propose(job, journal, grounding, demo_sets)
        demos = None
        if not job.plan.zero_shot:
            demos = {name: [made.demos[name] for made in demo_sets] for name in instructions}
        return Candidates(instructions, demos)

    def _end(self, state: FinalState, evaluations: Evaluations, reason: str | None) -> Module:
        """Record the end and return the best program, the student itself if there is none."""
        done = evaluations.done
        best, baseline = best_of(done), next((e for e in done if e.kind == "baseline"), None)
        program = self._program_of(best)
        gain = None
        if best is not None and baseline is not None and best is not baseline:
            gain = gain_of(best, baseline, self.plan.seed)
        self._journal.emit(
            RunEnded(
                state=state,
                score=best.score if best else None,
                baseline=baseline.score if baseline else None,
                configuration=best.configuration if best else None,
                program=self._journal.keep(program.dump_state()),
                gain_low=gain.low if gain else None,
                gain_high=gain.high if gain else None,
                reason=reason,
            )
        )
        if self._job.track_stats:
            self._attach(program, done, best)
        return program

    def _program_of(self, evaluated: Evaluated | None) -> Module:
        if evaluated is None or self._candidates is None or not evaluated.configuration:
            return self._job.student.deepcopy()
        return self._candidates.apply(self._job.student, evaluated.configuration)

    def _attach(self, program: Module, done: Sequence[Evaluated], best: Evaluated | None) -> None:
        """Leave score, trial log, candidate programs and run on the returned program."""
        full = sorted((e for e in done if e.kind != "minibatch"), key=lambda e: -e.score)
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
