"""The rows that headroom was measured on: how each came out with each prompt."""

from __future__ import annotations

from statistics import fmean

from mipro_nb.runs import view_model as vm
from mipro_nb.runs.configuration import measured_prompt
from mipro_nb.runs.state import Choice, RunState, Tally
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.results.validation_rows import ValidationRows

_MOST_SHOWN = 100


def headroom_examples(record: Record, state: RunState) -> list[vm.HeadroomExample]:
    """Return the measured rows, those first that no prompt gets right, then by their scores.

    More than a hundred are not shown. Of a row that was asked several times it is the mean score.
    """
    measured = state.headroom
    if measured is None:
        return []
    drawn = [state.headroom_scores.get(each.prompt, {}) for each in measured.prompts]

    def scores(row: int) -> list[float | None]:
        draws = range(row, measured.rows * measured.repeats, measured.rows)
        found = ([of[draw] for draw in draws if draw in of] for of in drawn)
        return [fmean(each) if each else None for each in found]

    by_row = {row: scores(row) for row in range(measured.rows)}

    def worst_first(row: int) -> tuple[bool, float]:
        known = [score for score in by_row[row] if score is not None]
        return any(score >= 1 for score in known), sum(known)

    rows = ValidationRows(record, state)
    return [
        {
            "example": row,
            "inputs": rows.inputs(row),
            "expected": rows.expected(row),
            "scores": by_row[row],
        }
        for row in sorted(by_row, key=worst_first)[:_MOST_SHOWN]
    ]


def measured_tally(state: RunState, choice: Choice) -> Tally:
    """Return how an instruction fared on the measured rows; empty for what was not measured."""
    is_measured = choice.part == "instruction"
    scores = state.headroom_scores.get(measured_prompt(choice.index), {}) if is_measured else {}
    return Tally(points=sum(scores.values()), examples=len(scores))
