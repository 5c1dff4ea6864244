"""What a run scored on the testset, as every view shows it."""

from __future__ import annotations

from mipro_nb.amounts import format_points, format_score
from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.interval import score_interval
from mipro_nb.runs.view_model import GainView, TestView

LOOKED_AT = "If you change a program by what these rows show, test it on others."


def held_out_view(state: RunState) -> TestView | None:
    """Return the scores on the testset; None where they were not taken."""
    ended = state.ended
    tested = None if ended is None else ended.tested
    if ended is None or tested is None:
        return None
    low, high = score_interval(tested.score, _distinct(tested))
    student_low, student_high = score_interval(tested.student, _distinct(tested))
    gain: GainView | None = None
    if tested.gain_low is not None and tested.gain_high is not None:
        unclear = "" if tested.gain_low > 0 else _no_gain(tested.gain_high)
        gain = {"low": tested.gain_low, "high": tested.gain_high, "unclear": unclear}
    return {
        "examples": tested.examples,
        "student": tested.student,
        "student_low": student_low,
        "student_high": student_high,
        "score": tested.score,
        "low": low,
        "high": high,
        "gain": gain,
        "validation": ended.score,
        "gap": None if ended.score is None else ended.score - tested.score,
        "errors": tested.errors,
        "told": _told(tested, ended.score),
    }


def _told(tested: ev.ScoresOnTestset, validation: float | None) -> list[str]:
    n = _distinct(tested)
    rows = counted(tested.examples, "row")
    if n < tested.examples:
        rows += f" ({n:,} distinct ones, which intervals rest on)"
    student = f"{STUDENT} {_with_interval(tested.student, n)}"
    low, high = tested.gain_low, tested.gain_high
    if low is None or high is None:
        told = [f"test score of the {student}, over {rows}: it is what is returned"]
    else:
        score = _with_interval(tested.score, n)
        told = [f"test score {score}, over {rows} that no phase had seen; {student}"]
        gain = f"gain on the testset: {format_points(low)} to {format_points(high)} (95 % interval)"
        told.append(gain if low > 0 else f"{gain}: {_no_gain(high)}")
    if validation is not None:
        told.append(_gap(validation, tested.score))
    if tested.errors:
        told.append(f"{counted(tested.errors, 'row')} of the testset failed")
    return told


def _distinct(tested: ev.ScoresOnTestset) -> int:
    return tested.examples if tested.distinct is None else tested.distinct


def _no_gain(high: float) -> str:
    return "worse than the student" if high < 0 else "no gain beyond chance"


def _gap(validation: float, test: float) -> str:
    gap = validation - test
    where = "above" if gap >= 0 else "below"
    return (
        f"validation score {format_score(validation)}: "
        f"{format_score(abs(gap))} points {where} the test score"
    )


def _with_interval(score: float, examples: int) -> str:
    low, high = score_interval(score, examples)
    if low is None or high is None:
        return format_score(score)
    return f"{format_score(score)} ({format_score(low)} … {format_score(high)})"
