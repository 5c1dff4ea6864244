"""Talking to LMs: the LM itself, the admission gate, the answers kept, usage and prices."""

from mipro_nb.models.lm import LM, OpenAI
from mipro_nb.models.prices import Price

__all__ = ["LM", "OpenAI", "Price"]
