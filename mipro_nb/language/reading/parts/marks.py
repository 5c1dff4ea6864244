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

# Arrows, ticks and pictures stand before a mark as bullets do.
_PICTURE = r"(?:[\u2190-\u21ff\u2460-\u2bff\U0001f000-\U0001faff]\ufe0f?[ \t]*)"
_BULLET = (
    rf"[ \t]*+(?:>[ \t]*+)*+(?:[-*+•–][ \t]+|\(?\d{{1,2}}[.)][ \t]+|\(?[a-z]\)[ \t]+)?{_PICTURE}*+"
)
_HTML = r"</?(?:b|strong|i|em|u|p|code|span|h[1-6])>"
_AROUND = rf"(?:{_HTML}|[ \t*_`'\"\u201c\u201d#\[\]【】<>])*+"
_LABEL = r"[^\W_][^:\uff1a=\n*`\"#\[\]<>]{0,60}?"
_MARK = re.compile(
    rf"{_BULLET}(?P<opening>{_AROUND})(?P<label>{_LABEL})(?P<closing>{_AROUND}[:\uff1a])"
)
# What may follow a colon, and closes what stands before the mark: **answer:** 42.
_AFTER = re.compile(r"[ \t]*+(?P<emphasis>[*_`]+)")
_AFTER_HTML = re.compile(r"(?:[ \t]*</(?:b|strong|i|em|u|code|span|h[1-6])>)+")
_TAG = re.compile(r"<(/?)(\w+)>")
_EMPHASIS = re.compile(r"[*_`]")
# Answer (one word): Paris
_REMARK = re.compile(r"[ \t]*[(\uff08][^()\uff08\uff09]*[)\uff09][ \t]*$")
# What ends what may open a line, where that stands around the mark and the value.
_CLOSING = str.maketrans("[\u3010<\u201c", "]\u3011>\u201d", " \t#")
# Without a colon: a Markdown heading, bold type alone on its line, DSPy's [[ ## name ## ]].
_HEADING = re.compile(
    rf"[ \t]*+(?:#++[ \t]*+[*_`]*+(?P<head>{_LABEL})[*_`]*[ \t]*#*"
    rf"|(?:\*{{1,3}}|__)[ \t]*(?P<bold>{_LABEL})[ \t]*(?:\*{{1,3}}|__)"
    rf"|\[\[[ \t]*##[ \t]*(?P<dspy>{_LABEL})[ \t]*##[ \t]*\]\])[ \t]*"
)
# DSPy's marks, wherever they stand in a line.
_DSPY = re.compile(rf"(\[\[[ \t]*##[ \t]*({_LABEL})[ \t]*##[ \t]*\]\])[ \t]*")
_ARTICLES = re.compile(r"^(?:the|my|your|our|final|correct)+")
# The answer is: 42. So, the answer: 42.
_VERB = re.compile(r"(?:is|为|是|為)$")
_CONNECTIVE = re.compile(r"^(?:so|thus|therefore|hence|finally|overall|inconclusion|insummary)+")
EXACT, PLAIN, SENTENCE = range(3)
"""How a line is marked: as asked; loosely; in words of a sentence, such as "The answer is:"."""
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

    Exact names count if all are there, then those that are marked but in a sentence; otherwise
    whatever looks like a mark does. Inside a code block within a value there are none.
    """
    wanted = tuple(names)
    for least in (EXACT, PLAIN):
        found = _first_of_each(_marks(lines, wanted, least))
        if len(found) == len(wanted):
            return found
    return _first_of_each(_marks(lines, wanted, SENTENCE))


def with_lines_of_their_own(text: str, names: Iterable[str]) -> str:
    """Return `text` with each of DSPy's marks of one of `names` alone in a line.

    Models write ``[[ ## answer ## ]] 42`` and ``…so it is.[[ ## answer ## ]]`` as well.
    """
    known = {folded(name) for name in names}
    return _DSPY.sub(
        lambda found: f"\n{found[1]}\n" if folded(found[2]) in known else found[0], text
    )


def is_mark(line: str, names: tuple[str, ...]) -> bool:
    """Tell whether `line` might be read as beginning the value of one of `names`."""
    return _marked(line, names) is not None


def label_of(line: str) -> str | None:
    """Return what `line` is marked with, folded, None if it has no mark."""
    found = _MARK.match(line)
    return folded(found["label"]) if found else None


def label_end(line: str, name: str) -> int:
    """Return where in `line` the value begins if it is marked with `name`, 0 if it is not."""
    found = _marked(line, (name,))
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
        if (marked := _marked(line, names)) is not None:
            places.append(Place(marked[0], start, start + marked[1]))
        start += len(line) + 1
    return sorted(places, key=lambda place: place.start)


def repeats_of(lines: Sequence[str], name: str, names: Iterable[str], after: int) -> list[int]:
    """Return the numbers of the lines beyond `after` that begin with ``name:``, exactly so."""
    marks = _marks(lines, tuple(names), EXACT)
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


def _marks(lines: Sequence[str], names: tuple[str, ...], least: int) -> Iterator[Mark]:
    inside = _inside_of_fences(lines, names, least)
    for number, line in enumerate(lines):
        if number in inside:
            continue
        marked = _marked(line, names, least)
        if marked is not None:
            name, end, closing = marked
            yield Mark(name, number, end, closing)


def _inside_of_fences(lines: Sequence[str], names: tuple[str, ...], least: int) -> set[int]:
    """Return the numbers of the lines in code blocks that begin after the first mark."""
    inside: set[int] = set()
    begun: int | None = None
    marked = False
    for number, line in enumerate(lines):
        rest = line
        if begun is None and (mark := _marked(line, names, least)) is not None:
            marked, rest = True, line[mark[1] :]
        if marked and _FENCE.match(rest):
            if begun is None:
                begun = number
            else:
                inside.update(range(begun + 1, number))
                begun = None
    return inside


@lru_cache(maxsize=4096)
def _marked(
    line: str, names: tuple[str, ...], least: int = SENTENCE
) -> tuple[str, int, str] | None:
    """Return which of `names` marks the line, where its value begins, and what closes the two."""
    known = _by_folding(names)
    found = _exact(names).match(line)
    if found:
        name = found[1] if found[1] in names else known[folded(found[1])]
        return name, found.end(), ""
    if least == EXACT:
        return None
    found = _MARK.match(line)
    if found and (name := _named(found["label"], known, least)):
        end = _where_it_begins(line, found)
        return name, end, _closing(found["opening"], line[found.start("closing") : end])
    found = _HEADING.fullmatch(line)
    if found:
        label = found["head"] or found["bold"] or found["dspy"]
        if name := _named(label, known, least):
            return name, found.end(), ""
    return None


def _where_it_begins(line: str, mark: re.Match[str]) -> int:
    """Return where the value begins: beyond what closes the mark, before what opens the value."""
    end = mark.end()
    if html := _AFTER_HTML.match(line, end):
        end = html.end()
    found = _AFTER.match(line, end)
    if not found:
        return end
    opened = "".join(_EMPHASIS.findall(mark["opening"]))
    for sign in _EMPHASIS.findall(mark["closing"]):
        opened = opened.removesuffix(sign)
    emphasis = found["emphasis"]
    if opened and emphasis.startswith(opened[::-1]):
        return found.start("emphasis") + len(opened)
    # "answer:** 42": what a space follows opens nothing.
    return found.end() if line[found.end() : found.end() + 1] in ("", " ", "\t") else end


def _closing(opening: str, after: str) -> str:
    """Return what closes `opening`, empty if something in `after` does so before the value."""
    if _TAG.search(opening):
        tags = [name for slash, name in _TAG.findall(opening + after) if not slash]
        for slash, name in _TAG.findall(opening + after):
            if slash and name in tags:
                tags.remove(name)
        return "".join(f"</{name}>" for name in reversed(tags))
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


def _named(label: str, known: dict[str, str], least: int = SENTENCE) -> str | None:
    for said in dict.fromkeys((label, _REMARK.sub("", label))):
        bare = folded(said)
        for each in (bare, _ARTICLES.sub("", bare)):
            if each in known:
                return known[each]
        stated = _CONNECTIVE.sub("", _VERB.sub("", bare))
        for each in (stated, _ARTICLES.sub("", stated)):
            if least == SENTENCE and each in known:
                return known[each]
    return None


def fence_lines(lines: Sequence[str]) -> list[int]:
    """Return the numbers of the lines with which a code block begins or ends."""
    return [number for number, line in enumerate(lines) if _FENCE.match(line)]
