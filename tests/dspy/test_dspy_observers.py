"""DSPy's own observers and the calls of a run: usage trackers, histories and callbacks."""

from __future__ import annotations

from collections import Counter

import pytest

import mipro_nb as mipro

pytest.importorskip("dspy.primitives", reason="needs the extra `dspy`")
import dspy
from dspy.utils.callback import BaseCallback

from mipro_nb.dspy import MIPROv2

pytestmark = pytest.mark.slow

MODEL = "openai/gpt-4o-mini"
NO_QUESTION = {"requires_permission_to_run": False}


@pytest.fixture
def _tracking(server):
    dspy.configure(track_usage=True)
    yield
    dspy.configure(track_usage=False)


def optimizer(metric):
    return MIPROv2(metric=metric, auto=None, num_candidates=3, num_threads=4)


def short(example, prediction, trace=None):
    """Score by what the answer took, as the server counted it."""
    usage = prediction.get_lm_usage()[MODEL]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    return 100 / (100 + usage["total_tokens"] + usage["prompt_tokens_details"]["cached_tokens"])


def scored(program):
    logs = program.trial_logs.values()
    return [(log.get("full_eval_score"), log.get("mb_score")) for log in logs]


@pytest.mark.usefixtures("_tracking")
def test_a_metric_by_usage_gives_kept_answers_the_same_score(server, rows):
    given = {"trainset": rows[:20], "num_trials": 3, **NO_QUESTION}
    first = optimizer(short).compile(dspy.ChainOfThought("question -> answer"), **given)
    sent = server.count
    again = optimizer(short).compile(dspy.ChainOfThought("question -> answer"), **given)
    assert server.count == sent
    assert scored(again) == scored(first)
    assert 0 < first.score < 100


@pytest.mark.usefixtures("_tracking")
def test_a_metric_by_usage_gives_a_resumed_run_the_same_score(server, rows, tmp_path):
    given = {"trainset": rows[:20], "num_trials": 3, **NO_QUESTION}
    whole = optimizer(short).compile(
        dspy.ChainOfThought("question -> answer"), record=tmp_path / "whole.sqlite", **given
    )
    other = tmp_path / "cut.sqlite"
    cut = optimizer(short).compile(
        dspy.ChainOfThought("question -> answer"), record=other, max_calls=30, **given
    )
    resumed = optimizer(short).resume(
        cut.run_id,
        dspy.ChainOfThought("question -> answer"),
        record=other,
        max_calls=10_000,
        **NO_QUESTION,
    )
    assert scored(resumed) == scored(whole)


class Observer(BaseCallback):
    """Looks, as observers do, at the history of the LM whose call ends."""

    def __init__(self):
        self.asked = {}
        self.seen = Counter()

    def on_lm_start(self, call_id, instance, inputs):
        self.asked[call_id] = (instance, inputs)

    def on_lm_end(self, call_id, outputs, exception=None):
        lm, inputs = self.asked.pop(call_id)
        entry = lm.history[-1]
        assert entry["messages"] == inputs["messages"]
        self.seen["calls"] += 1
        self.seen["tokens"] += entry["usage"]["total_tokens"]


def test_callbacks_see_the_history_of_the_lm_that_is_called(server, rows):
    observer = Observer()
    with dspy.context(callbacks=[observer]):
        result = mipro.Evaluate(devset=rows[:6], metric=lambda e, p: True)(
            dspy.Predict("question -> answer")
        )
    assert len(result.results) == 6
    assert observer.seen["calls"] == server.count == 6
    assert observer.seen["tokens"] > 0


def test_callbacks_see_no_history_where_dspy_keeps_none(server, rows):
    histories = []

    class Looks(BaseCallback):
        def on_lm_start(self, call_id, instance, inputs):
            self.lm = instance

        def on_lm_end(self, call_id, outputs, exception=None):
            histories.append(list(self.lm.history))

    with dspy.context(callbacks=[Looks()], disable_history=True):
        mipro.Evaluate(devset=rows[:1], metric=lambda e, p: True)(
            dspy.Predict("question -> answer")
        )
    assert histories == [[]]
    assert dspy.settings.lm.history == []


class ReadsHistories(dspy.Module):
    def __init__(self):
        super().__init__()
        self.solve = dspy.Predict("question -> answer")

    def forward(self, question):
        solved = self.solve(question=question)
        entry = self.solve.history[-1]
        assert entry is self.history[-1]
        assert entry["messages"]
        return dspy.Prediction(answer=solved.answer, took=entry["usage"]["total_tokens"])


judge = dspy.Predict("question -> answer")


def by_history(example, prediction, trace=None):
    judge(question=example.question)
    assert judge.history
    entry = dspy.settings.lm.history[-1]
    assert entry["outputs"]
    assert entry["usage"]["total_tokens"] > 0
    return 100 / (100 + prediction.took)


def test_programs_and_metrics_read_histories_of_answers_sent_kept_and_made_up(server, rows):
    made = MIPROv2(metric=by_history, auto=None, num_candidates=3, num_threads=1)
    given = {"trainset": rows[:12], "num_trials": 2, "minibatch_size": 5}
    plan = made.plan(ReadsHistories(), **given)
    assert plan.estimate.guess is None
    assert (dspy.settings.lm.history, judge.history) == ([], [])
    first = made.compile(ReadsHistories(), **given, **NO_QUESTION)
    sent = server.count
    assert len(dspy.settings.lm.history) >= sent
    dspy.settings.lm.history.clear()
    again = made.compile(ReadsHistories(), **given, **NO_QUESTION)
    assert server.count == sent
    assert sum(entry["cost"] for entry in dspy.settings.lm.history) == 0
    assert scored(again) == scored(first)
    assert mipro.runs.load(again.run_id).state.errors == {}
    assert (again.history, again.solve.history) == ([], [])
