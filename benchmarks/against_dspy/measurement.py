"""What the server of the benchmarks is told before a measurement, and what it tells afterwards."""

from __future__ import annotations

import json
import math
import random
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.against_dspy.task import MOST_INSTRUCTIONS, Task

_P99 = 2.3263  # standard deviations above the mean, of a normal distribution


@dataclass(frozen=True)
class Settings:
    """How the server behaves.

    Attributes
    ----------
    seed
        Of the task, and of the latencies: the n-th call takes the same time in every measurement.
    p50, p99
        Latency in seconds; lognormal between these, fixed if they are equal.
    limit
        Calls that may be in flight; those beyond it are answered with 429. None for no limit.
    retry_after
        Seconds announced with a 429; None for no announcement.
    has_rules
        Whether the task is one with hidden rules.
    upstream
        Base URL of a real LM that answers instead; None for the simulated one.
    """

    seed: int = 0
    p50: float = 0.0
    p99: float = 0.0
    limit: int | None = None
    retry_after: int | None = None
    has_rules: bool = False
    upstream: str | None = None


@dataclass(frozen=True)
class Served:
    """One answered call: when it came and was answered, by a monotonic clock in seconds."""

    phase: str
    came: float
    answered: float
    latency: float


@dataclass
class Measurement:
    """What happened since the settings were set."""

    settings: Settings
    served: list[Served] = field(default_factory=list)
    refused: int = 0
    in_flight: int = 0
    repeated: int = 0

    def __post_init__(self) -> None:
        """Draw from the beginning of the seed's sequence."""
        self.task = Task(self.settings.seed, has_rules=self.settings.has_rules)
        self._random = random.Random(self.settings.seed)
        self._cold_prompts: set[int] = set()
        self._drafts: Counter[int] = Counter()
        self._began_cpu = time.process_time()

    def latency(self) -> float:
        """Return the seconds that the next call takes."""
        p50, p99 = self.settings.p50, self.settings.p99
        if p50 == p99:
            return p50
        return p50 * math.exp(self._random.gauss(0, math.log(p99 / p50) / _P99))

    @property
    def full(self) -> bool:
        """Tell whether no further call is let in now."""
        limit = self.settings.limit
        return limit is not None and self.in_flight >= limit

    def note_prompt(self, body: dict[str, Any]) -> None:
        """Count a prompt at temperature 0 that was seen before; its answer was known."""
        if body.get("temperature") == 0:
            prompt = hash(json.dumps(body["messages"]))
            self.repeated += prompt in self._cold_prompts
            self._cold_prompts.add(prompt)

    def draft(self, body: dict[str, Any]) -> int:
        """Return the number of the instruction to write: another one for every time of asking.

        It depends on the prompt, not on which prompt comes first.
        """
        prompt = zlib.crc32(json.dumps(body["messages"]).encode())
        self._drafts[prompt] += 1
        return (prompt + self._drafts[prompt]) % MOST_INSTRUCTIONS

    def to_dict(self) -> dict[str, Any]:
        """Return the figures."""
        phases: dict[str, list[float]] = {}
        for call in self.served:
            span = phases.setdefault(call.phase, [call.came, call.answered])
            span[:] = [min(span[0], call.came), max(span[1], call.answered)]
        return {
            "calls": len(self.served),
            "refused": self.refused,
            "repeated": self.repeated,
            "latencies": sum(call.latency for call in self.served),
            "phases": {phase: end - begin for phase, (begin, end) in phases.items()},
            "chain": _longest_chain(self.served),
            "server_cpu": time.process_time() - self._began_cpu,
        }


def _longest_chain(served: list[Served]) -> int:
    """Return the most calls of which each came after the one before it was answered."""
    length, end = 0, -math.inf
    for call in sorted(served, key=lambda call: call.answered):
        if call.came >= end:
            length, end = length + 1, call.answered
    return length
