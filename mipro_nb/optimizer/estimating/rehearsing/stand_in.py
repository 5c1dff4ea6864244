"""The stand-in: what answers a program's calls while it is rehearsed, and how it ends one.

Made-up answers may never say what a program waits for. So it answers so many calls and no more;
then the next call ends the program: it raises. Code that swallows this and calls again and again
soon gets a BaseException; code that catches even that waits for an answer for ever, and takes
no time from anybody. Whatever it returns instead counts for nothing.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from mipro_nb.errors import CallRefusedError
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.lms.lm_protocol import Completion, LMRequest
from mipro_nb.language.rows.example import Example
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.gate import Gate
from mipro_nb.models.gate.sent_call import Send
from mipro_nb.optimizer.estimating.rehearsing.made_up import made_up
from mipro_nb.optimizer.planning.data.labels import is_label
from mipro_nb.runs.store.open_records import open_record

if TYPE_CHECKING:
    from mipro_nb.models.services.batching.batches import BatchClient

MOST_CALLS = 100
"""Calls that are answered for one row."""

# Parallel work of one program hears of the end once for each of its calls. First by an Exception,
# which threads that others wait for pass on; what still calls after that swallows it.
_EXCEPTIONS = 50
_PATIENCE = 300
_NO_CALLS_YET = (
    "No LM call may be made before permission was given; the rehearsal with made-up answers ends."
)

Ended = Literal["calls", "direct call", "embedding", "time"]


class RehearsalOverError(BaseException):
    """Ends a program that swallows every Exception; the text is for anyone who sees it."""

    def __init__(self) -> None:
        super().__init__("The rehearsal with made-up answers ends here.")


@dataclass(frozen=True)
class AnsweredRequest:
    """A request that was answered, the reply, and which outputs in it were made up."""

    request: LMRequest
    reply: str
    made_up: frozenset[str]


@dataclass
class StandIn:
    """Answers every request with labels of the row, or made-up values.

    Attributes
    ----------
    row
        The row.
    structured_outputs, keeps_to_labels, prompt_format
        Of the LM that it stands in for.
    name
        Of the LM, likewise.
    turn
        Number of the row: made-up choices are other ones from row to row, and from call to call.
    requests
        What was answered, but for requests to fix a reply.
    unfit_labels
        Whether a reply of labels could not be used, so that made-up values followed.
    ended
        Why it no longer answers; None as long as it does.
    """

    row: Example
    structured_outputs: bool
    keeps_to_labels: bool
    prompt_format: str | None
    name: str
    turn: int
    requests: list[AnsweredRequest] = field(default_factory=list)
    unfit_labels: bool = False
    ended: Ended | None = None
    _asked: int = 0
    _refused: int = 0

    async def acomplete(self, request: LMRequest) -> Completion:
        """Return the made-up answer to `request`, or end the program."""
        self._asked += 1
        signature = request.signature
        if self.ended is not None or self._asked > MOST_CALLS or signature is None:
            await self.end("calls")
        earlier = [made.request for made in self.requests if made.request.signature is signature]
        turn = self.turn + len(earlier)
        # Only because what was made up does not fit: a real LM knows better.
        # Where others write the prompts, two messages more are the next turn of a conversation.
        asked_again = request.write_answer is None and any(
            list(each.messages) == list(request.messages[:-2]) for each in earlier
        )
        # A label that could not be read is none of the output's values.
        self.unfit_labels = self.unfit_labels or asked_again
        known = Example() if asked_again else self.row
        wanted = signature.output_fields
        invented = {name: made_up(f, turn) for name, f in wanted.items() if not is_label(known, f)}
        outputs = {name: invented[name] if name in invented else known[name] for name in wanted}
        write = request.write_answer or FORMATS[request.prompt_format].write_answer
        reply = write(signature, outputs)
        if not asked_again:
            self.requests.append(AnsweredRequest(request, reply, frozenset(invented)))
        return Completion(reply)

    def stop(self, why: Ended) -> None:
        """Stop answering."""
        if self.ended is None:
            self.ended = why

    async def end(self, why: Ended) -> NoReturn:
        """End the program that calls."""
        self.stop(why)
        self._refused += 1
        if self._refused <= _EXCEPTIONS:
            raise CallRefusedError(_NO_CALLS_YET)
        if self._refused > _PATIENCE:
            waiting = asyncio.get_running_loop().create_future()
            _waiting.add(waiting)
            try:
                await waiting
            finally:
                _waiting.discard(waiting)
        raise RehearsalOverError


class NoCalls(Gate):
    """Admits no call that is made past the stand-in: it ends the program."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(open_record, 1)
        self.refuse(_NO_CALLS_YET)
        self._stand_in = stand_in

    async def admit(self, call: Call, send: Send, batches: BatchClient | None = None) -> Answer:
        """End the program, but for a forked one, which hears that it may not call at all."""
        if os.getpid() != self._process:
            return await super().admit(call, send, batches)
        return await self._stand_in.end("direct call")

    async def let_by(self) -> None:
        """End the program: what is paid for needs permission."""
        await self._stand_in.end("embedding")


_waiting: set[asyncio.Future[Any]] = set()  # a loop forgets tasks that nothing else holds
