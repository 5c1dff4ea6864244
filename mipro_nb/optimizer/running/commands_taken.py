"""Commands taken: a run does what other processes have left for it in the record."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from mipro_nb.errors import RecordError
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.runs.store.commands import Command, answer_command, commands_waiting

_LOOK_SECONDS = 0.5


class CommandsTaken(AbstractAsyncContextManager[None]):
    """Looks for commands as long as the block goes on; used on the core loop only.

    Parameters
    ----------
    journal
        That of the run.
    obey
        Has the run do what a command says.
    """

    def __init__(self, journal: Journal, obey: Callable[[Command], None]) -> None:
        self._journal, self._obey = journal, obey
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        """Begin to look."""
        self._looking = asyncio.create_task(self._look())

    async def __aexit__(self, *_: object) -> None:
        """Look no more; who waits for an answer is told that the run has ended."""
        if self._looking is not None:
            self._looking.cancel()
        self._take()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._take()

    def _take(self) -> None:
        """Do what is waiting; while the record cannot be read or written, it goes on waiting."""
        record = self._journal.record
        with contextlib.suppress(RecordError):
            for waiting in commands_waiting(record, self._journal.run_id):
                # Before the transaction of the command: what waits is not to be undone with it.
                self._journal.catch_up()
                answer_command(record, waiting, self._obey)
