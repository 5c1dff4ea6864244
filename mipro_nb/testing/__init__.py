"""Contract tests of what you add to mipro_nb: derive a class, say how yours is made, run pytest."""

from mipro_nb.testing.datasets import DatasetContract
from mipro_nb.testing.prompt_formats import PromptFormatContract
from mipro_nb.testing.samplers import SamplerContract
from mipro_nb.testing.services import ServiceContract

__all__ = ["DatasetContract", "PromptFormatContract", "SamplerContract", "ServiceContract"]
