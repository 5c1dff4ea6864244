"""Dialects: which parameters a model's server takes, learnt from what it refuses.

What is learnt holds for the model, whatever LM asks it, as long as this process lives. A refused
parameter is left out, or goes by its other name; a reply limit that is too large is lowered. A
limit that a cap rests on is never left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mipro_nb.errors import CallRefusedError
from mipro_nb.language.lms.lm_protocol import Message
from mipro_nb.models.calls import Call, Note
from mipro_nb.models.services.clients.refusals import Refusal
from mipro_nb.models.services.worst_case import LIMITS
from mipro_nb.models.tokens import count_message_tokens

# Without these a call asks for the same, if less exactly; of anything else the user has to know
# before it is left out. The first ones go first where a server names several.
_DISPENSABLE = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "seed",
    "response_format",
    "stream_options",
)
_MEANT = {
    "response_format": re.compile(
        r"response[_ ](?:format|schema)|json[_ ]?schema|structured[_ ]outputs?", re.IGNORECASE
    )
}
_UNKNOWN = re.compile(
    r"unsupported[_ ]param|not support|n[o']t supported|unsupported|unknown|unrecogni[sz]ed"
    r"|unexpected|extra[_ ](?:forbidden|inputs|fields)|not (?:permitted|allowed)|unavailable"
    r"|deprecated|use '?max_|no such|does not exist|cannot be|can't be|cannot both|incompatible",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"unsupported[_ ]value|only the default|positive|must be|should be|between|range|greater"
    r"|less than|at least|at most|not one of|invalid value",
    re.IGNORECASE,
)
_OF_ONE_SCHEMA = re.compile(r"invalid[_ ](?:json[_ ])?schema", re.IGNORECASE)
_MOST = re.compile(
    r"(?:at most|maximum(?: (?:value|allowed|of|is|output tokens))*|less than or equal to|<=|up to"
    r"|limit(?: is| of)?)\W{1,4}([\d,]+)",
    re.IGNORECASE,
)
_SYSTEM_ROLE = re.compile(
    r"\bsystem\b.{0,20}\b(?:role|message|prompt)|\brole\b.{0,40}\bsystem\b|roles must alternate",
    re.IGNORECASE,
)
_STREAM = re.compile(r"\bstream(?:ing)?\b", re.IGNORECASE)
_STREAM_ONLY = re.compile(
    r"only|must|requir|enable|need|set to true|non-?stream|mandatory", re.IGNORECASE
)
_ANY = "*"
# Room for what a chat template adds, and for the error of our own count.
_SPARE_TOKENS = 32
_COUNTING = 1.25
# No reply is worth asking for that may not be longer.
_SHORTEST_REPLY = 16
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Spoken:
    """A call as a server takes it.

    Attributes
    ----------
    call
        The call, with the parameters that are sent.
    stream
        Whether its answer is asked for as a stream.
    notes
        In what it differs from the call that was asked for.
    """

    call: Call
    stream: bool
    notes: tuple[Note, ...] = ()


@dataclass
class Dialect:
    """What is known of one model at one server; used on the core loop only.

    Parameters
    ----------
    where
        The model and its server, in words.
    """

    where: str
    # Parameter → the values that are refused, as JSON; or any.
    _refused: dict[str, set[str]] = field(default_factory=dict)
    _streams: bool | None = None
    _takes_system: bool = True
    _most_reply: int | None = None
    _context: int | None = None
    # Tokens of prompts that were refused together with the reply's limit, as the server counts.
    _prompts: dict[bytes, int] = field(default_factory=dict)

    def spoken(self, call: Call, *, stream: bool = False) -> Spoken:
        """Return `call` as the server takes it, as far as that is known.

        Raises
        ------
        CallRefusedError
            If a cap rests on a limit of the reply, and the server takes none by any name.
        """
        if self._streams is not None:
            stream = self._streams
        parameters = dict(call.parameters)
        if stream:
            parameters.setdefault("stream_options", {"include_usage": True})
        notes: list[Note] = []
        if self._streams is not None:
            notes.append(self._note_on_streaming())
        refused = [name for name, value in parameters.items() if self._is_refused(name, value)]
        notes += [self._give_up(name, parameters) for name in refused]
        if call.capped and not any(limit in _flat(parameters) for limit in LIMITS):
            raise CallRefusedError(_no_limit(self.where))
        notes += self._lower(call, parameters)
        messages = call.messages
        if not self._takes_system and _opens_with_system(messages):
            messages = _merged(messages)
            text = f"{self.where} takes no system message: it is put before the first question."
            notes.append(Note("parameters", text))
        taken = replace(call, parameters=parameters, messages=messages)
        return Spoken(taken, stream, tuple(notes))

    def _is_refused(self, name: str, value: object) -> bool:
        return bool(self._refused.get(name, set()) & {_ANY, _as_json(value)})

    def _give_up(self, name: str, parameters: dict[str, Any]) -> Note:
        """Leave a parameter out, or send it by its other name."""
        value = parameters.pop(name)
        if name in LIMITS:
            other = LIMITS[1 - LIMITS.index(name)]
            if other in parameters or not self._is_refused(other, value):
                parameters.setdefault(other, value)
                return Note("parameters", f"{self.where} takes {name} by the name of {other}.")
        if name == "stream_options":
            text = f"{self.where} does not count the tokens of a stream: they are about right."
            return Note("tokens", text)
        if name == "response_format":
            text = (
                f"{self.where} refuses response_format: replies are asked for as JSON in words "
                "alone. structured_outputs=False asks for them as lines."
            )
            return Note("parameters", text)
        at = "" if _ANY in self._refused[name] else f"={_as_json(value)}"
        text = (
            f"{self.where} refuses {name}{at}: it is left out of all calls, and what the server "
            "has instead holds."
        )
        return Note("parameters", text)

    def _lower(self, call: Call, parameters: dict[str, Any]) -> list[Note]:
        """Lower the reply's limit to what the server bears at all, and with this prompt."""
        notes = []
        for name in LIMITS:
            limit = parameters.get(name)
            if not isinstance(limit, int):
                continue
            if self._most_reply is not None and self._most_reply < limit:
                limit = self._most_reply
                text = f"{self.where} bears at most {name}={limit:,}: replies are limited to that."
                notes.append(Note("parameters", text))
            room = self._room_for_reply(call)
            if room is not None and _SHORTEST_REPLY <= room < limit:
                limit = room
                text = (
                    f"{self.where} has a context of {self._context:,} tokens for prompt and reply "
                    f"together: {name} is lowered for prompts that leave less room."
                )
                notes.append(Note("context", text))
            parameters[name] = limit
        return notes

    def _room_for_reply(self, call: Call) -> int | None:
        if self._context is None:
            return None
        prompt = self._prompts.get(call.digest)
        if prompt is None:
            prompt = math.ceil(_COUNTING * count_message_tokens(call.messages)) + _SPARE_TOKENS
        return self._context - prompt

    def _note_on_streaming(self) -> Note:
        text = (
            f"{self.where} answers only as a stream, and is asked for one. LM(…, stream=True) "
            "does so from the start."
            if self._streams
            else f"{self.where} does not stream: its answers are asked for whole."
        )
        return Note("streaming", text)

    def learns(self, said: str, parameter: str | None, call: Call, spoken: Spoken) -> bool:
        """Learn from what a server said to `spoken`; tell whether `call` is now sent otherwise.

        Parameters
        ----------
        said
            The server's words.
        parameter
            The parameter that it names apart from them, if it names one.
        call
            The call as it was asked for.
        spoken
            As it was sent.
        """
        if self._learn_streaming(said, parameter, spoken):
            return True
        if _SYSTEM_ROLE.search(said) and _opens_with_system(spoken.call.messages):
            self._takes_system = False
            return True
        name = _blamed(said, parameter, spoken.call.parameters)
        if name is None:
            return False
        value = spoken.call.parameters[name]
        unknown, most = _UNKNOWN.search(said), _MOST.search(said)
        if name in LIMITS and most and not re.search(r"\buse\b", said, re.IGNORECASE):
            number = int(most[1].replace(",", "") or 0)
            if isinstance(value, int) and 0 < number < value:
                self._most_reply = min(number, self._most_reply or number)
        elif name in LIMITS:
            if unknown:
                self._refused.setdefault(name, set()).add(_ANY)
        elif (_OF_ONE_SCHEMA if name in _MEANT else _VALUE).search(said):
            self._refused.setdefault(name, set()).add(_as_json(value))
        elif unknown or parameter is not None or name in _MEANT:
            self._refused.setdefault(name, set()).add(_ANY)
        return self._changed(call, spoken)

    def _learn_streaming(self, said: str, parameter: str | None, spoken: Spoken) -> bool:
        if not (parameter == "stream" or (parameter is None and _STREAM.search(said))):
            return False
        if spoken.stream:
            if re.search("stream_options|include_usage", said) or not _UNKNOWN.search(said):
                return False
            self._streams = False
        elif _STREAM_ONLY.search(said):
            self._streams = True
        return self._streams is not None and self._streams != spoken.stream

    def learns_context(self, refusal: Refusal, call: Call, spoken: Spoken) -> bool:
        """Learn how long prompt and reply may be; tell whether `call` fits with a shorter reply."""
        if refusal.context_tokens is None:
            return False
        self._context = min(refusal.context_tokens, self._context or refusal.context_tokens)
        if refusal.prompt_tokens is not None and len(self._prompts) < _MOST_REMEMBERED:
            self._prompts[call.digest] = refusal.prompt_tokens
        return self._changed(call, spoken)

    def _changed(self, call: Call, spoken: Spoken) -> bool:
        return self.spoken(call, stream=spoken.stream).call.parameters != spoken.call.parameters


_dialects: dict[tuple[str, str], Dialect] = {}


def dialect_of(server: str, model: str, where: str) -> Dialect:
    """Return what is known of a model at a server; `where` names both in words."""
    return _dialects.setdefault((server, model), Dialect(where))


def _blamed(said: str, parameter: str | None, sent: Mapping[str, Any]) -> str | None:
    """Return the parameter, of those that were sent and can be done without, that is refused."""
    candidates = [name for name in (*LIMITS, *_DISPENSABLE) if name in sent]
    if parameter:
        named = re.split(r"[.\[]", parameter)[0]
        if named in candidates:
            return named
        if named in sent:
            return None
    for name in candidates:
        pattern = _MEANT.get(name) or re.compile(rf"(?<!\w){name}(?!\w)")
        if pattern.search(said):
            return name
    return None


def _opens_with_system(messages: Sequence[Message]) -> bool:
    return [message["role"] for message in messages[:2]] == ["system", "user"]


def _merged(messages: Sequence[Message]) -> list[Message]:
    """Return messages without the system's, which is put before the first question."""
    system, first, *rest = messages
    return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]


def _flat(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = parameters.get("extra_body")
    return {**parameters, **extra} if isinstance(extra, Mapping) else parameters


def _as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _no_limit(where: str) -> str:
    return (
        f"{where} refuses max_tokens and max_completion_tokens alike, so no reply has a limit and "
        "max_usd or max_tokens cannot be kept: cap the run by max_calls or max_seconds instead."
    )
