"""The toy task's LM, as slow as a test needs it to be."""

from __future__ import annotations

import scripted_task
from scripted_server import ScriptedServer


class SlowLM(ScriptedServer):
    """The toy task's LM.

    Attributes
    ----------
    seconds
        How long each answer takes from now on.
    answer
        What is answered from now on.
    """

    def __init__(self) -> None:
        self.seconds = 0.02
        self.answer = scripted_task.answer
        super().__init__(self._answered, latency=lambda _: self.seconds)

    def _answered(self, request):
        return self.answer(request)
