"""03_history_and_comparison: two runs are found again, compared, exported and deleted."""

from __future__ import annotations

import json

import pytest

import mipro_nb as mipro

pytestmark = [pytest.mark.notebook, pytest.mark.real_lm, pytest.mark.timeout(900)]


def test_two_runs_are_looked_back_at_in_all_ways(execute, tmp_path):
    notebook = execute("03_history_and_comparison", TRAIN=6, VAL=3, CANDIDATES=2, TRIALS=2)

    demos, words = mipro.runs.list()
    assert (words.name, demos.name) == ("words only", "words and demos")
    assert words.tags == demos.tags == ("notebook-03",)

    history = notebook.below("%mipro history")
    assert words.id in history
    assert demos.id in history
    assert [row["id"] for row in notebook.view_below("%mipro history")["history"]] == [
        demos.id,
        words.id,
    ]
    searched = notebook.below('mipro.history("notebook-03 finished')
    assert demos.id in searched
    assert words.id not in searched

    shown = notebook.view_below("mipro.show(")["snapshot"]
    assert shown["summary"]["id"] == demos.id
    assert shown["details"], "the trials can be looked into without a kernel"
    comparison = notebook.below("mipro.compare(")
    assert words.id in comparison
    assert demos.id in comparison
    assert "max_labeled_demos" in comparison
    # On so few rows it may be that nothing beats the student, and that both runs return it.
    returned = [run.state.trials[run.state.best.trial].configuration for run in (words, demos)]
    differ = returned[0] != returned[1]
    difference = f"--- {words.id}\n+++ {demos.id}"
    said = difference if differ else "Both runs returned the same program."
    assert said in notebook.below("%mipro diff")
    assert "classify:instruction" in notebook.below("recorded.to_dataframe()")
    assert "example_text" in notebook.below("examples_dataframe()")
    assert "from_cache" in notebook.below("calls_dataframe()")
    assert len(notebook.figures()) == 4

    exported = json.loads((tmp_path / "demo-output" / "words_only.json").read_text("utf-8"))
    assert exported["run"]["id"] == words.id
    deleted = notebook.below("mipro.runs.delete(")
    assert demos.id in deleted
    assert words.id not in deleted
    assert words.id in notebook.below("mipro.runs.import_run(")
