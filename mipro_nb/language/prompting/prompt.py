"""The messages of one call: instruction and form, demos, and the inputs.

The instruction and the demos come first and are the same for every example of a configuration,
which lets servers reuse what they have computed for that prefix.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mipro_nb.language.formats import (
    AUTO,
    FORMATS,
    check_choice,
    check_fits,
    known_format,
    labels_of,
    write_fields,
)
from mipro_nb.language.formats.description import listed
from mipro_nb.language.lms.settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mipro_nb.language.formats import PromptFormat
    from mipro_nb.language.lms.lm_protocol import LanguageModel, Message
    from mipro_nb.language.rows.example import Example
    from mipro_nb.language.signatures.signature import SignatureMeta

_EMPTY = "(an empty answer)"
_UNCHANGING = frozenset({str, int, float, bool, type(None)})
_FrozenDemos = tuple[tuple[tuple[str, Any, str | None], ...], ...]


def write_messages(
    signature: SignatureMeta,
    demos: Sequence[Mapping[str, Any] | Example],
    inputs: Mapping[str, Any],
    *,
    prompt_format: str = "lines",
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
    prompt_format
        Name of the format that is asked for, and shown in the demos.
    """
    frozen, written = _frozen(demos), FORMATS[prompt_format]
    if frozen is None:
        opening = _opening(signature, demos, written)
    else:
        opening = _kept_opening(signature, signature.instructions, frozen, _Same(written))
    question = written.write_inputs(signature, inputs)
    return [_turn(role, text) for role, text in (*opening, ("user", question))]


def write_retry(messages: Sequence[Message], reply: str, problem: str) -> list[Message]:
    """Return `messages` followed by an unusable reply and the request to fix it.

    An empty reply gets a stand-in: some servers refuse a conversation with an empty message, and
    others one in which the user speaks twice.
    """
    ask = f"That answer cannot be used: {problem} Answer again, in exactly the form described."
    return [*messages, _turn("assistant", reply if reply.strip() else _EMPTY), _turn("user", ask)]


def format_choice(
    signature: SignatureMeta, lm: LanguageModel | None, own: str | None = None
) -> str | None:
    """Return what somebody chose: the name of a format, or "auto"; None if nobody did.

    Parameters
    ----------
    signature
        The signature whose outputs are asked for.
    lm
        The LM that is asked; its choice comes before the configured one.
    own
        The choice of the predictor, which comes before all others.

    Raises
    ------
    InvalidArgumentError
        If there is no such format, or the outputs do not fit it.
    """
    # Not every LM class of a user's own has the attribute.
    choices = (own, getattr(lm, "prompt_format", None), settings.prompt_format)
    name = check_choice(next((choice for choice in choices if choice is not None), None))
    if name is not None and name != AUTO:
        check_fits(name, signature)
    return name


def chosen_format(
    signature: SignatureMeta, lm: LanguageModel | None, own: str | None = None
) -> str | None:
    """Return the name of the format that somebody chose, None if nobody chose any.

    Parameters and errors are those of `format_choice`.
    """
    choice = format_choice(signature, lm, own)
    return None if choice == AUTO else choice


def format_for(signature: SignatureMeta, lm: LanguageModel | None, own: str | None = None) -> str:
    """Return the name of the format in which `lm` is asked for the outputs of `signature`.

    Parameters and errors are those of `format_choice`.
    """
    if (chosen := chosen_format(signature, lm, own)) is not None:
        return chosen
    if lm is None:
        return "lines"
    held = _holds_to_labels(lm) and bool(labels_of(signature))
    if lm.structured_outputs and not held:
        return "json"
    return best_known_format(signature, lm) or ("value" if held else "lines")


def best_known_format(signature: SignatureMeta, lm: LanguageModel) -> str | None:
    """Return the format that is known to suit `lm` for `signature`, None if none is."""
    return known_format(lm.name, signature, holds_to_labels=_holds_to_labels(lm))


def _holds_to_labels(lm: LanguageModel) -> bool:
    # Not every LM class of a user's own has the attribute.
    return bool(getattr(lm, "keeps_to_labels", False))


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


class _Same:
    """A format as a key: another one may be registered under its name."""

    def __init__(self, written: PromptFormat) -> None:
        self.written = written

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.written is other.written

    def __hash__(self) -> int:
        return id(self.written)


@lru_cache(maxsize=128)
def _kept_opening(
    signature: SignatureMeta,
    instructions: str,  # noqa: ARG001 - part of the key: a signature's instruction may be replaced
    demos: _FrozenDemos,
    same: _Same,
) -> Sequence[tuple[str, str]]:
    values = [{name: value for name, value, _ in demo} for demo in demos]
    return _opening(signature, values, same.written)


def _opening(
    signature: SignatureMeta,
    demos: Sequence[Mapping[str, Any] | Example],
    written: PromptFormat,
) -> Sequence[tuple[str, str]]:
    """Return (role, text) of the messages that are the same whatever the inputs are."""
    complete: list[Mapping[str, Any] | Example] = []
    partial: list[Mapping[str, Any] | Example] = []
    for demo in demos:
        if all(name in demo for name in signature.fields):
            complete.append(demo)
        elif any(name in demo for name in signature.output_fields):
            partial.append(demo)
    turns = [("system", _system_text(signature, partial, written))]
    for demo in complete:
        turns.append(("user", written.write_inputs(signature, demo)))
        turns.append(("assistant", written.write_answer(signature, demo)))
    return turns


def _turn(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _system_text(
    signature: SignatureMeta,
    partial: Sequence[Mapping[str, Any] | Example],
    written: PromptFormat,
) -> str:
    parts = [signature.instructions.strip()]
    given = [listed(field) for field in signature.input_fields.values()]
    parts.append("You are given:\n" + "\n".join(given))
    parts.append(written.asked(signature))
    if partial:
        shown = [write_fields(signature, signature.fields, demo) for demo in partial]
        parts.append("Examples, some fields left out:\n\n" + "\n\n".join(shown))
    return "\n\n".join(parts)
