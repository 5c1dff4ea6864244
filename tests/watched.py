"""Somebody who looks at a run and can have it go on, as in a notebook."""

from __future__ import annotations

import time

from mipro_nb.core_loop import until_done, wait_until


class Watched:
    """A surface, and the window of each of its runs."""

    can_resume = True
    is_drawn = True

    def open(self, run, *, ask, blocking):
        return self

    def wait(self, done, timeout):
        wait_until(done, timeout)

    async def attend(self, done):
        await until_done(done)


def until(true):
    """Wait for what happens in other threads."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, f"line {true.__code__.co_firstlineno} never came to be"
        time.sleep(0.005)
