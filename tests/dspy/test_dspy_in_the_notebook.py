"""A program of DSPy's in the notebook: its magics take it, and give it back."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

pytest.importorskip("dspy.primitives", reason="needs the extra `dspy`")
import dspy

pytestmark = pytest.mark.slow


def right(example, prediction, trace=None):
    return str(example.answer) == str(prediction.answer).strip()


def test_the_magics_take_a_program_and_give_back_one_of_its_class(server, rows, capsys):
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "mipro_nb")
    program = dspy.ChainOfThought("question -> answer")
    shell.push({"program": program, "rows": rows, "right": right})
    given = "program --train rows --metric right --num-trials 3 --minibatch-size 10"
    plan = shell.run_line_magic("mipro", f"estimate {given}")
    assert server.count == 0
    assert plan.models["task"] == "openai/gpt-4o-mini"
    shell.run_line_magic("mipro", f"run {given} --num-candidates 3 --into best --yes")
    best = shell.user_ns["best"]
    assert type(best) is dspy.ChainOfThought
    assert best is not program
    assert server.count > 0
    with pytest.raises(UsageError, match=r"best is a program of another library.*guide From DSPy"):
        shell.run_line_magic("mipro", "export best --as openai")
    told = str(shell.run_line_magic("mipro", "show"))
    assert "ChainOfThought" in told
