"""MIPROv2: plan, estimate, permission, bootstrap, propose, search."""

from mipro_nb.optimizer.alive import live_runs
from mipro_nb.optimizer.estimate import Amount, Estimate, PhaseEstimate
from mipro_nb.optimizer.miprov2 import MIPROv2
from mipro_nb.optimizer.plan import Plan
from mipro_nb.optimizer.run import Run
from mipro_nb.optimizer.strategy import SearchStrategy

__all__ = [
    "Amount",
    "Estimate",
    "MIPROv2",
    "PhaseEstimate",
    "Plan",
    "Run",
    "SearchStrategy",
    "live_runs",
]
