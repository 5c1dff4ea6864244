"""mipro_nb: the MIPROv2 prompt optimizer for notebooks.

>>> import mipro_nb as mipro
>>> mipro.configure(lm=mipro.LM("openai/gpt-4o-mini"))
>>> student = mipro.Predict("text -> label: Literal['ham', 'spam']")
>>> optimized = mipro.MIPROv2(metric, auto="light").compile(student, trainset=rows)
"""

from mipro_nb import errors, runs
from mipro_nb.evaluate import Evaluate, EvaluationResult, Score
from mipro_nb.language import (
    ChainOfThought,
    Example,
    InputField,
    Module,
    OutputField,
    Predict,
    Prediction,
    Signature,
    configure,
    context,
    inspect_history,
    settings,
)
from mipro_nb.models import LM, OpenAI, Price
from mipro_nb.optimizer import MIPROv2, Plan, Run
from mipro_nb.version import __version__

__all__ = [
    "LM",
    "ChainOfThought",
    "Evaluate",
    "EvaluationResult",
    "Example",
    "InputField",
    "MIPROv2",
    "Module",
    "OpenAI",
    "OutputField",
    "Plan",
    "Predict",
    "Prediction",
    "Price",
    "Run",
    "Score",
    "Signature",
    "__version__",
    "configure",
    "context",
    "errors",
    "inspect_history",
    "runs",
    "settings",
]
