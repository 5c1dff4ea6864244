"""The handle of a run that goes on in the background: look at it, steer it, wait for it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from mipro_nb.amounts import format_duration, format_score
from mipro_nb.arguments import only_known
from mipro_nb.checks import Flag, check
from mipro_nb.core_loop import core, until_done, wait_until
from mipro_nb.errors import MiproError, PermissionDeniedError, ProgramError, RunEndedError
from mipro_nb.evaluate.ledger import Results
from mipro_nb.evaluate.metric import MetricFunction
from mipro_nb.language.programs.foreign import as_program
from mipro_nb.models.gate.gate import Gate
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.optimizer.algorithm import Algorithm
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.planning.changes import CHANGEABLE, check_changes
from mipro_nb.optimizer.planning.data.rows import Rows, evidence_rows
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.requested_headroom import LEAST_ROWS
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.running.asking.outlook import Outlook, outlook_of
from mipro_nb.optimizer.running.asking.permission import is_asked
from mipro_nb.optimizer.running.asking.surface import Window, current_surface
from mipro_nb.optimizer.running.commands_taken import CommandsTaken
from mipro_nb.optimizer.running.first_events import write_begun, write_resumed
from mipro_nb.optimizer.running.registry import Registry
from mipro_nb.optimizer.running.results.later_test import spec_of_test
from mipro_nb.optimizer.running.results.programs import Programs
from mipro_nb.optimizer.running.resuming.caller_names import names_of
from mipro_nb.optimizer.running.resuming.resume import caps_of, check_caps_left
from mipro_nb.optimizer.running.steered import Steered
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.events import Permitter, ScoresOnTestset
from mipro_nb.runs.recorded.ratings import Ratings
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store import owners
from mipro_nb.runs.store.commands import Command
from mipro_nb.runs.store.record import Record, RecordedEvent
from mipro_nb.runs.views.exports.frames import RunFrames
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.report import write_report

T = TypeVar("T")

_ENDED = "The run has ended."
_NOT_BEGUN = "The run has not begun: it waits for permission."
_ALREADY_ANSWERED = "The question was answered already: the settings stay as they are."
_NO_TWIN = "No run of this plan goes on in this process: there is none to join."
_TWIN_ENDED = (
    "Run {run_id} has ended meanwhile: mipro_nb.runs.load({run_id!r}) shows what came of it."
)
_DECLINED = "The plan was not permitted. No LM call was made."


@dataclass(frozen=True)
class Beginning:
    """What a run begins with, once it is permitted.

    Attributes
    ----------
    spec
        What is to be done.
    progress
        The run that it resumes; None for a new one.
    twin
        The run of the same plan that goes on already, if any.
    changeable
        Settings that may still be changed.
    outlook
        What is told beside its estimate.
    """

    spec: RunSpec
    progress: RecordedProgress | None = None
    twin: Run | None = None
    changeable: tuple[str, ...] = CHANGEABLE
    outlook: Outlook = field(default_factory=Outlook)


class Run(Steered, RunFrames, Ratings):
    """A run that goes on in the background.

    Wait for it with ``run.wait()``, or with ``await run`` in a cell; look at it and steer it
    meanwhile.

    Attributes
    ----------
    id
        Its id in the record: ``mipro_nb.runs.load(run.id)`` reads it back at any time.
    verbose
        Whether candidates and trials are printed as they come.
    permitted
        Whether it has begun.
    changeable
        Settings that `change` may give other values as long as it has not.
    outlook
        What was left to pay when it was planned, and how long it would take.
    joined
        The run that this one stands for since somebody joined it instead of beginning another one;
        None for any other.

    Examples
    --------
    >>> run = MIPROv2(exact, auto="light").start(student, trainset=rows)
    >>> optimized = run.wait()
    >>> run.status, run.score
    ('finished', 100.0)
    """

    def __init__(
        self,
        beginning: Beginning,
        record: Record,
        changed: Callable[[Mapping[str, Any]], Beginning],
        *,
        student: object,
    ) -> None:
        self._joined: Run | None = None
        self._test: Run | None = None  # while it goes on, or is asked about
        self._own_id = _new_id()
        self.verbose = beginning.spec.verbose
        self.permitted = False
        # The question is answered in another context.
        self._names = names_of(beginning.spec.metric, student)
        self._take(beginning, record)
        self._changed, self._planned_in_code = changed, beginning.spec.plan
        self._changes: Mapping[str, Any] = {}
        self._result: Future[Any] = Future()
        self._begun = threading.Lock()  # held from the answer to the question on
        self._changing = threading.Lock()  # no answer while the plan becomes another one
        self._own_algorithm: Algorithm | None = None
        self._stop = threading.Event()
        self._window: Window | None = None

    def _take(self, beginning: Beginning, record: Record) -> None:
        progress = beginning.progress
        self._spec = beginning.spec
        self._twin = beginning.twin  # what that one pays for is shared
        self._progress = RecordedProgress.none(record) if progress is None else progress
        self.id = self._progress.run_id or self._own_id
        self._own_journal = Journal(record, self.id, self._progress, hold=self._hold)
        self.changeable, self.outlook = beginning.changeable, beginning.outlook

    def change(self, changes: Mapping[str, Any]) -> None:
        """Give settings of a run that waits for permission other values: its estimate follows.

        The values are those of the run from then on: it is recorded, told and resumed with them.

        Parameters
        ----------
        changes
            Names of `changeable` settings and their values; all others, and those that were changed
            before, are as they were given in the code.

        Raises
        ------
        InvalidArgumentError
            If a value is out of range or does not fit the data, or the setting cannot be changed.
            The plan stays as it is.
        RunEndedError
            If the question was answered before.
        """
        check_changes(changes, self.changeable)
        beginning = self._changed(changes)
        with self._changing:
            if self._begun.locked():
                raise RunEndedError(_ALREADY_ANSWERED)
            self._take(beginning, self.record)
            self._changes = {
                name: value
                for name, value in changes.items()
                if value != getattr(self._planned_in_code, name)
            }

    def measuring(self) -> RunSpec:
        """Return the specification of a run that measures headroom before this one.

        Raises
        ------
        InvalidArgumentError
            If there are too few training rows.
        """
        return self._spec.measuring()

    @property
    def changes(self) -> Mapping[str, Any]:
        """The settings that were changed since the code gave them."""
        return self._changes

    @property
    def changed_from(self) -> Mapping[str, Any]:
        """The values that the code gave to the settings that were changed since."""
        return {name: getattr(self._planned_in_code, name) for name in self._changes}

    def _answered(self) -> bool:
        """Take note of the answer to the question; False if there was one before."""
        with self._changing:
            return self._begun.acquire(blocking=False)

    def open(self, *, ask: bool, blocking: bool) -> Self:
        """Show the run where it is looked at, and begin it, after permission if `ask`."""
        runs_here.enter(self)
        if not ask:
            self.begin(by="not required")
        try:
            self._window = current_surface().open(self, ask=ask, blocking=blocking)
        except BaseException:
            if self._joined is None:  # else it is another one's, which goes on without this window
                self.stop()
            raise
        return self

    def show_in(self, window: Window) -> Self:
        """Be looked at in a window that is open already, and be found from now on."""
        runs_here.enter(self)
        self._window = window
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
        if not self._answered():
            return False
        try:
            if caps is not None:
                self._spec = replace(self._spec, plan=replace(self.plan, caps=caps))
            self.check_caps(self.plan.caps)
            known = self._progress.results(self._spec.rows.val)
            with self._journal.record.writing():
                if self._progress:
                    write_resumed(self._journal, self._spec, self._progress, by=by)
                else:
                    write_begun(self._journal, self._spec, names=self._names, by=by)
                # Before others may write again: from now on only this run writes its events.
                owners.enter(self.id, self._journal)
            self.permitted = True
            runs_here.begin(self)
            core().submit(self._run(known)).add_done_callback(self._deliver)
        except BaseException as error:
            # Nothing was begun, and a journal that lacks its beginning is of no use.
            owners.leave(self.id, self._journal)
            self._result.set_exception(error)
            raise
        return True

    @property
    def resumes(self) -> bool:
        """Whether it goes on with a run that had ended, or was cut off."""
        return bool(self._progress)

    @property
    def can_measure_headroom_first(self) -> bool:
        """Whether it has the rows for that, and it is not known."""
        plan = self.plan
        is_new = not self.resumes and plan.headroom is None and plan.noise_floor is None
        return is_new and len(evidence_rows(self.rows)) >= LEAST_ROWS

    @property
    def is_test(self) -> bool:
        """Whether what it goes on with is finished, and is only to be tested."""
        return self._progress.finished is not None

    def check_caps(self, caps: Caps) -> None:
        """Return if the run may begin under `caps`.

        Raises
        ------
        InvalidArgumentError
            If it resumes a run that has reached one of them already.
        """
        if self._progress:
            check_caps_left(self._progress, caps)

    def decline(self, reason: str = _DECLINED) -> bool:
        """Give the run up before it has begun; anyone who waits gets a PermissionDeniedError.

        Returns False, and does nothing, if the question was answered before.
        """
        if not self._answered():
            return False
        self._result.set_exception(PermissionDeniedError(reason))
        return True

    @property
    def twin(self) -> Run | None:
        """The run of the same plan that went on already when this one was asked about, or None."""
        return self._twin

    @property
    def joined(self) -> Run | None:
        """The run that this one stands for since it was joined."""
        return self._joined

    def join(self) -> bool:
        """Stand for the run of the same plan that is already running, instead of starting another.

        From then on this handle shows and steers that one, and brings a copy of its program.
        Returns False, and does nothing, if the question was answered before.

        Raises
        ------
        RunEndedError
            If there is none, or it has ended meanwhile.
        """
        twin = self._twin  # first: it is let go of once the run has begun
        if self._begun.locked():
            return False
        if twin is None or twin.done:
            raise RunEndedError(_NO_TWIN if twin is None else _TWIN_ENDED.format(run_id=twin.id))
        if not self._answered():
            return False
        runs_here.leave(self)
        self._joined, self._twin = twin, None
        self.id = twin.id
        self._spec, self._own_journal = twin._spec, twin._own_journal  # noqa: SLF001 - of this very class
        self._stop = twin._stop  # noqa: SLF001
        self.permitted = True
        twin._result.add_done_callback(self._deliver_copy)  # noqa: SLF001
        return True

    def _deliver_copy(self, done: Future[Any]) -> None:
        if (error := done.exception()) is not None:
            self._result.set_exception(error)
        else:
            self._result.set_result(as_program(done.result()).deepcopy().handed_over())

    @property
    def _going_test(self) -> Run | None:
        """The test of this run, while it goes on."""
        test = self._test
        return None if test is None or test._own_algorithm is None else test  # noqa: SLF001 - of this very class

    @property
    def _algorithm(self) -> Algorithm | None:
        acting = self._going_test or self._joined
        return self._own_algorithm if acting is None else acting._algorithm  # noqa: SLF001

    @property
    def _journal(self) -> Journal:
        test = self._going_test
        return self._own_journal if test is None else test._own_journal  # noqa: SLF001

    def _deliver(self, done: Future[Any]) -> None:
        error = CancelledError() if done.cancelled() else done.exception()
        if error is not None:
            self._result.set_exception(error)
        else:
            self._result.set_result(done.result())

    @property
    def plan(self) -> Plan:
        """What it does, under the caps that were permitted."""
        return self._spec.plan

    @property
    def student(self) -> Any:
        """The program that is optimized, as it was given: a copy."""
        return self._spec.student.deepcopy().handed_over()

    @property
    def rows(self) -> Rows:
        """The rows that it works on, as they were given."""
        return self._spec.rows

    @property
    def metric(self) -> MetricFunction:
        """The metric, as it was given."""
        return self._spec.metric.function

    @property
    def status(self) -> str:
        """How the run stands: planned, running, paused, finished, stopped, capped or failed."""
        return self._journal.state.state

    @property
    def state(self) -> RunState:
        """Everything that is known of the run so far; it goes on changing while the run does."""
        return self._journal.read(lambda state: state)

    @property
    def score(self) -> float | None:
        """The best full evaluation so far, 0–100; None before the first.

        After an early end it is what the returned program scored, on as many examples as
        ``run.report()`` tells.
        """
        best = self._journal.read(lambda state: state.best)
        return None if best is None else best.score

    @property
    def programs(self) -> Programs:
        """The program of every evaluation by its number: ``run.programs[7]``."""
        return Programs(self._journal, self._program_of)

    def _program_of(self, configuration: Configuration) -> Any:
        algorithm, student = self._algorithm, self._spec.student
        program = student.deepcopy() if algorithm is None else algorithm.program_of(configuration)
        if self._spec.track_stats:
            program.attach_results(run=self)
        return program.handed_over()

    @property
    def done(self) -> bool:
        """Tell whether the run has ended, in whatever way."""
        return self._result.done()

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the run has ended or was declined, at once if it has already."""
        self._result.add_done_callback(lambda _: callback())

    @property
    def gate(self) -> Gate | None:
        """What its LM calls pass; None before it has begun."""
        return None if self._algorithm is None else self._algorithm.gate

    @property
    def in_flight(self) -> int:
        """LM calls that are sent and not answered yet."""
        return 0 if self._algorithm is None else self._algorithm.gate.in_flight

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

    def _steer(self, change: Callable[[Algorithm], T]) -> T:
        """Make a change on the core loop, between two steps of the run."""

        async def steered() -> T:
            return change(self._steerable())

        return core().wait_for(steered())

    def _obey(self, command: Command) -> None:
        algorithm = self._steerable()
        pausing = algorithm.pausing
        if command == "stop":
            self._journal.once_kept(algorithm.stop)
        else:
            {"pause": pausing.pause, "resume": pausing.resume}[command]()

    def _steerable(self) -> Algorithm:
        """Return the algorithm, if it can be steered now; on the core loop.

        Raises
        ------
        RunEndedError
            If the run has ended, or is ending.
        """
        if self._algorithm is None:
            raise RunEndedError(_ENDED if self.done else _NOT_BEGUN)
        if not self._journal.state.goes_on or (self.done and self._going_test is None):
            raise RunEndedError(_ENDED)
        if self._algorithm.capped is not None:
            raise RunEndedError(f"The run is ending. {self._algorithm.capped}")
        return self._algorithm

    def _hold(self, error: MiproError) -> bool:
        return self._algorithm is not None and self._algorithm.hold(error)

    def _can_be_resumed(self) -> bool:
        return self._window is not None and self._window.can_resume

    def _is_drawn(self) -> bool:
        return self._window is not None and self._window.is_drawn

    def stop(self) -> None:
        """Stop gracefully: calls in flight are given up, the best program so far is returned.

        A run that still waits for permission is given up. While a finished run is tested, only its
        test is stopped.
        """
        if (test := self._test) is not None:
            test.stop()
            return
        self.decline("The run was stopped before it was permitted. No LM call was made.")
        self._stop.set()
        core().loop.call_soon_threadsafe(self._stop_course)

    def _stop_course(self) -> None:
        if self._algorithm is not None:
            self._algorithm.stop()

    def wait(self, timeout: float | None = None) -> Any:
        """Block until the run has ended and return the best program, of the kind that was given.

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
            msg = f"Run {self.id} goes on after {format_duration(timeout)}; run.stop() ends it."
            raise TimeoutError(msg)
        return self._result.result()

    def test(
        self,
        rows: Any,
        *,
        max_usd: float | None = None,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        requires_permission_to_run: bool = True,
    ) -> ScoresOnTestset | None:
        """Score student and returned program on rows that no phase has seen; block until the end.

        As with ``compile(…, testset=rows)``, but after the run: it has its own estimate, and asks
        for permission. Report and views have the test score from then on. What is tested is what
        the run returned, also where it is called on the run of another of its `programs`: these
        are scored with ``Evaluate(devset=rows, metric=…)(run.programs[8])``.

        Parameters
        ----------
        rows
            As the testset of `MIPROv2.compile`; their inputs are those of the run.
        max_usd, max_calls, max_tokens, max_seconds
            Caps of the whole run, its test included; those that it had if None.
        requires_permission_to_run
            Ask before the first LM call.

        Returns
        -------
        ScoresOnTestset or None
            None if the test was stopped or reached a cap: with the same rows it goes on.

        Raises
        ------
        InvalidArgumentError
            If the run has seen one of the rows, or a cap is reached already.
        RunEndedError
            If it has a test score already.
        MiproError
            If it has not finished.
        PermissionDeniedError
            If the test is not permitted.
        """
        caps = {"max_usd": max_usd, "max_calls": max_calls}
        caps |= {"max_tokens": max_tokens, "max_seconds": max_seconds}
        ask = is_asked(
            required=check("requires_permission_to_run", requires_permission_to_run, Flag)
        )
        progress = RecordedProgress.of(self.record, self.id)
        spec = spec_of_test(progress, self._spec, rows, name="rows")
        spec = replace(spec, plan=replace(spec.plan, caps=caps_of(progress, caps)))
        again = test_of(progress, spec, self.record, self.student)
        self._test = again
        try:
            again.open(ask=ask, blocking=True).wait()
        except KeyboardInterrupt:
            again.stop()
            again.wait()
            raise
        finally:
            if again.permitted:  # that journal has what the run tells now
                self._spec, self._own_journal = again._spec, again._own_journal  # noqa: SLF001 - of this very class
            self._test = None
        ended = again.state.ended
        return None if ended is None else ended.tested

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        if self._window is None:
            await until_done(self._result)
        else:
            await self._window.attend(self._result)
        return self._result.result()

    async def _run(self, known: Results) -> Any:
        algorithm = self._own_algorithm = Algorithm(
            self._spec,
            self._journal,
            self._progress,
            known,
            self._can_be_resumed,
            is_drawn=self._is_drawn,
        )
        gate = self._twin.gate if self._twin is not None else None
        if gate is not None:
            algorithm.gate.share_with(gate)
        self._twin = None
        if self._stop.is_set():
            algorithm.stop()
        async with CommandsTaken(self._journal, self._obey):
            outcome = await algorithm.run()
        if not self._spec.track_stats:
            return outcome.program.handed_over()
        return outcome.program.handed_over(
            score=outcome.score,
            trial_logs=outcome.trial_logs,
            candidate_programs=[
                {**each, "program": each["program"].handed_over()}
                for each in outcome.candidate_programs
            ],
            run=self,
        )

    def __repr__(self) -> str:
        score = "" if self.score is None else f", best {format_score(self.score)}"
        # A cell that begins a run prints this, and the dialog is answered only then.
        status = f", {self.status}" if self.permitted else ""
        return f"Run({self.id}{status}{score})"


runs_here: Registry[Run] = Registry()
"""The runs of this process."""


@only_known()
def live_runs() -> list[Run]:
    """Return the runs that go on in this process, those that wait for permission too.

    The one begun last comes last.
    """
    return runs_here.live()


def _new_id() -> str:
    """Return an id that sorts by time and is unique across machines."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def test_of(progress: RecordedProgress, spec: RunSpec, record: Record, student: object) -> Run:
    """Return the test of a finished run, which goes on for it by `spec`.

    Raises
    ------
    InvalidArgumentError
        If a cap needs a price that is not known.
    """
    spec.plan.estimate.check_caps(spec.plan.caps)
    outlook = outlook_of(spec.plan, history_rows(record), None)
    beginning = Beginning(spec, progress, changeable=(), outlook=outlook)
    return Run(beginning, record, lambda _: beginning, student=student)
