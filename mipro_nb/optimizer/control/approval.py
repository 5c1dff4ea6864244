"""Approval: a person decides about each new instruction before it is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.control.pause import PauseSwitch
from mipro_nb.runs.events import CandidateApproved
from mipro_nb.runs.sentences.instructions.approval import PAUSED_FOR_APPROVAL, went_on_text

_LOOK_SECONDS = 0.05


class Approval:
    """Has a run wait until new instructions are decided about; used on the core loop only.

    Parameters
    ----------
    journal
        The run's: its state tells which instructions wait; none does unless the plan asks for that.
    pausing
        Pauses the run meanwhile, if there is somebody who could decide.
    is_drawn
        Whether it is known for good if there is.
    """

    def __init__(
        self, journal: Journal, pausing: PauseSwitch, is_drawn: Callable[[], bool]
    ) -> None:
        self._journal, self._pausing, self._is_drawn = journal, pausing, is_drawn

    async def given(self) -> None:
        """Return once no instruction waits for a decision.

        Where there is nobody to decide, all of them are approved, which is noted. If a pause is
        lifted before the last decision, another begins.
        """
        await self._pausing.over()  # else an instruction might not be recorded yet
        state = self._journal.state
        if not state.undecided:
            return
        while not self._is_drawn():  # noqa: ASYNC110 - nothing tells when it is
            await asyncio.sleep(_LOOK_SECONDS)
        changed = asyncio.Event()
        self._journal.listen(lambda _: changed.set())
        while state.undecided:
            if not self._pausing.pause_because(PAUSED_FOR_APPROVAL):
                self._journal.write(self._go_on_without)
                return
            changed.clear()
            await changed.wait()
        self._pausing.go_on_after(PAUSED_FOR_APPROVAL)

    def _go_on_without(self) -> None:
        waiting = self._journal.state.undecided
        self._journal.note("proposals", went_on_text(len(waiting)))
        for choice in waiting:
            event = CandidateApproved(predictor=choice.predictor, index=choice.index, by="nobody")
            self._journal.emit(event)
