"""Functions of a user's own that call LMs by themselves, with the prompts in them searched."""

from mipro_nb.functions.lm_calls.clients import http_client
from mipro_nb.functions.program import FunctionProgram, program
from mipro_nb.functions.prompts.prompt import FunctionPrompt, prompt

__all__ = ["FunctionProgram", "FunctionPrompt", "http_client", "program", "prompt"]
