"""Starts the server and, for each measurement, one library in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

_ROOT = Path(__file__).parents[2]
_PACKAGE = "benchmarks.against_dspy"
_OWN_PYTHON = Path(sys.executable)
_DSPY_PYTHON = _ROOT / "benchmarks/.venv-dspy/bin/python"
_PROGRAMS = {
    "DSPy": (_DSPY_PYTHON, "run_dspy"),
    "DSPy, LiteLLM": (_DSPY_PYTHON, "run_dspy_litellm"),
    "DSPy, our environment": (_OWN_PYTHON, "run_dspy"),
    "bridge": (_OWN_PYTHON, "run_bridge"),
    "mipro_nb": (_OWN_PYTHON, "run_mipro"),
    "mipro_nb, long": (_OWN_PYTHON, "run_long"),
    "openai alone": (_OWN_PYTHON, "run_client"),
}


class JobFailedError(Exception):
    """A library could not do its job; the message ends with what it printed last."""


class Loopback:
    """A server's process; a context manager.

    Parameters
    ----------
    module
        What serves: it prints its port, until its standard input is closed.
    *arguments
        Of its command line.
    """

    def __init__(self, module: str = f"{_PACKAGE}.server", *arguments: str) -> None:
        self._command = ["-m", module, *arguments]

    def __enter__(self) -> Self:
        """Start it and wait until it serves."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, *self._command],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.communicate()


def measure(
    program: str,
    what: str,
    server: Loopback,
    settings: dict[str, Any],
    *,
    seeds: Sequence[int],
    **arguments: Any,
) -> list[dict[str, Any]]:
    """Have one library do a job in a fresh process; return its figures, one for each seed.

    Parameters
    ----------
    program
        What is started: ``"DSPy"``, ``"mipro_nb"``, …
    what
        The job.
    settings
        How the server behaves meanwhile.
    seeds
        Of the task, the latencies and the library; the job is done for one after another.
    **arguments
        Further arguments of the job.

    Raises
    ------
    JobFailedError
        If the process ends with an error.
    """
    order = {
        "what": what,
        "address": server.address,
        "settings": settings,
        "seeds": list(seeds),
        "arguments": arguments,
    }
    python, module = _PROGRAMS[program]
    done = subprocess.run(  # noqa: S603 - our own modules
        [python, "-m", f"{_PACKAGE}.{module}", json.dumps(order)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        msg = f"{program} failed at {order}:\n{done.stderr[-4000:]}"
        raise JobFailedError(msg)
    return list(json.loads(done.stdout.splitlines()[-1]))
