"""What the process of either library does: one job for each seed, measured."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.against_dspy.control import Control
from benchmarks.against_dspy.task import Task

# Takes the task and the job's arguments, and returns whatever else is to be reported.
Job = Callable[..., dict[str, Any]]


def carry_out(jobs: Mapping[str, Job], configure: Callable[[str, Path], None]) -> None:
    """Do the job that the command line names, and print its figures as a line of JSON.

    Parameters
    ----------
    jobs
        What can be done, by name. ``"evaluate"`` is done once before, on a few examples: what a
        process does only once is not measured.
    configure
        Takes the server's URL and an empty folder, before every seed.
    """
    order = json.loads(sys.argv[1])
    control = Control(order["address"])
    figures = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for seed in order["seeds"]:
            own_folder = Path(folder) / str(seed)
            own_folder.mkdir()
            configure(control.url, own_folder)
            task = Task(seed, has_rules=order["settings"].get("has_rules", False))
            jobs["evaluate"](task, threads=2, count=4)
            start_up = time.process_time()
            control.begin(seed=seed, **order["settings"])
            wall, cpu = time.perf_counter(), time.process_time()
            done = jobs[order["what"]](task, **order["arguments"])
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            own = {"wall": wall, "cpu": cpu, "start_up": start_up}
            figures.append({**own, **done, **control.measured()})
    print("\n" + json.dumps(figures))
