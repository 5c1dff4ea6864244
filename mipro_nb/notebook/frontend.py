"""The front end: whether there is one, what it can show, and how a click reaches a busy kernel.

A blocked main thread answers no click by itself. What helps depends on the kernel:

- ipykernel 7 runs comm messages on a subshell's thread where the front end sends them there, as
  JupyterLab does. But 7.4 sends replies on a comm to the shell that last published on it, that is
  to the blocked one: `answer_on_subshells` lets each message go where its sender put it.
- ipykernel 6 has one shell. `jupyter_ui_poll` has it handle what arrives while a cell waits.

VS Code and Colab do neither; there, a blocking cell asks with ``input()``.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mipro_nb.core_loop import until_done, wait_until

# Messages that a kernel with one shell handles each time that a waiting cell looks for some.
_MESSAGES_AT_ONCE = 10
_LOOK_SECONDS = 0.05
STATIC = Path(__file__).parent / "static"
_BUILT = ("widget.js", "widget.css")
# By package, what brings it. `make demo` leaves them out.
_OF_WIDGETS = {"anywidget": "anywidget", "jupyter_ui_poll": "jupyter-ui-poll"}


def current_kernel() -> Any | None:
    """Return the Jupyter kernel that this process is, None if it is not one."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None)


def somebody_looks_on() -> bool:
    """Tell whether there is a front end with a person before it.

    nbclient, papermill and nbconvert run cells and take no input.
    """
    kernel = current_kernel()
    if kernel is None:
        return False
    parent = kernel.get_parent("shell")
    return bool(parent.get("content", {}).get("allow_stdin", False))


def missing_widgets() -> str | None:
    """Return why there are no widgets and what brings them; None if they are there."""
    absent = [
        name for package, name in _OF_WIDGETS.items() if importlib.util.find_spec(package) is None
    ]
    remedies = []
    if absent:
        remedies.append(f"run `pip install {' '.join(absent)}`")
    if not all((STATIC / name).is_file() for name in _BUILT):
        remedies.append(
            "install mipro_nb with SKIP_JUPYTER_BUILDER unset (from its sources this needs Node 20 "
            "or newer; `make lab` does it in a checkout)"
        )
    if not remedies:
        return None
    return (
        "mipro_nb's widgets are not installed: questions are asked with input(), and runs are "
        f"shown as text. To get them, {' and '.join(remedies)}; then restart the kernel."
    )


def clicks_reach_a_blocked_cell() -> bool:
    """Tell whether this front end may get a click to a kernel whose cell waits.

    Only a widget that has announced itself meanwhile proves that it does.
    """
    in_vscode = any(name in os.environ for name in ("VSCODE_PID", "VSCODE_CWD"))
    return not in_vscode and "google.colab" not in sys.modules


def answer_on_subshells(comm: Any) -> None:
    """Have messages on `comm` handled where their sender put them, not where we last published."""
    if hasattr(comm, "_reply_subshell_for"):  # ipykernel 7.4 and later
        comm._reply_subshell_for = _as_sent  # noqa: SLF001 - there is no public way


def _as_sent(_data: Any, subshell_id: str | None) -> str | None:
    return subshell_id


def wait_for_clicks(
    done: Future[Any], timeout: float | None, until: Callable[[], bool] = lambda: False
) -> None:
    """Block until `done`, until `until()`, or for `timeout` seconds; let clicks in meanwhile."""
    enough: Future[None] = Future()

    def look() -> None:
        poll()
        if (done.done() or until()) and not enough.done():
            enough.set_result(None)

    with _polling() as poll:
        look()
        wait_until(enough, timeout, tick=look)


async def attend_clicks(done: Future[Any]) -> None:
    """Await `done`, whatever it brings, on the kernel's loop; let clicks in meanwhile."""
    if _has_one_shell():
        # It handles nothing else while a cell awaits, either.
        from jupyter_ui_poll import ui_events  # noqa: PLC0415 - for one kind of kernel

        async with ui_events() as poll:
            while not done.done():
                await poll(_MESSAGES_AT_ONCE)
                await asyncio.sleep(_LOOK_SECONDS)
    else:
        await until_done(done)


def _has_one_shell() -> bool:
    kernel = current_kernel()
    return kernel is not None and not getattr(kernel, "_supports_kernel_subshells", False)


@contextmanager
def _polling() -> Iterator[Callable[[], None]]:
    """Give a function that handles the messages which have arrived, where nobody else does."""
    if not _has_one_shell():
        yield lambda: None  # subshells have threads of their own
        return
    from jupyter_ui_poll import ui_events  # noqa: PLC0415 - for one kind of kernel

    with ui_events() as poll:
        yield lambda: poll(_MESSAGES_AT_ONCE)
