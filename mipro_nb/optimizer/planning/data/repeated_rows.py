"""Rows that come more than once, and what a plan says about them."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.language.example import Example
from mipro_nb.optimizer.planning.data.rows import Rows, distinct, inputs_key, values_key
from mipro_nb.runs.sentences.wording import counted


def repeated_notes(rows: Rows, *, zero_shot: bool) -> list[str]:
    """Return notes on rows that are in a set twice, or in both."""
    notes = []
    if repeated := len(rows.train) - len(distinct(rows.train)):
        notes.append(
            f"Trainset: {counted(repeated, 'row')} with the inputs of an earlier row; demos are "
            "made of the first of each."
        )
    if repeated := len(rows.val) - len(distinct(rows.val)):
        notes.append(
            f"Valset: {counted(repeated, 'row')} with the inputs of an earlier row; each counts "
            "towards the score as often as it is there. Take them out for an honest interval."
        )
    if repeated := len(rows.test) - len(distinct(rows.test)):
        notes.append(
            f"Testset: {counted(repeated, 'row')} with the inputs of an earlier row; each counts "
            "towards the score as often as it is there. Take them out for an honest interval."
        )
    if contradictory := _contradictory([*rows.train, *rows.val]):
        notes.append(
            f"{counted(contradictory, 'row')} of trainset and valset with the inputs of an earlier "
            "row, but other labels: one of them must be wrong."
        )
    if rows.taught:
        notes.append(_of_taught(rows, zero_shot=zero_shot))
    return notes


def _of_taught(rows: Rows, *, zero_shot: bool) -> str:
    note = (
        f"Valset: {len(rows.taught):,} of {counted(len(rows.val), 'row')} with the inputs of a row "
        "of the trainset. "
    )
    if not zero_shot:
        note += "Where one is scored, a demo made of it is left out of its prompt. "
    return note + "Proposals are written by what these rows tell: better keep the sets apart."


def _contradictory(rows: Sequence[Example]) -> int:
    """Return how many rows have other labels than the first of the same inputs."""
    first: dict[str, Example] = {}
    return sum(
        values_key(first.setdefault(inputs_key(row), row)) != values_key(row) for row in rows
    )
