"""Rows and predictions: DSPy's as ours, and ours as DSPy's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dspy

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.evaluate.evaluate import check_rows
from mipro_nb.language.rows.example import Example, Prediction
from mipro_nb.models.media import unwrapped, wrapped


class GivenPrediction(Prediction):
    """What a program of DSPy's answered, with the very object that it returned."""

    _given: Any = None

    def __init__(self, given: Any) -> None:
        super().__init__(wrapped(dict(given.items())))
        object.__setattr__(self, "_given", given)


_GIVE_ROWS = (
    "give a list of dspy.Example: [dspy.Example(**row).with_inputs('question') for row in rows], "
    "with the names of your inputs."
)
_FROM_FRAME = (
    "take its rows by mipro_nb.datasets.from_dataframe({name}, inputs=['question']), with the "
    "names of your inputs."
)


def rows_of(name: str, given: Any) -> list[Any]:
    """Return the rows that are given as argument `name`, if they are such that DSPy takes.

    Raises
    ------
    InvalidArgumentError
        If they are not: dicts, or a data frame, say.
    """
    if hasattr(type(given), "columns"):
        raise InvalidArgumentError(name, type(given), _FROM_FRAME.format(name=name))
    if hasattr(given, "train"):
        check_rows(name, given)  # a data set: it names its lists
    is_one = isinstance(given, str | bytes | Mapping | dspy.Example | Example)
    if is_one or not isinstance(given, Iterable):
        raise InvalidArgumentError(name, given, _GIVE_ROWS)
    rows = list(given)
    for index, row in enumerate(rows):
        if not isinstance(row, dspy.Example | Example):
            raise InvalidArgumentError(f"{name}[{index}]", row, _GIVE_ROWS)
    return rows


def own_row(row: Any) -> Example:
    """Return a ``dspy.Example`` as ours."""
    example = Example(wrapped(dict(row.items())))
    try:
        names = list(row.inputs().keys())
    except ValueError:  # with_inputs was never called
        return example
    return example.with_inputs(*names)


def dspy_row(row: Any) -> Any:
    """Return a row of ours as a ``dspy.Example``."""
    if not isinstance(row, Example):
        return row
    made = dspy.Example(unwrapped(row.to_dict()))
    return made if row.input_names is None else made.with_inputs(*row.input_names)


def dspy_prediction(prediction: Any) -> Any:
    """Return what a program answered as DSPy's users know it."""
    if not isinstance(prediction, Example):
        return prediction
    given = prediction._given if isinstance(prediction, GivenPrediction) else None  # noqa: SLF001
    return dspy.Prediction(**unwrapped(prediction.to_dict())) if given is None else given
