"""What users write: examples, signatures, predictors, modules."""

from mipro_nb.language.example import Example, Prediction
from mipro_nb.language.fields import InputField, OutputField
from mipro_nb.language.history import inspect_history
from mipro_nb.language.lm_protocol import Completion, LanguageModel, LMRequest
from mipro_nb.language.module import Module
from mipro_nb.language.predict import ChainOfThought, Predict
from mipro_nb.language.settings import configure, context, settings
from mipro_nb.language.signature import Signature

__all__ = [
    "ChainOfThought",
    "Completion",
    "Example",
    "InputField",
    "LMRequest",
    "LanguageModel",
    "Module",
    "OutputField",
    "Predict",
    "Prediction",
    "Signature",
    "configure",
    "context",
    "inspect_history",
    "settings",
]
