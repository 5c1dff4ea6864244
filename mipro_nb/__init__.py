"""mipro_nb: the MIPROv2 prompt optimizer for notebooks.

>>> import mipro_nb as mipro
>>> mipro.configure(lm=mipro.LM("openai/gpt-4o-mini"))
>>> student = mipro.Predict("text -> label: Literal['ham', 'spam']")
>>> optimized = mipro.MIPROv2(metric, auto="light").compile(student, trainset=rows)
"""

import sys
from typing import Any

from mipro_nb import errors, runs, teleprompt  # noqa: F401 - scripts write dspy.teleprompt
from mipro_nb.evaluate import Evaluate, EvaluationResult, Score
from mipro_nb.functions import FunctionProgram, FunctionPrompt, http_client, program, prompt
from mipro_nb.functions.library import FUNCTIONS
from mipro_nb.functions.lm_calls.own_calls import own_calls as _own_calls
from mipro_nb.language import (
    ChainOfThought,
    ChatPrompt,
    Example,
    Found,
    InputField,
    Module,
    OutputField,
    Predict,
    Prediction,
    PromptFormat,
    Signature,
    configure,
    context,
    inspect_history,
    register_prompt_format,
    settings,
)
from mipro_nb.language.execution.own_calls import catch_own_calls_by as _catch_own_calls_by
from mipro_nb.language.from_dspy import dspy_names
from mipro_nb.language.from_dspy.missing_modules import (
    tell_of_missing_modules as _tell_of_missing_modules,
)
from mipro_nb.language.programs import foreign
from mipro_nb.models import LM, Answer, Call, OpenAI, Price, Service, register_service
from mipro_nb.notebook import compare, history, share, show, surface_here
from mipro_nb.optimizer import (
    MIPROv2,
    Plan,
    Run,
    Sampler,
    SearchStrategy,
    live_runs,
    register_sampler,
)
from mipro_nb.optimizer.running.asking import surface
from mipro_nb.runs.statistics.objectives import MeasuredConfiguration
from mipro_nb.runs.views.results.headroom import Headroom
from mipro_nb.version import __version__

__all__ = [
    "LM",
    "Answer",
    "Call",
    "ChainOfThought",
    "ChatPrompt",
    "Evaluate",
    "EvaluationResult",
    "Example",
    "Found",
    "FunctionProgram",
    "FunctionPrompt",
    "Headroom",
    "InputField",
    "MIPROv2",
    "MeasuredConfiguration",
    "Module",
    "OpenAI",
    "OutputField",
    "Plan",
    "Predict",
    "Prediction",
    "Price",
    "PromptFormat",
    "Run",
    "Sampler",
    "Score",
    "SearchStrategy",
    "Service",
    "Signature",
    "__version__",
    "compare",
    "configure",
    "context",
    "errors",
    "history",
    "http_client",
    "inspect_history",
    "live_runs",
    "load_ipython_extension",
    "program",
    "prompt",
    "register_prompt_format",
    "register_sampler",
    "register_service",
    "runs",
    "settings",
    "share",
    "show",
    "unload_ipython_extension",
]

surface.prefer(surface_here)
__getattr__ = dspy_names.missing_from(__name__)
_tell_of_missing_modules(__name__)


def _dspy() -> foreign.Library | None:
    """Return what takes DSPy's objects for ours, for those who have loaded DSPy themselves."""
    if "dspy" not in sys.modules:
        return None
    from mipro_nb.dspy.library import DSPY  # noqa: PLC0415 - it brings all of DSPy

    return DSPY


foreign.know(_dspy)
foreign.know(lambda: FUNCTIONS)
_catch_own_calls_by(_own_calls)


def load_ipython_extension(ipython: Any) -> None:
    """Bring ``%mipro`` and ``%%mipro`` to a notebook: ``%load_ext mipro_nb``."""
    from mipro_nb.notebook import magics  # noqa: PLC0415 - brings IPython

    magics.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magics away again."""
    from mipro_nb.notebook import magics  # noqa: PLC0415 - brings IPython

    magics.unload_ipython_extension(ipython)
