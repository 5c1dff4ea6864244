"""Which format suits which model, as far as that is known.

A run measures the format first where nothing is said here of the model and the kind of signature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mipro_nb.language.formats.bare import labels_of
from mipro_nb.language.signatures.fields import choices
from mipro_nb.language.signatures.signature import SignatureMeta

Kind = Literal["held label", "label", "text", "several", "nested"]
"""What is asked for: one value of few, to which the server holds the model, or to which it does
not; one other value; several values; anything that only JSON can hold."""

_PLAIN = (str, int, float, bool)


@dataclass(frozen=True)
class KnownModel:
    """What is known of a model, or of a family of them.

    Attributes
    ----------
    pattern
        Regular expression that finds the model in a name in lower case.
    formats
        Kind of signature → its best format; kinds of which nothing is known are not in it.
    source
        Where that is known from.
    """

    pattern: str
    formats: Mapping[Kind, str]
    source: str


_EVERY_KIND: Mapping[Kind, str] = dict.fromkeys(
    ("held label", "label", "text", "several", "nested"), "lines"
)
_NOT_MEASURED = (
    "Not measured: they are large enough to keep to a form that is spelled out, so that a "
    "measurement, which each run would pay for, is not expected to tell formats apart."
)

KNOWN_MODELS: tuple[KnownModel, ...] = (
    KnownModel(
        r"smollm2[-:_]135m",
        {"held label": "value", "label": "lines"},
        'benchmarks/README.md, "Prompt formats": SMS spam and headlines, 10 rows a cell. In the '
        "mean of both, with 0 and 4 demos, value + grammar has 40 % right; in words alone, lines, "
        "tags and value have 20 % each, and lines the most with demos.",
    ),
    KnownModel(
        r"qwen2\.5[-:_]coder[-:_]0\.5b",
        {"held label": "value", "label": "lines", "several": "lines"},
        'benchmarks/README.md, "Prompt formats": SMS spam and headlines, 20 rows a cell. In the '
        "mean of both, with 0 and 4 demos, value + grammar has 58 % right; in words alone, lines "
        "have 55 %, value 53 %, JSON 46 %, tags 40 %. Several outputs, 5 rows a cell: no format "
        "that is asked for in words is ahead of lines.",
    ),
    KnownModel(r"(?:^|[/.])(?:chatgpt-|gpt-[345]|o[134](?:$|[-:]))", _EVERY_KIND, _NOT_MEASURED),
    KnownModel(r"(?:^|[/.])claude-", _EVERY_KIND, _NOT_MEASURED),
    KnownModel(r"(?:^|[/.])gemini-", _EVERY_KIND, _NOT_MEASURED),
)
"""What is known; the first entry that finds a model counts."""


def known_format(model: str, signature: SignatureMeta, *, holds_to_labels: bool) -> str | None:
    """Return the format that suits a model for a signature, None if that is not known.

    Parameters
    ----------
    model
        Name of the model, with or without its provider.
    signature
        The signature.
    holds_to_labels
        Whether the server keeps the model to the values of an output that has few.
    """
    name = model.lower()
    for known in KNOWN_MODELS:
        if re.search(known.pattern, name):
            return known.formats.get(kind_of(signature, holds_to_labels=holds_to_labels))
    return None


def kind_of(signature: SignatureMeta, *, holds_to_labels: bool) -> Kind:
    """Return what kind of outputs a signature has; parameters are those of `known_format`."""
    outputs = [output.type for output in signature.output_fields.values()]
    if any(each not in _PLAIN and choices(each) is None for each in outputs):
        return "nested"
    if len(outputs) > 1:
        return "several"
    if labels_of(signature):
        return "held label" if holds_to_labels else "label"
    return "text"
