"""Metrics: every form a user may write them in, and what is said of those that cannot work."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

import mipro_nb as mipro
from mipro_nb.errors import LMError, MetricError, ProgramError
from mipro_nb.evaluate.metric import Metric, MetricReturnError, NotFiniteScoreError

ROW = mipro.Example(question="1 plus 1", answer="2").with_inputs("question")
PREDICTION = mipro.Prediction(answer="2")


async def score_of(function, trace=None):
    return await Metric(function).score(ROW, PREDICTION, trace)


def same(example, prediction, trace=None):
    return example.answer == prediction.answer


async def same_async(example, prediction, trace=None):
    await asyncio.sleep(0)
    return same(example, prediction)


class Same:
    """A metric that is an object."""

    def __call__(self, example, prediction, trace=None):
        return same(example, prediction)


class SameAsync:
    async def __call__(self, example, prediction, trace=None):
        return same(example, prediction)

    def method(self, example, prediction, trace=None):
        return same(example, prediction)


@pytest.mark.parametrize(
    "metric",
    [
        same,
        same_async,
        Same(),
        SameAsync(),
        SameAsync().method,
        lambda e, p: e.answer == p.answer,
        lambda e, p, t: same(e, p),
        lambda *both_and_trace: both_and_trace[0].answer == both_and_trace[1].answer,
        lambda e, p, trace=None, **more: same(e, p),
        lambda e, p, t: same_async(e, p),  # sync, and returns a coroutine
    ],
)
async def test_any_callable_of_example_and_prediction_is_a_metric(metric):
    assert (await score_of(metric)).score == 1.0


@pytest.mark.parametrize(
    ("result", "score", "feedback"),
    [
        (True, 1.0, None),
        (False, 0.0, None),
        (0.25, 0.25, None),
        (1, 1.0, None),
        (np.float32(0.5), 0.5, None),
        (np.bool_(True), 1.0, None),
        (mipro.Score(0.75), 0.75, None),
        (mipro.Score(0.75, "too long"), 0.75, "too long"),
        (mipro.Prediction(score=0.5, feedback="good"), 0.5, "good"),
        ({"score": 0.5, "feedback": "good"}, 0.5, "good"),
        (SimpleNamespace(score=True, feedback="good"), 1.0, "good"),
        (SimpleNamespace(score=0.5, feedback=None), 0.5, None),
    ],
)
async def test_what_a_metric_may_return(result, score, feedback):
    found = await score_of(lambda *_: result)
    assert (found.score, found.feedback) == (score, feedback)


@pytest.mark.parametrize("feedback", [3, ["too long"], {"why": "too long"}])
async def test_feedback_that_is_no_text_is_refused(feedback):
    with pytest.raises(MetricReturnError, match="feedback that is not text") as caught:
        await score_of(lambda *_: mipro.Score(0.5, feedback))
    assert "1 plus 1" in str(caught.value)


def gepa(gold, pred, trace=None, pred_name=None, pred_trace=None):
    return {"score": 0.5, "feedback": f"{pred_name}: {len(pred_trace or ())}"}


def strict(gold, pred, trace, pred_name, pred_trace):
    return gepa(gold, pred, trace, pred_name, pred_trace)


@pytest.mark.parametrize("metric", [gepa, strict])
async def test_a_metric_for_dspy_s_gepa_says_what_one_predictor_did(metric):
    assert await score_of(metric) == mipro.Score(0.5, "None: 0")
    found = await Metric(metric).of_predictor(ROW, PREDICTION, ["a", "b"], "solve", ["b"])
    assert found == mipro.Score(0.5, "solve: 1")
    assert await Metric(same).of_predictor(ROW, PREDICTION, [], "solve", []) is None


@pytest.mark.parametrize("result", ["1", "good", [1], {}, object(), 1j, {"score": None}])
async def test_a_result_that_is_no_score_is_refused_with_the_example(result):
    with pytest.raises(MetricReturnError, match="bool, a number from 0 to 1 or a Score") as caught:
        await score_of(lambda *_: result)
    assert "1 plus 1" in str(caught.value)


@pytest.mark.parametrize(
    "result",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        -1e308,
        np.float64("nan"),
        10**400,
        mipro.Score(float("nan"), "far off"),
    ],
)
async def test_a_score_that_is_not_finite_is_that_example_s_error_with_a_remedy(result):
    with pytest.raises(NotFiniteScoreError, match=r"not a score. Have it return 0.0") as caught:
        await score_of(lambda *_: result)
    assert "1 plus 1" in str(caught.value)


@pytest.mark.parametrize("result", [-1, -0.5, mipro.Score(-3.0, "three off")])
async def test_a_score_below_0_is_refused_with_the_remedy(result):
    with pytest.raises(MetricReturnError, match=r"0–1, or 0–100: return 1 / \(1 \+ loss\)"):
        await score_of(lambda *_: result)
    assert await score_of(lambda *_: -1e-9) == mipro.Score(0.0)  # a cosine may be that


async def test_a_metric_that_returns_nothing_is_asked_whether_it_lacks_a_return():
    def forgetful(example, prediction, trace=None):
        same(example, prediction)

    with pytest.raises(MetricReturnError, match="forgetful returned None: does it lack a return"):
        await score_of(forgetful)


async def test_a_metric_that_raises_is_shown_with_example_and_prediction():
    def typo(example, prediction, trace=None):
        return example.anwser == prediction.answer

    with pytest.raises(MetricError, match="typo raised AttributeError") as caught:
        await score_of(typo)
    assert "anwser" in str(caught.value)
    assert "1 plus 1" in str(caught.value)
    assert "Prediction(answer='2')" in str(caught.value)
    assert isinstance(caught.value.__cause__, AttributeError)


async def test_our_own_errors_pass_through_a_metric():
    def judge(example, prediction, trace=None):
        msg = "the judge's LM failed"
        raise LMError(msg)

    with pytest.raises(LMError, match="the judge's LM failed"):
        await score_of(judge)


@pytest.mark.parametrize("leave", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_metric_that_leaves_is_an_error_of_the_metric(leave, is_async):
    def sync_leaver(example, prediction, trace=None):
        raise leave

    async def async_leaver(example, prediction, trace=None):
        raise leave

    with pytest.raises(ProgramError, match=f"leaver raised {leave.__name__}"):
        await score_of(async_leaver if is_async else sync_leaver)


async def test_a_metric_gets_the_trace_if_it_takes_one():
    seen = []
    await score_of(lambda _e, _p, trace=None: seen.append(trace) or True, trace=["step"])
    assert seen == [["step"]]
    assert (await score_of(lambda _e, _p: True, trace=["step"])).score == 1


@pytest.mark.parametrize(
    "metric", [lambda: True, lambda e: True, lambda a, b, c, d: True, lambda e, p, *, k: True]
)
def test_a_metric_with_the_wrong_signature_is_refused_at_once(metric):
    with pytest.raises(MetricError, match="cannot be called so: write def metric"):
        Metric(metric)


@pytest.mark.parametrize("metric", [None, 3, "exact", ["f"]])
def test_what_cannot_be_called_is_refused_at_once(metric):
    with pytest.raises(MetricError, match="is not callable: write def metric"):
        Metric(metric)


def test_a_metric_may_be_a_metric():
    assert Metric(Metric(same)).function is same


def test_a_score_is_true_if_it_is_not_zero_and_is_a_number():
    assert mipro.Score(0.1)
    assert not mipro.Score(0.0, "bad")
    assert float(mipro.Score(0.5)) == 0.5
