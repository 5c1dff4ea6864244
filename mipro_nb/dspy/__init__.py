"""The DSPy bridge: real ``dspy.Module`` programs in, and out again with better prompts.

>>> import dspy
>>> from mipro_nb.dspy import MIPROv2
>>> optimizer = MIPROv2(metric=metric, auto="light")
>>> optimized = optimizer.compile(program, trainset=rows, max_usd=0.50)
>>> optimized.save("optimized.json")
"""

from mipro_nb.errors import MissingExtraError

try:
    import dspy  # noqa: F401 - looked for
except ModuleNotFoundError as error:
    if error.name != "dspy":
        raise
    msg = "DSPy is not installed: pip install 'mipro_nb[dspy]' brings it."
    raise MissingExtraError(msg) from None

from mipro_nb.dspy.doors import open_doors
from mipro_nb.dspy.miprov2 import MIPROv2

__all__ = ["MIPROv2"]

open_doors()
