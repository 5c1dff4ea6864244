"""A run of the toy task, made once and looked at by many tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from scripted_server import Reply, ScriptedServer

import mipro_nb as mipro
from mipro_nb.evaluate.metric import Score

sys.path.append(str(Path(__file__).parents[1] / "optimizer"))
import scripted_task

BROKEN = "1003 plus"
"""The server refuses every call about the sum that begins so."""


def answer(request):
    if scripted_task.kind(request) == "task" and BROKEN in request.last_user:
        return Reply("this sum is refused", status=400)
    return scripted_task.answer(request)


def judged(example, prediction, trace=None):
    right = prediction.answer == example.answer
    return Score(float(right), "Right." if right else f"It is {example.answer}.")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run of two predictors on 8 rows, one of which always fails; read back from its record."""
    path = tmp_path_factory.mktemp("finished") / "record.sqlite"
    with ScriptedServer(answer) as server:
        lm = scripted_task.lm_of(server)
        optimizer = mipro.MIPROv2(judged, prompt_model=lm, task_model=lm, num_candidates=3)
        run = scripted_task.run_of(
            optimizer,
            scripted_task.PlanAndSolve(),
            val=scripted_task.rows(8, start=1000),
            record=path,
            num_trials=4,
            minibatch=True,
            minibatch_size=4,
            minibatch_full_eval_steps=2,
        )
    return mipro.runs.load(run.id, path)
