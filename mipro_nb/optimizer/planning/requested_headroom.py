"""A measurement of headroom as it is asked for: on which rows, by which settings, how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Le

from mipro_nb.checks import Remedy, check
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.lms.lm_protocol import LanguageModel, LMRequest
from mipro_nb.language.programs.module import Module
from mipro_nb.models.lm import as_counted
from mipro_nb.optimizer.planning.data.labels import can_be_demo
from mipro_nb.optimizer.planning.data.rows import Rows, evidence_rows
from mipro_nb.optimizer.planning.headroom import SETTINGS, PlannedHeadroom
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.settings.requested import DEFAULTS, RequestedSettings

LEAST_ROWS = 10
"""Of fewer rows hardly any difference is more than chance."""
DEFAULT_ROWS, MOST_ROWS = 30, 200
# How many instructions the prompt model writes to measure by.
_INSTRUCTIONS = 2
_REPEATS = 2
_Rows = Annotated[
    Annotated[int, Ge(LEAST_ROWS), Le(MOST_ROWS)],
    Remedy(f"give a whole number of at least {LEAST_ROWS} and at most {MOST_ROWS}."),
]
_Repeats = Annotated[
    Annotated[int, Ge(1), Le(10)] | None,
    Remedy("give a whole number of at least 1 and at most 10, or None."),
]


def measured_rows(rows: Rows, count: int, seed: int) -> Rows:
    """Return the training rows, and those of them that headroom is measured on.

    Rows with the inputs of a validation row are left out of both.

    Parameters
    ----------
    rows
        The rows as a run would have them.
    count
        How many to measure on, where there are so many.
    seed
        Seed of their choice.

    Raises
    ------
    InvalidArgumentError
        If there are too few.
    """
    check("rows", count, _Rows)
    train = [rows.train[index] for index in evidence_rows(rows)]
    if len(train) < LEAST_ROWS:
        raise InvalidArgumentError(
            "trainset",
            f"({len(train):,} different training rows, beside {len(rows.val):,} to validate on)",
            f"headroom is measured on {LEAST_ROWS} training rows or more: give more rows, or a "
            "valset of your own. Without one, four fifths of the trainset become the valset.",
        )
    rng = random.Random(f"{seed}:headroom")
    chosen = sorted(rng.sample(range(len(train)), min(count, len(train))))
    return Rows(train, [train[index] for index in chosen])


def requested_for_headroom(wanted: RequestedSettings) -> RequestedSettings:
    """Return the settings of a measurement for one who wants a run of these settings."""
    given = {name: getattr(wanted, name) for name in SETTINGS}
    return replace(
        DEFAULTS,
        auto=None,
        num_candidates=_INSTRUCTIONS,
        max_bootstrapped_demos=0,
        minibatch=False,
        **given,
    )


@dataclass(frozen=True)
class RequestedHeadroom:
    """What is asked for, beside the settings: it is planned once the program was rehearsed.

    Attributes
    ----------
    repeats
        How often each row is asked of each prompt; None for what suits the LMs.
    valset_size
        As in `PlannedHeadroom`.
    """

    repeats: int | None
    valset_size: int

    def __post_init__(self) -> None:
        check("repeats", self.repeats, _Repeats)

    def planned_in(self, plan: Plan, student: Module, rows: Rows, task_lm: LanguageModel) -> Plan:
        """Return `plan` as one that measures headroom, with notes of what is left out."""
        signatures = [predictor.signature for _, predictor in student.named_predictors()]
        notes = list(plan.notes)
        has_demos = plan.max_labeled_demos > 0
        if has_demos and not any(can_be_demo(row, s) for row in rows.train for s in signatures):
            has_demos = False
            notes.append(
                "No prompt with labelled demos is measured: no training row has an output of a "
                "predictor among its labels."
            )
        repeats = self.repeats or _REPEATS
        if not _draws(student, task_lm):
            if self.repeats is not None and self.repeats > 1:
                notes.append(
                    f"repeats={self.repeats} changes nothing: at temperature 0 the same question "
                    "has the same answer, so each row is asked once."
                )
            repeats = 1
        planned = PlannedHeadroom(
            rows=len(rows.val),
            repeats=repeats,
            prompts=1 + plan.num_candidates + has_demos,
            valset_size=self.valset_size,
        )
        labelled = plan.max_labeled_demos if has_demos else 0
        return replace(plan, headroom=planned, max_labeled_demos=labelled, notes=tuple(notes))


def _draws(student: Module, task_lm: LanguageModel) -> bool:
    """Tell whether any predictor may be answered otherwise when it is asked the same again.

    What a program asks by itself is known once it was rehearsed.
    """
    return any(
        as_counted(predictor.lm or task_lm)
        .call_for(LMRequest([], predictor.options))
        .parameters.get("temperature")
        != 0
        for _, predictor in student.named_predictors()
    )
