"""Settings that a person changes where permission is asked for: the plan that comes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.settings.requested import RequestedSettings

CHANGEABLE = (
    "num_trials",
    "minibatch",
    "minibatch_size",
    "max_bootstrapped_demos",
    "max_labeled_demos",
    "num_threads",
    "patience",
    "max_instruction_tokens",
    "smallest_edit",
)
"""Settings that a plan may be given other values of after its program was rehearsed."""

RESUMED_CHANGEABLE = ("num_threads",)
"""Those of a run that is resumed, which would be another one with others, or measures headroom."""

SET_BY_AUTO = frozenset({"num_candidates", "num_trials", "minibatch"})
"""Settings that ``auto`` takes no other value of than its own."""


def check_changes(changes: Mapping[str, Any], changeable: tuple[str, ...]) -> None:
    """Return if only settings that are `changeable` are changed.

    Raises
    ------
    InvalidArgumentError
        If another one is.
    """
    for name in changes:
        if name not in changeable:
            raise InvalidArgumentError(
                name,
                changes[name],
                f"only {', '.join(changeable)} can be changed here: change it in the code.",
            )


def changed_plan(
    requested: RequestedSettings,
    changes: Mapping[str, Any],
    resolve: Callable[[RequestedSettings], Plan],
) -> Plan:
    """Return what `resolve` makes of the requested settings with some of them changed.

    What ``auto`` sets can be changed as well; all else of it stays.

    Raises
    ------
    InvalidArgumentError
        If a value is out of range, or does not fit the data.
    """
    planned = resolve(requested)
    if not changes:
        return planned
    wanted = requested.with_those_of(
        {name: value for name, value in changes.items() if name not in SET_BY_AUTO}
    )
    if requested.auto is not None and SET_BY_AUTO & changes.keys():
        auto = resolve(wanted)
        wanted = replace(
            wanted,
            auto=None,
            num_candidates=auto.num_candidates,
            num_trials=auto.num_trials,
            minibatch=auto.minibatch,
            minibatch_size=auto.minibatch_size,
        )
    wanted = wanted.with_those_of(
        {name: value for name, value in changes.items() if name in SET_BY_AUTO}
    )
    plan = replace(resolve(wanted), auto=requested.auto)
    told = [
        f"{name}={getattr(plan, name)} instead of {getattr(planned, name)}"
        for name in CHANGEABLE
        if name in changes and getattr(plan, name) != getattr(planned, name)
    ]
    if not told:
        return plan
    note = f"Changed when permission was asked for: {', '.join(told)}."
    return replace(plan, notes=(note, *plan.notes))
