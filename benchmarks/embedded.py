"""Tokens per second of the embedded LM: by way of `LM.local()`, and of llama.cpp alone.

The calls are those of an evaluation on SMS messages, with and without demos before them. They are
noted once; then llama.cpp is asked the very same in the same process, on the same cores, without
gate, record and HTTP: with our settings, and as it comes. Each contender goes through all messages
before the next one begins, round by round, so that what else the machine does slows all of them.
All do the same work, so the ratio of their rates is that of their times; of a label whose first
token settles it `LM.local()` leaves the rest unwritten, which counts as written here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import xllamacpp

import mipro_nb as mipro
from benchmarks.against_dspy.table import Table
from mipro_nb.datasets import SMSSpam
from mipro_nb.language.lms.lm_protocol import Completion, LMRequest
from mipro_nb.models.services.embedded import local
from mipro_nb.models.services.embedded.weights import weights

CONTEXT_TOKENS = 4096
SILENT = -1


class Noting(mipro.LM):
    """Notes what it is asked."""

    asked: list[LMRequest]

    async def acomplete(self, request: LMRequest) -> Completion:
        """Answer `request` as ever, and keep it."""
        self.asked.append(request)
        return await super().acomplete(request)


def as_it_comes() -> Any:
    """Return llama.cpp with the same weights and context, all else as it comes."""
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1  # it is asked one question at a time
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.verbosity = SILENT
    return xllamacpp.Server(params)


def right(example: mipro.Example, prediction: mipro.Prediction, trace: object = None) -> bool:
    del trace
    return bool(example.label == prediction.label)


def evaluation(lm: mipro.LM, rows: list[mipro.Example], demos: int) -> Callable[[], None]:
    """Return what evaluates a student with so many demos on the other rows."""
    student = mipro.Predict("text -> label: Literal['ham', 'spam']")
    student.demos = rows[:demos]
    evaluate = mipro.Evaluate(
        devset=rows[demos:], metric=right, num_threads=4, display_progress=False
    )

    def evaluated() -> None:
        with mipro.context(lm=lm):
            evaluate(student)

    return evaluated


def questions(server: Any, bodies: list[dict[str, Any]]) -> Callable[[], None]:
    """Return what asks llama.cpp one question after another."""

    def asked() -> None:
        for body in bodies:
            server.handle_chat_completions(body)

    return asked


def tokens(server: Any, bodies: list[dict[str, Any]]) -> int:
    """Return how many tokens are read and written for these questions."""
    answers = [server.handle_chat_completions(body)["usage"] for body in bodies]
    return sum(usage["prompt_tokens"] + usage["completion_tokens"] for usage in answers)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    lm = Noting.local(cache=False, context_tokens=CONTEXT_TOKENS)
    ours = local.start(None, CONTEXT_TOKENS).handle
    bare = as_it_comes()
    table = Table(
        "Embedded LM: tokens per second",
        ["demos", "contender", "tokens/s, median", "LM.local() beside it"],
    )
    for demos in (0, 8):
        rows = SMSSpam(val=arguments.rows + demos, train=0, test=0).val
        lm.asked = []
        contenders = {"LM.local()": evaluation(lm, rows, demos)}
        contenders["LM.local()"]()
        calls = [lm.call_for(request) for request in lm.asked]
        bodies = [{"messages": list(call.messages), **call.parameters} for call in calls]
        contenders["llama.cpp, our settings"] = questions(ours, bodies)
        contenders["llama.cpp as it comes"] = questions(bare, bodies)
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(arguments.rounds):
            for name, goes in contenders.items():
                began = time.perf_counter()
                goes()
                seconds[name].append(time.perf_counter() - began)
        each = tokens(ours, bodies)
        own = seconds["LM.local()"]
        for name, taken in seconds.items():
            beside = statistics.median(b / a for a, b in zip(own, taken, strict=True))
            table.add(demos, name, each / statistics.median(taken), beside)


if __name__ == "__main__":
    main()
