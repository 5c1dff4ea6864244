"""Executions: a function at work on one row, and the texts that are in force for it.

Which execution code belongs to is a context variable, so that several rows may be worked on at
once, each with the texts of its own configuration. Frameworks run their steps in copies of a
context; all of these hold the same execution.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from mipro_nb.errors import MiproError
from mipro_nb.functions.turns import Wording, turns_of
from mipro_nb.language.execution.scored_row import demos_beside
from mipro_nb.language.lms.lm_protocol import Message
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.signature import SignatureMeta
from mipro_nb.models.calls import Call
from mipro_nb.models.prices import Price

_PLACE = re.compile(r"[A-Za-z_]\w*")


class Held(Protocol):
    """What a program holds of a prompt: see `mipro_nb.functions.prompts.predictors`."""

    name: str
    demos: list[Example]

    @property
    def signature(self) -> SignatureMeta:
        """Return fields and text."""
        ...


@dataclass
class Observed:
    """What a rehearsal saw of a function; the copies of a program share it.

    Attributes
    ----------
    read, shown
        Names of the prompts whose text, and whose demos, were read.
    not_held
        Names of those that were read and are not among the program's.
    called
        Names of those whose text was found in a call.
    calls
        The first call to each model.
    places
        Hosts that it asks for something else.
    wordings
        How a question to each prompt is worded; None where that was not found out.
    """

    read: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    not_held: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    calls: dict[str, Call] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)
    wordings: dict[str, Wording | None] = field(default_factory=dict)


@dataclass
class FunctionExecution:
    """A function at work on one row.

    Attributes
    ----------
    held
        What is in force of each prompt.
    inputs
        The row's inputs.
    observed
        What was seen of the function so far.
    price
        Prices of all models that it asks; None for the listed ones.
    failure
        Why the latest LM call failed; None if it did not.
    """

    held: Mapping[Any, Held]
    inputs: Mapping[str, Any]
    observed: Observed
    price: Price | None = None
    failure: MiproError | None = None
    _latest: dict[str, int] = field(default_factory=dict)

    def text_of(self, prompt: object, name: str) -> str | None:
        """Return the text of a prompt that is in force, None if it is none of the program's."""
        held = self.held.get(prompt)
        if held is None:
            self.observed.not_held.add(name)
            return None
        self._note_reading(held.name)
        return str(held.signature.instructions)

    def turns_of(self, prompt: object) -> list[Message] | None:
        """Return the demos of a prompt, as turns, without those made of the row."""
        held = self.held.get(prompt)
        if held is None:
            return None
        self.observed.shown.add(held.name)
        wording = self.observed.wordings.get(held.name)
        demos = demos_beside(held.demos, self.inputs)
        return [turn for demo in demos for turn in turns_of(demo, held.signature, wording)]

    def _note_reading(self, name: str) -> None:
        self.observed.read.add(name)
        self._latest[name] = 1 + max(self._latest.values(), default=0)

    def asking(self, texts: Sequence[str]) -> Held | None:
        """Return the prompt whose text is in `texts`, which are sent; None if none is.

        Where there are several it is the longest, and of equal ones the one that was read last.
        Who read last does not tell by itself: steps may be prepared long before they are made.
        """
        said = _plain("\n".join(texts))
        found = [
            held
            for held in self.held.values()
            if held.name in self._latest and _is_in(str(held.signature.instructions), said)
        ]
        return max(
            found,
            key=lambda held: (len(held.signature.instructions), self._latest[held.name]),
            default=None,
        )


def _plain(text: str) -> str:
    return " ".join(text.split())


def _is_in(text: str, said: str) -> bool:
    """Tell whether `text` is in what is said: as it is, or written by JSON, Python or for HTML."""
    return any(_is_in_as_written(each, said) for each in dict.fromkeys(_forms(text)))


def _forms(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield html.escape(text)
    yield html.escape(text, quote=False)


def _is_in_as_written(text: str, said: str) -> bool:
    """Tell whether `text` is in what is said, with values in its ``{places}`` or without."""
    if (whole := _plain(text)) in said:
        return True
    at = 0
    pieces = [piece for piece in map(_plain, _between_places(text)) if piece]
    for piece in pieces:
        at = said.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return bool(pieces) and pieces != [whole]


def has_places(text: str) -> bool:
    """Tell whether a text has ``{places}`` that are filled in before it is sent."""
    return any(_PLACE.fullmatch(name) for name in re.findall(r"\{([^{}]*)\}", text))


def _between_places(text: str) -> list[str]:
    pieces, depth, piece = [], 0, ""
    for letter in text:
        if letter == "{":
            if depth == 0:
                pieces.append(piece)
                piece = ""
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
        elif depth == 0:
            piece += letter
    return [*pieces, piece]


_current: ContextVar[FunctionExecution | None] = ContextVar(
    "mipro_function_execution", default=None
)


def execution_here() -> FunctionExecution | None:
    """Return the execution that the caller belongs to, None if it belongs to none."""
    return _current.get()


@contextmanager
def executing(execution: FunctionExecution) -> Iterator[None]:
    """Have the block, and all that it calls, belong to `execution`."""
    token = _current.set(execution)
    try:
        yield
    finally:
        _current.reset(token)
