"""What a prompt is made of: text, placeholders, and the part that is optimized."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Placeholder:
    """Where the value of an input stands."""

    name: str


@dataclass(frozen=True)
class OptimizedPart:
    """Where the instruction stands, and the text that its user wrote there."""

    text: str


Piece = str | Placeholder | OptimizedPart
Pieces = tuple[Piece, ...]


@dataclass(frozen=True)
class Turn:
    """One message of a prompt.

    Attributes
    ----------
    role
        "system", "developer", "user" or "assistant".
    pieces
        What it is made of.
    name
        Who speaks, where the prompt says so; empty otherwise.
    """

    role: str
    pieces: Pieces
    name: str = ""

    def message(self, values: Mapping[str, Any], instruction: str) -> dict[str, str]:
        """Return the message with these values, and this instruction in the optimized part."""
        named = {"name": self.name} if self.name else {}
        return {"role": self.role, **named, "content": filled(self.pieces, values, instruction)}

    @property
    def placeholders(self) -> list[str]:
        """The names of its placeholders, in their order."""
        return placeholders_of(self.pieces)


def filled(pieces: Iterable[Piece], values: Mapping[str, Any], instruction: str) -> str:
    """Return the text of `pieces`; a value that is not one stands as Python's ``str`` writes it."""
    written = []
    for piece in pieces:
        if isinstance(piece, Placeholder):
            written.append(str(values[piece.name]))
        else:
            written.append(piece if isinstance(piece, str) else instruction)
    return "".join(written)


def placeholders_of(pieces: Iterable[Piece]) -> list[str]:
    """Return the names of the placeholders, in their order, each once."""
    return list(dict.fromkeys(each.name for each in pieces if isinstance(each, Placeholder)))


def joined(pieces: Iterable[Piece]) -> Pieces:
    """Return `pieces` with texts that follow each other as one, and without empty ones."""
    made: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and made and isinstance(made[-1], str):
            made[-1] += piece
        elif piece != "":
            made.append(piece)
    return tuple(made)


def without_optimized_part(pieces: Sequence[Piece]) -> Pieces:
    """Return `pieces` without the optimized part, and without white space around what is left."""
    if not any(isinstance(piece, OptimizedPart) for piece in pieces):
        return tuple(pieces)
    left = list(joined(piece for piece in pieces if not isinstance(piece, OptimizedPart)))
    if left and isinstance(left[0], str):
        left[0] = left[0].lstrip()
    if left and isinstance(left[-1], str):
        left[-1] = left[-1].rstrip()
    return joined(left)
