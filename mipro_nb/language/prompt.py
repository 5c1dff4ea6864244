"""The prompt format: how a signature, demos and inputs become messages, and a reply fields.

A field stands on a line of its own as ``name: value``; a value may go on over further lines,
up to the next line that starts with a field's name. A line of a value that would be taken for
such a line is written with a backslash before it, so that any text comes back unchanged. The
instruction and the demos come first and are the same for every example of a configuration,
which lets servers reuse what they have computed for that prefix.

A reply has one of three forms: such lines; one JSON object, where the LM is asked for structured
outputs; or the bare label, where there is but one output, with a few possible values, and the
server keeps the LM to them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from mipro_nb.errors import ReplyError, TruncatedReplyError
from mipro_nb.language.fields import (
    Field,
    adapter,
    choices,
    hint,
    json_value,
    may_go_on,
    read_value,
    type_name,
    write_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mipro_nb.language.example import Example
    from mipro_nb.language.lm_protocol import LanguageModel
    from mipro_nb.language.signature import SignatureMeta

Message = dict[str, str]

Form = Literal["lines", "json", "label"]
"""How a reply is written: a line a field, one JSON object, or one label and nothing else."""

_ASKED: Mapping[Form, str] = {
    "lines": "Answer with these lines and nothing else, each as `name: value`:",
    "json": "Answer with one JSON object of these keys and nothing else:",
    "label": "Answer with the value of this field and nothing else:",
}
_EMPTY = "(an empty answer)"
_UNCHANGING = frozenset({str, int, float, bool, type(None)})
_FrozenDemos = tuple[tuple[tuple[str, Any, str | None], ...], ...]


def write_messages(
    signature: SignatureMeta,
    demos: Sequence[Mapping[str, Any] | Example],
    inputs: Mapping[str, Any],
    *,
    form: Form = "lines",
) -> list[Message]:
    """Return the chat messages of one call.

    Parameters
    ----------
    signature
        Fields and instruction.
    demos
        Solved examples. One with all inputs and outputs becomes a pair of turns; one that lacks
        some is shown in the system message; one with no output at all is left out.
    inputs
        Value of every input field.
    form
        The form that is asked for, and shown in the demos.
    """
    frozen = _frozen(demos)
    if frozen is None:
        opening = _opening(signature, demos, form)
    else:
        opening = _kept_opening(signature, signature.instructions, frozen, form)
    question = write_fields(signature, signature.input_fields, inputs)
    return [_turn(role, text) for role, text in (*opening, ("user", question))]


def write_retry(messages: Sequence[Message], reply: str, problem: str) -> list[Message]:
    """Return `messages` followed by an unusable reply and the request to mend it.

    An empty reply gets a stand-in: some servers refuse a conversation with an empty message, and
    others one in which the user speaks twice.
    """
    ask = f"That answer cannot be used: {problem} Answer again, in exactly the form described."
    return [*messages, _turn("assistant", reply if reply.strip() else _EMPTY), _turn("user", ask)]


def write_fields(
    signature: SignatureMeta, fields: Iterable[str], values: Mapping[str, Any] | Example
) -> str:
    """Return those of `fields` that `values` has, a line ``name: value`` each."""
    marker = _marker(tuple(signature.fields))
    lines = []
    for name in fields:
        if name in values:
            field = signature.fields[name]
            value = values[name]
            # An input is never read back, so plain text needs no quoting.
            plain = field.kind == "input" and isinstance(value, str)
            text = value if plain else write_value(field, value)
            first, *rest = text.split("\n")
            lines.append("\n".join([f"{name}: {first}", *(_escaped(marker, r) for r in rest)]))
    return "\n".join(lines)


def write_answer(signature: SignatureMeta, values: Mapping[str, Any] | Example, form: Form) -> str:
    """Return the outputs in `values` as a reply of this form."""
    if form == "lines":
        return write_fields(signature, signature.output_fields, values)
    if form == "label":
        (output,) = signature.output_fields.values()
        return write_value(output, values[output.name])
    written = {
        name: json_value(field, values[name]) for name, field in signature.output_fields.items()
    }
    return json.dumps(written, ensure_ascii=False)


def form_for(signature: SignatureMeta, lm: LanguageModel | None) -> Form:
    """Return the form in which `lm` is asked for the outputs of `signature`."""
    if lm is None:
        return "lines"
    # Not every LM class of a user's own has the attribute.
    if getattr(lm, "keeps_to_labels", False) and labels_of(signature):
        return "label"
    return "json" if lm.structured_outputs else "lines"


def labels_of(signature: SignatureMeta) -> Sequence[str]:
    """Return the texts of which a reply is one, empty unless there is one output of few values."""
    output, *others = signature.output_fields.values()
    if others:
        return ()
    values = (True, False) if output.type is bool else choices(output.type) or ()
    return [write_value(output, value) for value in values]


def read_reply(
    signature: SignatureMeta, text: str, *, truncated: bool = False, form: Form = "lines"
) -> dict[str, Any]:
    """Return the output fields that an LM's reply holds.

    Parameters
    ----------
    signature
        The fields asked for.
    text
        The reply.
    truncated
        The server cut the reply off at ``max_tokens``.
    form
        The form that was asked for.

    Raises
    ------
    TruncatedReplyError
        If the reply was cut off before all of its fields were surely complete.
    ReplyError
        If a field is missing or is not of its type.
    """
    reply = None
    if form == "json":
        reply = _from_json(signature, text)
    elif form == "label":
        (name,) = signature.output_fields
        reply = _Reply({name: text.strip()}, name)
    if reply is None:
        reply = _from_lines(signature, text)
    values: dict[str, Any] = {}
    problems = []
    for name, field in signature.output_fields.items():
        if name not in reply.texts:
            problems.append(f"The field {name!r} is missing.")
            continue
        try:
            values[name] = field.checked(read_value(field, reply.texts[name]))
        except ValueError as error:
            problems.append(f"The field {name!r} is wrong: {error}.")
    cut = reply.last is not None and may_go_on(
        signature.fields[reply.last], reply.texts[reply.last]
    )
    if truncated and (problems or cut):
        problem = "The reply was cut off by max_tokens: give the LM a higher max_tokens."
        raise TruncatedReplyError(problem, text, values)
    if problems:
        raise ReplyError(" ".join(problems), text, values)
    return values


@lru_cache(maxsize=256)
def reply_schema(signature: SignatureMeta) -> dict[str, Any]:
    """Return the JSON schema of the output fields, as servers take it for structured outputs."""
    outputs = signature.output_fields
    schemas, definitions = TypeAdapter.json_schemas(
        [(name, "validation", adapter(field)) for name, field in outputs.items()],
        ref_template="#/$defs/{model}",
    )
    properties = {name: schemas[name, "validation"] for name in outputs}
    for name, field in outputs.items():
        if field.desc:
            properties[name] = {**properties[name], "description": field.desc}
    return {
        **definitions,
        "type": "object",
        "properties": properties,
        "required": list(outputs),
        "additionalProperties": False,
    }


def _frozen(demos: Sequence[Mapping[str, Any] | Example]) -> _FrozenDemos | None:
    """Return `demos` as a key of the text they make, None if one has a value that may change.

    Values that are equal may be written differently, as 1, 1.0 and true are: hence their repr.
    """
    frozen = []
    for demo in demos:
        if not _UNCHANGING.issuperset(map(type, demo.values())):
            return None
        frozen.append(tuple((n, v, None if type(v) is str else repr(v)) for n, v in demo.items()))
    return tuple(frozen)


@lru_cache(maxsize=128)
def _kept_opening(
    signature: SignatureMeta,
    instructions: str,  # noqa: ARG001 - part of the key: a signature's instruction may be replaced
    demos: _FrozenDemos,
    form: Form,
) -> Sequence[tuple[str, str]]:
    values = [{name: value for name, value, _ in demo} for demo in demos]
    return _opening(signature, values, form)


def _opening(
    signature: SignatureMeta, demos: Sequence[Mapping[str, Any] | Example], form: Form
) -> Sequence[tuple[str, str]]:
    """Return (role, text) of the messages that are the same whatever the inputs are."""
    complete: list[Mapping[str, Any] | Example] = []
    partial: list[Mapping[str, Any] | Example] = []
    for demo in demos:
        if all(name in demo for name in signature.fields):
            complete.append(demo)
        elif any(name in demo for name in signature.output_fields):
            partial.append(demo)
    turns = [("system", _system_text(signature, partial, form))]
    for demo in complete:
        turns.append(("user", write_fields(signature, signature.input_fields, demo)))
        turns.append(("assistant", write_answer(signature, demo, form)))
    return turns


def _turn(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _system_text(
    signature: SignatureMeta, partial: Sequence[Mapping[str, Any] | Example], form: Form
) -> str:
    parts = [signature.instructions.strip()]
    given = [_described(field) for field in signature.input_fields.values()]
    parts.append("You are given:\n" + "\n".join(given))
    wanted = [_described(field) for field in signature.output_fields.values()]
    parts.append(_ASKED[form] + "\n" + "\n".join(wanted))
    if partial:
        shown = [write_fields(signature, signature.fields, demo) for demo in partial]
        parts.append("Examples, some fields left out:\n\n" + "\n\n".join(shown))
    return "\n\n".join(parts)


def _described(field: Field) -> str:
    what = ", ".join(part for part in (field.desc, _typed_hint(field)) if part)
    return f"{field.name}: ({what})" if what else f"{field.name}:"


def _typed_hint(field: Field) -> str:
    if field.kind == "output":
        return hint(field)
    return "" if field.type is str else type_name(field.type)


@lru_cache(maxsize=256)
def _marker(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return what starts a field's line: ``name:``, or ``**name:**`` and the like."""
    name = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    return re.compile(
        rf"[ \t]*(?:(?P<plain>{name})[ \t]*:|\*\*(?P<bold>{name})(?::\*\*|\*\*[ \t]*:)"
        rf"|#+[ \t]*(?P<heading>{name})[ \t]*:)",
        # ASCII, because upper and lower case of other letters are not one to one: a line that
        # matches has a name that casefold finds.
        re.IGNORECASE | re.ASCII,
    )


def _escaped(marker: re.Pattern[str], line: str) -> str:
    bare = line.lstrip("\\")
    return "\\" + line if marker.match(bare) else line


def _unescaped(marker: re.Pattern[str], line: str) -> str:
    return line[1:] if line.startswith("\\") and marker.match(line.lstrip("\\")) else line


@dataclass(frozen=True)
class _Reply:
    """The text of each output field found in a reply, and which of them ends where it ends."""

    texts: dict[str, str]
    last: str | None = None


def _from_lines(signature: SignatureMeta, text: str) -> _Reply:
    """Read the output fields that the reply marks; the first of each name counts."""
    marker = _marker(tuple(signature.fields))
    exact = {name: name for name in signature.fields}
    loose = {name.casefold(): name for name in reversed(signature.fields)}
    first, *others = signature.output_fields
    preamble: list[str] = []
    found: list[tuple[str, list[str]]] = []
    for line in _without_fence(marker, text.split("\n")):
        match = marker.match(line)
        if match:
            word = next(group for group in match.groups() if group is not None)
            found.append((exact.get(word) or loose[word.casefold()], [line[match.end() :]]))
        else:
            (found[-1][1] if found else preamble).append(_unescaped(marker, line))
    texts: dict[str, str] = {}
    last = None if found else first
    for name, lines in found:
        last = None
        if name in signature.output_fields and name not in texts:
            texts[name] = "\n".join(lines).strip()
            last = name
    before = "\n".join(preamble).strip()
    # An LM that leaves out the first field's name still answered it: the whole reply where there
    # is one field, the text before the second field otherwise.
    if first not in texts and before and (bool(texts) or not others):
        texts[first] = before
    return _Reply(texts, last if last in texts else None)


def _without_fence(marker: re.Pattern[str], lines: list[str]) -> list[str]:
    """Return `lines` without the code fence, and what follows it, if the fields stand in one."""
    start = next((i for i, line in enumerate(lines) if marker.match(line)), 0)
    opening = [i for i in range(start) if lines[i].startswith("```")]
    if len(opening) % 2 == 0:
        return lines
    closing = [i for i in range(start, len(lines)) if lines[i].rstrip() == "```"]
    end = closing[-1] if closing else len(lines)
    return [*lines[: opening[-1]], *lines[opening[-1] + 1 : end]]


def _from_json(signature: SignatureMeta, text: str) -> _Reply | None:
    """Read the output fields from the reply's JSON object, None if there is no such object."""
    start, end = text.find("{"), text.rfind("}")
    try:
        values = json.loads(text[start : end + 1]) if 0 <= start < end else {}
    except (ValueError, RecursionError):
        return None
    texts = {}
    for name in values.keys() & signature.output_fields.keys():
        field, value = signature.output_fields[name], values[name]
        try:
            texts[name] = write_value(field, adapter(field).validate_json(json.dumps(value)))
        except ValidationError:
            texts[name] = value if isinstance(value, str) else json.dumps(value)
    return _Reply(texts) if texts else None
