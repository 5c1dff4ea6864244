"""What a person reads is plain English: the rules, and how they are looked for."""

from __future__ import annotations

import ast
import json
import re
import runpy
import tomllib
from collections import Counter
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_RULES = tomllib.loads((_ROOT / "prose/rules.toml").read_text(encoding="utf-8"))["rule"]


@pytest.fixture(scope="module")
def prose():
    return runpy.run_path(str(_ROOT / "prose/check.py"))


@pytest.fixture
def found(prose):
    """What is found in a file: lines and words."""

    def found(name, source):
        return [(each.line, each.words) for each in prose["findings"](Path(name), source)]

    return found


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule["found_in"][0])
def test_a_rule_finds_its_habit_and_nothing_that_is_right(rule, prose):
    pattern = re.compile(rule["pattern"], re.IGNORECASE)
    for text in rule["found_in"]:
        assert pattern.search(text), text
    for text in rule["not_in"]:
        assert not pattern.search(text), text


def test_a_habit_is_found_where_lines_break(found):
    assert found("a.md", "Fine.\n\nA run is carried\non here.") == [(3, "carried on")]


def test_code_in_markdown_is_left_out(found):
    text = "Write `anew` so:\n\n```python\nanew = 1\n```\n\nNot anew."
    assert found("a.md", text) == [(7, "anew")]


def test_of_python_docstrings_strings_and_comments_are_looked_at(found):
    source = '''\
"""Do it anew.

reckoned
    A parameter.
"""

# Whoever reads
# this.
anew = 1
text = f"{anew} is no {anew} of an LM, it is no record"
'''
    assert found("a.py", source) == [(1, "anew"), (10, "is no record"), (7, "Whoever")]


def test_of_tests_only_what_explains_them_is_looked_at(found):
    source = '"""Done anew."""\nassert reply == "carry on"\n# whoever\n'
    assert found("tests/a.py", source) == [(1, "anew"), (3, "whoever")]


def test_of_notebooks_text_and_comments_are_looked_at(found):
    cells = [
        {"cell_type": "markdown", "source": ["Ask\n", "anew."]},
        {"cell_type": "code", "source": ["%mipro help\n", "# anew\n", "anew = 1"], "outputs": []},
    ]
    assert found("a.ipynb", json.dumps({"cells": cells})) == [(2, "anew"), (2, "anew")]


def test_of_typescript_texts_and_comments_are_looked_at(found):
    source = "/* Drawn\n * anew. */\nreturn <p>Whoever</p>; // reckoned\nconst reckonedUsd = 1;"
    assert {words for _, words in found("a.tsx", source)} == {"anew", "Whoever", "reckoned"}


@pytest.fixture
def misnamed(prose):
    """What names a file has that the dictionary has another word for."""

    def misnamed(name, source):
        return [(each.line, each.words) for each in prose["misnamed"](Path(name), source)]

    return misnamed


def test_names_of_python_are_held_to_the_dictionary(misnamed):
    source = "def carry_on(past_run):\n    job = 'carry_on'\n    return past_run.wishes\n"
    found = [(1, "carry_on"), (1, "past_run"), (2, "job"), (3, "wishes")]
    assert sorted(misnamed("mipro_nb/a.py", source)) == found


def test_names_of_typescript_are_held_to_the_dictionary(misnamed):
    source = '// carryOn\nconst text = "carryOn";\nexport const carriesOn = text;\n'
    assert misnamed("js/a.ts", source) == [(3, "carriesOn")]


def test_no_class_name_stands_twice_in_the_package():
    """But for MIPROv2 with the parameters of DSPy, which is what it is in DSPy."""
    names = [
        node.name
        for path in (_ROOT / "mipro_nb").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == ["MIPROv2"]
