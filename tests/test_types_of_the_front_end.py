"""The front end's types are those of Python, and are written by rule."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, Literal

import pytest

_GENERATOR = Path(__file__).parents[1] / "typescript/generate.py"
pytestmark = pytest.mark.skipif(not _GENERATOR.exists(), reason="an sdist has no generator")


@pytest.fixture(scope="module")
def generator():
    return runpy.run_path(str(_GENERATOR))


def test_they_are_what_python_says(generator):
    assert generator["WRITTEN"].read_text(encoding="utf-8") == generator["Types"]().text()


@pytest.mark.parametrize(
    ("hint", "written"),
    [
        (str, "string"),
        (int | None, "number | null"),
        (Any, "unknown"),
        (Literal["a", "b"], '"a" | "b"'),
        (list[str], "readonly string[]"),
        (list[float | None], "readonly (number | null)[]"),
        (dict[str, list[bool]], "Readonly<Record<string, readonly boolean[]>>"),
    ],
)
def test_a_type_is_written(generator, hint, written):
    assert generator["Types"]().written(hint) == written


def test_a_type_without_a_form_there_is_refused(generator):
    with pytest.raises(TypeError, match="set"):
        generator["Types"]().written(set[str])


def test_a_comment_says_null_where_python_says_none(generator):
    assert generator["tsdoc"]("None of it: ``x`` is None.") == "/** Null of it: `x` is null. */\n"
