"""What a measurement of headroom found, in sentences: chance, differences, what to expect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mipro_nb.amounts import format_points, format_score
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.events import HeadroomMeasured, PromptScore
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.interval import score_interval
from mipro_nb.runs.view_model import HeadroomPrompt, HeadroomView

HEAD = ("prompt", "score", "95 % interval", "over the student", "unreadable", "failed")
_FULL = 100
# From so many rows on that nobody gets right they are worth a look.
_MANY = 0.1


def differ(measured: HeadroomMeasured) -> bool:
    """Tell whether prompts are further apart than by chance."""
    return measured.spread > measured.floor


def leads_surely(measured: HeadroomMeasured) -> bool:
    """Tell whether a prompt is ahead of the student by more than chance."""
    return differ(measured) and measured.lead > measured.lead_floor


def headroom_sizes(settings: Mapping[str, Any]) -> dict[str, int]:
    """Return how many prompts, rows and repeats a plan has; empty where it does not measure.

    Its settings may come with a file that says anything.
    """
    planned = settings.get("headroom")
    sizes = planned if isinstance(planned, dict) else {}
    found = {name: sizes.get(name) for name in ("prompts", "rows", "repeats")}
    known = {name: size for name, size in found.items() if isinstance(size, int)}
    return known if len(known) == len(found) else {}


def headroom_draws(settings: Mapping[str, Any]) -> int:
    """Return how many answers a plan scores to measure headroom; 0 where it does not."""
    sizes = headroom_sizes(settings)
    return math.prod(sizes.values()) if sizes else 0


def headroom_view(state: RunState) -> HeadroomView | None:
    """Return what was found; None where headroom was not measured, or not yet."""
    measured = state.headroom
    if measured is None:
        return None
    return {
        "rows": measured.rows,
        "repeats": measured.repeats,
        "prompts": [_prompt(measured, each) for each in measured.prompts],
        "floor": measured.floor,
        "spread": measured.spread,
        "expected": expectation(measured),
        "told": headroom_sentences(measured),
    }


def headroom_table(view: HeadroomView) -> list[tuple[str, ...]]:
    """Return a row for each prompt, in the columns of `HEAD`."""
    return [
        (
            each["prompt"],
            format_score(each["score"]),
            _interval(each["low"], each["high"]),
            "" if each["prompt"] == STUDENT else format_points(each["lead"]),
            f"{each['unreadable']:,}",
            f"{each['errors']:,}",
        )
        for each in view["prompts"]
    ]


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f"{format_score(low)} … {format_score(high)}"


def _prompt(measured: HeadroomMeasured, of: PromptScore) -> HeadroomPrompt:
    # Draws of one row are alike: the interval rests on rows.
    low, high = score_interval(of.score, measured.rows)
    return {
        "prompt": of.prompt,
        "score": of.score,
        "low": low,
        "high": high,
        "lead": of.score - measured.prompts[0].score,
        "unreadable": of.unreadable,
        "errors": of.errors,
    }


def headroom_sentences(measured: HeadroomMeasured) -> list[str]:
    """Return what was found: the noise floor, the differences, and what to expect of a run."""
    said = [_noise(measured)]
    if measured.redraw is not None:
        said.append(_redraw(measured.redraw))
    said += [_spread(measured), expectation(measured), _on_the_valset(measured)]
    # A metric that grades may give no full score at all.
    graded = measured.never_right == measured.rows and any(p.score for p in measured.prompts)
    if measured.never_right >= max(1, _MANY * measured.rows) and not graded:
        said.append(
            f"{counted(measured.never_right, 'row')} got no full score from any prompt: look there "
            "for wrong labels, and for what the model cannot do."
        )
    unreadable = sum(each.unreadable for each in measured.prompts)
    if unreadable:
        said.append(f"{counted(unreadable, 'answer')} could not be read: that scores 0.")
    return said


def _noise(measured: HeadroomMeasured) -> str:
    return (
        f"Noise floor: {format_score(measured.floor)} points. Of "
        f"{counted(len(measured.prompts), 'prompt')} that are equally good, the best and the worst "
        f"are up to that far apart by chance on these {measured.rows:,} rows, in 95 of 100 cases."
    )


def _redraw(points: float) -> str:
    if not points:
        return "Asked the same again, every prompt had the same scores."
    return (
        "Asked the same again, once a row, a prompt's score moves by up to "
        f"{format_score(points)} points: the LM draws."
    )


def _spread(measured: HeadroomMeasured) -> str:
    best = max(measured.prompts, key=lambda each: each.score)
    worst = min(measured.prompts, key=lambda each: each.score)
    apart = f"The prompts are {format_score(measured.spread)} points apart"
    if best.score == worst.score:
        return f"{apart}: all score {format_score(best.score)}."
    verdict = "more" if differ(measured) else "no more"
    return (
        f"{apart}, from {format_score(worst.score)} ({worst.prompt}) to "
        f"{format_score(best.score)} ({best.prompt}): {verdict} than the noise floor."
    )


def expectation(measured: HeadroomMeasured) -> str:
    """Return what a run can be expected to bring."""
    student = measured.prompts[0]
    if student.score >= _FULL:
        return (
            "The student is right on all of these rows: they leave a run nothing to gain. Where it "
            "is right on the whole valset too, a run ends before its search."
        )
    if not differ(measured):
        return (
            "Expect little from a run: prompts as different as these score alike, as far as these "
            "rows can tell."
        )
    best = max(measured.prompts[1:], key=lambda each: each.score)
    if leads_surely(measured):
        return (
            f"Expect a gain from a run: {best.prompt} is already {format_score(measured.lead)} "
            "points ahead of the student, which is more than chance. It is the best of a few, so "
            "on other rows it will be somewhat less."
        )
    if measured.lead <= 0:
        return (
            "Prompts matter here, and the student is the best of these: a run has to find what "
            "the prompt model did not write at first. Expect little."
        )
    return (
        f"Prompts matter here, but {best.prompt}, {format_score(measured.lead)} points ahead of "
        "the student, may owe that lead to chance. A run may gain something; these rows do not "
        "show it."
    )


def _on_the_valset(measured: HeadroomMeasured) -> str:
    floor = valset_floor(measured, measured.valset_size)
    return (
        f"On the valset of a run, {counted(measured.valset_size, 'row')}, the noise floor is about "
        f"{format_score(floor)} points: a smaller gain cannot be told from chance."
    )


def valset_floor(measured: HeadroomMeasured, valset_size: int) -> float:
    """Return the noise floor on a valset of so many rows, about: a run asks each of them once."""
    return measured.floor_once * math.sqrt(measured.rows / max(1, valset_size))
