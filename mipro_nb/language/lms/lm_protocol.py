"""What a predictor needs of an LM: one async call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mipro_nb.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mipro_nb.language.signatures.signature import SignatureMeta

Message = dict[str, str]  # role and content


@dataclass(frozen=True)
class LMRequest:
    """One call, before the LM adds its own settings.

    Attributes
    ----------
    messages
        Chat messages, oldest first.
    options
        Overrides of the LM's settings for this call: ``temperature``, ``max_tokens``, …
    schema
        JSON schema of the reply, where structured outputs are asked for.
    prompt_format
        Name of the format that the messages ask for.
    labels
        Texts of which the reply is one, where the server keeps the LM to them.
    rollout
        Calls that are equal but for their rollout are answered again, not from the cache.
    signature
        The signature that the messages were written from.
    predictor
        Name of the predictor in the program that a run has bound; None elsewhere.
    write_answer
        Writes the reply that the messages ask for, where that is in none of our formats.
    without_demos
        The messages without demos; empty where these are the first and the last one.
    demo_turn
        The inputs as a demo shows them; None where that is the last message.
    """

    messages: Sequence[Message]
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may hold a key
    schema: Mapping[str, Any] | None = None
    labels: Sequence[str] = ()
    prompt_format: str = "lines"
    rollout: int = 0
    signature: SignatureMeta | None = None
    predictor: str | None = None
    write_answer: Callable[[SignatureMeta, Mapping[str, Any]], str] | None = None
    without_demos: Sequence[Message] = ()
    demo_turn: Message | None = None


@dataclass(frozen=True)
class WrittenCall:
    """How a request is sent by other clients, without anything that may be a key.

    Attributes
    ----------
    model
        Name as the server knows it.
    parameters
        What is sent beside model and messages.
    extra
        Of that, what openai's client does not know by name.
    provider
        Name of the service, None for a server of one's own.
    base_url
        Where the server is; None for OpenAI's own.
    key_variable
        Environment variable that holds the key; None for the usual one.
    needs_key
        Whether there is a key to the server.
    left_out
        Names of parameters that are sent and not written, as they may hold a key.
    """

    model: str
    parameters: Mapping[str, Any]
    extra: Mapping[str, Any]
    provider: str | None
    base_url: str | None
    key_variable: str | None
    needs_key: bool
    left_out: Sequence[str]


@dataclass(frozen=True)
class Completion:
    """An LM's answer.

    Attributes
    ----------
    text
        The reply.
    truncated
        Whether ``max_tokens`` cut it off.
    thoughts
        What the model thought before it answered; no part of the reply.
    problem
        Why the reply cannot be read, a sentence: a refusal, say. Empty if it can.
    """

    text: str
    truncated: bool = False
    thoughts: str = ""
    problem: str = ""


@runtime_checkable
class LanguageModel(Protocol):
    """Anything that answers an `LMRequest`.

    An attribute ``keeps_to_labels = True`` says that replies are kept to a request's `labels`.
    An attribute ``prompt_format`` names the format in which outputs are asked for, or is "auto";
    None, or no such attribute, leaves that to what is configured.
    A method ``written_call(request)`` gives the `WrittenCall` that exported code makes,
    or None.
    """

    name: str
    structured_outputs: bool

    async def acomplete(self, request: LMRequest) -> Completion:
        """Return the answer to `request`; may be awaited on any event loop."""
        ...


def check_lm(name: str, given: Any) -> LanguageModel | None:
    """Return `given`, which the user gave as `name`, if it is an LM or None.

    Raises
    ------
    InvalidArgumentError
        If it is anything else.
    """
    if given is None or isinstance(given, LanguageModel):
        return given
    raise InvalidArgumentError(
        name,
        given if isinstance(given, str) else type(given),
        "give an LM, such as mipro_nb.LM('openai/gpt-4o-mini') or mipro_nb.LM.local().",
    )
