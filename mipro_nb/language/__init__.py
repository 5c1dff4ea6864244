"""What users write: examples, signatures, predictors, modules."""

from mipro_nb.language.execution.recent_calls import inspect_history
from mipro_nb.language.formats import Found, PromptFormat, register_prompt_format
from mipro_nb.language.lms.lm_protocol import Completion, LanguageModel, LMRequest
from mipro_nb.language.lms.settings import configure, context, settings
from mipro_nb.language.programs.chat_prompt import ChatPrompt
from mipro_nb.language.programs.module import Module
from mipro_nb.language.programs.predict import ChainOfThought, Predict
from mipro_nb.language.rows.example import Example, Prediction
from mipro_nb.language.signatures.fields import InputField, OutputField
from mipro_nb.language.signatures.signature import Signature

__all__ = [
    "ChainOfThought",
    "ChatPrompt",
    "Completion",
    "Example",
    "Found",
    "InputField",
    "LMRequest",
    "LanguageModel",
    "Module",
    "OutputField",
    "Predict",
    "Prediction",
    "PromptFormat",
    "Signature",
    "configure",
    "context",
    "inspect_history",
    "register_prompt_format",
    "settings",
]
