"""Where a field begins in a reply: its name at the start of a line, as models mark it.

They write ``answer: 42``, but also ``**Final Answer:** 42``, ``- answer: 42``, or a heading with
the value below it. Only outputs have marks: a line that begins with an input's name belongs to the
value that it stands in, as the line ``Subject: …`` does in an e-mail.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_BULLET = r"[ \t]*(?:>[ \t]*)*(?:[-*+•–][ \t]+|\(?\d{1,2}[.)][ \t]+|\(?[a-z]\)[ \t]+)?"
_AROUND = r"[ \t*_`'\"\u201c\u201d#\[\]【】<>]*"
_LABEL = r"[^\W_][^:\uff1a=\n*`\"#\[\]<>]{0,60}?"
_MARK = re.compile(
    rf"{_BULLET}(?P<opening>{_AROUND})(?P<label>{_LABEL})(?P<closing>{_AROUND}[:\uff1a][ \t*_`]*)"
)
# What ends what may open a line, where that stands around the mark and the value.
_CLOSING = str.maketrans("[\u3010<\u201c", "]\u3011>\u201d", " \t#")
# Without a colon: a Markdown heading, bold type alone on its line, DSPy's [[ ## name ## ]].
_HEADING = re.compile(
    rf"[ \t]*(?:#+[ \t]*[*_`]*(?P<head>{_LABEL})[*_`]*[ \t]*#*"
    rf"|(?:\*\*|__)[ \t]*(?P<bold>{_LABEL})[ \t]*(?:\*\*|__)"
    rf"|\[\[[ \t]*##[ \t]*(?P<dspy>{_LABEL})[ \t]*##[ \t]*\]\])[ \t]*"
)
_ARTICLES = re.compile(r"^(?:the|my|your|our|final|correct)+")
_FENCE = re.compile(r"[ \t]*```")


@dataclass(frozen=True)
class Mark:
    """One mark: the output whose value begins there.

    Attributes
    ----------
    name
        The output.
    line
        Number of the line it stands in.
    end
        Where in that line the value begins.
    closing
        What closes the bold type, the quotes or the brackets that stand around the mark and its
        value, as in ``**answer: 42**``; empty if there are none.
    """

    name: str
    line: int
    end: int
    closing: str = ""


def marks_in(lines: Sequence[str], names: Iterable[str]) -> list[Mark]:
    """Return the first mark of each of `names`, in the order in which they stand in `lines`.

    Exact names count if all are there; otherwise whatever looks like a mark does. Inside a code
    block within a value there are none.
    """
    wanted = tuple(names)
    exact = _first_of_each(_marks(lines, wanted, exactly=True))
    if len(exact) == len(wanted):
        return exact
    return _first_of_each(_marks(lines, wanted, exactly=False))


def is_mark(line: str, names: tuple[str, ...]) -> bool:
    """Tell whether `line` might be read as beginning the value of one of `names`."""
    return _marked(line, names, exactly=False) is not None


def label_of(line: str) -> str | None:
    """Return what `line` is marked with, folded, None if it has no mark."""
    found = _MARK.match(line)
    return folded(found["label"]) if found else None


def label_end(line: str, name: str) -> int:
    """Return where in `line` the value begins if it is marked with `name`, 0 if it is not."""
    found = _marked(line, (name,), exactly=False)
    return 0 if found is None else found[1]


@dataclass(frozen=True)
class Place:
    """Where a mark, or a tag, stands in a text.

    Attributes
    ----------
    name
        The output.
    start, end
        Where its line begins, and where its value does.
    """

    name: str
    start: int
    end: int


def marks_of_text(text: str, names: tuple[str, ...]) -> list[Place]:
    """Return the marks in `text` that begin a value of one of `names`, and the tags that do."""
    if not names:
        return []
    known = _by_folding(names)
    places = [
        Place(known[folded(found[1])], found.start(), found.end())
        for found in _tag(names).finditer(text)
    ]
    start = 0
    for line in text.split("\n"):
        if (marked := _marked(line, names, exactly=False)) is not None:
            places.append(Place(marked[0], start, start + marked[1]))
        start += len(line) + 1
    return sorted(places, key=lambda place: place.start)


def repeats_of(lines: Sequence[str], name: str, names: Iterable[str], after: int) -> list[int]:
    """Return the numbers of the lines beyond `after` that begin with ``name:``, exactly so."""
    marks = _marks(lines, tuple(names), exactly=True)
    begun = f"{name}:"
    return [m.line for m in marks if m.line > after and lines[m.line].startswith(begun)]


@lru_cache(maxsize=1024)
def folded(name: str) -> str:
    """Return a field's name without case, spaces and underscores, as marks are compared."""
    if name.isascii() and name.isalnum():
        return name.lower()
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in plain if c.isalnum())


def _first_of_each(marks: Iterable[Mark]) -> list[Mark]:
    first: dict[str, Mark] = {}
    for mark in marks:
        first.setdefault(mark.name, mark)
    return list(first.values())


def _marks(lines: Sequence[str], names: tuple[str, ...], *, exactly: bool) -> Iterator[Mark]:
    inside = _inside_of_fences(lines, names, exactly=exactly)
    for number, line in enumerate(lines):
        if number in inside:
            continue
        marked = _marked(line, names, exactly=exactly)
        if marked is not None:
            name, end, closing = marked
            yield Mark(name, number, end, closing)


def _inside_of_fences(lines: Sequence[str], names: tuple[str, ...], *, exactly: bool) -> set[int]:
    """Return the numbers of the lines in code blocks that begin after the first mark."""
    inside: set[int] = set()
    begun: int | None = None
    marked = False
    for number, line in enumerate(lines):
        rest = line
        if begun is None and (mark := _marked(line, names, exactly=exactly)) is not None:
            marked, rest = True, line[mark[1] :]
        if marked and _FENCE.match(rest):
            if begun is None:
                begun = number
            else:
                inside.update(range(begun + 1, number))
                begun = None
    return inside


@lru_cache(maxsize=4096)
def _marked(line: str, names: tuple[str, ...], *, exactly: bool) -> tuple[str, int, str] | None:
    """Return which of `names` marks the line, where its value begins, and what closes the two."""
    known = _by_folding(names)
    found = _exact(names).match(line)
    if found:
        name = found[1] if found[1] in names else known[folded(found[1])]
        return name, found.end(), ""
    if exactly:
        return None
    found = _MARK.match(line)
    if found and (name := _named(found["label"], known)):
        return name, found.end(), _closing(found["opening"], found["closing"])
    found = _HEADING.fullmatch(line)
    if found:
        label = found["head"] or found["bold"] or found["dspy"]
        if name := _named(label, known):
            return name, found.end(), ""
    return None


def _closing(opening: str, after: str) -> str:
    """Return what closes `opening`, empty if something in `after` does so before the value."""
    closing = opening[::-1].translate(_CLOSING)
    return "" if set(closing) & set(after) else closing


@lru_cache(maxsize=256)
def _exact(names: tuple[str, ...]) -> re.Pattern[str]:
    name = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    return re.compile(rf"[ \t]*({name})[ \t]*:", re.IGNORECASE | re.ASCII)


@lru_cache(maxsize=256)
def _tag(names: tuple[str, ...]) -> re.Pattern[str]:
    name = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    return re.compile(rf"<\s*({name})\s*>", re.IGNORECASE | re.ASCII)


@lru_cache(maxsize=256)
def _by_folding(names: tuple[str, ...]) -> dict[str, str]:
    return {folded(name): name for name in reversed(names)}


def _named(label: str, known: dict[str, str]) -> str | None:
    bare = folded(label)
    for each in (bare, bare.removesuffix("is"), _ARTICLES.sub("", bare.removesuffix("is"))):
        if each in known:
            return known[each]
    return None


def fence_lines(lines: Sequence[str]) -> list[int]:
    """Return the numbers of the lines with which a code block begins or ends."""
    return [number for number, line in enumerate(lines) if _FENCE.match(line)]
