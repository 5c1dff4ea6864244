"""Rows that come more than once, or are demos already, and what a plan says about them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.language.saved_programs.saving import jsonable
from mipro_nb.optimizer.planning.data.rows import (
    Rows,
    distinct,
    inputs_key,
    own_demos_among,
    values_key,
)
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
    notes += testset_notes(rows)
    if contradictory := _contradictory([*rows.train, *rows.val]):
        notes.append(
            f"{counted(contradictory, 'row')} of trainset and valset with the inputs of an earlier "
            "row, but other labels: one of them must be wrong."
        )
    if rows.taught:
        notes.append(_of_taught(rows, zero_shot=zero_shot))
    return notes


def testset_notes(rows: Rows) -> list[str]:
    """Return notes on rows of the testset that are in it twice, or not as new as they look."""
    if not (repeated := len(rows.test) - len(distinct(rows.test))):
        return _unseen_notes(rows)
    note = (
        f"Testset: {counted(repeated, 'row')} with the inputs of an earlier row; each counts "
        "towards the score as often as it is there. Intervals rest on the distinct rows alone."
    )
    return [note, *_unseen_notes(rows)]


def _unseen_notes(rows: Rows) -> list[str]:
    """Return a note on rows of the testset that are new in the way they are written alone."""
    seen = {_folded_key(row) for row in (*rows.train, *rows.val)} if rows.test else set()
    alike = sum(_folded_key(row) in seen for row in rows.test)
    if not alike:
        return []
    note = (
        f"Testset: {alike:,} of {counted(len(rows.test), 'row')} have inputs that differ from "
        "those of a row of trainset or valset by white space, case or Unicode form alone. They are "
        "not unseen: take them out for an honest test score."
    )
    return [note]


def own_demo_notes(val: Sequence[Example], student: Module) -> list[str]:
    """Return a note on demos that the program has of its own and that are validation rows."""
    found = list(own_demos_among(val, student))
    if not found:
        return []
    predictors = ", ".join(dict.fromkeys(predictor for _, predictor in found))
    rows = len({place for place, _ in found})
    are = "is a demo" if rows == 1 else "are demos"
    note = (
        f"Valset: {rows:,} of {counted(len(val), 'row')} {are} that the program has already, of "
        f"{shown(predictors, 200)}. Where one is scored, it is left out of the prompt; in the "
        "prompts of all other rows it stands. Rows to choose by should not teach: better take them "
        "out of the valset, or of the demos."
    )
    return [note]


def _folded_key(row: Example) -> str:
    try:
        inputs = jsonable(row.inputs().to_dict(), "inputs")
    except InvalidArgumentError:  # it has no such form
        return inputs_key(row)
    return json.dumps(_folded(inputs), sort_keys=True)


def _folded(value: Any) -> Any:
    """Return a JSON value, of its texts only what a reader tells apart."""
    if isinstance(value, dict):
        return {name: _folded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_folded(each) for each in value]
    if not isinstance(value, str):
        return value
    text = value
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(each for each in text if unicodedata.category(each) != "Cf")
    return " ".join(text.casefold().split())


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
