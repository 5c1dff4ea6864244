"""05_a_dspy_program: a program of DSPy's goes in and comes out, in the notebook."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

import mipro_nb as mipro

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.real_lm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_spec("litellm") is None, reason="needs the extra `dspy`"),
]


def test_what_comes_back_is_a_dspy_program_that_dspy_saves_and_loads(execute):
    notebook = execute("05_a_dspy_program", TRAIN=8, VAL=6, TEST=6, CANDIDATES=2, TRIALS=2)
    assert "Sort, held-out accuracy" in notebook.below("after = evaluate(")
    assert notebook.below("again.load(").strip().strip("'") in ("chat", "spam", "neither")
    (run,) = mipro.runs.list()
    assert run.status == "finished"
    assert set(run.state.planned.predictors) == {"sort"}
    assert notebook.view_below("mipro.show(")["snapshot"]["summary"]["state"] == "finished"
