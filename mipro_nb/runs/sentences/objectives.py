"""What configurations take beside their score, as every view shows it."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.amounts import format_count, format_duration, format_score, format_usd
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.objectives import (
    MeasuredConfiguration,
    cost_of,
    front,
    measured_configurations,
)
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState
from mipro_nb.runs.view_model import ObjectiveRow, ObjectivesView

HEAD = ("configuration", "score", "USD", "tokens", "LM seconds", "characters")
_MOST_ROWS = 200


def objectives_view(state: RunState) -> ObjectivesView | None:
    """Return what the configurations take that were scored on the whole valset.

    None where there are fewer than two of them: nothing is compared.
    """
    measured = measured_configurations(state)
    if len(measured) < 2:  # noqa: PLR2004 - it takes two to compare
        return None
    cost = cost_of(measured)
    ahead = {each.trial for each in front(measured, ("score", cost))}
    returned = state.best.trial if state.best is not None else None
    measured.sort(key=lambda each: (-each.score, each.value(cost) or 0.0, each.trial))
    # Of very many, the Pareto front, and the best of the others.
    measured.sort(key=lambda each: each.trial not in ahead)
    shown = sorted(measured[:_MOST_ROWS], key=lambda each: (-each.score, each.trial))
    return {
        "cost": cost,
        "told": _told(measured, cost, len(ahead)),
        "rows": [_row(each, each.trial in ahead, each.trial == returned) for each in shown],
    }


def _row(each: MeasuredConfiguration, on_front: bool, is_best: bool) -> ObjectiveRow:  # noqa: FBT001
    return {
        "trial": each.trial,
        "score": each.score,
        "usd": each.usd,
        "tokens": each.tokens,
        "seconds": each.seconds,
        "characters": each.characters,
        "on_front": on_front,
        "best": is_best,
    }


def _told(measured: Sequence[MeasuredConfiguration], cost: str, ahead: int) -> str:
    by = "USD" if cost == "usd" else "tokens"
    why = ""
    if cost == "tokens" and any(each.usd is None for each in measured):
        why = " (the price of a model is not known)"
    return (
        f"{counted(len(measured), 'configuration')} were scored on the whole valset; "
        f"{ahead:,} of them {'is' if ahead == 1 else 'are'} on the Pareto front: beaten by no "
        f"other in both score and {by} per example{why}."
    )


def objectives_rows(view: ObjectivesView, *, most: int) -> list[tuple[str, ...]]:
    """Return a row for each configuration on the Pareto front, in the columns of `HEAD`."""
    ahead = [row for row in view["rows"] if row["on_front"]]
    return [
        (
            f"{_place(row['trial'])}{' ★' if row['best'] else ''}",
            format_score(row["score"]),
            format_usd(row["usd"]),
            format_count(round(row["tokens"])),
            format_duration(row["seconds"]),
            format_count(row["characters"]),
        )
        for row in ahead[:most]
    ]


def preferred_text(prefer: str, chosen: MeasuredConfiguration, best: MeasuredConfiguration) -> str:
    """Return why a program is returned that is not the best."""
    return (
        f"Returned is {_name(chosen)} with {format_score(chosen.score)}, by prefer={prefer!r}: "
        f"the best, {_name(best)}, scores {format_score(best.score)}. {_takes(chosen)}, "
        f"the best {_amounts(best)}."
    )


def _name(each: MeasuredConfiguration) -> str:
    return f"the {STUDENT}" if each.trial == 0 else _place(each.trial)


def _place(trial: int) -> str:
    return f"trial {format_count(trial)}" if trial else STUDENT


def _takes(each: MeasuredConfiguration) -> str:
    return f"It takes {_amounts(each)} per example"


def _amounts(each: MeasuredConfiguration) -> str:
    usd = "" if not each.usd else f"{format_usd(each.usd)}, "
    tokens = f"{counted(round(each.tokens), 'token')}"
    return f"{usd}{tokens} and {counted(each.characters, 'character')} of instructions"
