"""A line a field: ``name: value``.

A value may go on over further lines, up to the next line that starts with an output's name. A line
of a value that would be taken for such a line is written with a backslash before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from mipro_nb.language.formats.description import described, in_few_words
from mipro_nb.language.formats.protocol import Found
from mipro_nb.language.reading.notation.keys import in_doubt
from mipro_nb.language.reading.notation.listed import is_json_list
from mipro_nb.language.reading.notation.wrapping import trimmed
from mipro_nb.language.reading.parts.marks import (
    Mark,
    fence_lines,
    is_mark,
    marks_in,
    repeats_of,
    with_lines_of_their_own,
)
from mipro_nb.language.reading.values import quoted, write_value
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import Field, holds_any_text, json_value
from mipro_nb.language.signatures.signature import SignatureMeta

_ASKED = "Reply in exactly this form:"
_EMPHASIS = re.compile(r"[*_`]+")
_KEY = re.compile(r"\s*\"[^\"]*\"\s*:\s*")
_GOES_ON = "The reply went on with another question: what follows the answer was left out."
_AGAIN = "The reply gave its values more than once: they are the same, and were read once."
_AFTER_FENCE = "What follows the code block with the answer was left out."


class Lines:
    """The format of lines."""

    name = "lines"
    called = "a line for each output"

    def fits(self, signature: SignatureMeta) -> bool:  # noqa: ARG002 - all formats have it
        """Tell that any signature fits."""
        return True

    def asked(self, signature: SignatureMeta) -> str:
        """Return the form of a reply, and what the values are."""
        outputs = signature.output_fields
        # Small models keep to a choice that stands where the value goes; told below the form, they
        # copy words of the input instead.
        form = "\n".join(f"{name}: <{in_few_words(f) or name}>" for name, f in outputs.items())
        further = described(outputs.values(), in_form=True)
        return "\n\n".join(filter(None, (f"{_ASKED}\n{form}", further)))

    def write_inputs(self, signature: SignatureMeta, values: Mapping[str, object] | Example) -> str:
        """Return a line for each input."""
        return write_fields(signature, signature.input_fields, values)

    def write_answer(self, signature: SignatureMeta, values: Mapping[str, object] | Example) -> str:
        """Return a line for each output."""
        return write_fields(signature, signature.output_fields, values)

    def find(self, signature: SignatureMeta, reply: str) -> Found:
        """Return the values that `reply` marks; the first mark of each output counts."""
        if is_json_list(reply):
            return Found(before=reply)
        names = tuple(signature.output_fields)
        reply = with_lines_of_their_own(reply, names)
        lines, after = _without_fence(reply.split("\n"), names)
        marks = marks_in(lines, names)
        if not marks:
            return Found(before=reply)
        ends = [mark.line for mark in marks[1:]]
        end = _where_it_goes_on(lines, marks, signature)
        texts = {
            mark.name: _value(lines, mark, stop, names)
            for mark, stop in zip(marks, [*ends, end or len(lines)], strict=True)
        }
        before = "\n".join(lines[: marks[0].line])
        found = Found(
            texts,
            last=marks[-1].name if end is None else None,
            before=before,
            outside=before,
            notes=(*([_GOES_ON] if end is not None else []), *([_AFTER_FENCE] if after else [])),
        )
        return _said_once(signature, found, lines[:end], marks)


def write_fields(
    signature: SignatureMeta, fields: Iterable[str], values: Mapping[str, object] | Example
) -> str:
    """Return those of `fields` that `values` has, a line ``name: value`` each."""
    names = tuple(signature.output_fields)
    return "\n".join(
        f"{name}: {_written(signature.fields[name], values[name], names)}"
        for name in fields
        if name in values
    )


def _written(field: Field, value: object, names: tuple[str, ...]) -> str:
    # An input is never read back, so plain text needs no quoting.
    plain = field.kind == "input" and isinstance(value, str)
    text = str(value) if plain else write_value(field, value)
    first, *rest = text.split("\n")
    if field.kind == "output" and len(fence_lines([first, *rest])) % 2 == 1:
        return quoted(json_value(field, value))  # a code block that nothing ends hides marks
    return "\n".join([first, *(_escaped(line, names) for line in rest)])


def _escaped(line: str, names: tuple[str, ...]) -> str:
    return "\\" + line if is_mark(line.lstrip("\\"), names) else line


def _unescaped(line: str, names: tuple[str, ...]) -> str:
    escaped = line.startswith("\\") and is_mark(line.lstrip("\\"), names)
    return line[1:] if escaped else line


def _value(lines: Sequence[str], mark: Mark, stop: int, names: tuple[str, ...]) -> str:
    first, *rest = lines[mark.line : stop]
    # What stands around the mark and its value ends with their line, or with the value.
    begun = first[mark.end :].rstrip()
    text = "\n".join([first[mark.end :], *(_unescaped(line, names) for line in rest)]).rstrip()
    if mark.closing and begun.endswith(mark.closing):
        text = "\n".join([begun.removesuffix(mark.closing), *text.split("\n")[1:]])
    elif _EMPHASIS.fullmatch(mark.closing) and begun.count(mark.closing) % 2 == 1:
        text = text.replace(mark.closing, "", 1)  # **answer: 42** (apples)
    else:
        text = text.removesuffix(mark.closing)
    return _without_comma(first[: mark.end], trimmed(text, after_mark=True))


def _without_comma(mark: str, text: str) -> str:
    """Return `text` without a comma at its end if it is a member of a JSON object: ``"n": 42,``."""
    if not _KEY.fullmatch(mark) or not text.endswith(","):
        return text
    try:
        json.loads(text[:-1])
    except ValueError:
        return text
    return text[:-1]


def _said_once(
    signature: SignatureMeta, found: Found, lines: Sequence[str], marks: Sequence[Mark]
) -> Found:
    """Return what is found where a reply gives all of its values again, which may be others."""
    names = tuple(signature.output_fields)
    starts = repeats_of(lines, marks[0].name, names, after=marks[-1].line)
    if not starts:
        return found
    blocks = [
        _values(lines[start:end], names)
        for start, end in pairwise([marks[0].line, *starts, len(lines)])
    ]
    first, *others = blocks
    *whole, last = others
    # The last may be cut off.
    is_begun = all(first.get(name, "").startswith(text) for name, text in last.items())
    if any(each.keys() != first.keys() for each in ([*whole] if is_begun else others)):
        return found  # lines of a value that look like marks
    differing = [each for each in whole if each != first] + ([] if is_begun else [last])
    if not differing:
        return replace(found, texts=first, last=None, notes=(*found.notes, _AGAIN))
    if len(first) == 1 and not holds_any_text(signature.output_fields[marks[0].name]):
        return found  # what follows its value is looked at there
    refused = {
        name: in_doubt([text, other])
        for name, text in first.items()
        if (other := differing[0][name]) != text
    }
    texts = {name: text for name, text in first.items() if name not in refused}
    return replace(found, texts=texts, refused=refused, last=None)


def _values(lines: Sequence[str], names: tuple[str, ...]) -> dict[str, str]:
    marks = marks_in(lines, names)
    ends = [*(mark.line for mark in marks[1:]), len(lines)]
    return {
        mark.name: _value(lines, mark, end, names) for mark, end in zip(marks, ends, strict=True)
    }


def _without_fence(lines: list[str], names: tuple[str, ...]) -> tuple[list[str], bool]:
    """Return `lines` without the code fence, and what follows it, if the fields stand in one.

    With it comes whether anything followed.
    """
    start = next((i for i, line in enumerate(lines) if is_mark(line, names)), 0)
    opening = fence_lines(lines[:start])
    if len(opening) % 2 == 0:
        return lines, False
    closing = [i for i in range(start, len(lines)) if lines[i].rstrip() == "```"]
    end = closing[-1] if closing else len(lines)
    after = any(line.strip() for line in lines[end + 1 :])
    return [*lines[: opening[-1]], *lines[opening[-1] + 1 : end]], after


def _where_it_goes_on(
    lines: Sequence[str], marks: Sequence[Mark], signature: SignatureMeta
) -> int | None:
    """Return the line with which another question begins that the LM made up; None if none does.

    Small models do not stop: they also write the next input and answer that.
    """
    inputs = tuple(signature.input_fields)
    if not inputs:
        return None
    for number in range(marks[-1].line + 1, len(lines)):
        if lines[number].startswith(f"{inputs[0]}:"):
            after = lines[number + 1 :]
            again = [line for line in after if line.startswith(f"{marks[0].name}:")]
            return number if again else None
    return None
