"""Both libraries with a real, very small LM: SMS messages, ham or spam.

python -m benchmarks.against_dspy.local

The embedded LM (SmolLM2-135M) runs in this process, and the loopback server passes all calls on to
it, so that calls are counted in the same way for both. A quarter of an hour on two cores.
"""

from __future__ import annotations

from typing import Any

from benchmarks.against_dspy.processes import Loopback, measure
from benchmarks.against_dspy.table import Table
from mipro_nb.datasets import SMSSpam
from mipro_nb.models.services.embedded import local

_CONTEXT_TOKENS = 4096
_SIZES = {"train": 30, "val": 30, "test": 40}
_THREADS = 2
_CONTENDERS: list[tuple[str, str, dict[str, Any]]] = [
    ("DSPy", "DSPy", {}),
    ("mipro_nb, paired", "mipro_nb", {"search": "paired"}),
    ("mipro_nb, mipro", "mipro_nb", {"search": "mipro"}),
]


def main() -> None:
    embedded = local.start(None, _CONTEXT_TOKENS)
    data = SMSSpam(**_SIZES)
    rows = {name: [row.to_dict() for row in getattr(data, name)] for name in _SIZES}
    table = Table(
        f"SMSSpam with SmolLM2-135M: right labels in % of {_SIZES['test']} test messages",
        ("contender", "calls", "wall s", "student", "optimized", "score on the valset"),
    )
    with Loopback() as server:
        for name, library, settings in _CONTENDERS:
            (done,) = measure(
                library,
                "label",
                server,
                {"upstream": embedded.base_url},
                seeds=[0],
                threads=_THREADS,
                rows=rows,
                address=server.address,
                **settings,
            )
            table.add(
                name,
                done["calls_of_search"],
                done["seconds_of_search"],
                done["before"],
                done["after"],
                done["score"],
            )


if __name__ == "__main__":
    main()
