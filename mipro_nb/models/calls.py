"""One LM call, fully spelled out, and its answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mipro_nb.language.execution.attempt import AskedLM
from mipro_nb.language.lms.lm_protocol import LMRequest, Message
from mipro_nb.models.prices import Price
from mipro_nb.runs.events import NoteTopic, Number, Phase

OPTIONS: Mapping[str, str] = {
    "extra_headers": "headers",
    "extra_query": "params",
    "extra_body": "extra_json",
    "timeout": "timeout",
}
"""Parameters that are not part of the body, by the names that openai's `post` has for them."""


@dataclass(frozen=True)
class Call:
    """Everything that changes the answer, and what the gate needs to know.

    Attributes
    ----------
    model
        Name as the server knows it.
    server
        What answers: the base URL of the server, or a name for the embedded model.
    messages
        Chat messages, oldest first.
    parameters
        What else is sent: temperature, max_tokens, seed, response_format, …
    rollout
        Tells calls apart that shall be answered again although they are equal.
    cache
        Whether the record's answers may be read and written.
    price
        Prices of the model, None if unknown.
    num_retries
        How often it is tried again.
    predictor
        Name of the predictor that calls, None outside of runs; it does not change the answer.
    capped
        Whether a cap rests on the limit of its reply.
    draw
        Which draw it is, at a temperature above 0; see `mipro_nb.models.gate.recording.draws`.
    request
        What the predictor asked for, as an LM class of a user's own takes it.
    at_once
        How many calls the service takes at once, None for any number.
    batched
        Whether it is sent in a batch.
    media_tokens
        The most tokens of pictures and the like, which stand in `messages` by their hash alone.
    hedged
        Whether it may be sent a second time where it is slow: not where the two would wait for
        each other.

    Examples
    --------
    >>> class Told:
    ...     name = "told"
    ...
    ...     async def send(self, call: Call) -> Answer:
    ...         return Answer(text=f"{call.model} {dict(call.parameters)}")
    >>> LM("a-model", service=Told(), max_tokens=9)("Hello")
    ["a-model {'temperature': 0.0, 'max_tokens': 9}"]
    """

    model: str
    server: str = field(repr=False)  # may hold a key, as may the parameters
    messages: Sequence[Message]
    parameters: Mapping[str, Any] = field(repr=False)
    rollout: int
    cache: bool
    price: Price | None
    num_retries: int = 0
    predictor: str | None = None
    capped: bool = False
    draw: str = ""
    request: LMRequest | None = field(default=None, repr=False, compare=False)
    at_once: int | None = None
    batched: bool = False
    media_tokens: int = 0
    hedged: bool = True

    @property
    def asked(self) -> AskedLM:
        """Return whom it asks, and what, as attempts note it."""
        return AskedLM(self.server, self.model, self.predictor, self.messages)

    @cached_property
    def key(self) -> str:
        """Return the name of the answer: a hash of all that changes it."""
        identity = {
            "model": self.model,
            "server": self.server,
            "messages": list(self.messages),
            "parameters": dict(self.parameters),
            "rollout": self.rollout,
            **({"draw": self.draw} if self.draw else {}),
        }
        text = json.dumps(identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def digest(self) -> bytes:
        """Return `key` in a form that takes less memory."""
        return bytes.fromhex(self.key)


class Note(NamedTuple):
    """What the user should know of the calls to a model: said once, where the user looks."""

    topic: NoteTopic
    text: str


def _whole(text: str) -> str:
    """Return a text as it can be kept and sent: half a character as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


_Text = Annotated[str, AfterValidator(_whole)]


class Answer(BaseModel):
    """What a service answered to a call, and its token counts.

    Attributes
    ----------
    text
        The reply.
    truncated
        Whether it was cut off.
    input_tokens, output_tokens
        What was read and written. Where a service does not give them, they are counted by us.
    cached_input_tokens
        Those of the input tokens that the server had in its own prompt cache.
    thoughts
        What the model thought, where the server tells it beside the reply.
    problem
        Why the reply cannot be read, a sentence: a refusal, say. Empty if it can.
    counted
        Whether the server counted the tokens; if not, the counts are about right.
    notes
        What the user should know of how it came about; not kept.

    Examples
    --------
    >>> Answer(text="answer: 42", input_tokens=12, output_tokens=4).truncated
    False
    """

    # Again, because a copy with other values was not checked (`model_copy`).
    model_config = ConfigDict(frozen=True, revalidate_instances="always")

    text: _Text
    truncated: bool = False
    input_tokens: Number = 0
    output_tokens: Number = 0
    cached_input_tokens: Number = 0
    thoughts: _Text = ""
    problem: _Text = ""
    counted: bool = True
    notes: tuple[Note, ...] = Field((), exclude=True)

    @model_validator(mode="after")
    def _check_cached(self) -> Self:
        # More would be free, or even earn money, and no cap in USD would hold.
        if "input_tokens" in self.model_fields_set and self.cached_input_tokens > self.input_tokens:
            msg = (
                "cached_input_tokens are a part of input_tokens, so they cannot be more "
                f"({self.cached_input_tokens} of {self.input_tokens}): add them to input_tokens "
                "where a server counts them apart"
            )
            raise ValueError(msg)
        return self


@dataclass(frozen=True)
class CallLabels:
    """What a call is made for, as its event tells it."""

    phase: Phase = "other"
    trial: int | None = None
    example: int | None = None
    tested: str | None = None


_UNLABELLED = CallLabels()
call_labels: ContextVar[CallLabels] = ContextVar("mipro_call_labels", default=_UNLABELLED)
