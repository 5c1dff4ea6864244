"""Pausing: a run pauses by itself where everything after an error would fail as well."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from mipro_nb.errors import MiproError, RecordError
from mipro_nb.models.gate.gate import Gate
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.runs.events import RunPaused, RunResumed

# A record that could not be written is tried again so often: room was made, a lock is gone.
_TRY_AGAIN_SECONDS = 2.0
_BY_ITSELF = (
    "The run goes on by itself as soon as that is fixed; what came meanwhile is held on to."
)
_BY_HAND = (
    "Resume the run once that is fixed; or stop it, and MIPROv2(…).resume({run_id!r}, …) resumes "
    "it with another LM. What was answered is kept."
)


class PauseSwitch:
    """Pauses a run, by itself or because somebody asks for it, and has it go on.

    Used on the core loop only.

    Parameters
    ----------
    journal, gate
        Those of the run.
    can_resume
        Whether there is somebody who could have it go on.
    """

    def __init__(self, journal: Journal, gate: Gate, can_resume: Callable[[], bool]) -> None:
        self._journal, self._gate, self._can_resume = journal, gate, can_resume
        self._ending = False
        self._trying: asyncio.Task[None] | None = None

    def end(self) -> None:
        """Send nothing more, and pause for nothing more: the run is ending."""
        self._ending = True
        self._gate.pause()
        if self._trying is not None:
            self._trying.cancel()

    def hold(self, error: MiproError) -> bool:
        """Pause because of `error`; return False if nobody could resume.

        Where the record cannot be written, it cannot hold the pause either: anyone who follows this
        run in this process sees it all the same. It is written as soon as that can be done, which
        is tried every few seconds, and then the run goes on.
        """
        if self._ending:
            return True  # what waits for the end of a pause is cancelled soon
        if self._journal.state.state == "running":
            if not isinstance(error, RecordError):
                remedy = _BY_HAND.format(run_id=self._journal.run_id)
                return self.pause_because(f"{error} {remedy}")
            if not self._can_resume():
                return False
            self._gate.pause()
            self._journal.show(RunPaused(reason=f"{error} {_BY_ITSELF}"))
            self._keep_trying(self.resume)
        elif isinstance(error, RecordError):
            self._keep_trying(self._journal.catch_up)
        return True

    def pause_because(self, reason: str) -> bool:
        """Pause for `reason`, which says what to do; return False if nobody could resume.

        A run that pauses already, or ends, is left as it is.
        """
        if self._ending or self._journal.state.state != "running":
            return True
        if not self._can_resume():
            return False
        self._gate.pause()
        self._journal.emit(RunPaused(reason=reason))
        return True

    async def over(self) -> None:
        """Wait while the run pauses: then all that came meanwhile is recorded.

        Raises
        ------
        CallRefusedError
            If the run is ending.
        """
        await self._gate.ready()

    def go_on_after(self, reason: str) -> None:
        """Go on if the run pauses for `reason`; where a person paused it, that is up to them."""

        def resumed() -> None:
            self._journal.emit(RunResumed())
            self._journal.once_kept(self._gate.resume)

        if self._journal.state.state == "paused" and self._journal.state.pause_reason == reason:
            self._journal.write(resumed)

    def pause(self) -> None:
        """Pause because somebody asks for it.

        Raises
        ------
        RecordError
            If that cannot be recorded.
        """
        if self._journal.state.state == "running":
            self._journal.emit_now(RunPaused())
            self._journal.once_kept(self._gate.pause)

    def resume(self) -> None:
        """Go on after a pause.

        Raises
        ------
        RecordError
            If the record cannot be written.
        """
        if self._journal.state.state == "paused":
            self._journal.emit_now(RunResumed())
            self._journal.once_kept(self._gate.resume)

    def _keep_trying(self, write: Callable[[], None]) -> None:
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._try_again(write))

    async def _try_again(self, write: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
            if self._journal.record.is_free():
                with contextlib.suppress(RecordError):
                    write()
                    return
