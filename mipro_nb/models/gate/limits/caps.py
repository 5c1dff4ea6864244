"""Caps: hard limits of what a run may spend, counted before a call is sent."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from annotated_types import Gt

from mipro_nb.amounts import caps_texts
from mipro_nb.checks import Number, Remedy, check_fields
from mipro_nb.errors import (
    CallRefusedError,
    CapReachedError,
    LMError,
)
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.prices import PRICE_REMEDY
from mipro_nb.models.services.worst_case import limited, worst_tokens
from mipro_nb.runs.usage import Usage

_Number = Annotated[
    Annotated[int, Gt(0)] | None, Remedy("give a whole number above 0, or None for no limit.")
]
_Amount = Annotated[
    Annotated[Number, Gt(0)] | None, Remedy("give a number above 0, or None for no limit.")
]


@dataclass(frozen=True)
class Caps:
    """Limits of one run; None for no limit.

    Where tokens or USD are capped, a call of an LM without ``max_tokens`` is sent with a limit of
    its reply: 4,096 tokens, or 16,384 of a reasoning model. A call that was sent and brought no
    answer (a time-out, a lost connection, a call given up) may have been billed all the same: it
    counts with its longest reply.

    Attributes
    ----------
    max_usd
        USD, for all LM calls together.
    max_calls
        LM calls that are sent, every attempt of a call that is tried again among them; answers
        from the record are free.
    max_tokens
        Input and output tokens together.
    max_seconds
        Seconds of work, pauses left out. Calls that are in flight then may take 2 s more before
        they are given up.

    Raises
    ------
    InvalidArgumentError
        If a limit is not a positive number.
    """

    max_usd: _Amount = None
    max_calls: _Number = None
    max_tokens: _Number = None
    max_seconds: _Amount = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def bound_tokens(self) -> bool:
        """Tell whether it matters how many tokens a call takes."""
        return self.max_tokens is not None or self.max_usd is not None

    def to_dict(self) -> dict[str, Any]:
        """Return the limits by name."""
        return asdict(self)

    def text(self) -> str:
        """Return the limits as words: ``"$0.50, 800 calls"``, or ``"none"``."""
        return ", ".join(caps_texts(self.to_dict())) or "none"


_NOTHING = Usage()


class Meter:
    """Counts what was spent and what the calls in flight may still cost; one per run.

    A call is admitted only if its worst case fits below every cap, beside the worst cases of the
    calls in flight. Used on the core loop only.

    Parameters
    ----------
    caps
        The limits.
    spent
        What was spent before.
    foreseen
        Calls that are sure to be sent in all, those before among them; 0 if that is not known.

    Attributes
    ----------
    dearest
        The most that one call so far might have taken: so much must be left for the last one.
    """

    def __init__(self, caps: Caps, spent: Usage = _NOTHING, foreseen: float = 0) -> None:
        self.dearest = _NOTHING
        self._caps = caps
        self._calls, self._tokens, self._usd = spent.calls, spent.tokens, spent.usd
        self._before, self._second = spent, _NOTHING
        self._foreseen = foreseen - spent.calls
        self._in_flight: dict[int, Usage] = {}
        self._next = 0
        self._settled = asyncio.Event()

    def reserve(self, call: Call) -> int | None:
        """Return a reservation for `call`; None if it must wait until calls in flight are settled.

        Raises
        ------
        CapReachedError
            If the call no longer fits, whatever the calls in flight cost.
        CallRefusedError
            If USD are capped and the price of the model is not known.
        """
        worst = self._worst(call)
        self.dearest = max(self.dearest, worst, key=lambda each: (each.usd, each.tokens))
        flying = self._in_flight.values()
        must_wait = False
        for cap, spent, own, beside in (
            ("max_calls", self._calls, 1, 0),  # a call that is sent counts at once
            ("max_tokens", self._tokens, worst.tokens, sum(each.tokens for each in flying)),
            ("max_usd", self._usd, worst.usd, sum((each.usd for each in flying), 0.0)),
        ):
            limit = getattr(self._caps, cap)
            if limit is None:
                continue
            if spent + own > limit:
                raise CapReachedError(cap, spent, limit, beside, own)
            must_wait = must_wait or spent + own + beside > limit
        if must_wait:
            self._settled.clear()
            return None
        self._calls += 1
        self._next += 1
        self._in_flight[self._next] = worst
        return self._next

    def count(self, out: Usage) -> None:
        """Count, at its worst, a call that is out and that nobody may ask about any more."""
        self._calls += out.calls
        self._tokens += out.tokens
        self._usd += out.usd

    def uncount(self, out: Usage) -> None:
        """Count it no longer: somebody does ask."""
        self._calls -= out.calls
        self._tokens -= out.tokens
        self._usd -= out.usd

    def adopt(self, sent: Usage) -> int:
        """Return a reservation for a call that is out already, whatever the caps are."""
        self._calls += sent.calls
        self._next += 1
        self._in_flight[self._next] = sent if self._caps.bound_tokens else Usage(sent.calls)
        return self._next

    def reserve_second(self, call: Call, share: float | None) -> int | None:
        """Return a reservation for sending `call` a second time; None if that does not fit now.

        All second ones together may be a `share` of the others since the meter was made, or of
        those that are foreseen. Where tokens or USD are capped they may take such a share of these
        as well, each at its worst: so a cap is hardly reached any sooner because of them. None for
        no such limit.
        """
        second = self._second + self._worst(call)
        if share is not None and not self._is_within(second, share):
            return None
        try:
            reservation = self.reserve(call)
        except CapReachedError:
            return None
        if reservation is not None:
            self._second = second
        return reservation

    def _is_within(self, second: Usage, share: float) -> bool:
        before = self._before
        others = self._calls - before.calls - self._second.calls
        return (
            second.calls <= share * max(others, self._foreseen)
            and second.tokens <= share * (self._tokens - before.tokens)
            and second.usd <= share * (self._usd - before.usd)
        )

    def worst(self, reservation: int) -> Usage:
        """Return what was reserved; nothing but the call itself, where only calls are capped."""
        return self._in_flight[reservation]

    def release(self, reservation: int) -> None:
        """Take a reservation back: its call was not sent."""
        self._calls -= self._in_flight.pop(reservation).calls
        self._settled.set()

    async def room(self) -> None:
        """Wait until a call in flight is settled."""
        await self._settled.wait()

    def settle(self, reservation: int, call: Call, came: Answer | LMError | None) -> None:
        """Replace the worst case by what came back; it stands where nothing did."""
        worst = self._in_flight.pop(reservation)
        if came is None:
            self._tokens += worst.tokens
            self._usd += worst.usd
        else:
            self._tokens += came.input_tokens + came.output_tokens
            self._usd += usd_of(call, came) or 0.0
        self._settled.set()

    def as_sent(self, call: Call) -> Call:
        """Return `call` as it is to be sent: with a limit of its reply, where tokens are capped.

        Its key stays that of the call as it was made, whatever the caps are.
        """
        return limited(call) if self._caps.bound_tokens else call

    def _worst(self, call: Call) -> Usage:
        if not self._caps.bound_tokens:
            return Usage(1)
        if self._caps.max_usd is not None and call.price is None:
            msg = (
                f"The price of {call.model} is not known, so max_usd={self._caps.max_usd:g} cannot "
                f"be kept: {PRICE_REMEDY}, or cap calls or tokens instead."
            )
            raise CallRefusedError(msg)
        return worst_usage(call)


def worst_usage(call: Call) -> Usage:
    """Return the most that one attempt at a call can take, if its reply is `limited`."""
    read, written = worst_tokens(call)
    usd = 0.0 if call.price is None else call.price.usd(read, written)
    return Usage(1, read + written, usd)


def usd_of(call: Call, came: Answer | LMError) -> float | None:
    """Return what a call cost in USD, None where the price of its model is not known."""
    tokens = (came.input_tokens, came.output_tokens, came.cached_input_tokens)
    return None if call.price is None else call.price.usd(*tokens)
