"""In a worker: LMs of the core, and the gate of calls by clients of the worker's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from mipro_nb.core_loop import on_core
from mipro_nb.errors import ProgramError
from mipro_nb.language.execution.attempt import current_attempt
from mipro_nb.language.lms.lm_protocol import Completion, LMRequest
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.gate import Gate
from mipro_nb.models.gate.sent_call import Send
from mipro_nb.models.lm import LM
from mipro_nb.runs.store.open_records import open_record

if TYPE_CHECKING:
    from mipro_nb.models.services.batching.batches import BatchClient

_FROM_NOWHERE = (
    "An LM was asked from a thread that was there before the example. On an executor's worker "
    "nobody can tell what such a call belongs to: start the thread, or the pool, in the program."
)


class LMReference(NamedTuple):
    """What a worker gets to know of an LM of the core's."""

    number: int
    shown: Mapping[str, Any]


class AsksTheCore(Protocol):
    """An execution on a worker."""

    def ask(self, lm: int, request: LMRequest) -> Coroutine[Any, Any, Completion]:
        """Return what the LM of that number answers."""
        ...

    def admit(self, call: Call, send: Send) -> Coroutine[Any, Any, Answer]:
        """Return the answer to `call`, which `send` sends once the core's gate admits it."""
        ...


execution_on_worker: ContextVar[AsksTheCore | None] = ContextVar(
    "mipro_execution_on_worker", default=None
)


def _execution_here() -> AsksTheCore:
    """Return the execution that the caller belongs to.

    Raises
    ------
    ProgramError
        If it belongs to none.
    CallRefusedError
        If the example was given up.
    """
    execution, attempt = execution_on_worker.get(), current_attempt()
    if execution is None or attempt is None:
        raise ProgramError(_FROM_NOWHERE)
    attempt.check()
    return execution


def reference_of(lm: Any, number: int) -> LMReference:
    """Return what stands for an LM on a worker: nothing of it can be a key."""
    names = ("name", "structured_outputs", "prompt_format", "keeps_to_labels", "cache", "price")
    shown = {name: getattr(lm, name) for name in names if hasattr(lm, name)}
    return LMReference(number, shown)


class LMOfCore(LM):
    """An LM that the core has, as a worker knows it."""

    def __init__(self, reference: LMReference) -> None:
        self.reference = reference
        self.prompt_format = None
        for name, value in reference.shown.items():
            setattr(self, name, value)

    async def acomplete(self, request: LMRequest) -> Completion:
        """Return what the LM answers, through the gate that the example belongs to."""
        return await on_core(_execution_here().ask(self.reference.number, request))

    def __reduce__(self) -> tuple[Callable[[LMReference], Self], tuple[LMReference]]:
        return type(self), (self.reference,)


class GateOfWorker(Gate):
    """Has the core's gate admit calls of clients that the worker has itself."""

    def __init__(self) -> None:
        super().__init__(open_record, 1)

    async def admit(self, call: Call, send: Send, batches: BatchClient | None = None) -> Answer:
        """Return the answer to `call`, sent from here once the core's gate lets it through.

        It is never gathered for a batch, which is sent by the core.
        """
        del batches
        if os.getpid() != self._process:
            return await super().admit(call, send)
        return await _execution_here().admit(call, send)
