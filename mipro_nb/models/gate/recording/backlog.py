"""The backlog: what could not be written into a record yet, in its order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial

from mipro_nb.errors import RecordError
from mipro_nb.runs.store.record import Record

Work = Callable[[], object]
"""Writes what belongs together; done again from its beginning where it could not be written."""


class Backlog:
    """Writes into a record; what cannot be written is held on to, and nothing overtakes it.

    Parameters
    ----------
    record
        The record.
    hold
        Called with the error when writing begins to fail. True: somebody will see to it, and the
        code that writes need not know. False: the error is raised, and what was to be written is
        kept only for one last try.
    """

    def __init__(self, record: Record, hold: Callable[[RecordError], bool]) -> None:
        self._record, self._hold = record, hold
        self._waiting: deque[tuple[Work, int]] = deque()
        self._error: RecordError | None = None
        self._working = False

    @property
    def answers(self) -> int:
        """Return how many answers that were paid for are not written yet."""
        with self._record.lock:
            return sum(answers for _, answers in self._waiting)

    def write(self, work: Work, *, answers: int = 0) -> None:
        """Do `work` in one transaction: now, or once those before it are written.

        Parameters
        ----------
        work
            What to write. Within other work it is a part of that.
        answers
            How many answers that were paid for it brings.

        Raises
        ------
        RecordError
            If the record cannot be written, and nobody sees to it.
        """
        with self._record.lock:
            if self._working:
                work()
                return
            if not self._waiting:
                try:
                    self._do(work)
                except RecordError as error:
                    self._error = None if self._hold(error) else error
                else:
                    return
            self.put(work, answers=answers)
            if self._error is not None:
                raise RecordError(str(self._error))

    def put(self, work: Work, *, answers: int = 0) -> None:
        """Have `work` be done, in the caller's context, as soon as the record can be written."""
        with self._record.lock:
            self._waiting.append((partial(copy_context().run, work), answers))

    def catch_up(self) -> None:
        """Write all that waits.

        Raises
        ------
        RecordError
            If the record still cannot be written; what is not written goes on waiting.
        """
        with self._record.lock:
            while self._waiting:
                self._do(self._waiting[0][0])
                self._waiting.popleft()
            self._error = None

    def write_now(self, work: Work) -> None:
        """Write all that waits, and then do `work`; errors of `catch_up`."""
        with self._record.lock:
            self.catch_up()
            self._do(work)

    def _do(self, work: Work) -> None:
        self._working = True
        try:
            with self._record.writing():
                work()
        finally:
            self._working = False
