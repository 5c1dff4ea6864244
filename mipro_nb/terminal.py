"""The terminal: the plan and a question as text, then one progress bar, and lines if verbose."""

from __future__ import annotations

import builtins
import sys
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal

from mipro_nb.amounts import format_about, format_score, format_usd
from mipro_nb.core_loop import until_done, wait_until
from mipro_nb.errors import (
    MiproError,
    PermissionUnansweredError,
    RecordError,
    RunEndedError,
    shown,
)
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.running.run import Run
from mipro_nb.runs import events as ev
from mipro_nb.runs.sentences.instructions.approval import PAUSED_FOR_APPROVAL, changes_text
from mipro_nb.runs.sentences.replies.readings import reading_notes
from mipro_nb.runs.sentences.results.result import outcome_text
from mipro_nb.runs.sentences.resume import how_to_resume
from mipro_nb.runs.sentences.wording import counted, measures_headroom

if TYPE_CHECKING:
    from tqdm.auto import tqdm

_EARLY = ("stopped", "capped")
UNANSWERED = (
    "Permission is required and there is nobody to ask: this session takes no input. Look at "
    "optimizer.plan(…), and pass requires_permission_to_run=False to run it; or permit all runs of "
    'this process, by configure(permission="granted") or MIPRO_PERMISSION=yes in its environment. '
    "No LM call was made."
)
_JOIN = "Run this plan beside run {run_id}, or join that one? [y/N/join] "
_GO_ON = "Press Enter to go on, Ctrl-C to stop and keep the best program so far. "
_GO_ON_JOINED = "Press Enter to have it go on, Ctrl-C to leave it alone. "
_TRY_IT = "Try it? [y]es, [n]o, [e]dit, Ctrl-C to stop and keep the best program so far: "
_EDITED = "Your text, in one line: "
_ANSWERED = "The question was answered elsewhere meanwhile: run {run_id} is {status}."
_YES = frozenset({"y", "yes", "j", "ja"})
_NO = frozenset({"n", "no", "nein"})
_EDIT = frozenset({"e", "edit"})
# Only these events are read, and not the many of calls and examples.
_COUNTED = frozenset({"phase_started", "trial_told", "headroom_scored", "run_noted"})
_TOLD = frozenset({"candidate_proposed", "demo_set_built", "format_measured", "format_chosen"})


class TerminalSurface:
    """Asks with ``input()`` and shows a progress bar while a call blocks."""

    def open(self, run: Run, *, ask: bool, blocking: bool) -> TerminalWindow:
        """Ask for permission where it is needed, and return the bar."""
        window = TerminalWindow(run, quiet=not blocking)
        if ask:
            run.check_caps(run.plan.caps)
            print(run.plan.text())  # noqa: T201 - the question is about this text
            answer = asked_by_input(run)
            if answer == "join":
                heard = run.join()
            elif answer == "run":
                heard = run.begin(by="user")
            else:
                heard = run.decline()
            if not heard:
                print(_ANSWERED.format(status=run.status, run_id=run.id))  # noqa: T201
        return window


def asked_by_input(run: Run) -> Literal["run", "join", "cancel"]:
    """Ask with ``input()`` whether `run` may begin, or joins the one that is already running.

    Raises
    ------
    PermissionUnansweredError
        If this session takes no input.
    """
    if not _somebody_there():
        raise PermissionUnansweredError(UNANSWERED)
    twin = run.twin
    try:
        answer = input("Run this plan? [y/N] " if twin is None else _JOIN.format(run_id=twin.id))
    except (EOFError, RuntimeError) as error:
        # Kernels whose front end takes no input (nbclient, papermill) raise a RuntimeError.
        raise PermissionUnansweredError(UNANSWERED) from error
    word = answer.strip().casefold()
    if twin is not None and word in ("j", "join"):
        return "join"
    return "run" if word in _YES else "cancel"


def _somebody_there() -> bool:
    # Kernels replace input() by one that asks the front end.
    replaced = getattr(builtins.input, "__module__", "builtins") != "builtins"
    return replaced or (sys.stdin is not None and sys.stdin.isatty())


class TerminalWindow:
    """A bar over evaluations, drawn by the thread that waits for the run.

    Parameters
    ----------
    run
        The run to follow.
    quiet
        Show nothing: who began the run in the background asks it how it stands.
    """

    def __init__(self, run: Run, *, quiet: bool) -> None:
        self._run = run
        self._quiet = quiet
        self._seen = -1
        self._nobody_asked = False  # nobody was there to be asked
        self._bar: tqdm[Any] | None = None

    @property
    def can_resume(self) -> bool:
        """Tell whether somebody is there: who is asked while a call blocks, or types commands."""
        return hasattr(sys, "ps1") if self._quiet else _somebody_there()

    @property
    def is_drawn(self) -> bool:
        """Tell that lines are seen as they are printed."""
        return True

    def wait(self, done: Future[Any], timeout: float | None) -> None:
        """Block until `done`, drawing the bar meanwhile; ask how to go on where it pauses."""
        if self._quiet or not self._run.permitted:
            wait_until(done, timeout)
            return
        if self._bar is None:  # who was interrupted waits a second time, with the bar as it stands
            from tqdm.auto import tqdm  # noqa: PLC0415 - in a kernel it brings ipywidgets

            self._bar = tqdm(**_bar_of(self._run.plan))
        bar = self._bar
        try:
            wait_until(done, timeout, tick=lambda: self._look(bar))
        finally:
            self._show(bar)
            if done.done():
                self._close(bar)
            else:
                bar.clear()  # something may be printed in its place

    def _close(self, bar: tqdm[Any]) -> None:
        # There may have been fewer full evaluations than there could have been.
        if self._run.status == "finished":
            bar.total = bar.n
            bar.refresh()
        bar.close()
        state = self._run.state
        ended = state.ended
        if ended is not None and ended.reason and self._is_less_than_planned(ended):
            print(ended.reason)  # noqa: T201 - what is returned is not what was planned
        if ended is not None and ended.reason and ended.state in _EARLY:
            print(how_to_resume(self._run.id, self._run.state))  # noqa: T201 - a script has no view
        if ended is not None and ended.state != "failed" and not measures_headroom(state.planned):
            # Beside the bar: what a script prints is its own.
            print(outcome_text(self._run.id, state), file=sys.stderr)  # noqa: T201
        for note in reading_notes(self._run.state):
            print(f"Note: {note}")  # noqa: T201 - a low score may be the form's fault

    def _is_less_than_planned(self, ended: ev.RunEnded) -> bool:
        lacks_its_test = self._run.plan.testset_size > 0 and ended.tested is None
        return ended.state in _EARLY or (ended.state == "finished" and lacks_its_test)

    async def attend(self, done: Future[Any]) -> None:
        """Await `done`, and show nothing."""
        await until_done(done)

    def _look(self, bar: tqdm[Any]) -> None:
        self._show(bar)
        if self._nobody_asked or not self.can_resume:
            return
        reason = self._run.state.pause_reason if self._run.status == "paused" else None
        if reason == PAUSED_FOR_APPROVAL:
            self._ask_to_decide(bar)
        elif reason:
            self._ask_to_resume(bar)

    def _ask_to_decide(self, bar: tqdm[Any]) -> None:
        """Show what the first new instruction changes that waits, and do what is answered."""
        for predictor, index in self._run.undecided[:1]:
            candidates = self._run.state.candidates[predictor]
            candidate = candidates[index]
            before = candidates[candidate.based_on or 0].instruction
            bar.clear()
            title = f"New instruction {index} of {predictor}"
            print(f"{title}: {changes_text(before, candidate.instruction)}")  # noqa: T201 - asked about
            try:
                answer = input(_TRY_IT).strip().casefold()
                if answer in _YES:
                    self._run.approve(predictor, index)
                elif answer in _NO:
                    self._run.ban(predictor, index)
                elif answer in _EDIT:
                    self._run.add_instruction(predictor, input(_EDITED), based_on=index)
            except (EOFError, RuntimeError):
                self._leave()
            except MiproError as error:  # decided elsewhere meanwhile, or no good text
                print(error)  # noqa: T201 - the answer to what was typed

    def _ask_to_resume(self, bar: tqdm[Any]) -> None:
        """Tell why the run pauses, and wait until it may go on."""
        bar.clear()
        print(f"The run pauses. {self._run.state.pause_reason}")  # noqa: T201 - somebody has to know
        try:
            input(_GO_ON if self._run.joined is None else _GO_ON_JOINED)
        except (EOFError, RuntimeError):
            self._leave()
            return
        try:
            self._run.resume()
        except (RecordError, RunEndedError) as error:
            print(error)  # noqa: T201 - the answer to what was typed

    def _leave(self) -> None:
        """Ask no more: nobody is there to answer."""
        if self._run.joined is None:
            self._run.stop()
        else:  # it was begun elsewhere, and there it may go on
            self._nobody_asked = True

    def _show(self, bar: tqdm[Any]) -> None:
        """Show what happened since the last time."""
        types = _COUNTED | _TOLD if self._run.verbose else _COUNTED
        for recorded in self._run.record.events(self._run.id, self._seen, types):
            self._seen, event = recorded.seq, recorded.event
            match event:
                case ev.PhaseStarted(phase=phase):
                    bar.set_description(phase)
                case ev.TrialTold() | ev.HeadroomScored():
                    bar.update()
                case ev.RunNoted(text=text):
                    bar.write(f"Note: {text}")
            if self._run.verbose:
                line = _line(event)
                if line is not None:
                    bar.write(line)
        score, spend = self._run.score, self._run.state.spend
        cost = format_about(format_usd(spend.usd), spend.about)
        told = [counted(spend.calls, "call"), f"cost {cost}"]
        if self._run.plan.headroom is None:
            told.insert(0, f"best {format_score(score)}")
        bar.set_postfix_str(", ".join(told), refresh=False)


def _bar_of(plan: Plan) -> dict[str, Any]:
    """Return what a bar counts, and how far."""
    if plan.headroom is not None:
        return {"total": plan.headroom.draws, "desc": "headroom", "unit": "answer"}
    return {"total": plan.evaluations, "desc": "optimize", "unit": "evaluation"}


def _line(event: ev.AnyEvent) -> str | None:
    match event:
        case ev.CandidateProposed(predictor=predictor, index=index, instruction=text):
            return f"{predictor} instruction {index}: {shown(text, 200)}"
        case ev.DemoSetBuilt(predictor=predictor, index=index):
            return (
                f"{predictor} demo set {index}: {event.bootstrapped} bootstrapped, "
                f"{event.labelled} labelled"
            )
        case ev.TrialTold(trial=trial, kind=kind, score=score, configuration=configuration):
            return f"evaluation {trial} ({kind}): {format_score(score)} {configuration or ''}"
        case ev.FormatMeasured(format=name, score=score, unreadable=unreadable):
            return f"prompt format {name}: {format_score(score)}, {unreadable:,} unreadable"
        case ev.FormatChosen(format=name, reason=reason):
            return f"prompt format chosen: {name}, {reason}"
    return None
