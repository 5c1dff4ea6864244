"""The jobs, done by DSPy through LiteLLM, as it is with all services but a few."""

from __future__ import annotations

from functools import partial

from benchmarks.against_dspy.job import carry_out
from benchmarks.against_dspy.run_dspy import JOBS, configure

if __name__ == "__main__":
    carry_out(JOBS, partial(configure, engine="litellm"))
