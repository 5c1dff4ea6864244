"""A long run under faults, kills and resumes: 20,000 calls, and what became of them.

python -m benchmarks.soak [--trials 380] [--seed 1] [--pause 12]

The run's process is killed (SIGKILL) again and again, after `--pause` seconds on average, and
resumed by another one. Printed are what the server saw, what the record tells, the memory of
the processes and the size of the files; and whether the result is that of the same run on a sound
server that nobody interrupts.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

import mipro_nb as mipro
from benchmarks.against_dspy.processes import Loopback
from benchmarks.against_dspy.table import Table

_ROOT = Path(__file__).parents[2]
_LOOK_SECONDS = 0.1
_MIB = 2**20


class _Memory:
    """The most memory that any of the run's processes had, in MiB."""

    def __init__(self) -> None:
        self.peak = 0.0

    def look(self, process: psutil.Process) -> None:
        try:
            self.peak = max(self.peak, process.memory_info().rss / _MIB)
        except psutil.NoSuchProcess:
            return


def _process(
    arguments: list[str], log: Path, memory: _Memory, seconds: float | None = None
) -> bool:
    """Run one process, killed after some `seconds`; tell whether it came to the end.

    Raises
    ------
    RuntimeError
        If it failed by itself.
    """
    with log.open("a") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.soak.run", *arguments],
            cwd=_ROOT,
            stdout=output,
            stderr=output,
        )
        seen, begun = psutil.Process(process.pid), time.monotonic()
        while process.poll() is None:
            memory.look(seen)
            if seconds is not None and time.monotonic() - begun > seconds:
                process.kill()
                process.wait()
                return False
            time.sleep(_LOOK_SECONDS)
    if process.returncode:
        msg = f"The run's process failed:\n{log.read_text()[-4000:]}"
        raise RuntimeError(msg)
    return True


def _sizes(record: Path) -> tuple[float, float]:
    """Return the size of the record and of the file beside it that SQLite writes, in MiB."""
    wal = record.with_name(f"{record.name}-wal")
    return record.stat().st_size / _MIB, wal.stat().st_size / _MIB if wal.exists() else 0.0


def _seen(address: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{address}/seen") as answer:  # noqa: S310 - loopback
        return dict(json.loads(answer.read()))


def _row(name: str, kills: int, seconds: float, seen: dict[str, int], memory: _Memory) -> Any:
    (run,) = mipro.runs.list(Path(name))
    spend, lost = run.state.spend, run.state.lost
    size, wal = _sizes(Path(name))
    return (
        kills, seconds, seen["calls"], seen["answered"], spend.calls, spend.attempts, lost.calls,
        memory.peak, size, wal, run.score,
    )  # fmt: skip


def main() -> None:
    """Make the same run twice and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=380)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=12.0)
    wanted = parser.parse_args()
    draw = random.Random(wanted.seed)
    table = Table(
        f"{wanted.trials} trials on minibatches of 50",
        (
            "server", "kills", "wall s", "calls seen", "answered", "calls recorded",
            "attempts recorded", "lost", "peak MiB", "record MiB", "WAL MiB", "score",
        ),
    )  # fmt: skip
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for shape in ("sound", "faulty"):
            record, memory = Path(folder) / f"{shape}.sqlite", _Memory()
            log, kills, begun = Path(folder) / f"{shape}.log", 0, time.monotonic()
            with Loopback("benchmarks.soak.server", str(wanted.seed), shape) as server:
                arguments = [server.address, str(record), str(wanted.seed), str(wanted.trials)]
                while not _process(arguments, log, memory, _patience(draw, shape, wanted.pause)):
                    runs = mipro.runs.list(record) if record.exists() else []
                    if runs and runs[0].status == "finished":
                        break  # killed after its end: nothing is left to resume
                    kills += 1
                    if runs:
                        arguments = [*arguments[:4], runs[0].id]
                seen, seconds = _seen(server.address), time.monotonic() - begun
            table.add(shape, *_row(str(record), kills, seconds, seen, memory))
            (run,) = mipro.runs.list(record)
            results[shape] = (run.score, run.program_state())
            print(mipro.runs.check(record))
            if shape == "faulty":
                print("\nFaults that the server made:", json.dumps(seen))
    same = results["sound"] == results["faulty"]
    print(f"The result {'is the same' if same else 'DIFFERS'} on both servers.")


def _patience(draw: random.Random, shape: str, pause: float) -> float | None:
    """Return after how many seconds the next process is killed, None if it is not."""
    return draw.uniform(0.2, 1.8) * pause if shape == "faulty" else None


if __name__ == "__main__":
    main()
