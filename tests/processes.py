"""Python processes for tests: run a script, or start one and talk to it."""

from __future__ import annotations

import subprocess
import sys


def start(script, *arguments, terminal=subprocess.PIPE, **settings):
    """Start a Python process that runs `script`, with pipes for its output and input, or a tty."""
    return subprocess.Popen(  # noqa: S603 - the scripts stand in the tests
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def run(script, *arguments, **settings):
    """Return the output lines of a script that must end well and write no error."""
    with start(script, *arguments, **settings) as process:
        try:
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    return output.splitlines()
