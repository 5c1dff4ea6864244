"""Whether anybody gets what a line magic returns.

IPython shows the value of a cell's last line alone. A ``%mipro`` line further up, or in a loop, has
to show its own.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType, FrameType

from IPython.core.interactiveshell import InteractiveShell


def value_is_unused() -> bool:
    """Tell whether the line that called the magic throws its value away.

    Python itself knows: there, the value is taken from the stack and is neither kept nor shown.
    """
    line = _calling_line()
    return line is not None and _follows(line.f_code, line.f_lasti) == "POP_TOP"


def _calling_line() -> FrameType | None:
    """Return the frame of the code that has the magic's line in it."""
    ipython = InteractiveShell.run_line_magic.__code__
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the public way reads all sources
    while frame is not None and frame.f_code is not ipython:
        frame = frame.f_back
    return None if frame is None else frame.f_back


def _follows(code: CodeType, offset: int) -> str | None:
    """Return the name of the instruction after the one at `offset`, or around it."""
    after = (found.opname for found in dis.get_instructions(code) if found.offset > offset)
    return next(after, None)
