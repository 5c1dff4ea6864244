"""Contract tests of what you add to mipro_nb: derive a class, say how yours is made, run pytest."""

from mipro_nb.testing.samplers import SamplerContract

__all__ = ["SamplerContract"]
