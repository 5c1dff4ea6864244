"""What the prompt model wrote, told from what it says around it.

A text that is marked as asked may still begin with "Here is the instruction:", stand in a fence or
in quotes, or be the form of the question once more. As an instruction, it would be tried, and paid
for, with every example.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mipro_nb.errors import ReplyError, shown
from mipro_nb.language.formats.unmarked import NoValueError, check_value
from mipro_nb.language.reading.notation.wrapping import unfenced, unquoted, without_announcement
from mipro_nb.language.reading.parts.marks import folded
from mipro_nb.language.signatures.signature import SignatureMeta
from mipro_nb.optimizer.phases.proposing.around import bare, only_text, says_nothing

_OPENED_FENCE = re.compile(r"```[^\n`]*\n")
_QUOTES = {'"': '"', "\u201c": "\u201d", "\u201e": "\u201c", "«": "»"}
_SENTENCE_ENDS = (". ", ".\n", "! ", "? ", "!\n", "?\n", "。")


class UnusableTextError(Exception):
    """What a prompt model wrote cannot be used.

    Parameters
    ----------
    problem
        Why, in words that go on after a colon.
    text
        What it wrote; empty if that is nothing, or it was not asked.
    """

    def __init__(self, problem: str, text: str = "") -> None:
        self.problem, self.text = problem, text
        super().__init__(problem)


def problems_told(problems: Sequence[UnusableTextError]) -> str:
    """Return each problem once: how many texts have it, and how the first of them begins."""
    texts: dict[str, list[str]] = {}
    for each in problems:
        texts.setdefault(each.problem, []).append(each.text)
    return "; ".join(
        f"{len(same):,} of them: {problem}" + (f", {shown(repr(same[0]), 100)}" if same[0] else "")
        for problem, same in texts.items()
    )


def text_of_unread(error: ReplyError) -> str:
    """Return the text of a reply that names no field of the question; it is all that it has.

    Raises
    ------
    UnusableTextError
        If there is more in it, or nothing.
    """
    text = only_text(unfenced(error.raw_text.strip()).strip())
    if not text:
        problem = error.problem.rstrip(".") if error.raw_text.strip() else "it is empty"
        raise UnusableTextError(f"{problem[0].lower()}{problem[1:]}", error.raw_text)
    return text


def written_text(signature: SignatureMeta, asked: str, text: str) -> str:
    """Return what `text`, the value of the one output of `signature`, says.

    `asked` is how the prompt model was asked for the form of a reply. What only announces the text,
    a fence and quotes are left out.

    Raises
    ------
    UnusableTextError
        If it says nothing: it is empty or a refusal, repeats the form or fields of the question, or
        says under which name it is a value.
    """
    whole = text
    (output,) = signature.output_fields.values()
    before = None
    while text != before:
        before = text
        text = without_announcement(unfenced(text.strip()), output.name)
        text = bare(output.name, _unopened(unquoted(text.strip())))
    if not text:
        problem = "it is empty"
        raise UnusableTextError(problem, whole)
    if says_nothing(text):
        problem = "it refuses to write one, or says nothing"
        raise UnusableTextError(problem, whole)
    if folded(text) == folded(output.desc) or _goes_on_asking(signature, text):
        problem = "it repeats the question"
        raise UnusableTextError(problem, whole)
    try:
        check_value(signature, asked, text)
    except NoValueError as error:
        raise UnusableTextError(str(error), whole) from error
    return text


def _goes_on_asking(signature: SignatureMeta, text: str) -> bool:
    """Return whether a line of `text` is a field of the question, marked as the question has it."""
    names = "|".join(map(re.escape, signature.fields))
    return re.search(rf"^(?:{names}):", text, re.MULTILINE) is not None


def whole_sentences(text: str) -> str:
    """Return `text`, which was cut off, up to the end of its last whole sentence."""
    end = max(text.rfind(mark) for mark in _SENTENCE_ENDS)
    return text[: end + 1].strip() if end >= 0 else ""


def _unopened(text: str) -> str:
    """Return `text` without a fence or a quote at its beginning that nothing closes."""
    if text.startswith("```") and "\n```" not in text:
        text = _OPENED_FENCE.sub("", text, count=1)
    closing = _QUOTES.get(text[:1])
    return text[1:] if closing is not None and closing not in text[1:] else text
