"""Evaluate, metrics, and the score ledger."""

from mipro_nb.evaluate.evaluate import Evaluate, EvaluationResult
from mipro_nb.evaluate.metric import Score
from mipro_nb.evaluate.scoring import ExampleResult
from mipro_nb.language.from_dspy.dspy_names import missing_from

__all__ = ["Evaluate", "EvaluationResult", "ExampleResult", "Score"]

__getattr__ = missing_from(__name__)
