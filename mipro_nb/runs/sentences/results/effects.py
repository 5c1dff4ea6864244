"""What instructions and demo sets add to the score, in sentences and as tables of text."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.amounts import MISSING, format_points, format_score
from mipro_nb.runs.events import Part
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.view_model import (
    Effect,
    EffectCell,
    FormatEffect,
    FormatEffects,
    PredictorEffects,
)

HOW_TO_READ = (
    "Scores by instruction and demo set, all else as in the result; ± is half of the 95 % "
    "interval. A score that is not from the whole valset is drawn towards what its parts scored "
    "elsewhere: the fewer its examples, the more."
)
_WORDS: dict[Part, tuple[str, str, str]] = {
    "instruction": ("instruction", "your own", "the demos"),
    "demos": ("demo set", "no demos", "the instruction"),
}


def effect_sentence(part: Part, effects: Sequence[Effect]) -> list[str]:
    """Return what the best candidate adds; nothing where only the first was scored."""
    what, first, other = _WORDS[part]
    named = [(f"{what} {each['index']}", each["adds"], each["margin"]) for each in effects]
    return _sentence(named, what, first, other)


def format_sentence(effects: Sequence[FormatEffect]) -> list[str]:
    """Return what the best prompt format adds; nothing where only the first was tried."""
    named = [(f"format {each['format']}", each["adds"], each["margin"]) for each in effects]
    return _sentence(named, "format", effects[0]["format"], "instructions and demos")


def _sentence(
    effects: Sequence[tuple[str, float | None, float | None]], what: str, first: str, other: str
) -> list[str]:
    """Return what the best of named candidates adds over the first, whatever the other parts."""
    known = [(adds, margin or 0.0, name) for name, adds, margin in effects if adds is not None]
    if not known:
        return []
    adds, margin, name = max(known, key=lambda each: each[0])
    if adds - margin > 0:
        points = f"{format_score(adds)} ± {format_score(margin)} points"
        return [f"{name[0].upper()}{name[1:]} adds {points} over {first}, whatever {other}."]
    points = f"{format_points(adds)} ± {format_score(margin)} points"
    return [f"No {what} is clearly better than {first}: {name} is the best with {points}."]


FORMATS_HEAD = ("prompt format", "adds to the score")


def formats_rows(effects: FormatEffects) -> list[tuple[str, ...]]:
    """Return what prompt formats add as a table."""
    return [FORMATS_HEAD, *((each["format"], _added(each)) for each in effects["formats"])]


def _added(effect: FormatEffect) -> str:
    if effect["adds"] is None:
        return MISSING
    return f"{format_points(effect['adds'])} ± {format_score(effect['margin'])}"


def effects_rows(effects: PredictorEffects) -> list[tuple[str, ...]]:
    """Return the effects as a table: a row per instruction, a column per demo set."""
    columns = [_named(each, "no demos", "demos") for each in effects["demo_sets"]]
    rows = [
        (_named(each, "your instruction", "instruction"), *map(_cell_text, each["cells"]))
        for each in effects["instructions"]
    ]
    return [("", *(columns or ["score"])), *rows]


def _cell_text(cell: EffectCell) -> str:
    """Return a score as text, with how many examples it rests on."""
    rests = f"{cell['examples']:,} scored" if cell["examples"] else "not tried"
    return f"{format_score(cell['score'])} ± {format_score(cell['margin'])}, {rests}"


def left_out_text(effects: PredictorEffects) -> str | None:
    """Return how many candidates are not shown; None where all are."""
    left_out = effects["left_out"]
    return f"{counted(left_out, 'more candidate')} did worse." if left_out else None


def _named(effect: Effect, first: str, others: str) -> str:
    index, adds = effect["index"], effect["adds"]
    if index == 0:
        return first
    if adds is None:
        return f"{others} {index} ({MISSING})"
    return f"{others} {index} ({format_points(adds)})"
