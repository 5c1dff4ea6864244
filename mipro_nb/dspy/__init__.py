"""The DSPy bridge: real ``dspy.Module`` programs in, and out again with better prompts.

>>> import dspy
>>> from mipro_nb.dspy import MIPROv2
>>> optimizer = MIPROv2(metric=metric, auto="light")
>>> optimized = optimizer.compile(program, trainset=rows, max_usd=0.50)
>>> optimized.save("optimized.json")
"""

from importlib.metadata import PackageNotFoundError, version

from mipro_nb.errors import MissingExtraError

_OLDEST = (3, 0)

try:
    _installed = version("dspy")
except PackageNotFoundError:
    msg = "DSPy is not installed: pip install 'mipro_nb[dspy]' brings it."
    raise MissingExtraError(msg) from None
if tuple(int(part) for part in _installed.split(".")[:2]) < _OLDEST:
    msg = (
        f"The bridge is for DSPy 3.0 or newer, and {_installed} is installed: pip install -U dspy."
    )
    raise MissingExtraError(msg)

from mipro_nb.dspy.lm_calls.doors import open_doors  # noqa: E402 - DSPy has to be there
from mipro_nb.dspy.miprov2 import MIPROv2  # noqa: E402

__all__ = ["MIPROv2"]

open_doors()
