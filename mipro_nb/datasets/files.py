"""Rows in the files of other tools: promptfoo's tests, and JSONL or JSON with an item a row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.homes import expanded
from mipro_nb.language import Example
from mipro_nb.language.prompt_files import content_of, text_of

_LABEL = "answer"
_ASSERTS = "asserts"


def from_file(path: str | Path, inputs: Iterable[str] | None = None) -> list[Example]:
    """Return the rows in a file of promptfoo's or of OpenAI's evals.

    Of promptfoo's YAML, each of the ``tests`` is a row of its ``vars``, those of ``defaultTest``
    among them. The value of its only ``equals`` is the label ``answer``; all other assertions are
    in ``asserts``, as they stand, for a metric of yours. A JSONL file, or a JSON list, has a row in
    each line or element: the values of its ``item``, and what stands beside it, such as graders.

    Parameters
    ----------
    path
        The file: .yaml, .jsonl or .json.
    inputs
        Names of the values that are inputs, such as ``prompt.signature.input_fields``; the others
        are labels. None, for promptfoo, takes all vars.

    Raises
    ------
    InvalidArgumentError
        If the file cannot be read or has no rows, or a row lacks an input.
    """
    file = expanded(path, "path")
    found = _lines(file) if file.suffix == ".jsonl" else content_of(file)
    rows: list[tuple[dict[str, Any], Sequence[str] | None]]
    if isinstance(found, Mapping):
        rows = list(_of_promptfoo(found, str(file)))
    else:
        rows = [(_of_item(each, str(file)), None) for each in found or []]
    if not rows:
        raise InvalidArgumentError("path", str(file), "there are no rows in it.")
    named = inputs if inputs is None or isinstance(inputs, str) else list(inputs)
    return [_row(number, values, named or own) for number, (values, own) in enumerate(rows)]


def _row(number: int, values: Mapping[str, Any], inputs: Sequence[str] | None) -> Example:
    if isinstance(inputs, str) or not inputs:
        has = ", ".join(values)
        raise InvalidArgumentError("inputs", inputs, f"name the inputs; a row has {has}.")
    if missing := [name for name in inputs if name not in values]:
        remedy = f"row {number} has no {missing[0]}; it has {', '.join(values)}."
        raise InvalidArgumentError("inputs", list(inputs), remedy)
    return Example(values).with_inputs(*inputs)


def _lines(file: Path) -> list[Any]:
    rows = []
    for number, line in enumerate(text_of(file).split("\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except (ValueError, RecursionError):
                remedy = f"line {number} is not JSON: {shown(line, 80)}."
                raise InvalidArgumentError("path", str(file), remedy) from None
    return rows


def _of_item(given: Any, file: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        remedy = f"a row is an object, and this is not one: {shown(repr(given), 80)}."
        raise InvalidArgumentError("path", file, remedy)
    item = given.get("item")
    if not isinstance(item, Mapping):
        return dict(given)
    return {**{name: value for name, value in given.items() if name != "item"}, **item}


def _of_promptfoo(
    config: Mapping[str, Any], file: str
) -> Iterator[tuple[dict[str, Any], list[str]]]:
    tests, default = config.get("tests"), config.get("defaultTest") or {}
    if isinstance(tests, str) or not isinstance(tests, Sequence):
        remedy = (
            "its tests have to stand in it as a list. A table is read by "
            "mipro_nb.datasets.from_dataframe."
        )
        raise InvalidArgumentError("path", file, remedy)
    for test in tests:
        if not isinstance(test, Mapping) or not isinstance(default, Mapping):
            remedy = f"a test is an object with vars, and this is not one: {shown(repr(test), 80)}."
            raise InvalidArgumentError("path", file, remedy)
        given = {**(default.get("vars") or {}), **(test.get("vars") or {})}
        asserts = [*(default.get("assert") or []), *(test.get("assert") or [])]
        equal = [each for each in asserts if _is_label(each)]
        labels: dict[str, Any] = {}
        if len(equal) == 1 and _LABEL not in given:
            labels[_LABEL] = equal[0]["value"]
            asserts = [each for each in asserts if each is not equal[0]]
        if asserts:
            labels[_ASSERTS] = asserts
        yield {**given, **labels}, list(given)


def _is_label(given: Any) -> bool:
    """Tell whether an assertion names the one right answer, and does so without a placeholder."""
    return (
        isinstance(given, Mapping)
        and given.get("type") == "equals"
        and "value" in given
        and "{{" not in str(given["value"])
    )
