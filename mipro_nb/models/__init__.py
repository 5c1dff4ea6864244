"""Talking to LMs: the LM itself, the admission gate, the answers kept, usage and prices."""

from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.lm import LM, OpenAI
from mipro_nb.models.prices import Price
from mipro_nb.models.services.service import Service, register_service

__all__ = ["LM", "Answer", "Call", "OpenAI", "Price", "Service", "register_service"]
