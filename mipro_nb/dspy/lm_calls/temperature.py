"""The temperature of proposals, which a prompt model may refuse: then its own one holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mipro_nb.errors import LMError, LMUnavailableError
from mipro_nb.models.calls import Note

TEMPERATURE = "temperature"
_LEFT_OUT = (
    "{model} refuses temperature={value}, which is init_temperature: it is left out of all "
    "proposals, and the temperature of the LM itself holds. Give an init_temperature that the "
    "model takes, which is often 1.0 alone."
)


@dataclass
class OurTemperature:
    """The temperature that one LM is asked for proposals with: ours, and no setting of its own.

    Attributes
    ----------
    refused
        Whether the LM answered without it alone.
    """

    refused: bool = False

    def is_left_out(self, raised: Sequence[Exception]) -> bool:
        """Tell whether a call is sent without it, after its attempts have `raised` this."""
        return self.refused or any(map(_names_it, raised))

    def is_refused_by(self, failure: LMError, error: Exception) -> bool:
        """Tell whether an attempt with it may have failed by it, for what the LM raised."""
        return not isinstance(failure, LMUnavailableError) and _names_it(error)

    def note_on(self, model: str, value: object) -> Note:
        """Return what the user should know of a call that was answered without it."""
        self.refused = True
        return Note("parameters", _LEFT_OUT.format(model=model, value=value))


def _names_it(error: Exception) -> bool:
    return TEMPERATURE in str(error).lower()
