"""04_custom_program: two predictors around a search, scored by a metric that asks a judge."""

from __future__ import annotations

import pytest

import mipro_nb as mipro
from mipro_nb.runs.views.drill_down.details import trial_detail

pytestmark = [pytest.mark.notebook, pytest.mark.real_lm, pytest.mark.timeout(900)]


def test_both_predictors_are_optimized_by_what_the_judge_says(execute):
    notebook = execute("04_custom_program", TRAIN=6, VAL=4, TEST=2, CANDIDATES=2, TRIALS=2)

    assert "pear juice" in notebook.below("def search("), "the search finds the passage"
    assert "judge" in notebook.below("known = [")
    assert "held-out score" in notebook.below("after = evaluate(")

    (run,) = mipro.runs.list()
    assert run.status == "finished"
    assert set(run.state.planned.predictors) == {"write_query", "answer"}
    assert "write_query:" in notebook.below("named_predictors()")

    baseline = trial_detail(run.record, run.id, run.state, 0)
    feedback = [row["feedback"] for row in baseline["examples"] if row["prediction"] is not None]
    assert None not in feedback, "every answer was told what it is worth"
    of_all = [
        row["feedback"]["text"]
        for trial in run.state.trials
        for row in trial_detail(run.record, run.id, run.state, trial)["examples"]
        if row["prediction"] is not None
    ]
    assert any("judge" in text for text in of_all)
    (saved,) = (
        detail
        for detail in notebook.view_below("mipro.show(")["snapshot"]["details"]
        if detail["trial"]["trial"] == 0
    )
    assert [row["feedback"] for row in saved["examples"] if row["prediction"]] == feedback
    assert len(notebook.figures()) == 1
