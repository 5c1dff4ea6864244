"""Turns: demos as the chat messages that a function shows to its LM.

A demo that was made of a call has the very turns of that call. One that is a row of the data is
worded as the function words its question, which the rehearsal has seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.lms.lm_protocol import Message
from mipro_nb.language.rows.example import Example
from mipro_nb.language.saved_programs.saving import jsonable
from mipro_nb.language.signatures.signature import SignatureMeta

TURNS = "turns"
"""Where a demo has the turns of the call that it was made of."""


@dataclass(frozen=True)
class Wording:
    """How a question is worded: texts, and names of inputs in between.

    Attributes
    ----------
    parts
        A text and the name of the input behind it, "" where none follows.
    as_json
        Whether the reply is asked for as JSON.
    """

    parts: Sequence[tuple[str, str]]
    as_json: bool

    def question(self, inputs: Mapping[str, Any]) -> str:
        """Return the question of a row."""
        return "".join(text + (_text_of(inputs[name]) if name else "") for text, name in self.parts)


def wording_of(question: str, inputs: Mapping[str, Any], *, as_json: bool) -> Wording | None:
    """Return how a question with these inputs is worded, None if they are not found in it."""
    names = {_text_of(value): name for name, value in inputs.items()}
    values = sorted((value for value in names if value.strip()), key=len, reverse=True)
    if not values or len(names) < len(inputs):
        return None
    pieces = re.split(f"({'|'.join(map(re.escape, values))})", question)
    if len(pieces) == 1:
        return None
    named = [names[value] for value in pieces[1::2]]
    return Wording(tuple(zip(pieces[::2], [*named, ""], strict=True)), as_json)


def turns_of(demo: Example, signature: SignatureMeta, wording: Wording | None) -> list[Message]:
    """Return a demo as the turns of user and assistant."""
    if TURNS in demo and TURNS not in signature.input_fields:
        return [{"role": turn["role"], "content": turn["content"]} for turn in demo[TURNS]]
    inputs = {name: demo[name] for name in signature.input_fields if name in demo}
    outputs = {name: demo[name] for name in signature.output_fields if name in demo}
    whole = len(inputs) == len(signature.input_fields)
    question = wording.question(inputs) if wording is not None and whole else _listed(inputs)
    reply = reply_of(outputs, as_json=wording is not None and wording.as_json)
    return [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]


def reply_of(outputs: Mapping[str, Any], *, as_json: bool) -> str:
    """Return the reply that has these outputs: one alone as its text, several as JSON."""
    if len(outputs) == 1 and not as_json:
        return _text_of(next(iter(outputs.values())))
    return json.dumps({name: jsonable(v, name) for name, v in outputs.items()}, ensure_ascii=False)


def demos_of(messages: Any) -> list[Example]:
    """Return the demos that turns of user and assistant make: each ends with an assistant's.

    Raises
    ------
    InvalidArgumentError
        If they are not such turns.
    """
    demos: list[Example] = []
    turns: list[Message] = []
    given = messages if isinstance(messages, Sequence) and not isinstance(messages, str) else None
    for message in [None] if given is None else given:
        role = message.get("role") if isinstance(message, Mapping) else None
        content = message.get("content") if isinstance(message, Mapping) else None
        if role not in ("user", "assistant") or not isinstance(content, str):
            raise InvalidArgumentError(
                "messages",
                messages,
                'give turns: [{"role": "user", "content": …}, {"role": "assistant", …}, …].',
            )
        turns.append({"role": role, "content": content})
        if role == "assistant":
            demos.append(Example({TURNS: turns}))
            turns = []
    if turns:
        raise InvalidArgumentError("messages", messages, "end with an assistant's turn.")
    return demos


def _listed(inputs: Mapping[str, Any]) -> str:
    if len(inputs) == 1:
        return _text_of(next(iter(inputs.values())))
    return "\n".join(f"{name}: {_text_of(value)}" for name, value in inputs.items())


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
