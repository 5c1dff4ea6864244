"""Wall time, concurrency and CPU of both libraries against the same server.

python -m benchmarks.against_dspy.speed [--threads 6 16 64] [--only fixed lognormal zero limit]

Each row is a fresh process; the libraries take turns. What the columns mean is told in
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from benchmarks.against_dspy.processes import JobFailedError, Loopback, measure
from benchmarks.against_dspy.table import Table

_LATENCIES = {
    "fixed": {"p50": 0.1, "p99": 0.1},
    "lognormal": {"p50": 0.4, "p99": 4.0},
    "zero": {"p50": 0.0, "p99": 0.0},
}
_LIMITS = {
    "429, Retry-After 1": {"p50": 0.1, "p99": 0.1, "limit": 16, "retry_after": 1},
    "429 alone": {"p50": 0.1, "p99": 0.1, "limit": 16},
}
_PHASES = ("bootstrap", "propose", "search")
# All ratios are to the first. LiteLLM is how DSPy talks to most services other than OpenAI; where
# latency hides what it costs, it is left out.
_LIBRARIES = ("DSPy", "mipro_nb")
_WITH_LITELLM = ("DSPy", "DSPy, LiteLLM", "mipro_nb")
_HEDGING = {"optimizer": {"auto": "light", "hedge": True}}
_EVALUATED = 1000
# About as many calls as an optimization makes, by the openai client alone.
_OPTIMIZATION = 500
# A task on which most bootstrap attempts succeed, at that: failures cost DSPy more wall time, since
# it makes one attempt after another.
_SEED = 1
# More threads than calls, and latencies beside which CPU time is nothing: what then follows upon
# each other does so because it must.
_UNLIMITED_THREADS = 1000
_LONG_LATENCY = {"p50": 1.0, "p99": 1.0}


class Bounds:
    """The shortest wall time that a run of mipro_nb could take."""

    def __init__(self, server: Loopback) -> None:
        self._server = server
        self._chains: dict[int, int] = {}

    def of(self, done: dict[str, Any], threads: int) -> float:
        """Return the seconds: calls through all threads, and the longest chain of calls."""
        chain = self._chain(done["trials_in_flight"])
        return float(done["latencies"] * (1 / threads + chain / done["calls"]))

    def _chain(self, trials_in_flight: int) -> int:
        if trials_in_flight not in self._chains:
            (done,) = measure(
                "mipro_nb",
                "optimize",
                self._server,
                _LONG_LATENCY,
                seeds=[_SEED],
                threads=_UNLIMITED_THREADS,
                trials_in_flight=trials_in_flight,
            )
            self._chains[trials_in_flight] = done["chain"]
        return self._chains[trials_in_flight]


def optimizations(server: Loopback, kinds: Iterable[str], thread_counts: Iterable[int]) -> None:
    table = Table(
        "A whole optimization, auto='light', 125 examples",
        (
            "latency", "threads", "library", "wall s", "bootstrap s", "propose s", "search s",
            "calls", "repeated", "in flight", "CPU ms/call", "score", "wall / DSPy", "CPU / DSPy",
            "bound s", "CPU ms/call − openai",
        ),
    )  # fmt: skip
    bounds = Bounds(server)
    for kind in kinds:
        for threads in thread_counts:
            reference: dict[str, Any] = {}
            bare = _cpu(_bare(server, _LATENCIES[kind], threads, _OPTIMIZATION))
            rows = [(name, name, {}) for name in (_WITH_LITELLM if kind == "zero" else _LIBRARIES)]
            if kind == "lognormal":
                rows.append(("mipro_nb, hedge", "mipro_nb", _HEDGING))
            for shown, library, settings in rows:
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
                    *(done["phases"][phase] for phase in _PHASES),
                    done["calls"],
                    done["repeated"],
                    done["latencies"] / done["wall"],
                    _cpu(done),
                    done["score"],
                    done["wall"] / reference["wall"],
                    _cpu(done) / _cpu(reference),
                    bounds.of(done, threads) if library == "mipro_nb" else None,
                    _cpu(done) - bare,
                )


def rate_limits(server: Loopback) -> None:
    table = Table(
        "The server allows 16 calls at once, 100 ms each",
        (
            "refusal", "job", "library", "threads", "wall s", "calls", "refused", "score",
            "wall / that of 16",
        ),
    )  # fmt: skip
    jobs = {"optimize": {}, "evaluate": {"count": _EVALUATED}}
    for (refusal, settings), (what, job) in product(_LIMITS.items(), jobs.items()):
        for library in _LIBRARIES:
            reference = None
            for threads in (16, 64):
                try:
                    (done,) = measure(
                        library, what, server, settings, seeds=[_SEED], threads=threads, **job
                    )
                except JobFailedError as error:  # which is also a result
                    table.add(refusal, what, library, threads, "failed", *[None] * 4)
                    print(error, file=sys.stderr)
                    continue
                reference = reference or done["wall"]
                table.add(
                    refusal,
                    what,
                    library,
                    threads,
                    done["wall"],
                    done["calls"],
                    done["refused"],
                    done["score"],
                    done["wall"] / reference,
                )


def evaluations(server: Loopback, thread_counts: Iterable[int]) -> None:
    table = Table(
        f"Evaluate, {_EVALUATED} examples, zero latency",
        (
            "threads", "library", "examples/s", "CPU ms/call", "CPU / DSPy", "start-up CPU s",
            "server CPU ms/call",
        ),
    )  # fmt: skip
    for threads in thread_counts:
        reference = None
        for library in (*_WITH_LITELLM, "openai alone"):
            (done,) = measure(
                library,
                "evaluate",
                server,
                _LATENCIES["zero"],
                seeds=[_SEED],
                threads=threads,
                count=_EVALUATED,
            )
            reference = reference or _cpu(done)
            table.add(
                threads,
                library,
                _EVALUATED / done["wall"],
                _cpu(done),
                _cpu(done) / reference,
                done["start_up"],
                1000 * done["server_cpu"] / done["calls"],
            )


def _bare(
    server: Loopback, latencies: Mapping[str, float], threads: int, calls: int
) -> dict[str, Any]:
    """Return what so many calls take of the openai client by itself."""
    (done,) = measure(
        "openai alone", "evaluate", server, latencies, seeds=[_SEED], threads=threads, count=calls
    )
    return done


def _cpu(done: dict[str, Any]) -> float:
    """Return the client's CPU time per answered call in ms."""
    return float(1000 * done["cpu"] / done["calls"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[6, 16, 64])
    kinds = [*_LATENCIES, "limit"]
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    chosen = parser.parse_args()
    with Loopback() as server:
        evaluations(server, chosen.threads)
        optimizations(server, [k for k in _LATENCIES if k in chosen.only], chosen.threads)
        if "limit" in chosen.only:
            rate_limits(server)


if __name__ == "__main__":
    main()
