"""Reading a reply: thoughts are set aside, the outputs are found, and each becomes a value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from mipro_nb.errors import ProgramError, ReplyError, TruncatedReplyError
from mipro_nb.language.formats import FORMATS, Found, PromptFormat
from mipro_nb.language.formats.description import in_few_words
from mipro_nb.language.formats.json_object import begins
from mipro_nb.language.formats.unmarked import NoValueError, whole
from mipro_nb.language.reading.notation.keys import in_doubt
from mipro_nb.language.reading.notation.wrapping import trimmed, without_preface
from mipro_nb.language.reading.parts.marks import folded, label_of
from mipro_nb.language.reading.parts.thoughts import told_apart
from mipro_nb.language.reading.values import is_placeholder, may_go_on, read_value, taken_value
from mipro_nb.language.signatures.fields import Field, accepts, adapter, holds_any_text

if TYPE_CHECKING:
    from mipro_nb.language.signatures.signature import SignatureMeta

_CUT_OFF = "The reply was cut off by max_tokens: give the LM a higher max_tokens."
_ONLY_THOUGHTS = "The reply ends within the model's thoughts."
_UNMARKED = "read without its mark"
# Of replies in another form than was asked for, these are understood: a user's own format may
# find anything in them.
_MARKED = ("lines", "tags", "json")


@dataclass(frozen=True)
class Reading:
    """What a reply says.

    Attributes
    ----------
    values
        The value of each output.
    notes
        What was understood that was not written as asked, a sentence each.
    """

    values: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def read_reply(
    signature: SignatureMeta, text: str, *, truncated: bool = False, prompt_format: str = "lines"
) -> Reading:
    """Return the outputs that an LM's reply holds.

    Parameters
    ----------
    signature
        The fields asked for.
    text
        The reply.
    truncated
        The server cut the reply off at ``max_tokens``.
    prompt_format
        The format that was asked for. Others are understood as well.

    Raises
    ------
    TruncatedReplyError
        If the reply was cut off before all of its fields were surely complete.
    ReplyError
        If a field is missing or is not of its type.
    """
    said = told_apart(text, signature.output_fields)
    answer = trimmed(said.answer)
    asked_for = FORMATS[prompt_format]
    found = _found(signature, answer, asked_for)
    found = _undisputed(signature, found, asked_for)
    reading, problems = Reading({}, [*filter(None, [said.note]), *found.notes]), []
    for name in signature.output_fields:
        try:
            value = _value(signature, name, found, asked_for, reading.notes)
            reading.values[name] = signature.output_fields[name].checked(value)
        except ValueError as error:
            may_lack = isinstance(error, _MissingError) and not truncated
            if may_lack and _may_be_left_out(signature, name, found):
                reading.values[name] = None
                reading.notes.append(f"{name!r} is not in the reply, and was read as None")
                continue
            problems.append(_problem(name, error))
    if truncated and (problems or _ends_open(signature, answer, found)):
        # What nothing marks may be thoughts that nothing marks, either, as they have no end.
        marked = {name: value for name, value in reading.values.items() if found.marks(name)}
        raise TruncatedReplyError(_CUT_OFF, text, marked)
    if problems and said.cut_off and not answer:
        raise TruncatedReplyError(f"{_ONLY_THOUGHTS} {_CUT_OFF}", text, {})
    if problems:
        raise ReplyError(" ".join(problems), text, reading.values)
    return reading


def read_whole_reply(signature: SignatureMeta, text: str, *, truncated: bool = False) -> Reading:
    """Return the one output, which is the whole of an LM's reply, without thoughts.

    A text is taken as it stands, whatever it looks like. Anything else may also be written as
    `read_reply` understands it.

    Raises
    ------
    TruncatedReplyError
        If the reply was cut off before it was surely complete.
    ReplyError
        If it is empty or not of the output's type.
    """
    (output,) = signature.output_fields.values()
    said = told_apart(text, signature.output_fields)
    reading = Reading({}, list(filter(None, [said.note])))
    answer = said.answer.strip()
    is_text = output.type is str
    if (truncated and is_text) or (said.cut_off and not answer):
        raise TruncatedReplyError(_CUT_OFF, text, {})
    if not answer:
        msg = "The reply is empty."
        raise ReplyError(msg, text, {})
    try:
        value = answer if is_text else read_value(output, answer, reading.notes)
        reading.values[output.name] = output.checked(value)
    except ValueError as error:
        if is_text:
            raise ReplyError(_problem(output.name, error), text, {}) from None
    else:
        if not truncated:
            return reading
    return read_reply(signature, text, truncated=truncated, prompt_format="value")


@lru_cache(maxsize=256)
def reply_schema(signature: SignatureMeta) -> dict[str, Any]:
    """Return the JSON schema of the output fields, as servers take it for structured outputs."""
    outputs = signature.output_fields
    schemas, definitions = TypeAdapter.json_schemas(
        [(name, "validation", adapter(field)) for name, field in outputs.items()],
        ref_template="#/$defs/{model}",
    )
    properties = {name: schemas[name, "validation"] for name in outputs}
    for name, output in outputs.items():
        if output.desc:
            properties[name] = {**properties[name], "description": output.desc}
    return {
        **definitions,
        "type": "object",
        "properties": properties,
        "required": list(outputs),
        "additionalProperties": False,
    }


class _MissingError(ValueError):
    """An output that the reply does not have."""


def _found(signature: SignatureMeta, answer: str, asked_for: PromptFormat) -> Found:
    """Return what the format asked for finds in `answer`, or another one that finds more."""
    best, form = Found(before=answer), asked_for
    for each in _in_order(answer, asked_for):
        if not each.fits(signature):
            continue
        found = _found_by(each, signature, answer)
        if len(found) > len(best):
            best, form = found, each
        if len(found) == len(signature.output_fields):
            break
    if form is asked_for:
        return best
    said = f"The reply was read as {form.called}, where {asked_for.called} was asked for."
    return replace(best, notes=(said, *best.notes))


def _found_by(form: PromptFormat, signature: SignatureMeta, text: str) -> Found:
    """Return what `form` finds in `text`; a user's own may return anything.

    Raises
    ------
    ProgramError
        If it returns something else than outputs of `signature`.
    """
    found = form.find(signature, text)
    if not isinstance(found, Found):
        msg = f"find returned {type(found).__name__} instead of mipro_nb.Found"
    elif unknown := {*found.texts, *found.values, *found.refused} - {*signature.output_fields}:
        msg = f"find returned {min(map(str, unknown))!r}, which is not an output"
    elif other := [text for text in found.texts.values() if not isinstance(text, str)]:
        msg = f"find returned {type(other[0]).__name__} among its texts: put it in values"
    else:
        return found
    msg = f"The prompt format {form.name!r} cannot be used: {msg}. Fix it and register it again."
    raise ProgramError(msg)


def _undisputed(signature: SignatureMeta, found: Found, asked_for: PromptFormat) -> Found:
    """Return `found` without the values for which another form gives another one beside them.

    A sentence such as ``The answer is: 42`` does not count as one, and gives a note.
    """
    # What stands below the first line is part of a text, and of no other value.
    below = [
        "".join(found.texts.get(name, "").partition("\n")[1:])
        for name, output in signature.output_fields.items()
        if not holds_any_text(output)
    ]
    outside = "\n".join([found.outside, *below]).strip()
    if not outside:
        return found
    refused, notes = dict(found.refused), list(found.notes)
    labels = {label_of(line) for line in outside.split("\n")}
    for name in dict.fromkeys([*_MARKED, asked_for.name]):
        form = FORMATS[name]
        if not form.fits(signature) or form.name == "value":
            continue
        other = _found_by(form, signature, outside)
        for output in signature.output_fields:
            if not (found.marks(output) and other.marks(output)):
                continue
            try:
                said = _value(signature, output, other, asked_for, [])
                value = _value(signature, output, found, asked_for, [])
            except ValueError:
                continue
            if said == value or said in ("", None):
                continue
            if form.name == "lines" and folded(output) not in labels:
                notes.append(f"before the value of {output!r}, a sentence gives another one")
            else:
                refused[output] = in_doubt([said, value])
    return replace(found, refused=refused, notes=tuple(notes))


def _in_order(answer: str, asked_for: PromptFormat) -> list[PromptFormat]:
    # In an object over several lines, each key looks like a field's mark.
    is_object = begins(answer)
    usual = ["json", "lines", "tags"] if is_object else ["lines", "json", "tags"]
    own_first = not is_object or asked_for.name == "value"
    names = [asked_for.name, *usual] if own_first else ["json", asked_for.name, *usual]
    return [FORMATS[name] for name in dict.fromkeys(names)]


def _value(
    signature: SignatureMeta, name: str, found: Found, asked_for: PromptFormat, notes: list[str]
) -> Any:
    output = signature.output_fields[name]
    if name in found.refused:
        raise ValueError(found.refused[name])
    if name in found.values:
        return taken_value(output, found.values[name], notes)
    if name in found.texts:
        text = found.texts[name]
        if _repeats_form(output, text):
            msg = "it is the form's placeholder"
            raise ValueError(msg)
        return read_value(output, text, notes)
    first, *others = signature.output_fields
    text = trimmed(found.before)
    if name != first or not text or (others and not len(found)):
        raise _MissingError
    if not others:
        text = whole(signature, asked_for.asked(signature), text, notes)
    elif not (text := without_preface(text)):
        raise _MissingError
    value = read_value(output, text, notes)
    if asked_for.name != "value":
        notes.append(f"{name!r} was {_UNMARKED}")
    return value


def _may_be_left_out(signature: SignatureMeta, name: str, found: Found) -> bool:
    """Tell whether an output that the reply lacks is None: it may be, and all others are there."""
    others = [each for each in signature.output_fields if each != name]
    there = [each for each in others if found.marks(each)]
    return (
        bool(there)
        and _takes_none(signature.output_fields[name])
        and all(each in there or _takes_none(signature.output_fields[each]) for each in others)
    )


def _takes_none(output: Field) -> bool:
    return output.type not in (Any, object) and accepts(output, None)


def _repeats_form(output: Field, text: str) -> bool:
    kind = in_few_words(output)
    return is_placeholder(output, text) or (kind != "" and text == f"<{kind}>")


def _problem(name: str, error: ValueError) -> str:
    if isinstance(error, _MissingError):
        return f"The field {name!r} is missing."
    if isinstance(error, NoValueError):
        return f"The field {name!r} is missing: {error}."
    return f"The field {name!r} is wrong: {error}."


def _ends_open(signature: SignatureMeta, answer: str, found: Found) -> bool:
    """Tell whether a reply that was cut off may have been cut off within a value."""
    if len(found):
        last, text = found.last, found.texts.get(found.last or "", "")
    else:
        (last, *_), text = signature.output_fields, answer
    return last is not None and may_go_on(signature.output_fields[last], text)
