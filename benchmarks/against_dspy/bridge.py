"""The same DSPy program, optimized by DSPy's MIPROv2 and through the bridge, side by side.

python -m benchmarks.against_dspy.bridge [--threads 16 64] [--only lognormal zero]

Each row is a fresh process of the same environment; the ratios are to DSPy's row above. What the
columns mean is told in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.against_dspy.processes import Loopback, measure
from benchmarks.against_dspy.table import Table

_LATENCIES = {
    "lognormal": {"p50": 0.4, "p99": 4.0},
    "zero": {"p50": 0.0, "p99": 0.0},
}
_SEED = 1
_ROWS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("DSPy", "DSPy, our environment", {}),
    ("bridge", "bridge", {}),
    ("bridge, search='mipro'", "bridge", {"search": "mipro"}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--only", nargs="+", choices=[*_LATENCIES], default=[*_LATENCIES])
    chosen = parser.parse_args()
    with Loopback() as server:
        table = Table(
            "One DSPy program, auto='light', 125 examples",
            (
                "latency", "threads", "library", "wall s", "calls", "repeated", "in flight",
                "CPU ms/call", "score", "wall / DSPy", "calls / DSPy", "CPU ms/call − DSPy",
            ),
        )  # fmt: skip
        for kind in chosen.only:
            for threads in chosen.threads:
                _compare(table, server, kind, threads)


def _compare(table: Table, server: Loopback, kind: str, threads: int) -> None:
    reference: dict[str, Any] = {}
    for shown, library, settings in _ROWS:
        (done,) = measure(
            library,
            "optimize",
            server,
            _LATENCIES[kind],
            seeds=[_SEED],
            threads=threads,
            **settings,
        )
        reference = reference or done
        table.add(
            kind,
            threads,
            shown,
            done["wall"],
            done["calls"],
            done["repeated"],
            done["latencies"] / done["wall"],
            _cpu(done),
            done["score"],
            done["wall"] / reference["wall"],
            done["calls"] / reference["calls"],
            _cpu(done) - _cpu(reference),
        )


def _cpu(done: dict[str, Any]) -> float:
    """Return the client's CPU time per answered call in ms."""
    return float(1000 * done["cpu"] / done["calls"])


if __name__ == "__main__":
    main()
