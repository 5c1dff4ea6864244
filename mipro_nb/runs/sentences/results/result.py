"""What came of a run, in sentences: its gain, what a call costs now, and why this one won."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.amounts import format_cost, format_points, format_score, format_tokens, format_usd
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.sentences.results.gain import gain_view, labelled_gain_view
from mipro_nb.runs.sentences.results.held_out import held_out_view
from mipro_nb.runs.sentences.wording import configuration_text, counted, resting_text
from mipro_nb.runs.state import RunState, TrialState
from mipro_nb.runs.statistics.labelled import labelled_comparison
from mipro_nb.runs.view_model import GainView

BEST_PROGRAM = "best program"
_ABOUT_THE_SAME = 0.05
_MOST_NAMED = 5
# What makes a prompt longer is named alone where it does so by so many times as much as the other.
_MAIN_PART = 4


def gain_sentences(
    than: float | None, score: float | None, gain: GainView | None, *, over: str = "the student"
) -> list[str]:
    """Return how much better the result is on the valset.

    Parameters
    ----------
    than
        The score that it is compared with, on the same rows.
    score
        That of the result.
    gain
        The gain's interval; None where the record does not have it.
    over
        What it is compared with, in words.
    """
    if than is None or score is None:
        return []
    points = f"{format_points(score - than)} points over {over}"
    if gain is None:
        return [f"{points}; whether that is more than chance is not known."]
    interval = f"{format_points(gain['low'])} to {format_points(gain['high'])}"
    verdict = f": {gain['unclear']}" if gain["unclear"] else ""
    return [f"{points}; 95 % interval of the gain {interval}{verdict}."]


def labelled_gain_sentences(state: RunState) -> list[str]:
    """Return how much better the result is than the student with plain labelled demos.

    On the rows of both: where these are not the whole valset, their scores are told.
    """
    compared = labelled_comparison(state)
    if compared is None:
        return []
    over = "the student with plain labelled demos"
    if not compared.are_all:
        scores = f"{format_score(compared.score)} → {format_score(compared.best)}"
        over += f" on the {counted(compared.rows, 'row')} scored with both ({scores}"
        if compared.student is not None:
            over += f"; the student as given: {format_score(compared.student)}"
        over += ")"
    return gain_sentences(compared.score, compared.best, labelled_gain_view(state), over=over)


def outcome_text(run_id: str, state: RunState) -> str:
    """Return what came of a run that has ended, and its id: where no view shows it."""
    told = "Nothing was scored."
    best = state.best
    if best is not None and best.score is not None:
        told = why_sentences(state, best)[0]
        if best.kind != "baseline":
            told = " ".join([told, *gain_sentences(state.baseline, best.score, gain_view(state))])
    if (tested := held_out_view(state)) is not None:
        told = f"{told} {tested['told'][0]}"
    return f"{told} Run {run_id}, {format_cost(state.spend.usd, state.spend.about)}."


def with_labelled(demos: int) -> str:
    """Return what the student is called with plain labelled demos."""
    return f"{STUDENT} with {counted(demos, 'labelled demo')}"


def labelled_text(demos: int, *, is_best: bool) -> str:
    """Return that the result is the student with plain labelled demos."""
    others = ": no instruction found did better" if is_best else ""
    return f"It is the {with_labelled(demos)}{others}."


def cost_sentence(
    demos: int,
    longer: tuple[int, int],
    tokens: tuple[float, float],
    usd: tuple[float | None, float | None],
) -> str:
    """Return what a call takes with the result, against what it took with the student.

    Parameters
    ----------
    demos
        How many demos the result has more than the student, of all predictors.
    longer
        How many characters its instructions have more, and its demos.
    tokens, usd
        With the student, and with the result.
    """
    before, after = usd
    priced = bool(before and after)
    ratio = after / before if before and after else tokens[1] / max(1.0, tokens[0])
    fewer = " fewer" if demos < 0 else ""
    by_demos = f"{counted(abs(demos), 'demo')}{fewer}" if demos else "other demos"
    by_instruction, by_demo_texts = map(abs, longer)
    if not by_demo_texts or by_instruction > _MAIN_PART * by_demo_texts:
        who, is_one = "The instruction found", True
    elif by_demo_texts > _MAIN_PART * by_instruction:
        who, is_one = by_demos.capitalize(), abs(demos) == 1
    else:
        who, is_one = f"The instruction found and {by_demos}", False
    subject = f"{who} {'makes' if is_one else 'make'} a call"
    amounts = f"{format_tokens(tokens[0])} → {format_tokens(tokens[1])} tokens a call"
    if priced:
        amounts += f", {format_usd(before)} → {format_usd(after)}"
    how = _times(ratio, "expensive" if priced else "long")
    if how is None:
        what = "costs" if priced else "takes"
        return f"A call {what} about what it did: {amounts}."
    return f"{subject} {how}: {amounts}."


def call_text(tokens: float, usd: float | None) -> str:
    """Return what a call takes: "1,704 tokens, $0.00032"; no price where that is not known."""
    told = f"{format_tokens(tokens)} tokens"
    return f"{told}, {format_usd(usd)}" if usd else told


def _times(ratio: float, what: str) -> str | None:
    """Return how an amount compares: "8 times as expensive"; None if it is about the same."""
    if abs(ratio - 1) < _ABOUT_THE_SAME:
        return None
    more, less = ("more expensive", "cheaper") if what == "expensive" else ("longer", "shorter")
    if ratio < 1:
        return f"{round(100 * (1 - ratio))} % {less}"
    if ratio < 1.95:  # noqa: PLR2004 - from twice on it is told in times
        return f"{round(100 * (ratio - 1))} % {more}"
    times = f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:,.0f}"  # noqa: PLR2004
    return f"{times} times as {what}"


def why_sentences(state: RunState, best: TrialState) -> list[str]:
    """Return why the returned program is the one that won; ties are named."""
    score = format_score(best.score)
    if not state.is_whole(best):
        rests = resting_text(best.score or 0.0, len(best.examples), state.valset_size)
        return [f"Trial {best.trial} is the best by what is known, {score} {rests}."]
    full = state.full_evaluations
    allowed = [trial for trial in full if not state.is_banned(trial.configuration)]
    leader = max(allowed, key=lambda trial: (trial.score or 0.0, -trial.trial), default=best)
    if state.ended is not None and state.ended.preferred and leader.trial != best.trial:
        return [_preferred(state, best, leader)]
    others = [trial for trial in allowed if trial.trial != best.trial]
    said = [_lead(state, best, score, len(allowed))]
    ties = [trial for trial in others if trial.score == best.score]
    if ties:
        named = ", ".join(f"{trial.trial}" for trial in ties[:_MOST_NAMED])
        rest = f" and {len(ties) - _MOST_NAMED} more" if len(ties) > _MOST_NAMED else ""
        have = "Trial" if len(ties) == 1 else "Trials"
        said.append(f"{have} {named}{rest} scored the same: of equals, the earliest is returned.")
    elif others:
        second = max(others, key=lambda trial: (trial.score or 0.0, -trial.trial))
        said.append(f"The next best is trial {second.trial}, with {format_score(second.score)}.")
    said += [
        f"Trial {trial.trial} scored {format_score(trial.score)} and is not returned: "
        f"{_tried(state, trial)} has a banned candidate."
        for trial in full
        if state.is_banned(trial.configuration) and (trial.score or 0.0) > (best.score or 0.0)
    ]
    return said


def _preferred(state: RunState, returned: TrialState, leader: TrialState) -> str:
    same = returned.score == leader.score
    which = "the same score" if same else f"the highest score, {format_score(leader.score)}"
    return (
        f"Trial {returned.trial} ({_tried(state, returned)}) with "
        f"{format_score(returned.score)} was preferred to trial {leader.trial}, which has {which}."
    )


def _lead(state: RunState, best: TrialState, score: str, whole: int) -> str:
    if best.kind == "baseline":
        if whole == 1:
            return "No other configuration was scored on the whole valset: you get your program."
        return (
            f"Of {counted(whole, 'configuration')} scored on the whole valset, none did better "
            f"than the {STUDENT}, {score}: you get your program."
        )
    return (
        f"Trial {best.trial} ({_tried(state, best)}) has the highest score, "
        f"{score}, of {counted(whole, 'configuration')} scored on the whole valset."
    )


def _tried(state: RunState, trial: TrialState) -> str:
    return configuration_text(trial.configuration, state.format_of(trial.configuration))


def failing_text(scores: Sequence[float]) -> str:
    """Return how many examples the result fails."""
    failing = sum(score < 1 for score in scores)
    if not failing:
        return "No example fails any more."
    if any(0 < score < 1 for score in scores):
        have = "has" if failing == 1 else "have"
        return f"{counted(failing, 'example')} of {len(scores):,} {have} less than the full score"
    fail = "fails" if failing == 1 else "fail"
    return f"{counted(failing, 'example')} of {len(scores):,} still {fail}"
