"""The algorithm: the phases of a run in their order, from permission to the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from mipro_nb.errors import MiproError, RecordError
from mipro_nb.evaluate.ledger import Ledger, Results
from mipro_nb.evaluate.slots import Slots
from mipro_nb.evaluate.workers.place import examples_on
from mipro_nb.language.execution.own_calls import caught_own_calls
from mipro_nb.language.lms.settings import context
from mipro_nb.language.programs.module import Module
from mipro_nb.models.gate.gate import Gate, run_gate
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.gate.recording.earlier_calls import Before
from mipro_nb.optimizer.control.approval import Approval
from mipro_nb.optimizer.control.concurrency import Background, in_order, together
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.control.pause import PauseSwitch
from mipro_nb.optimizer.control.steering import Steering
from mipro_nb.optimizer.phases.bootstrapping.bootstrap import bootstrap
from mipro_nb.optimizer.phases.ending.ending import Ending, Outcome
from mipro_nb.optimizer.phases.ending.finished_before import FinishedBefore
from mipro_nb.optimizer.phases.ending.held_out import HeldOut
from mipro_nb.optimizer.phases.headroom import measure_headroom
from mipro_nb.optimizer.phases.measure_formats import in_recorded_format, measure_formats
from mipro_nb.optimizer.phases.proposing.grounding import ground
from mipro_nb.optimizer.phases.proposing.propose import propose
from mipro_nb.optimizer.phases.proposing.repair import Repair
from mipro_nb.optimizer.phases.scoring.evaluations import Evaluated, Evaluations
from mipro_nb.optimizer.phases.scoring.unreadable import UnreadableReplies
from mipro_nb.optimizer.phases.stopping import Shortfall, Stopping
from mipro_nb.optimizer.phases.trials import Search
from mipro_nb.optimizer.planning.settings.constraints import Constraints
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.search.configuration import Candidates
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.events import ExampleTested

_STOPPED = "The run was stopped."
_ENDED = "The run has ended."
_LOOK_SECONDS = 0.05
# How long calls that are in flight when the time is up may still take: most come back within it,
# and are paid for. Those of a server that hangs would take as long as their own timeout.
GRACE_SECONDS = 2.0


class _NothingToGainError(Exception):
    """The student is as good as is asked for: nothing is searched."""


class Algorithm:
    """What a run does once it is permitted; made and used on the core loop only.

    Parameters
    ----------
    spec
        What is to be done, with the caps that were permitted.
    journal
        Where all that happens is written.
    progress
        What happened before the run was resumed.
    known
        What was scored then.
    can_resume
        Whether there is somebody who could have the run go on after a pause.
    is_drawn
        Whether that is known for good: what they would see it by may not be drawn yet.

    Attributes
    ----------
    gate
        What every LM call of the run passes.
    pausing
        Pauses the run and has it go on.
    capped
        The cap that the run ends at, and that it is reached; None as long as none is.
    """

    def __init__(
        self,
        spec: RunSpec,
        journal: Journal,
        progress: RecordedProgress,
        known: Results,
        can_resume: Callable[[], bool],
        *,
        is_drawn: Callable[[], bool],
    ) -> None:
        spec = in_recorded_format(spec, progress)
        self._journal, self._progress = journal, progress
        self._slots = Slots(spec.plan.num_threads)
        self.gate = Gate(
            lambda: journal.record,
            spec.plan.num_threads,
            journal.emit,
            run_id=journal.run_id,
            before=Before(journal.state.usage, progress.calls) if progress else None,
            backlog=journal.backlog,
            caps=spec.plan.caps,
            on_cap=lambda reached: self._cap(str(reached)),
            hold=self.hold,
            hedge=spec.plan.hedge,
            foreseen=spec.plan.estimate.total.calls.low,
        )
        self.pausing = PauseSwitch(journal, self.gate, can_resume)
        self._approval = Approval(journal, self.pausing, is_drawn)
        self._ledger = Ledger(
            spec.rows.val,
            spec.metric,
            self._slots,
            spec.plan.max_errors,
            known=known,
            example_timeout=spec.plan.example_timeout,
            taught=spec.rows.taught,
        )
        self._test_ledger = Ledger(
            spec.rows.test,
            spec.metric,
            self._slots,
            spec.plan.max_errors,
            known=progress.results(spec.rows.test, ExampleTested) if progress else {},
            example_timeout=spec.plan.example_timeout,
        )
        self._take(spec)
        self.capped: str | None = None
        self._searched: Candidates | None = None
        self._draining: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._stopped = False

    async def run(self) -> Outcome:
        """Go through the run, and return what it comes to, also where it is stopped or capped.

        Raises
        ------
        MiproError
            If it fails. The record holds what was paid for, and the run can be resumed.
        CancelledError
            If the interpreter is shutting down.
        """
        self._task = asyncio.current_task()
        watch = asyncio.create_task(self._watch_time())
        run_gate.set(self.gate)
        try:
            self._ending.candidates = self._recalled()
            if self._stopped:
                raise asyncio.CancelledError  # noqa: TRY301 - stopped before it began
            spec = self._spec
            # Own calls are caught throughout, so that clients keep their connections in between.
            async with examples_on(spec.executor, spec.plan.num_threads):
                with (
                    context(lm=spec.task_lm, prompt_format=spec.prompt_format),
                    caught_own_calls(),
                ):
                    await self._settle_the_format()
                    await self._work()
            return await self._finish()
        except asyncio.CancelledError:
            self.gate.refuse(_STOPPED)
            if not self._stopped:
                self._ending.end("stopped", "The interpreter is shutting down.")
                raise
            if self.capped is not None:
                return self._ending.end("capped", self.capped)
            return self._ending.end("stopped", _STOPPED)
        except BaseException as error:
            self.gate.refuse(_ENDED)
            self._ending.end("failed", f"{type(error).__name__}: {error}")
            self._note_what_is_kept(error)
            raise
        finally:
            self.pausing.end()
            watch.cancel()

    async def _settle_the_format(self) -> None:
        """Measure formats first, where the plan says so and that is not done yet."""
        spec, chosen = self._spec, self._progress.state.format_chosen
        if spec.plan.measured_formats and chosen is None:
            measured = measure_formats(
                spec, self._journal, self._slots, self._progress, self.gate.held
            )
            self._take(await measured)

    async def _work(self) -> None:
        """Optimize and test; or measure headroom, where that is what is planned."""
        planned = self._spec.plan.headroom
        if planned is not None:
            async with Background() as background:
                candidates = await self._find_candidates(background)
            await measure_headroom(
                self._spec,
                self._journal,
                self._slots,
                self._progress,
                planned=planned,
                candidates=candidates,
            )
            return
        if self._progress.finished is None:
            try:
                await self._optimize()
            except _NothingToGainError:
                self._send_again()
        await self._test()

    async def _optimize(self) -> None:
        """Do what the paper's algorithm does, each step as soon as its inputs are there.

        The student is scored meanwhile: that is what the search begins with.

        Raises
        ------
        _NothingToGainError
            If the student is as good as is asked for.
        """
        async with Background() as background:
            if self._progress.state.search_stopped_before_it_began:
                await self._score_student()
            baseline, search = await together(self._score_student(), self._begin_search(background))
            await search.run(baseline, background)

    async def _begin_search(self, background: Background) -> Search:
        """Return the search as soon as there are candidates, begun if it is sure to be made.

        So the slots do not idle while the student is still scored on its last rows. Under caps it
        is not begun before: what they leave is known then.
        """
        candidates = await self._find_candidates(background)
        self._ending.candidates = candidates
        search = Search(
            self._spec,
            self._journal,
            candidates,
            self._evaluations,
            self._progress,
            dearest_call=lambda: self.gate.dearest_call,
            approval=self._approval,
            repair=Repair(self._spec, self._journal, self._slots, candidates, self._constraints),
        )
        plan = self._spec.plan
        if plan.labelled_rows and plan.caps == Caps():
            await self._shortfall.is_sure.wait()
            search.begin(background)
        return search

    async def _score_student(self) -> Evaluated:
        """Return the score of the student.

        Raises
        ------
        _NothingToGainError
            If there is nothing to search for. Calls in flight come back first: they are paid for.
            The gate lets no other through, until those who would send them are cancelled.
        """
        baseline = await self._evaluations.baseline()
        stopped = Stopping(self._spec.plan).take_student(baseline)
        if stopped is None:
            self._shortfall.is_sure.set()
            return baseline
        self._journal.emit(stopped)
        self.gate.pause()
        await self.gate.drained()
        raise _NothingToGainError

    def _send_again(self) -> None:
        """Let calls through again, unless a person has paused the run meanwhile."""
        if self._journal.state.state == "running":
            self.gate.resume()

    async def _test(self) -> None:
        """Score student and best program on the testset, if there is one."""
        tested = None
        while self._spec.rows.test:
            await self._ending.choose()
            key, program = self._ending.chosen()
            if key == tested:
                return
            # A person may ban that program meanwhile: then it is another one that is returned.
            await self._held_out.score(key, program)
            tested = key

    def _recalled(self) -> Candidates | None:
        """Return the candidates of the run that is resumed, None if it had not found them."""
        spec = self._spec
        sets = 0 if spec.plan.zero_shot else spec.plan.num_candidates
        return self._progress.candidates(spec.student, sets, spec.rows.train)

    async def _find_candidates(self, background: Background) -> Candidates:
        """Bootstrap demo sets (step 1) and propose instructions (step 2) for the search (step 3).

        An instruction is proposed as soon as the demo set is there that its prompt shows.
        """
        spec, journal = self._spec, self._journal
        if self._ending.candidates is not None:
            self._searched = self._ending.candidates
            return self._searched
        sets = bootstrap(spec, journal, self._slots, background)
        grounding = ground(spec, journal, background)
        instructions, demo_sets = await together(
            propose(spec, journal, grounding, sets, self._constraints), in_order(sets)
        )
        demos = None
        if not spec.plan.zero_shot:
            demos = {name: [made.demos[name] for made in demo_sets] for name in instructions}
        candidates = Candidates(instructions, demos, spec.searched_formats)
        if spec.plan.headroom is None:
            # They can be steered from here on, while the student may still be scored.
            self._searched = candidates
        return candidates

    async def _finish(self) -> Outcome:
        """Record that the run is finished, as soon as that can be done."""
        while True:
            await self._ending.choose()
            try:
                outcome = self._ending.end("finished", None)
            except RecordError as error:
                if not await self.gate.held(error):
                    raise
            else:
                self.gate.refuse(_ENDED)
                return outcome

    @property
    def steering(self) -> Steering:
        """What a person may change now."""
        return Steering(self._journal, self._searched, self._constraints)

    def program_of(self, configuration: Configuration) -> Module:
        """Return the student with a configuration set, as soon as there are candidates."""
        return self._ending.program_of(configuration)

    def hold(self, error: MiproError) -> bool:
        """Pause because of `error`; return False if nobody could resume."""
        return self.pausing.hold(error)

    def stop(self) -> None:
        """End the run now: calls in flight are given up, the best program so far is returned."""
        self._stopped = True
        self.pausing.end()
        if self._task is not None:
            self._task.cancel()

    def _cap(self, reason: str) -> None:
        """End the run because a cap is reached, once the calls in flight have come back."""
        if self.capped is None:
            self.capped = reason
            self.pausing.end()
            self._draining = asyncio.create_task(self._stop_when_drained())

    async def _stop_when_drained(self) -> None:
        await self.gate.drained()
        if not self._stopped:
            self.stop()

    async def _watch_time(self) -> None:
        """End the run when its time is up; calls in flight are given up after a short grace."""
        limit = self._spec.plan.caps.max_seconds
        if limit is None:
            return
        await self._worked(limit)
        self._cap(f"The cap max_seconds={limit:g} is reached.")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.gate.drained(), GRACE_SECONDS)
        if not self._stopped:
            self.stop()

    async def _worked(self, limit: float) -> None:
        """Wait until the run has worked for `limit` seconds, pauses left out.

        Seconds of earlier sessions are those that the record tells. Those of this one are not taken
        from the clock on the wall, which may be set to another time meanwhile.
        """
        worked, looked = self._journal.state.seconds, time.monotonic()
        while worked < limit:
            await asyncio.sleep(_LOOK_SECONDS)
            last, looked = looked, time.monotonic()
            if self._journal.state.state != "paused":
                worked += looked - last

    def _take(self, spec: RunSpec) -> None:
        """Have everything from now on be that of `spec`."""
        self._spec = spec
        self._constraints = Constraints(spec.plan, spec.rows.train, spec.student)
        self._shortfall = Shortfall(spec.plan)
        self._evaluations = Evaluations(
            spec,
            self._journal,
            self._ledger,
            self._progress,
            on_student_scored=self._shortfall.take,
            unreadable=UnreadableReplies(self._journal, self.pausing, spec.plan.valset_size),
        )
        self._held_out = HeldOut(spec, self._journal, self._test_ledger)
        ending = (spec, self._journal, self._evaluations, self._held_out)
        before = self._progress.finished
        self._ending = Ending(*ending) if before is None else FinishedBefore(before, *ending)

    def _note_what_is_kept(self, error: BaseException) -> None:
        run_id = self._journal.run_id
        if self._progress.finished is not None:
            error.add_note(f"Run {run_id} has the result that it had, and no test score.")
            return
        error.add_note(
            f"Run {run_id} failed. MIPROv2(…).resume({run_id!r}, …) resumes it without "
            f"paying again for what was answered; mipro_nb.runs.load({run_id!r}) shows it."
        )
        if self._ending.unwritten:
            error.add_note(self._ending.unwritten)
