"""What the prompt model wrote, told from what it says around it.

A text that is marked as asked may still begin with "Here is the instruction:", stand in a fence or
in quotes, or be the form of the question once more. As an instruction, it would be tried, and paid
for, with every example.
"""

from __future__ import annotations

import re

from mipro_nb.language.formats.unmarked import NoValueError, check_value
from mipro_nb.language.reading.marks import folded
from mipro_nb.language.reading.wrapping import unfenced, unquoted, without_announcement
from mipro_nb.language.signatures.signature import SignatureMeta
from mipro_nb.optimizer.phases.proposing.around import bare, says_nothing

_OPENED_FENCE = re.compile(r"```[^\n`]*\n")
_QUOTES = {'"': '"', "\u201c": "\u201d", "\u201e": "\u201c", "«": "»"}
_SENTENCE_ENDS = (". ", ".\n", "! ", "? ", "!\n", "?\n", "。")


def written_text(signature: SignatureMeta, asked: str, text: str) -> str:
    """Return what `text`, the value of the one output of `signature`, says; empty if nothing.

    `asked` is how the prompt model was asked for the form of a reply. What only announces the text,
    a fence and quotes are left out. A text that repeats the form or fields of the question, or says
    under which name it is a value, says nothing.
    """
    (output,) = signature.output_fields.values()
    before = None
    while text != before:
        before = text
        text = without_announcement(unfenced(text.strip()), output.name)
        text = bare(output.name, _unopened(unquoted(text.strip())))
    if (
        says_nothing(text)
        or folded(text) == folded(output.desc)
        or _goes_on_asking(signature, text)
    ):
        return ""
    try:
        check_value(signature, asked, text)
    except NoValueError:
        return ""
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
