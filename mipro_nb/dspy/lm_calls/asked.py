"""What one of DSPy's LMs is asked: by messages, by a text, or by a whole request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mipro_nb.dspy.lm_calls.temperature import OurTemperature
from mipro_nb.models.messages import Written, written
from mipro_nb.models.services.worst_case import LIMITS


@dataclass(frozen=True)
class Asked:
    """What an LM is asked.

    Attributes
    ----------
    lm
        The LM.
    args
        A text, or a ``dspy.lm15.Request``; nothing where there are messages.
    options
        What else it is called with, messages among it.
    original
        The method of its class that was called.
    is_async
        Whether that is ``acall``.
    temperature
        Of its options, the temperature, if that is ours; None if the program has set it.
    """

    lm: Any
    args: tuple[Any, ...]
    options: Mapping[str, Any] = field(repr=False)
    original: Callable[..., Any]
    is_async: bool = False
    temperature: OurTemperature | None = None

    @property
    def prompt(self) -> Any:
        """Return the text, or the Request, that it is asked by; None if by messages."""
        return self.args[0] if self.args else self.options.get("prompt")

    @property
    def request(self) -> Any:
        """Return the Request that it is asked by, None if it is asked by messages."""
        given = self.options.get("request", self.prompt)
        return None if given is None or isinstance(given, str) else given

    @property
    def limit(self) -> Mapping[str, int]:
        """Return the limit of the reply that a Request names, as messages would be sent with it."""
        named = None if self.request is None else self.request.config.max_tokens
        return {} if named is None else {LIMITS[0]: named}

    @property
    def replies(self) -> int:
        """Return how many replies are asked for."""
        wanted = self.options.get("n", self.lm.kwargs.get("n"))
        return wanted if self.request is None and isinstance(wanted, int) and wanted > 1 else 1

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        """Return the messages as they are sent."""
        given = self.options.get("messages")
        return list(given) if given else [{"role": "user", "content": self.prompt}]

    @property
    def written(self) -> Written:
        """Return the messages as they are written down."""
        if self.request is not None:
            return _written_request(self.request)
        return written(self.messages)


def _written_request(request: Any) -> Written:
    """Return a ``dspy.lm15.Request`` as it is written down: as one message."""
    from dspy._vendor.lm15.serde import request_to_dict  # noqa: PLC0415 - it has no public name

    return written([{"role": "user", "content": [request_to_dict(request)]}])
