"""A watch over async user code that does not await, and so holds up the event loop it runs on.

Nothing on the loop can end such code, not even a timeout. It stays on the core loop all the same
and is not rehearsed on one of its own: what it opens there, such as a connection, it uses again in
the run.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Self

_LOOK_SECONDS = 0.1
# A loop that has not come round for so long is held up.
_HELD_UP_SECONDS = 0.5
# After the first of them, what is to be raised is.
_INSTRUCTIONS = 1000


class BlockedLoopError(SystemExit):
    """What ends the code. As a SystemExit, ``except Exception`` does not catch it."""


class Watch:
    """Ends what holds up the running loop of this thread beyond a time; entered on the loop.

    A call into C, such as ``time.sleep``, is waited for: the code ends where it comes back.

    Parameters
    ----------
    ends
        When the code's time is up, by `time.monotonic`.
    others_go_on
        Says whether it may be another run's code that holds up the loop, which is left alone.
    """

    def __init__(self, ends: float, others_go_on: Callable[[], bool]) -> None:
        self._ends, self._others_go_on = ends, others_go_on
        self._thread = threading.get_ident()
        self._ticked = time.monotonic()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.has_ended_it = False

    def tick(self) -> None:
        """Tell that the loop comes round."""
        self._ticked = time.monotonic()

    def __enter__(self) -> Self:
        threading.Thread(target=self._look, name="mipro-watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over.set()
        if self.has_ended_it:
            _let_come_into_effect(self._thread)

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            now = time.monotonic()
            if now < self._ends or now - self._ticked < _HELD_UP_SECONDS or self._others_go_on():
                continue
            with self._lock:
                if self._over.is_set():
                    return
                self.has_ended_it = True
                _end(self._thread)
            self._over.wait(_HELD_UP_SECONDS)


def _let_come_into_effect(thread: int) -> None:
    """Have what may still be to be raised in the calling thread be raised and caught here.

    Taking it back would leave CPython's flag for it set: all code of the process would be slower
    from then on, and before Python 3.13 hang as soon as it is traced, by a debugger say.
    """
    try:
        _end(thread)
        for _ in range(_INSTRUCTIONS):
            pass
    except BlockedLoopError:
        pass


def _end(thread: int) -> None:
    """Raise BlockedLoopError in a thread, between two of its instructions."""
    raised = ctypes.py_object(BlockedLoopError)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
