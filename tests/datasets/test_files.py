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
        ("a.yaml", {"tests": "file://tests.csv"}, ["q"], "from_dataframe"),
        ("a.yaml", {"tests": ["x"]}, ["q"], "a test is an object"),
        ("a.yaml", {"prompts": []}, ["q"], "its tests have to stand in it"),
    ],
)
def test_what_no_rows_can_be_read_from_is_refused(file, name, content, inputs, remedy):
    with pytest.raises(InvalidArgumentError, match=remedy):
        from_file(file(name, content), inputs)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        from_file(tmp_path / "none.jsonl", ["q"])
