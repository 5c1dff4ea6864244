"""Permission: whether LM calls may be sent, not now, or no more."""

from __future__ import annotations

import asyncio
import contextlib

from mipro_nb.errors import CallRefusedError


class Permission:
    """Whether calls may be sent; they may, until it is paused or withdrawn."""

    def __init__(self) -> None:
        self._refusal: str | None = None
        self._withdrawn = asyncio.Event()
        self._unpaused = asyncio.Event()
        self._unpaused.set()

    @property
    def given(self) -> bool:
        """Tell whether a call may be sent now."""
        return self._refusal is None and self._unpaused.is_set()

    def pause(self) -> None:
        """Have who asks wait until `resume`."""
        if self._refusal is None:
            self._unpaused.clear()

    def resume(self) -> None:
        """Give it again."""
        self._unpaused.set()

    def withdraw(self, reason: str) -> None:
        """Refuse all who ask from now on, and who wait; `reason` is a sentence."""
        self._refusal = reason
        self._withdrawn.set()
        self._unpaused.set()

    async def ask(self) -> None:
        """Wait while it is paused.

        Raises
        ------
        CallRefusedError
            If it was withdrawn.
        """
        await self._unpaused.wait()
        if self._refusal is not None:
            raise CallRefusedError(self._refusal)

    async def rest(self, seconds: float) -> None:
        """Wait for so long, or until it is withdrawn."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._withdrawn.wait(), seconds)
