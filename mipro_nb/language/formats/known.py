"""The formats by name, and whether one can be had."""

from __future__ import annotations

from typing import Any

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.formats.bare import Bare
from mipro_nb.language.formats.json_object import JsonObject
from mipro_nb.language.formats.lines import Lines
from mipro_nb.language.formats.protocol import PromptFormat
from mipro_nb.language.formats.tags import Tags
from mipro_nb.language.signatures.signature import SignatureMeta

FORMATS: dict[str, PromptFormat] = {
    each.name: each for each in (Lines(), Tags(), JsonObject(), Bare())
}
"""All formats by name."""


AUTO = "auto"
"""The choice to have a run measure which format is the best."""


def check_format(name: Any) -> str | None:
    """Return `name` if it is that of a format, or None for no choice.

    Raises
    ------
    InvalidArgumentError
        If there is no such format.
    """
    if name is None or (isinstance(name, str) and name in FORMATS):
        return name
    remedy = f"choose one of {_listed(FORMATS)}, or None for the default."
    if name == AUTO:
        remedy += " Only a run can measure it: 'auto' is for compile, LM and configure."
    raise InvalidArgumentError("prompt_format", name, remedy)


def check_choice(name: Any) -> str | None:
    """Return `name` if it is that of a format, "auto", or None for no choice.

    Raises
    ------
    InvalidArgumentError
        If there is no such format.
    """
    if name is None or (isinstance(name, str) and name in {*FORMATS, AUTO}):
        return name
    raise InvalidArgumentError(
        "prompt_format",
        name,
        f"choose one of {_listed(FORMATS)}, or None for the default, or {AUTO!r} to have runs "
        "measure which is the best.",
    )


def check_fits(name: str, signature: SignatureMeta) -> None:
    """Return if the outputs of `signature` can be asked for in the format `name`.

    Raises
    ------
    InvalidArgumentError
        If they cannot.
    """
    if FORMATS[name].fits(signature):
        return
    fitting = [each for each, made in FORMATS.items() if made.fits(signature)]
    raise InvalidArgumentError(
        "prompt_format",
        name,
        f"it is for one output, and {signature.declaration!r} has "
        f"{len(signature.output_fields)}: choose one of {_listed(fitting)}, or None for the "
        "default.",
    )


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names))
