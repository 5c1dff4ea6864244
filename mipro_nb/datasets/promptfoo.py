"""Rows out of promptfoo's tests, as promptfoo itself reads them."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mipro_nb.datasets.lines import json_lines
from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.language.templates.prompt_files import content_of, files_named, text_of

_LABEL = "answer"
_ASSERTS = "asserts"
_FILE = "file://"
_OF_TEXT = (".txt", ".md")
_EXPECTED = re.compile(r"__expected\d*")
_ADDED = ("prefix", "suffix")
# As a cell of a table has them: "icontains: paris", "similar(0.8): paris" or "is-json".
_ASSERTION = re.compile(
    r"((?:not-)?(?:equals|i?contains(?:-any|-all)?|starts-with|regex|(?:is|contains)-\w[\w-]*"
    r"|javascript|fn|eval|python|webhook|similar(?::\w+)?|llm-rubric|grade|factuality"
    r"|model-graded-\w+|answer-relevance|context-\w+|classifier|moderation|rouge-n|bleu|meteor"
    r"|levenshtein|perplexity(?:-score)?|latency|cost))(?:\(([\d.]+)\))?(?::\s*(.*)|)",
    re.DOTALL,
)

Row = tuple[dict[str, Any], list[str]]


def rows_of_config(config: Mapping[str, Any], file: Path) -> Iterator[Row]:
    """Return the values of each test of a config, and the names of its vars.

    Raises
    ------
    InvalidArgumentError
        If a test cannot be read, or is something that only promptfoo can work out.
    """
    default = config.get("defaultTest") or {}
    for test in _tests(config.get("tests"), file):
        if not isinstance(test, Mapping) or not isinstance(default, Mapping):
            remedy = f"a test is an object with vars, and this is not one: {shown(repr(test), 80)}."
            raise InvalidArgumentError("path", str(file), remedy)
        yield from _rows_of_test(test, default, file)


def rows_of_table(file: Path) -> Iterator[Row]:
    """Return the values of each row of a CSV file, and the names of its vars."""
    for test in _of_table(file):
        yield from _rows_of_test(test, {}, file)


def is_test(value: Any) -> bool:
    """Tell whether a value is a test of promptfoo's, as its files of tests have them in a list."""
    return isinstance(value, Mapping) and isinstance(value.get("vars"), Mapping)


def _tests(given: Any, file: Path) -> Iterator[Any]:
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, Sequence):
        remedy = "its tests have to stand in it as a list, or in files that it names."
        raise InvalidArgumentError("path", str(file), remedy)
    for each in given:
        if not isinstance(each, str):
            yield each
            continue
        named = files_named(each, file)
        if named is None:
            remedy = f"its tests are neither a list nor a file: {shown(each, 80)}."
            raise InvalidArgumentError("path", str(file), remedy)
        for one in named:
            yield from _in_file(one)


def _in_file(file: Path) -> Iterator[Any]:
    if file.suffix == ".csv":
        yield from _of_table(file)
    elif file.suffix == ".jsonl":
        yield from json_lines(file)
    elif file.suffix in {".json", ".yaml", ".yml"}:
        found = content_of(file)
        yield from found if isinstance(found, list) else [found]
    else:
        remedy = "no code of a test is run: give a YAML, JSON, JSONL or CSV file."
        raise InvalidArgumentError("path", str(file), remedy)


def _of_table(file: Path) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(csv.DictReader(io.StringIO(text_of(file), newline=""))):
        if None in row or None in row.values():
            remedy = f"row {number} has more or fewer cells than the first line has names."
            raise InvalidArgumentError("path", str(file), remedy)
        asserts = [_assertion(row[name]) for name in row if _EXPECTED.fullmatch(name) and row[name]]
        options = {name: row[f"__{name}"] for name in _ADDED if row.get(f"__{name}")}
        given = {name: cell for name, cell in row.items() if not name.startswith("__")}
        yield {"vars": given, "assert": asserts, "options": options}


def _assertion(cell: str) -> dict[str, Any]:
    found = _ASSERTION.fullmatch(cell.strip())
    if found is None:  # a text alone is what the answer has to equal
        return {"type": "equals", "value": cell}
    kind, threshold, value = found.groups()
    return {
        "type": kind,
        **({} if value is None else {"value": value.strip()}),
        **({"threshold": float(threshold)} if threshold else {}),
    }


def _rows_of_test(test: Mapping[str, Any], default: Mapping[str, Any], file: Path) -> Iterator[Row]:
    options = {**(default.get("options") or {}), **(test.get("options") or {})}
    if added := [name for name in _ADDED if options.get(name)]:
        remedy = f"a test has a {added[0]} for the prompt: write it in the prompt."
        raise InvalidArgumentError("path", str(file), remedy)
    given = {**(default.get("vars") or {}), **(test.get("vars") or {})}
    asserts = [*(default.get("assert") or []), *(test.get("assert") or [])]
    equal = [each for each in asserts if _is_label(each)]
    labels: dict[str, Any] = {}
    if len(equal) == 1 and _LABEL not in given:
        labels[_LABEL] = equal[0]["value"]
        asserts = [each for each in asserts if each is not equal[0]]
    if asserts:
        labels[_ASSERTS] = asserts
    # A var that is a list stands for a test with each of its values.
    several = not options.get("disableVarExpansion")
    each_values = [
        value if several and isinstance(value, list) else [value] for value in given.values()
    ]
    for values in itertools.product(*each_values):
        read = [_value(name, value, file) for name, value in zip(given, values, strict=True)]
        yield {**dict(zip(given, read, strict=True)), **labels}, list(given)


def _value(name: str, value: Any, file: Path) -> Any:
    if not isinstance(value, str) or not value.startswith(_FILE):
        return value
    named = file.parent / value.removeprefix(_FILE)
    if named.suffix not in _OF_TEXT or "*" in value:
        remedy = f"{name} is {shown(value, 80)}: only one text is read, .txt or .md. Write it out."
        raise InvalidArgumentError("path", str(file), remedy)
    return text_of(named)


def _is_label(given: Any) -> bool:
    """Tell whether an assertion names the one right answer, and does so without a placeholder."""
    return (
        isinstance(given, Mapping)
        and given.get("type") == "equals"
        and "value" in given
        and "{{" not in str(given["value"])
    )
