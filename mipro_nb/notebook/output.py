"""Outputs of cells that are redrawn later."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from IPython.display import DisplayHandle

from mipro_nb.notebook.frontend import attend_clicks, wait_for_clicks
from mipro_nb.notebook.saved.bundle import EMPTY, bounded, mime_bundle
from mipro_nb.optimizer.running.run import Run, runs_here
from mipro_nb.runs.following.follower import Follower


def displayed(shown: Any, *, raw: bool = True) -> DisplayHandle:
    """Display `shown`, a mime bundle if `raw`, and return the handle that redraws it."""
    handle = DisplayHandle()
    handle.display(shown, raw=raw)
    return handle


class StaticWindow:
    """A run's output without a widget, for notebooks that are run by a program.

    Parameters
    ----------
    run
        A run that has begun.
    """

    def __init__(self, run: Run) -> None:
        self._follower = Follower(run.record, run.id, lambda _: None, find_live=runs_here.find_live)
        self._handle = displayed(self._bundle())

    def _bundle(self) -> dict[str, Any]:
        return mime_bundle("run", {**EMPTY, "snapshot": bounded(self._follower.for_saving())})

    @property
    def can_resume(self) -> bool:
        """Tell that nobody can have a paused run go on: a program runs the notebook."""
        return False

    @property
    def is_drawn(self) -> bool:
        """Tell that nobody will see it later, either."""
        return True

    def wait(self, done: Future[Any], timeout: float | None) -> None:
        """Block until `done` and show the end."""
        wait_for_clicks(done, timeout)
        self._refresh()

    async def attend(self, done: Future[Any]) -> None:
        """Await `done` and show the end."""
        await attend_clicks(done)
        self._refresh()

    def _refresh(self) -> None:
        self._handle.update(self._bundle(), raw=True)
