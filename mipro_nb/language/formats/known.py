"""The formats by name, and whether one can be had."""

from __future__ import annotations

from typing import Any

from mipro_nb.arguments import only_known
from mipro_nb.checks import check_name
from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.language.formats.bare import Bare
from mipro_nb.language.formats.json_object import JsonObject
from mipro_nb.language.formats.lines import Lines
from mipro_nb.language.formats.protocol import PromptFormat
from mipro_nb.language.formats.tags import Tags
from mipro_nb.language.signatures.signature import SignatureMeta

FORMATS: dict[str, PromptFormat] = {
    each.name: each for each in (Lines(), Tags(), JsonObject(), Bare())
}
"""All formats by name; those of users are after our own."""
_OWN = frozenset(FORMATS)

_REGISTER = "register_prompt_format adds others."
AUTO = "auto"
"""The choice to have a run measure which format is the best."""


@only_known()
def register_prompt_format(prompt_format: PromptFormat) -> None:
    """Have ``prompt_format="its name"`` be understood everywhere; "auto" measures it as well.

    Another one of the same name takes its place, so that a cell can be run again.

    Parameters
    ----------
    prompt_format
        A `PromptFormat`. Its name is made of letters, digits, ``_``, ``-`` and dots.

    Raises
    ------
    InvalidArgumentError
        If its name is one of mipro_nb's own, or none, or it lacks a method.
    """
    if isinstance(prompt_format, type) or not isinstance(prompt_format, PromptFormat):
        raise InvalidArgumentError(
            "prompt_format",
            prompt_format,
            "give an object with name, called, fits, asked, write_inputs, write_answer and find: "
            "see mipro_nb.PromptFormat.",
        )
    name = prompt_format.name
    check_name("prompt_format.name", name, "one", {*_OWN, AUTO})
    FORMATS[name] = prompt_format


def registered_formats() -> dict[str, PromptFormat]:
    """Return the formats of users, by name."""
    return {name: each for name, each in FORMATS.items() if name not in _OWN}


def is_known(name: Any) -> bool:
    """Tell whether there is a format of that name."""
    return isinstance(name, str) and name in FORMATS


def unknown_remedy(name: str) -> str:
    """Return what to do where a program or a run was made in a format that is not known here."""
    return (
        f"there is no prompt format {shown(repr(name), 60)} here: run the code that defines it and "
        f"call mipro_nb.register_prompt_format(…) with it first. Known are {_listed(FORMATS)}."
    )


def check_format(name: Any) -> str | None:
    """Return `name` if it is that of a format, or None for no choice.

    Raises
    ------
    InvalidArgumentError
        If there is no such format.
    """
    if name is None or is_known(name):
        return name  # type: ignore[no-any-return]
    remedy = f"choose one of {_listed(FORMATS)}, or None for the default. {_REGISTER}"
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
        f"measure which is the best. {_REGISTER}",
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
    why = (
        f"it is for one output, and {signature.declaration!r} has {len(signature.output_fields)}"
        if name == "value"
        else f"it does not fit {signature.declaration!r}"
    )
    raise InvalidArgumentError(
        "prompt_format",
        name,
        f"{why}: choose one of {_listed(fitting)}, or None for the default.",
    )


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names))
