"""User code that exits, or cancels itself, is an error of that code and of nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from mipro_nb.errors import ProgramError


@contextmanager
def exits_as_errors(name: str) -> Iterator[None]:
    """Raise a ProgramError where async user code called `name` would end its task.

    ``sys.exit()`` and the like would end the task, or the loop, that happens to run the code; a
    CancelledError that nobody asked for would look as if the run had been stopped.
    """
    try:
        yield
    except (SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        msg = f"{name} raised {type(error).__name__}."
        raise ProgramError(msg) from error
