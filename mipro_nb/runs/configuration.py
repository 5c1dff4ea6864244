"""Configurations as they are kept: which candidate each part of each predictor gets."""

from __future__ import annotations

from mipro_nb.runs.events import Part

Configuration = dict[str, int]
"""Variable (`"predictor:instruction"`, `"predictor:demos"`) → index of the candidate chosen.

`":format"` is the prompt format of the whole program, in runs that search it.
"""

STUDENT = "student as given"
"""The key of the student as given, and of any configuration that changes nothing of it."""


def variable_of(predictor: str, part: Part) -> str:
    """Return the name of the variable that chooses a part of a predictor."""
    return f"{predictor}:{part}"


FORMAT = variable_of("", "format")
"""The variable that chooses the prompt format: one for the program, so it names no predictor."""


def split_variable(variable: str) -> tuple[str, Part]:
    """Return the predictor and the part that a variable chooses."""
    if variable == FORMAT:
        return "", "format"
    predictor, _, part = variable.rpartition(":")
    return predictor, "instruction" if part == "instruction" else "demos"


def configuration_key(configuration: Configuration) -> str:
    """Return the one text form of a configuration: ``"prog:demos=2 prog:instruction=0"``."""
    return " ".join(f"{name}={value}" for name, value in sorted(configuration.items()))


def holds_no_demos(variable: str, index: int) -> bool:
    """Return whether this choice of a variable is the empty demo set."""
    return split_variable(variable)[1] == "demos" and index == 0


def measured_prompt(instruction: int) -> str:
    """Return the name that a prompt with this instruction has where headroom is measured."""
    return f"instruction {instruction}" if instruction else STUDENT
