"""What configurations take beside their score, as every view shows it."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.amounts import format_count, format_duration, format_score, format_usd
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.objectives import (
    MeasuredConfiguration,
    cost_of,
    front,
    measured_configurations,
)
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
    # Of very many, those that none beats, and the best of the others.
    measured.sort(key=lambda each: each.trial not in ahead)
    shown = sorted(measured[:_MOST_ROWS], key=lambda each: (-each.score, each.trial))
    return {
        "cost": cost,
        "told": _told(measured, cost, len(ahead), len(shown)),
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


def _told(measured: Sequence[MeasuredConfiguration], cost: str, ahead: int, shown: int) -> str:
    by = "USD" if cost == "usd" else "tokens"
    why = ""
    if cost == "tokens" and any(each.usd is None for each in measured):
        why = " (the price of a model is not known)"
    cut = "" if shown == len(measured) else f" The best {shown:,} are shown."
    return (
        f"{counted(len(measured), 'configuration')} were scored on the whole valset; "
        f"{ahead:,} of them {'is' if ahead == 1 else 'are'} on the Pareto front, where no other is "
        f"better in both score and {by} per example{why}.{cut}"
    )


def objectives_rows(view: ObjectivesView, *, most: int) -> list[tuple[str, ...]]:
    """Return a row for each point of the Pareto front, in the columns of `HEAD`.

    Configurations that are equal in score and cost share one: the first of them, and how many more.
    """
    points: dict[tuple[float, float | None], list[ObjectiveRow]] = {}
    for row in view["rows"]:
        if row["on_front"]:
            points.setdefault((row["score"], row[view["cost"]]), []).append(row)
    shown = [_point(equal) for equal in points.values()]
    if len(shown) > most:
        rest = f"… and {len(shown) - most:,} more"
        return [*shown[:most], (rest, *[""] * (len(HEAD) - 1))]
    return shown


def _point(equal: Sequence[ObjectiveRow]) -> tuple[str, ...]:
    first = next((row for row in equal if row["best"]), equal[0])
    more = f" and {len(equal) - 1:,} more" if len(equal) > 1 else ""
    return (
        f"{_place(first['trial'])}{' ★' if first['best'] else ''}{more}",
        format_score(first["score"]),
        format_usd(first["usd"]),
        format_count(round(first["tokens"])),
        format_duration(first["seconds"]),
        format_count(first["characters"]),
    )


def preferred_text(prefer: str, chosen: MeasuredConfiguration, best: MeasuredConfiguration) -> str:
    """Return why a program is returned that is not the best."""
    name = _name(chosen)
    return (
        f"{name[:1].upper()}{name[1:]} ({format_score(chosen.score)}) is returned because of "
        f"prefer={prefer!r}; the best, {_name(best)}, scores {format_score(best.score)}. Per "
        f"example, {name} takes {_amounts(chosen)}, {_name(best)} {_amounts(best)}; their "
        f"instructions have {counted(chosen.characters, 'character')} and {best.characters:,}."
    )


def _name(each: MeasuredConfiguration) -> str:
    return f"the {STUDENT}" if each.trial == 0 else _place(each.trial)


def _place(trial: int) -> str:
    return f"trial {format_count(trial)}" if trial else STUDENT


def _amounts(each: MeasuredConfiguration) -> str:
    usd = f"{format_usd(each.usd)} and " if each.usd else ""
    return f"{usd}{counted(round(each.tokens), 'token')}"
