"""In a worker: LMs of the core, and the gate of calls that cannot be led to the core."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn, Protocol, Self

from mipro_nb.core_loop import on_core
from mipro_nb.errors import ProgramError
from mipro_nb.language.execution.attempt import current_attempt
from mipro_nb.language.lms.lm_protocol import Completion, LMRequest
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.dispatch import Send
from mipro_nb.models.gate.gate import Gate
from mipro_nb.models.lm import LM
from mipro_nb.runs.store.open_records import open_record

_FROM_NOWHERE = (
    "An LM was asked from a thread that was there before the example. On an executor's worker "
    "nobody can tell what such a call belongs to: start the thread, or the pool, in the program."
)
_PAST_THE_GATE = (
    "It asks {model} by a client of its own, on an executor's worker, where such a call cannot be "
    "counted or capped. Ask an LM of mipro_nb's that was made before the run, such as "
    "judge = LM('{model}') in a cell, or leave executor= out."
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


execution_on_worker: ContextVar[AsksTheCore | None] = ContextVar(
    "mipro_execution_on_worker", default=None
)


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
        execution, attempt = execution_on_worker.get(), current_attempt()
        if execution is None or attempt is None:
            raise ProgramError(_FROM_NOWHERE)
        attempt.check()
        return await on_core(execution.ask(self.reference.number, request))

    def __reduce__(self) -> tuple[Callable[[LMReference], Self], tuple[LMReference]]:
        return type(self), (self.reference,)


class GateOfWorker(Gate):
    """Lets no call through: LMs of the core are asked there, and others cannot be counted."""

    def __init__(self) -> None:
        super().__init__(open_record, 1)

    async def admit(self, call: Call, send: Send) -> Answer:
        """Refuse the call."""
        del send
        self._refuse(call.model)

    async def let_by(self) -> None:
        """Return: an embedding is paid for and not counted, here as in the core."""

    def _refuse(self, model: str) -> NoReturn:
        raise ProgramError(_PAST_THE_GATE.format(model=model))
