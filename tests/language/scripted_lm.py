"""An LM for tests: it answers from a list and remembers what it was asked."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from mipro_nb.language import Completion

if TYPE_CHECKING:
    from mipro_nb.language import LMRequest


class ScriptedLM:
    """Gives `replies` in turn, the last one for ever; raises those that are exceptions."""

    name = "scripted"

    def __init__(self, *replies: str | Completion | Exception, structured_outputs: bool = False):
        self.replies = list(replies)
        self.structured_outputs = structured_outputs
        self.requests: list[LMRequest] = []
        self.threads: set[str] = set()

    async def acomplete(self, request: LMRequest) -> Completion:
        self.requests.append(request)
        self.threads.add(threading.current_thread().name)
        await asyncio.sleep(0)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Completion) else Completion(reply)

    @property
    def last_turn(self) -> str:
        """The last message that was sent."""
        return self.requests[-1].messages[-1]["content"]
