"""Waiting for what no page shows."""

from __future__ import annotations

import time

# Two busy cores start a kernel and import the package in this time.
SECONDS = 90
MILLISECONDS = 1000 * SECONDS
_LOOK_SECONDS = 0.05


def until(true, seconds=SECONDS):
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(_LOOK_SECONDS)
