"""The notebook's surface: the dialog, the live view, and how a blocked cell waits for both."""

from __future__ import annotations

from mipro_nb.checks import Usd, check
from mipro_nb.errors import PermissionUnansweredError
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.notebook.frontend import (
    clicks_reach_a_blocked_cell,
    current_kernel,
    missing_widgets,
    somebody_looks_on,
)
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.running.asking.surface import Surface, Window
from mipro_nb.optimizer.running.run import Run
from mipro_nb.terminal import UNANSWERED, TerminalSurface


class NotebookSurface:
    """Shows runs as widgets; without these as on a terminal; static where nobody looks on."""

    def __init__(self) -> None:
        self._below_usd: float | None = None

    @property
    def below_usd(self) -> float | None:
        """USD below which plans are not asked about in this notebook; None to ask always.

        A run that begins so is capped at this amount.
        """
        return self._below_usd

    @below_usd.setter
    def below_usd(self, value: float | None) -> None:
        self._below_usd = None if value is None else check("below_usd", value, Usd)

    def open(self, run: Run, *, ask: bool, blocking: bool) -> Window:
        """Show `run` in the cell's output; if `ask`, with the dialog before it."""
        # What was begun otherwise, costs more by now, or is already running is always asked about.
        if ask and not run.resumes and run.twin is None and self._is_cheap(run.plan):
            run.begin(by="remembered", caps=_capped(run.plan.caps, self._below_usd))
            ask = False
        if not somebody_looks_on():
            if ask:
                raise PermissionUnansweredError(UNANSWERED)
            from mipro_nb.notebook.output import StaticWindow  # noqa: PLC0415 - brings IPython

            return StaticWindow(run)
        if missing_widgets():
            return TerminalSurface().open(run, ask=ask, blocking=blocking)
        from mipro_nb.notebook.window import WidgetWindow  # noqa: PLC0415 - brings widgets

        window = WidgetWindow(run, self._remember, ask=ask)
        if ask and blocking and not clicks_reach_a_blocked_cell():
            window.ask_by_input()
        return window

    def _remember(self, below_usd: float) -> None:
        self.below_usd = below_usd

    def _is_cheap(self, plan: Plan) -> bool:
        usd = plan.estimate.total.usd
        below = self._below_usd
        return usd is not None and below is not None and usd.expected <= below


def _capped(caps: Caps, below_usd: float | None) -> Caps:
    limits = [usd for usd in (caps.max_usd, below_usd) if usd is not None]
    return Caps(**{**caps.to_dict(), "max_usd": min(limits, default=None)})


_this_notebook = NotebookSurface()


def surface_here() -> Surface[Run]:
    """Return the surface of this process: its notebook, or the terminal it runs in."""
    return TerminalSurface() if current_kernel() is None else _this_notebook


def notebook_surface() -> NotebookSurface:
    """Return what this process's notebook is asked and shown through."""
    return _this_notebook
