"""Which part of a prompt is optimized: the one that is marked, or the one that surely is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.language.templates.pieces import (
    OptimizedPart,
    Piece,
    Placeholder,
    Turn,
    joined,
    placeholders_of,
)

_OPENING = r"\{\{\s*#\s*optimize\s*\}\}"
_CLOSING = r"\{\{\s*/\s*optimize\s*\}\}"
MARKS = re.compile(f"{_OPENING}|{_CLOSING}")
_ALMOST = re.compile(r"\{\{\s*[#/^]\s*opt\w*[^{}]*\}\}", re.IGNORECASE)
_OPEN = re.compile(_OPENING)
# A mark that has a line for itself takes the line with it, as in Mustache.
_ALONE = re.compile(rf"^[ \t]*({_OPENING}|{_CLOSING})[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_HOW = "put {{# optimize}} before it and {{/ optimize}} after it"
_INSTRUCTING = ("system", "developer")
# Lines that say what a value is: headings, tags, labels, rules and quotes.
_LABEL = re.compile(r"\s*(?:#.*|.*:|<[^<>]*>|\W*)\s*")
_SENTENCE_ENDS = (".", ":", "!", "?")
_SENTENCE_END = re.compile(r"[.!?](?=\s|\Z)")
_FEWEST_WORDS = 2
# "Customer says:" is a label, "Summarize:" and "Translate the text:" say what to do.
_MOST_WORDS_OF_A_LABEL = 2
_NAMES_OF_VALUES = frozenset(
    {"answer", "article", "comment", "content", "context", "conversation", "customer", "data"}
    | {"document", "email", "example", "history", "human", "input", "item", "message", "output"}
    | {"passage", "q", "query", "question", "reply", "response", "result", "review", "sentence"}
    | {"task", "text", "ticket", "title", "user"}
)


def parts_of(text: str) -> list[str]:
    """Return `text` cut where its marks are: one part, or those before, in and after the marks.

    Raises
    ------
    InvalidArgumentError
        If the marks are not one pair, or misspelled.
    """
    text = _ALONE.sub(r"\1", text)
    if almost := _ALMOST.search(MARKS.sub("", text)):
        raise InvalidArgumentError(
            "optimize", almost[0], "write the marks as {{# optimize}} and {{/ optimize}}."
        )
    marks = MARKS.findall(text)
    if not marks:
        return [text]
    is_pair = len(marks) == 2 and _OPEN.match(marks[0]) and not _OPEN.match(marks[1])  # noqa: PLR2004
    if not is_pair:
        raise InvalidArgumentError(
            "optimize",
            " ".join(marks),
            "mark one part, with one {{# optimize}} before it and one {{/ optimize}} after it.",
        )
    return MARKS.split(text)


def marked(before: Sequence[Piece], inside: Sequence[Piece], after: Sequence[Piece]) -> list[Piece]:
    """Return these pieces with those `inside` as the optimized part.

    Raises
    ------
    InvalidArgumentError
        If there is a placeholder in it, or no text.
    """
    if held := [piece.name for piece in inside if isinstance(piece, Placeholder)]:
        raise InvalidArgumentError(
            "optimize",
            f"{{{held[0]}}}",
            f"the part that is optimized may hold no placeholder, as a new text would lack it: "
            f"{_HOW} around text alone.",
        )
    text = "".join(piece for piece in inside if isinstance(piece, str))
    if not text.strip():
        raise InvalidArgumentError(
            "optimize", text, "the marked part is empty: write a first instruction there."
        )
    return [*before, *_in_its_white_space(text), *after]


def chosen(turns: Sequence[Turn], role: str | None) -> tuple[list[Turn], str]:
    """Return `turns` with one optimized part, and a note where nobody has said which it is.

    Raises
    ------
    InvalidArgumentError
        If two are said, if the message of that `role` cannot be it, or if there is none to take.
    """
    said = [turn for turn in turns if any(isinstance(each, OptimizedPart) for each in turn.pieces)]
    if len(said) > 1:
        raise InvalidArgumentError("optimize", None, "two messages have marks: mark one part.")
    if said and role is not None:
        raise InvalidArgumentError(
            "optimize", role, "a part is marked in the messages: leave this out, or the marks."
        )
    if said:
        return list(turns), ""
    if role is not None:
        return _of_role(turns, role), ""
    return _guessed(turns)


def _of_role(turns: Sequence[Turn], role: str) -> list[Turn]:
    places = [place for place, turn in enumerate(turns) if turn.role == role]
    if len(places) != 1:
        raise InvalidArgumentError(
            "optimize",
            role,
            f"there are {len(places)} messages of that role, and one is needed: {_HOW}.",
        )
    (place,) = places
    pieces = marked([], turns[place].pieces, [])
    return _with(turns, place, pieces)


def _guessed(turns: Sequence[Turn]) -> tuple[list[Turn], str]:
    instructing = [n for n, turn in enumerate(turns) if turn.role in _INSTRUCTING and not turn.name]
    asking = [n for n, turn in enumerate(turns) if turn.role == "user" and turn.placeholders][-1:]
    for place in [*instructing, *asking]:
        pieces = _with_longest_text(turns[place].pieces)
        if not pieces and place in instructing:
            pieces = _with_longest_sentences(turns[place].pieces)
        if pieces:
            (part,) = [each for each in pieces if isinstance(each, OptimizedPart)]
            note = (
                f"No part of the prompt is marked. What is optimized is {shown(part.text, 120)!r} "
                f"in its {turns[place].role} message, and all else stays word for word. To have "
                f"another part optimized, {_HOW}."
            )
            return _with(turns, place, pieces), note
    raise InvalidArgumentError(
        "optimize",
        None,
        "which part of the prompt is to be optimized cannot be told: each of its lines has a "
        f"placeholder, or is a label such as 'Question:'. Mark the part: {_HOW}. Or write the "
        "instruction on a line of its own, such as 'Translate the text to French.' above '{text}', "
        "or as a system message.",
    )


def _with(turns: Sequence[Turn], place: int, pieces: Sequence[Piece]) -> list[Turn]:
    made = replace(turns[place], pieces=joined(pieces))
    return [*turns[:place], made, *turns[place + 1 :]]


def _with_longest_text(pieces: Sequence[Piece]) -> list[Piece]:
    """Return `pieces` with their longest text of whole lines as the optimized part, or nothing."""
    found = [
        (place, *_whole_lines(pieces, place, piece))
        for place, piece in enumerate(pieces)
        if isinstance(piece, str)
    ]
    found = [each for each in found if each[2].strip()]
    if not found:
        first = pieces[0] if pieces else ""
        if not isinstance(first, str) or not _is_said(first, pieces):
            return []
        found = [(0, "", first, "")]
    return _with_longest(pieces, found)


def _with_longest_sentences(pieces: Sequence[Piece]) -> list[Piece]:
    """Return `pieces` with their longest whole sentences as the optimized part, or nothing."""
    found = []
    for place, piece in enumerate(pieces):
        if not isinstance(piece, str):
            continue
        ends = [each.end() for each in _SENTENCE_END.finditer(piece)]
        start = (ends[0] if ends else len(piece)) if place > 0 else 0
        end = (ends[-1] if ends else 0) if place + 1 < len(pieces) else len(piece)
        if start < end and len(piece[start:end].split()) >= _FEWEST_WORDS:
            found.append((place, piece[:start], piece[start:end], piece[end:]))
    return _with_longest(pieces, found) if found else []


def _with_longest(
    pieces: Sequence[Piece], found: Sequence[tuple[int, str, str, str]]
) -> list[Piece]:
    """Return `pieces` with the longest of the texts `found`: its place, and what is around it."""
    place, start, text, end = max(found, key=lambda each: len(each[2].strip()))
    return [*pieces[:place], start, *_in_its_white_space(text), end, *pieces[place + 1 :]]


def _is_said(text: str, pieces: Sequence[Piece]) -> bool:
    """Tell whether a text before a placeholder says what to do, and is no label of a value."""
    text = text.strip()
    words, named = _words(text), set(_words(" ".join(placeholders_of(pieces))))
    is_label = (
        text.endswith(":")
        and len(words) <= _MOST_WORDS_OF_A_LABEL
        and not (named | _NAMES_OF_VALUES).isdisjoint(words)
    )
    return text.endswith(_SENTENCE_ENDS) and not is_label


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _whole_lines(pieces: Sequence[Piece], place: int, text: str) -> tuple[str, str, str]:
    """Return a `text` in three: what belongs to a placeholder before it, to none, to one after."""
    after, before = place > 0, place + 1 < len(pieces)
    lines = text.splitlines(keepends=True)
    first = 1 if after else 0
    last = len(lines)
    if before and lines and not lines[-1].endswith("\n"):
        last -= 1
    inner = range(first, last)
    start, end = first, max(first, last)
    while after and start < end and _LABEL.fullmatch(lines[start]):
        start += 1
    while before and end > start and _LABEL.fullmatch(lines[end - 1]):
        end -= 1
    labels = "".join(lines[inner.start : inner.stop])
    if start == end and not after and _is_said(labels, pieces):  # "Translate to French:"
        start, end = inner.start, inner.stop
    return "".join(lines[:start]), "".join(lines[start:end]), "".join(lines[end:])


def _in_its_white_space(text: str) -> tuple[Piece, ...]:
    inner = text.strip()
    start = text.index(inner)
    return text[:start], OptimizedPart(inner), text[start + len(inner) :]
