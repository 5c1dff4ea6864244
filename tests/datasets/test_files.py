"""Rows out of promptfoo's and OpenAI's files."""

from __future__ import annotations

import json

import pytest
import yaml

from mipro_nb.datasets import from_file
from mipro_nb.errors import InvalidArgumentError


def _dumped(content, suffix):
    return yaml.safe_dump(content, sort_keys=False) if suffix == ".yaml" else json.dumps(content)


@pytest.fixture
def file(tmp_path):
    def written(name, content):
        path = tmp_path / name
        text = content if isinstance(content, str) else _dumped(content, path.suffix)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_tests_of_promptfoo_are_rows(file):
    rubric = {"type": "llm-rubric", "value": "is polite"}
    config = {
        "prompts": ["Be brief: {{ question }}"],
        "defaultTest": {"vars": {"tone": "kind"}, "assert": [rubric]},
        "tests": [
            {"vars": {"question": "1"}, "assert": [{"type": "equals", "value": "one"}]},
            {"vars": {"question": "2", "tone": "dry", "expected": "two"}},
        ],
    }
    path = file("promptfooconfig.yaml", config)
    first, second = from_file(path, inputs=["question", "tone"])
    assert first.inputs().to_dict() == {"question": "1", "tone": "kind"}
    assert first.labels().to_dict() == {"answer": "one", "asserts": [rubric]}
    assert second.inputs().to_dict() == {"question": "2", "tone": "dry"}
    assert second.labels().to_dict() == {"expected": "two", "asserts": [rubric]}
    assert from_file(path)[1].input_names == ("tone", "question", "expected")


TABLE = """\
question,lang,__expected,__expected2,__description
"1, 2",en,three,icontains: three,a sum
2,de,similar(0.8): zwei,is-json,
3,de,,,
"""


@pytest.mark.parametrize("tests", ["file://t.csv", ["t.csv"], None])
def test_a_table_of_promptfoo_has_its_assertions_in_columns(file, tests):
    path = file("t.csv", f"\ufeff{TABLE}")
    rows = from_file(path if tests is None else file("a.yaml", {"tests": tests}))
    assert [row.inputs().to_dict() for row in rows] == [
        {"question": "1, 2", "lang": "en"},
        {"question": "2", "lang": "de"},
        {"question": "3", "lang": "de"},
    ]
    assert [row.labels().to_dict() for row in rows] == [
        {"answer": "three", "asserts": [{"type": "icontains", "value": "three"}]},
        {
            "asserts": [
                {"type": "similar", "value": "zwei", "threshold": 0.8},
                {"type": "is-json"},
            ]
        },
        {},
    ]


def test_tests_in_files_of_their_own_are_rows_in_their_order(file):
    one = {"vars": {"q": "1"}, "assert": [{"type": "equals", "value": "one"}]}
    two, three = {"vars": {"q": "2"}}, {"vars": {"q": "3"}}
    file("more/a.yaml", [one])
    file("more/b.yaml", [two])
    file("c.jsonl", json.dumps(three))
    path = file("p.yaml", {"tests": ["file://more/*.yaml", {"vars": {"q": "x"}}, "c.jsonl"]})
    assert [row.q for row in from_file(path)] == ["1", "2", "x", "3"]
    (row,) = from_file(file("a.yaml", [one]))
    assert (row.q, row.answer) == ("1", "one")


def test_a_list_among_the_vars_is_a_test_for_each_value_unless_that_is_off(file):
    test = {"vars": {"q": ["1", "2"], "lang": ["en", "de"]}}
    rows = from_file(file("a.yaml", {"tests": [test]}))
    assert [(row.q, row.lang) for row in rows] == [
        ("1", "en"),
        ("1", "de"),
        ("2", "en"),
        ("2", "de"),
    ]
    off = {**test, "options": {"disableVarExpansion": True}}
    (row,) = from_file(file("a.yaml", {"tests": [off]}))
    assert row.q == ["1", "2"]


def test_a_var_may_be_a_text_in_a_file(file):
    file("long.txt", "a long text\n")
    (row,) = from_file(file("a.yaml", {"tests": [{"vars": {"q": "file://long.txt"}}]}))
    assert row.q == "a long text\n"


def test_items_of_openai_are_rows_with_what_stands_beside_them(file):
    lines = [
        {"item": {"question": "1", "answer": "one"}, "graders": ["equals {{ item.answer }}"]},
        {"question": "2", "answer": "two"},
    ]
    path = file("data.jsonl", "\n\n".join(map(json.dumps, lines)))
    first, second = from_file(path, inputs={"question": None})
    assert first.inputs().to_dict() == second.inputs().copy(question="1").to_dict()
    assert first.labels().to_dict() == {"answer": "one", "graders": ["equals {{ item.answer }}"]}
    assert second.labels().to_dict() == {"answer": "two"}
    assert from_file(file("data.json", lines), inputs=["question"]) == [first, second]


@pytest.mark.parametrize(
    ("name", "content", "inputs", "remedy"),
    [
        ("a.jsonl", '{"q": 1}\nno', ["q"], "line 2 is not JSON"),
        ("a.jsonl", "[1]", ["q"], "a row is an object"),
        ("a.jsonl", '{"q": 1}', None, "name the inputs; a row has q"),
        ("a.jsonl", '{"q": 1}', "q", "name the inputs"),
        ("a.jsonl", '{"q": 1}', ["x"], "row 0 has no x; it has q"),
        ("a.jsonl", "", ["q"], "there are no rows"),
        ("a.yaml", {"tests": "file://tests.csv"}, ["q"], "cannot be read"),
        ("a.yaml", {"tests": "file://tests.py"}, ["q"], "no code of a test is run"),
        ("a.yaml", {"tests": "huggingface://datasets/a/b"}, ["q"], "neither a list nor a file"),
        ("a.yaml", {"tests": [{"vars": {"q": "file://a.pdf"}}]}, ["q"], "only one text is read"),
        ("a.yaml", {"tests": [{"vars": {"q": "file://no.txt"}}]}, ["q"], "cannot be read"),
        (
            "a.yaml",
            {"defaultTest": {"options": {"prefix": "x"}}, "tests": [{"vars": {"q": "1"}}]},
            ["q"],
            "a prefix for the prompt",
        ),
        ("a.csv", "q,__suffix\n1,x\n", ["q"], "a suffix for the prompt"),
        ("a.csv", "q,a\n1\n", ["q"], "row 0 has more or fewer cells"),
        ("a.csv", "q,a\n1,2\n", None, "name the inputs; a row has q, a"),
        ("a.yaml", {"tests": ["x"]}, ["q"], "neither a list nor a file"),
        ("a.yaml", {"tests": [3]}, ["q"], "a test is an object"),
        ("a.yaml", {"prompts": []}, ["q"], "its tests have to stand in it"),
    ],
)
def test_what_no_rows_can_be_read_from_is_refused(file, name, content, inputs, remedy):
    with pytest.raises(InvalidArgumentError, match=remedy):
        from_file(file(name, content), inputs)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        from_file(tmp_path / "none.jsonl", ["q"])
