"""Memory for 100,000 scored examples, and time per trial over 2,000 trials, of mipro_nb alone.

python -m benchmarks.against_dspy.scale [--trials 2000] [--minibatch 50]
"""

from __future__ import annotations

import argparse

from benchmarks.against_dspy.processes import Loopback, measure
from benchmarks.against_dspy.table import Table

_SEARCHES = ("mipro", "paired")  # the second stops poor trials early, so it scores fewer examples
_THREADS = 16
_VALSET = 1000
_CANDIDATES = 60  # 61 × 60 configurations: more than trials, so that none need be tried again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--minibatch", type=int, default=50)
    chosen = parser.parse_args()
    table = Table(
        f"A search of {chosen.trials} trials, minibatches of {chosen.minibatch}, zero latency",
        (
            "search", "scored", "calls", "wall s", "CPU ms/call", "memory MiB", "trials compared",
            "ms/trial, first", "ms/trial, last", "ms/example, first", "ms/example, last",
            "record KB/call", "view opens in s",
        ),
    )  # fmt: skip
    for search in _SEARCHES:
        with Loopback() as server:
            (done,) = measure(
                "mipro_nb, long",
                "search",
                server,
                {},
                seeds=[0],
                search=search,
                threads=_THREADS,
                trials=chosen.trials,
                minibatch_size=chosen.minibatch,
                valset_size=_VALSET,
                candidates=_CANDIDATES,
            )
        first, last = done["first"], done["last"]
        table.add(
            search,
            done["scored"],
            done["calls"],
            done["wall"],
            1000 * done["cpu"] / done["calls"],
            done["memory"],
            f"{first['trials']} of {done['trials']}",
            first["ms_per_trial"],
            last["ms_per_trial"],
            first["ms_per_example"],
            last["ms_per_example"],
            done["record"] / 1000 / done["calls"],
            done["opens"],
        )


if __name__ == "__main__":
    main()
