"""Words for what runs are made of: the same in every text about them."""

from __future__ import annotations

from collections.abc import Mapping


def counted(number: int, what: str) -> str:
    """Return a number of things: "1 evaluation", "1,234 evaluations"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def configuration_text(configuration: Mapping[str, int]) -> str:
    """Return a configuration in words: "solve: instr 3 · demos 2, check: instr 0 · demos 1"."""
    if not configuration:
        return "student as given"
    chosen: dict[str, list[str]] = {}
    for variable, index in configuration.items():
        predictor, _, part = variable.rpartition(":")
        chosen.setdefault(predictor, []).append(
            f"{'demos' if part == 'demos' else 'instr'} {index}"
        )
    return ", ".join(
        f"{predictor}: {' · '.join(sorted(parts, reverse=True))}"
        for predictor, parts in chosen.items()
    )
