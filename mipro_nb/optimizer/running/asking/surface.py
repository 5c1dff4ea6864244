"""The surface: where a person sees a run and answers for it.

The optimizer asks and shows through this protocol and does not know who implements it:
`mipro_nb.terminal` and `mipro_nb.notebook` do, and `mipro_nb` chooses between them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

Shown_contra = TypeVar("Shown_contra", contravariant=True)


class Window(Protocol):
    """What a person sees of one run."""

    @property
    def can_resume(self) -> bool:
        """Tell whether somebody sees why the run pauses, and can have it go on."""
        ...

    @property
    def is_drawn(self) -> bool:
        """Tell whether somebody who is there would see it by now."""
        ...

    def wait(self, done: Future[Any], timeout: float | None) -> None:
        """Block until `done`, or for `timeout` seconds; let the person act meanwhile."""
        ...

    async def attend(self, done: Future[Any]) -> None:
        """Await `done`, whatever it brings, on the caller's loop; let the person act meanwhile."""
        ...


class Surface(Protocol[Shown_contra]):
    """Shows runs, and asks for permission; what a run is it need not know."""

    def open(self, run: Shown_contra, *, ask: bool, blocking: bool) -> Window:
        """Show `run`; if `ask`, first ask whether it may begin.

        The answer goes to ``run.begin(…)`` or ``run.decline()``, at once or later.

        Parameters
        ----------
        run
            The run; it has begun already unless `ask`.
        blocking
            Whether the caller will block in the window's ``wait``.

        Raises
        ------
        PermissionUnansweredError
            If nobody can answer.
        """
        ...


_choose: Callable[[], Surface[Any]]


def prefer(choose: Callable[[], Surface[Any]]) -> None:
    """Have `choose` return the surface of every later run; importing mipro_nb sets it."""
    global _choose  # noqa: PLW0603 - a process has one place where its person looks
    _choose = choose


def current_surface() -> Surface[Any]:
    """Return the surface in force: the notebook, or the terminal that the process runs in."""
    return _choose()
