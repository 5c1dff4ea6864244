"""Slots for programs in flight, given to the oldest evaluation first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mipro_nb.models.gate.batching.at_work import example_at_work
from mipro_nb.models.gate.pacing.limiter import Limiter


class Slots:
    """At most `size` holders at once; waiters are served by priority, then in order of arrival.

    What fails for one example alone is a result. So a holder that raises has met something that
    all others would meet as well: those that wait fail alike, without a try of their own.

    Used on the core loop only. An example that waits for a batch gives its slot back meanwhile.

    Parameters
    ----------
    size
        Number of slots.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._turns = Limiter(size)
        self._failure: Exception | None = None

    @asynccontextmanager
    async def hold(self, priority: int = 0) -> AsyncIterator[None]:
        """Wait for a slot and keep it for the block; the lowest `priority` is served first."""
        async with self._turns.hold((priority,)) as turn:
            example = example_at_work()
            if example is not None:
                example.slot = turn
            try:
                self._refuse_after_failure()
                yield
            except Exception as error:
                self._failure = error
                raise

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            # Another object, so that tasks do not write into each other's traceback.
            twin = type(self._failure).__new__(type(self._failure), *self._failure.args)
            twin.__dict__.update(vars(self._failure))
            raise twin from None
