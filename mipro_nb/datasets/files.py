"""Rows in the files of other tools: promptfoo's tests, and JSONL or JSON with an item a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mipro_nb.arguments import only_known
from mipro_nb.datasets.lines import json_lines
from mipro_nb.datasets.promptfoo import is_test, rows_of_config, rows_of_table
from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.files import expanded
from mipro_nb.language import Example
from mipro_nb.language.templates.prompt_files import content_of


@only_known()
def from_file(path: str | Path, inputs: Iterable[str] | None = None) -> list[Example]:
    """Return the rows in a file of promptfoo's or of OpenAI's evals.

    Of promptfoo's YAML, each of the ``tests`` is a row of its ``vars``, those of ``defaultTest``
    among them; a list among them makes a row for each of its values. The value of its only
    ``equals`` is the label ``answer``; all other assertions are in ``asserts``, as they stand, for
    a metric of yours. Tests may be in files of their own, or in a CSV file with ``__expected``.
    Descriptions and metadata are left out. A JSONL file, or a JSON list, has a row in each line or
    element: the values of its ``item``, and what stands beside it, such as graders.

    Parameters
    ----------
    path
        The file: .yaml, .csv, .jsonl or .json.
    inputs
        Names of the values that are inputs, such as ``prompt.signature.input_fields``; the others
        are labels. None, for promptfoo, takes all vars.

    Raises
    ------
    InvalidArgumentError
        If the file cannot be read or has no rows, or a row lacks an input.
    """
    file = expanded(path, "path")
    rows = _rows_in(file)
    if not rows:
        raise InvalidArgumentError("path", str(file), "there are no rows in it.")
    named = inputs if inputs is None or isinstance(inputs, str) else list(inputs)
    return [_row(number, values, named or own) for number, (values, own) in enumerate(rows)]


def _rows_in(file: Path) -> Sequence[tuple[dict[str, Any], Sequence[str] | None]]:
    """Return the values of each row, and the names of its inputs where the file tells them."""
    if file.suffix == ".csv":
        table = list(rows_of_table(file))
        has_labels = any(len(own) < len(row) for row, own in table)
        return [(row, own if has_labels else None) for row, own in table]
    found = json_lines(file) if file.suffix == ".jsonl" else content_of(file)
    if isinstance(found, list) and found and all(map(is_test, found)):
        found = {"tests": found}
    if isinstance(found, Mapping):
        return list(rows_of_config(found, file))
    return [(_of_item(each, str(file)), None) for each in found or []]


def _row(number: int, values: Mapping[str, Any], inputs: Sequence[str] | None) -> Example:
    if isinstance(inputs, str) or not inputs:
        has = ", ".join(values)
        raise InvalidArgumentError("inputs", inputs, f"name the inputs; a row has {has}.")
    if missing := [name for name in inputs if name not in values]:
        remedy = f"row {number} has no {missing[0]}; it has {', '.join(values)}."
        raise InvalidArgumentError("inputs", list(inputs), remedy)
    return Example(values).with_inputs(*inputs)


def _of_item(given: Any, file: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        remedy = f"a row is an object, and this is not one: {shown(repr(given), 80)}."
        raise InvalidArgumentError("path", file, remedy)
    item = given.get("item")
    if not isinstance(item, Mapping):
        return dict(given)
    return {**{name: value for name, value in given.items() if name != "item"}, **item}
