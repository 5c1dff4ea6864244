"""Evaluate, metrics, and the score ledger."""

from mipro_nb.evaluate.evaluate import Evaluate, EvaluationResult
from mipro_nb.evaluate.metric import Score
from mipro_nb.evaluate.scoring import ExampleResult

__all__ = ["Evaluate", "EvaluationResult", "ExampleResult", "Score"]
