"""Data frames of any kind as lists of Example."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mipro_nb.arguments import only_known
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language import Example
from mipro_nb.language.rows.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals as nw


@only_known()
def from_dataframe(df: Any, inputs: Sequence[str]) -> list[Example]:
    """Return the rows of a data frame as examples.

    Parameters
    ----------
    df
        A data frame of pandas, polars, pyarrow or any other library that narwhals reads.
    inputs
        Names of the columns that are inputs; the others are labels.

    Returns
    -------
    list of Example
        A row each, in order. Values are plain Python objects; an empty cell (None, NaN, NaT, NA)
        is None.

    Raises
    ------
    InvalidArgumentError
        If `df` is not a data frame or has no rows, or if `inputs` names no column or a missing
        one.
    """
    frame = _read_frame(df)
    names = frame.columns
    _check_inputs(names, inputs)
    if len(frame) == 0:
        raise InvalidArgumentError("df", df, "the data frame has no rows: give at least one.")
    columns = [_plain_values(frame[name]) for name in names]
    return [
        Example(dict(zip(names, row, strict=True))).with_inputs(*inputs)
        for row in zip(*columns, strict=True)
    ]


def _read_frame(df: Any) -> nw.DataFrame[Any]:
    import narwhals as nw  # noqa: PLC0415 - slow to import, and only wanted for data frames
    from narwhals.exceptions import NarwhalsError  # noqa: PLC0415 - the same

    frame: nw.DataFrame[Any] | nw.LazyFrame[Any]
    try:
        frame = nw.from_native(df)
    except (TypeError, NarwhalsError) as error:
        remedy = f"give a pandas, polars or other data frame ({error})."
        raise InvalidArgumentError("df", df, remedy) from error
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    unnamed = [name for name in frame.columns if not isinstance(name, str)]
    if unnamed:
        remedy = f"names of columns must be str, and {unnamed[0]!r} is not: rename it."
        raise InvalidArgumentError("df", df, remedy)
    return frame


def _check_inputs(names: Sequence[str], inputs: Sequence[str]) -> None:
    has = f"the columns are {', '.join(names) or 'none'}"
    if isinstance(inputs, str) or not inputs:
        raise InvalidArgumentError(
            "inputs", inputs, f"give a list of at least one column name; {has}."
        )
    unknown = [name for name in inputs if name not in names]
    if unknown:
        raise InvalidArgumentError("inputs", inputs, f"there is no column {unknown[0]!r}; {has}.")


def _plain_values(column: nw.Series[Any]) -> list[Any]:
    empty = column.is_null().to_list()
    return [
        None if is_empty else _plain(value)
        for value, is_empty in zip(column.to_list(), empty, strict=True)
    ]


def _plain(value: Any) -> Any:
    """Return a cell's value as a Python object that knows nothing of pandas or numpy."""
    value = plain(value)
    return None if isinstance(value, float) and math.isnan(value) else value
