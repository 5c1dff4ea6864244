"""The last LM calls of this process, for `inspect_history`."""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mipro_nb.arguments import only_known
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.execution.collecting import collecting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from mipro_nb.language.lms.lm_protocol import Message

_KEPT_CALLS = 1000


@dataclass(frozen=True)
class RecentCall:
    """What was sent to an LM and what came back."""

    lm: str
    messages: Sequence[Message]
    reply: str


_calls: deque[RecentCall] = deque(maxlen=_KEPT_CALLS)
_collected: ContextVar[list[RecentCall] | None] = ContextVar("mipro_collected_calls", default=None)


def remember(call: RecentCall) -> None:
    """Keep `call`; the oldest of more than 1,000 is forgotten."""
    _calls.append(call)
    collected = _collected.get()
    if collected is not None:
        collected.append(call)


def collecting_calls() -> AbstractContextManager[list[RecentCall]]:
    """Collect every call that predictors make inside the block, threads included."""
    return collecting(_collected)


@only_known()
def inspect_history(n: int = 1) -> None:
    """Print the last `n` LM calls of this process: messages as sent, and the reply.

    Parameters
    ----------
    n
        How many calls, at least 1.
    """
    if n < 1:
        raise InvalidArgumentError("n", n, "give a whole number of at least 1.")
    calls = list(_calls)[-n:]
    if not calls:
        print("No LM call has been made in this process.")  # noqa: T201 - printing is its job
    for call in calls:
        print(format_call(call))  # noqa: T201


def format_call(call: RecentCall) -> str:
    """Return one call as text."""
    turns = [f"[{message['role']}]\n{message['content']}" for message in call.messages]
    turns.append(f"[reply of {call.lm}]\n{call.reply}")
    return "\n\n".join(turns) + "\n"
