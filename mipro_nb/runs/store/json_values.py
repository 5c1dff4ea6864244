"""Values that the record keeps as JSON texts, read back as what they ought to be.

A text is what its reference says, but the file that it was imported from may have held anything.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from mipro_nb.errors import RecordError
from mipro_nb.runs.events import TextRef, first_problem
from mipro_nb.runs.store.record import Record

_T = TypeVar("_T")

ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
FIELDS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
ROWS: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(list[dict[str, Any]])


def kept(record: Record, ref: TextRef, shape: TypeAdapter[_T]) -> _T:
    """Return the value that the text `ref` holds.

    Raises
    ------
    RecordError
        If there is no such text, or it does not hold what it should.
    """
    try:
        return parsed(record.text(ref), shape)
    except ValueError as error:
        msg = f"Text {ref} of the record {record.path} cannot be read: {error}."
        raise RecordError(msg) from error


def parsed(text: str, shape: TypeAdapter[_T]) -> _T:
    """Return the value that a JSON `text` holds.

    Raises
    ------
    ValueError
        If it does not hold what it should; its text tells what is wrong.
    """
    try:
        # Not pydantic's own reader, which refuses half characters: LMs write them.
        return shape.validate_python(json.loads(text))
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error
    except RecursionError as error:
        raise ValueError(str(error)) from error
