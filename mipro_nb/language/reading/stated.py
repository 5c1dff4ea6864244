r"""A value that a reply states in words or in LaTeX: "So the answer is 42.", ``\boxed{42}``.

What is found here is looked at only where the text as it stands is not a value, and never where any
text is one. It has to be a value itself: nothing is searched for in the middle of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from mipro_nb.language.reading.notation.near_json import only_member

# How an answer is called whatever it was asked for as; other languages' words below.
ANSWERS = (
    "answer",
    *("final answer", "correct answer", "output", "response", "result", "reply", "label"),
    *("prediction", "category", "class", "classification", "verdict", "choice", "option"),
    *("\u7b54\u6848", "\u56de\u7b54", "\u7b54", "\u7b54\u3048", "\uc815\ub2f5", "\ub2f5\ubcc0"),
    *(
        "\ub2f5",
        "\u043e\u0442\u0432\u0435\u0442",
        "\u0432\u0456\u0434\u043f\u043e\u0432\u0456\u0434\u044c",
    ),
    *("antwort", "r\u00e9ponse", "respuesta", "resposta", "risposta", "odpowied\u017a", "cevap"),
    *("jawaban", "svar", "antwoord", "\u0627\u0644\u0625\u062c\u0627\u0628\u0629"),
    *("\u0627\u0644\u062c\u0648\u0627\u0628", "\u0909\u0924\u094d\u0924\u0930"),
)
_GREETING = r"(?:sure|certainly|of course|okay|ok|absolutely|great)"
_LINKS = (
    r"(?:so|thus|therefore|hence|finally|overall|then|and|in (?:summary|conclusion)"
    r"|(?:based on|after|since|given|considering|looking at) [^,.:]{1,100}(?=,)"
    r"|i (?:think|believe|would say)(?: that)?)"
)
_ADJECTIVES = r"(?:final|correct|right|best|most|likely|appropriate|predicted|overall|short)"
# It would be classified as spam.
_CLASSED = re.compile(
    r"(?P<before>[^.:]{0,80}?\b(?:classif|label|categori|rated?\b|consider)\w*"
    r"(?:\s+(?:it|this|the|text|message|review|sentence|e-?mail|comment|document))*)"
    r"\s+as\b:?\s*(?P<value>\S.*)",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not|never|\w+n['\u2019]t|cannot|hardly|wrong\w*|incorrect\w*)\b", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"(?<=[.!])\s+(?=[A-Z\\$*])|\n+")
# Numbers, signs and letters that stand for a number.
_CALCULATION = re.compile(
    r"(?:[A-Za-z](?![A-Za-z])|[\d\s+\-*/\u00d7\u00f7\u00b7().^$=])+=\s*(?P<result>[-+$]?\d[\d.,]*)"
)
# GSM8K's mark of a solution.
_HASHES = re.compile(r"#{3,4}[ \t]*(?P<value>\S.*)")
_MATH = re.compile(
    r"(?P<sign>\${1,2})(?P<a>[^$]+)(?P=sign)|\\\((?P<b>.+)\\\)|\\\[(?P<c>.+)\\\]", re.DOTALL
)
_COMMAND = re.compile(r"\\(?:boxed|fbox|text(?:bf|it|rm|tt|sf)?|math(?:bf|it|rm|tt)|emph)\s*\{")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_HTML = re.compile(
    r"<(b|strong|i|em|u|p|code|span|div|h[1-6])>(.*)</\1>", re.IGNORECASE | re.DOTALL
)
_TAGGED = re.compile(r"<\s*([^<>/]+?)\s*>(.*)</\s*\1\s*>", re.IGNORECASE | re.DOTALL)
# Ticks and faces, but none that may say no: boxes without a tick, crosses, thumbs down.
_PICTURES = (
    r"(?:(?![\u2610\u2612\u2715-\u2718\u26d4\u274c\u274e\U0001f44e\U0001f645\U0001f6ab])"
    r"[\u2190-\u21ff\u2460-\u2bff\U0001f000-\U0001faff\ufe0f\u200d])+"
)
_PICTURED = re.compile(rf"^{_PICTURES}\s*(?=\S)|(?<=\S)\s*{_PICTURES}$")
# A value is said at the end; an explanation of it begins soon.
_MOST_SENTENCES = 50
_MOST_BREAKS = 10
_MOST_BOXES = 10
# Where an explanation may begin.
_BREAK = re.compile(
    r"(?P<stop>[.!][*_]{0,3}\s)|[*_]{0,3}[,;:)\]]{1,3}[*_]{0,3}\s|[*_]{0,3}\s[-\u2013\u2014]{1,2}\s"
    r"|[*_]{0,3}\s(?=\()"
    r"|\s(?=(?:because|since|as)\b)|\s(?:#|//)\s|\uff0c|\uff1b|\u3002(?=.)|(?=\uff08)"
)


def plainly(text: str) -> str:
    r"""Return `text` without the LaTeX, HTML and pictures around it.

    >>> plainly(r"$\boxed{42}$.")
    '42'
    """
    before = None
    while text != before:
        before = text
        text = _PICTURED.sub("", text.strip())
        bare = text.rstrip(". ")
        if found := _MATH.fullmatch(bare):
            text = found["a"] or found["b"] or found["c"]
        elif found := _HTML.fullmatch(bare):
            text = found[2]
        elif (found := _COMMAND.match(bare)) and _end_of_braces(bare, found.end()) == len(bare):
            text = bare[found.end() : -1]
    if re.search(r"\d", text):  # 1{,}234 and 1\,234 are 1,234
        text = re.sub(r"(?<=\d)(?:\{,\}|\\,|\\!)(?=\d)", ",", text)
    return text.replace("\\$", "$").replace("\\%", "%").strip()


def boxed(text: str) -> list[str]:
    r"""Return what stands in the boxes of `text`, each different content once.

    >>> boxed(r"So $\boxed{x^{2}}$, that is \boxed{x^{2}}.")
    ['x^{2}']
    """
    begun = [each.end() for each in _BOXED.finditer(text)][-_MOST_BOXES:]
    ends = [(start, _end_of_braces(text, start)) for start in begun]
    return list(dict.fromkeys(text[start : end - 1].strip() for start, end in ends if end > 0))


def stated(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield what `text` states as the output `name`, and what follows that sentence, last first.

    >>> list(stated("total", "That makes 6 * 7. So the total is 42."))
    [('42.', '')]
    """
    text = text.strip()
    if (handed := _handed_over(text)) is not None:
        yield handed, ""
    after: list[str] = []
    for sentence in map(str.strip, _SENTENCE_END.split(text)[:-_MOST_SENTENCES:-1]):
        said = _last_stated(name, sentence.strip("*_ "))
        hashes, classed = _HASHES.fullmatch(sentence), _CLASSED.fullmatch(sentence)
        if said is None and hashes:
            said = hashes["value"]
        if said is None and classed and not _DENIED.search(classed["before"]):
            said = classed["value"]
        if said is not None:
            yield said.strip(), " ".join(reversed(after)).strip()
        after.append(sentence)


def result(line: str) -> str | None:
    """Return what stands at the end of a calculation, None if `line` is something else.

    >>> result("m + n = 256 + 37 = 293")
    '293'
    """
    found = _CALCULATION.fullmatch(line.rstrip(". "))
    return found["result"] if found else None


def _last_stated(name: str, sentence: str) -> str | None:
    """Return what a sentence states: 42 for "Final answer: The final answer is 42"."""
    said = None
    while found := _stating(name).fullmatch(sentence if said is None else said):
        said = found["value"]
    return said


def explained(line: str) -> Iterator[tuple[str, str, bool]]:
    """Yield what may be a value with its explanation, and whether that is a sentence of its own.

    >>> list(explained("Yes, it is."))
    [('Yes', 'it is.', False)]
    """
    for found in islice(_BREAK.finditer(line), _MOST_BREAKS):
        head, rest = line[: found.start()].strip("([*_ "), line[found.end() :].strip()
        if head and rest:
            yield head, rest, found["stop"] is not None


def _handed_over(text: str) -> str | None:
    """Return the value under a usual name for an answer, in an object or between tags."""
    if tagged := _TAGGED.fullmatch(text):
        return tagged[2].strip() if tagged[1].casefold() in ANSWERS else None
    member = only_member(text) if text.startswith(("{", "`")) else None
    if member is None:
        return None
    key, value = member
    is_usual = key.casefold().replace("_", " ") in ANSWERS
    return str(value) if is_usual and isinstance(value, str | int | float) else None


@lru_cache(maxsize=256)
def _stating(name: str) -> re.Pattern[str]:
    spaced = re.escape(name).replace("_", "[ _]")
    nouns = "|".join([spaced, *map(re.escape, ANSWERS)])
    return re.compile(
        rf"(?:{_GREETING}[!,.]?\s+)?(?:{_LINKS},?\s+){{0,3}}(?:(?:the|my|your|this|its|our)\s+)?"
        rf"(?:{_ADJECTIVES}\s+)*(?:{nouns})\b(?:\s+(?:for|to|of)\b[^.:]{{1,60}}?)?[*_]*"
        r"(?:\s+(?:is|would be|should be|will be)\b[*_]*\s*[:\uff1a]?|\s*[:\uff1a=])\s*"
        r"(?P<value>\S.*)",
        re.IGNORECASE,
    )


def _end_of_braces(text: str, start: int) -> int:
    """Return where what begins at `start`, beyond a brace, is closed; -1 if it is not."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return -1
