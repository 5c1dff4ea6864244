"""The measurement of prompt formats: what it counts, and that it goes on where it was."""

import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
if not (_ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are not here", allow_module_level=True)
sys.path.insert(0, str(_ROOT))

from benchmarks.formats.__main__ import main  # noqa: E402 - it is found from the root
from benchmarks.formats.generous import last_label, last_number, parts  # noqa: E402

TOPICS = ("business", "sports", "tech")


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ("topic: (one of: business, sports, tech)", "tech"),
        ("<think>business?</think>I would say **Sports**.", "sports"),
        ("<think>business, or", None),
        ("technical", None),
    ],
)
def test_the_last_label_counts_whatever_the_form(reply, label):
    assert last_label(reply, TOPICS) == label


@pytest.mark.parametrize(
    ("reply", "number"),
    [("3 × 4 = 12. The answer is $1,012.50.", 1012.5), ("answer: -3", -3), ("none", None)],
)
def test_the_last_number_counts(reply, number):
    assert last_number(reply) == number


@pytest.mark.parametrize(
    "reply",
    [
        "title: Ink for votes\nsummary: Ink helps the summary count.",
        "<title>Ink for votes</title>\n<summary>Ink helps the summary count.</summary>",
        '{"title": "Ink for votes", "summary": "Ink helps the summary count."}',
        "**Title:** Ink for votes\n\n**Summary:** Ink helps the summary count.",
        "Ink for votes\nInk helps the summary count.",
    ],
)
def test_two_texts_are_told_apart_in_any_form(reply):
    assert parts(reply, ("title", "summary")) == ["Ink for votes", "Ink helps the summary count"]


@pytest.mark.real_lm
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_rows_are_measured_and_not_asked_again(tmp_path, capsys):
    answers = tmp_path / "answers.jsonl"
    line = ["--rows", "2", "--task", "SMS", "--answers", str(answers)]
    main(line)
    table = capsys.readouterr().out
    kept = answers.read_text()
    assert len(kept.splitlines()) == 2 * 2 * 6  # rows, shots, formats
    assert "value + grammar" in table
    main(line)
    assert answers.read_text() == kept
    assert capsys.readouterr().out == table
