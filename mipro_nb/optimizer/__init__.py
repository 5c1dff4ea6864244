"""MIPROv2: plan, estimate, permission, bootstrap, propose, search."""

from mipro_nb.optimizer.miprov2 import MIPROv2
from mipro_nb.optimizer.planning.estimate import Amount, Estimate, PhaseEstimate
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.running.run import Run, live_runs
from mipro_nb.optimizer.search.sampler import Sampler
from mipro_nb.optimizer.search.samplers import register_sampler
from mipro_nb.optimizer.search.strategy import SearchStrategy

__all__ = [
    "Amount",
    "Estimate",
    "MIPROv2",
    "PhaseEstimate",
    "Plan",
    "Run",
    "Sampler",
    "SearchStrategy",
    "live_runs",
    "register_sampler",
]
