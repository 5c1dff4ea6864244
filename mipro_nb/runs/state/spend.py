"""What LM calls cost, counted one by one."""

from __future__ import annotations

from dataclasses import dataclass

from mipro_nb.runs import events as ev


@dataclass
class Spend:
    """What LM calls cost.

    Attributes
    ----------
    calls
        Calls that a server answered.
    cached_calls
        Calls answered from the record, for nothing.
    failed_calls
        Calls that failed for good: the program was told so.
    input_tokens, output_tokens
        Tokens of the answered calls, as the server counted them.
    cached_input_tokens
        Those of the input tokens that the server had in its own prompt cache.
    known_usd
        Price of the calls whose price is known.
    unpriced_calls
        Calls whose price is not known.
    attempts
        What was sent, every attempt of a call that was tried again among them.
    hedged_calls
        Of the attempts, those that were made beside another one of the same call, which was slow.
    uncounted_calls
        Answered calls whose tokens the server did not count: they are about right.

    Examples
    --------
    >>> spend = load(run_id).state.spend
    >>> spend.calls > 0, spend.failed_calls
    (True, 0)
    """

    calls: int = 0
    cached_calls: int = 0
    failed_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    known_usd: float = 0.0
    unpriced_calls: int = 0
    attempts: int = 0
    hedged_calls: int = 0
    uncounted_calls: int = 0

    @property
    def usd(self) -> float | None:
        """Return the price in USD, None where that of any call is unknown."""
        return None if self.unpriced_calls else self.known_usd

    @property
    def about(self) -> bool:
        """Tell whether tokens and USD are about right, and not what the servers counted."""
        return self.uncounted_calls > 0

    def add(self, call: ev.LMCallAnswered) -> None:
        """Count one answered call."""
        if call.from_cache:
            self.cached_calls += 1
            return
        self.calls += 1
        self.attempts += call.attempts
        self.hedged_calls += call.hedged
        self.uncounted_calls += not call.counted
        self.input_tokens += call.input_tokens
        self.output_tokens += call.output_tokens
        self.cached_input_tokens += call.cached_input_tokens
        self._pay(call.usd)

    def add_failed(self, call: ev.LMCallFailed) -> None:
        """Count one failed call, which may have been billed all the same."""
        self.failed_calls += call.final
        self.attempts += call.attempts
        self.hedged_calls += call.hedged
        self.input_tokens += call.input_tokens
        self.output_tokens += call.output_tokens
        self._pay(call.usd)

    def _pay(self, usd: float | None) -> None:
        if usd is None:
            self.unpriced_calls += 1
        else:
            self.known_usd += usd


@dataclass
class Work:
    """What the LM calls for a trial's examples take, whether they were sent or not.

    Attributes
    ----------
    calls
        Answered calls, from a server or from the record.
    sent
        Those that a server answered.
    tokens
        Input and output tokens of all of them.
    seconds
        How long those took that were sent.
    usd
        Their price, as if all had been sent; None where that of any is unknown.
    """

    calls: int = 0
    sent: int = 0
    tokens: int = 0
    seconds: float = 0.0
    usd: float | None = 0.0

    @property
    def usd_of_a_call(self) -> float | None:
        """Return the price of a call on the average; None where it is not known."""
        return None if self.usd is None or not self.calls else self.usd / self.calls

    def take(self, call: ev.LMCallAnswered) -> None:
        """Count one answered call."""
        usd = call.usd_if_sent if call.from_cache else call.usd
        sent = not call.from_cache
        self.add(Work(1, sent, call.input_tokens + call.output_tokens, call.seconds * sent, usd))

    def add(self, other: Work) -> None:
        """Add what others take."""
        self.calls += other.calls
        self.sent += other.sent
        self.tokens += other.tokens
        self.seconds += other.seconds
        self.usd = None if self.usd is None or other.usd is None else self.usd + other.usd
