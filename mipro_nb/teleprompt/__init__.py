"""The name that DSPy's users import MIPROv2 from."""

from mipro_nb.language.from_dspy.dspy_names import missing_from
from mipro_nb.optimizer.miprov2 import MIPROv2

__all__ = ["MIPROv2"]

__getattr__ = missing_from(__name__)
