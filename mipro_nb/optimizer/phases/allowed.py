"""What the search may try: candidates that no person has banned, or those that are pinned."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mipro_nb.errors import ProgramError, shown
from mipro_nb.optimizer.search.choices import Choices, are_open
from mipro_nb.optimizer.search.configuration import Candidates
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.state import Choice, RunState, choices_of


def allowed_choices(
    candidates: Candidates, state: RunState, awaited: Collection[Choice] = ()
) -> dict[str, list[int]]:
    """Return for each variable the candidates to try: the pinned ones, or all but the banned.

    And but those that are `awaited`: they join the search later.
    """
    allowed = {}
    for variable, size in candidates.variables().items():
        (first,) = choices_of({variable: 0})
        choices = [replace(first, index=index) for index in range(size)]
        usable = [c.index for c in choices if c not in state.banned and c not in awaited]
        pinned = [index for index in usable if choices[index] in state.pinned]
        allowed[variable] = pinned or usable
    return allowed


def check_asked(sampler: str, configuration: Configuration, choices: Choices) -> None:
    """Return if a sampler has chosen a candidate for each variable, and only what it may.

    Raises
    ------
    ProgramError
        If not.
    """
    if not isinstance(configuration, dict) or configuration.keys() != choices.keys():
        problem = f"the variables are {', '.join(choices)}"
    elif not (
        all(isinstance(index, int) for index in configuration.values())
        and are_open(configuration, choices)
    ):
        problem = f"what may be chosen is { {name: list(each) for name, each in choices.items()} }"
    else:
        return
    msg = (
        f"The sampler {sampler!r} asks for {shown(repr(configuration))}, but {problem}: "
        "correct it; "
        "mipro_nb.testing.SamplerContract finds such faults."
    )
    raise ProgramError(msg)
