"""The question whether a run may begin."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from mipro_nb.runs.view_model.parts import ADDED_LATER, Range
from mipro_nb.runs.view_model.spend import CapsView, EstimateView


class SettingView(TypedDict):
    """A setting of a plan.

    Attributes
    ----------
    label
        What it is, in words.
    default
        None also where it has none.
    differs
        Somebody chose another value than the default.
    changeable, changed
        Whether it can be changed before the run begins, and whether it was.
    changed_from
        Its value in the code, where it was changed.
    """

    name: str
    label: str
    value: Any
    default: Any
    differs: bool
    changeable: bool
    changed: bool
    changed_from: Annotated[Any, ADDED_LATER]


class SettingGroup(TypedDict):
    """Settings that belong together."""

    title: str
    settings: list[SettingView]


class LeftToPay(TypedDict):
    """What a run has still to take, where answers of its calls are in the record already.

    Attributes
    ----------
    usd
        None where a price is not known.
    told
        What is answered already, in a sentence.
    """

    calls: Range
    usd: Range | None
    told: str


class PermissionRequest(TypedDict):
    """A question for permission, and what became of it.

    Attributes
    ----------
    measured_rows
        Training rows that headroom is measured on; 0 for a run that optimizes.
    measurement
        ``"offered"``: headroom can be measured before this run is answered for. ``"first"``: this
        is that measurement, and the question whether to run comes again after it.
    groups
        The settings in groups.
    changes
        Settings that were changed since the code gave them.
    left
        What there is left to pay; None where nothing is answered yet.
    seconds
        How long the run will take; None where nothing is known that would tell.
    seconds_told
        What that rests on, or why it is not known.
    resumes
        The run that goes on; None for a new one.
    tests
        Whether it is finished, and goes on only to be tested.
    joins
        The run of the same plan that is already running; None if none does.
    run_name
        What the run is called that goes on or is running; None for a new one.
    notes
        What to know before a yes; below its first line, a note may hold code.
    """

    state: Literal["asked", "permitted", "joined", "declined"]
    resumes: Annotated[str | None, ADDED_LATER]
    tests: Annotated[bool, ADDED_LATER]
    joins: Annotated[str | None, ADDED_LATER]
    run_name: Annotated[str | None, ADDED_LATER]
    program: str
    predictors: dict[str, str]
    models: dict[str, str]
    trainset_size: int
    valset_size: int
    testset_size: Annotated[int, ADDED_LATER]
    measured_rows: Annotated[int, ADDED_LATER]
    settings: dict[str, Any]
    measurement: Annotated[Literal["offered", "first"] | None, ADDED_LATER]
    groups: Annotated[list[SettingGroup], ADDED_LATER]
    changes: Annotated[dict[str, Any], ADDED_LATER]
    notes: list[str]
    estimate: EstimateView
    left: Annotated[LeftToPay | None, ADDED_LATER]
    seconds: Annotated[Range | None, ADDED_LATER]
    seconds_told: Annotated[str | None, ADDED_LATER]
    caps: CapsView
