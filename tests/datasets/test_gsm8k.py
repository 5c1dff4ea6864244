"""GSM8K: reading, splitting, and the metric."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.datasets import GSM8K, gsm8k_metric
from mipro_nb.errors import InvalidArgumentError, MissingDataError, MissingExtraError
from mipro_nb.language import Example, Prediction
from mipro_nb.testing import DatasetContract


def raw_rows(count, start=0):
    return [
        {
            "question": f"How much is {i} + 1?",
            "answer": f"Add <<{i}+1={i + 1}>>.\nDone.\n#### {i + 1}",
        }
        for i in range(start, start + count)
    ]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "train.jsonl", raw_rows(600))
    write(tmp_path / "test.jsonl", raw_rows(50, start=1000))
    return tmp_path


def questions(rows):
    return [row.question for row in rows]


class TestContract(DatasetContract):
    @pytest.fixture(autouse=True)
    def _folder(self, folder):
        self.folder = folder

    def make_dataset(self, seed):
        return GSM8K(self.folder, seed=seed)

    def make_dataset_without_data(self):
        return GSM8K(self.folder / "elsewhere")


def test_a_row_has_question_reasoning_and_answer(tmp_path):
    solution = "Half of 2400 is 1200.\nSo  it is 1200.\n#### 1,200"
    path = write(tmp_path / "rows.jsonl", [{"question": "Half of 2400?", "answer": solution}])
    (row,) = GSM8K(path).dev
    assert row.to_dict() == {
        "question": "Half of 2400?",
        "gold_reasoning": "Half of 2400 is 1200. So it is 1200.",
        "answer": "1200",
    }
    assert row.input_names == ("question",)


def test_a_folder_is_split_as_dspy_splits_it(folder):
    data = GSM8K(folder)
    assert [len(part) for part in (data.train, data.dev, data.test)] == [200, 300, 50]
    assert not set(questions(data.train)) & set(questions(data.dev))
    assert set(questions(data.test)) == {row["question"] for row in raw_rows(50, start=1000)}


def test_a_file_alone_gives_three_disjoint_sets(tmp_path):
    data = GSM8K(write(tmp_path / "rows.jsonl", raw_rows(100)))
    assert [len(part) for part in (data.train, data.dev, data.test)] == [32, 48, 20]
    assert len({*questions(data.train), *questions(data.dev), *questions(data.test)}) == 100


def test_blank_lines_do_not_matter(tmp_path):
    lines = "\n\n".join(json.dumps(row) for row in raw_rows(5))
    (tmp_path / "rows.jsonl").write_text(lines + "\n \n", encoding="utf-8")
    data = GSM8K(tmp_path / "rows.jsonl")
    assert len(data.train + data.dev + data.test) == 5


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
        ("[1]", "a row is"),
        ('{"question": "?"}', "a row is"),
        ('{"question": 1, "answer": "#### 1"}', "a row is"),
        ('{"question": "?", "answer": "42"}', "#### and a whole number"),
        ('{"question": "?", "answer": "#### many"}', "#### and a whole number"),
        ('{"question": "?", "answer": 42}', "a row is"),
        ("\udcff", "this is not JSON"),
    ],
)
def test_a_bad_line_is_named_with_its_file(tmp_path, line, says):
    path = write(tmp_path / "rows.jsonl", raw_rows(2))
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n" + line + "\n")
    with pytest.raises(InvalidArgumentError, match=f"(?s)rows.jsonl, line 4'.*{says}"):
        GSM8K(path)


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(InvalidArgumentError, match="no rows"):
        GSM8K(write(tmp_path / "rows.jsonl", []))


def test_a_missing_file_is_named(folder):
    (folder / "test.jsonl").unlink()
    with pytest.raises(MissingDataError, match=r"test\.jsonl: No such file"):
        GSM8K(folder)
    with pytest.raises(MissingDataError, match=r"nowhere.*train\.jsonl and test\.jsonl"):
        GSM8K(folder / "nowhere")


def test_without_the_extra_the_error_tells_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mipro_nb\[datasets\]'"):
        GSM8K()


def hub(monkeypatch, parts):
    asked = []
    module = ModuleType("datasets")
    module.load_dataset = lambda *names: asked.append(names) or parts
    monkeypatch.setitem(sys.modules, "datasets", module)
    return asked


def test_the_hub_is_read_by_the_datasets_library(monkeypatch, folder):
    asked = hub(monkeypatch, {"train": raw_rows(600), "test": raw_rows(50, start=1000)})
    data, local = GSM8K(), GSM8K(folder)
    assert asked == [("gsm8k", "main")]
    assert (data.train, data.dev, data.test) == (local.train, local.dev, local.test)


def test_a_bad_row_of_the_hub_is_named(monkeypatch):
    hub(monkeypatch, {"train": [*raw_rows(1), {"question": "?"}], "test": []})
    with pytest.raises(InvalidArgumentError, match="gsm8k/main, train, row 1"):
        GSM8K()


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ("1200", "$1,200."),
        ("1200", "1200.00"),
        ("1200", 1200),
        ("1200", 1200.0),
        ("42", "The answer is 42"),
        ("42", "**42** apples"),
        ("42", "6 * 7 = 42"),
        ("42", "Sure!\nIt is 42.\n1 more line"),
        ("5", "10-5"),
        ("-5", "-5"),
        ("-5", "-$5"),
        ("-5", "\u22125"),
        ("1,000,000", "1000000"),
        ("9" * 6000, "9" * 6000),
    ],
)
def test_the_same_number_is_right(gold, predicted):
    assert gsm8k_metric(Example(answer=gold), Prediction(answer=predicted)) is True


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ("42", "43"),
        ("42", "42 or 43"),
        ("42", ""),
        ("42", None),
        ("42", "forty-two"),
        ("0", "no number"),
        ("none", "none either"),
        ("18", "18.5"),
        ("3", "-3"),
        ("1200", "1,20"),
    ],
)
def test_another_or_no_number_is_wrong(gold, predicted):
    assert gsm8k_metric(Example(answer=gold), Prediction(answer=predicted)) is False


def test_a_missing_answer_is_wrong():
    assert gsm8k_metric(Example(answer="1"), Prediction(text="1")) is False
    assert gsm8k_metric(Example(text="1"), Prediction(answer="1")) is False
    assert gsm8k_metric(Example(answer="1"), None) is False
    assert gsm8k_metric(SimpleNamespace(answer=1), SimpleNamespace(answer="1"), trace=[]) is True


@given(gold=st.text() | st.floats() | st.integers(), predicted=st.text())
def test_the_metric_never_raises(gold, predicted):
    assert gsm8k_metric(Example(answer=gold), Prediction(answer=predicted)) in {True, False}
