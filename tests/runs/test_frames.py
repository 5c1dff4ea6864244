"""A run as data frames."""

from __future__ import annotations

import optuna
import pandas as pd
import pytest
from handmade import BETTER, answered, asked, keep, planned, scored, trial, whole_run, write

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs import events as ev
from mipro_nb.runs import open_record
from mipro_nb.runs.statistics.interval import score_interval


def test_a_row_per_trial(finished):
    frame = finished.to_dataframe()
    state = finished.state
    assert list(frame.index) == sorted(state.trials)
    assert list(frame["score"]) == [state.trials[number].score for number in frame.index]
    assert list(frame.columns[:4]) == [
        "plan:demos",
        "plan:instruction",
        "solve.predict:demos",
        "solve.predict:instruction",
    ]
    assert frame.loc[0, frame.columns[:4]].isna().all()  # the student as given
    for number in frame.index[1:]:
        assert dict(frame.loc[number, frame.columns[:4]]) == state.trials[number].configuration
    assert frame["calls"].sum() == sum(t.spend.calls for t in state.trials.values())
    assert ((frame["low"] <= frame["score"]) & (frame["score"] <= frame["high"])).all()
    assert frame["asked_at"].is_monotonic_increasing
    assert str(frame["asked_at"].dt.tz) == "UTC"
    assert (frame["state"] == "done").all()
    assert frame.loc[frame["kind"] == "full", "reused"].sum() > 0


def test_a_row_per_example_that_was_scored(finished):
    frame = finished.examples_dataframe()
    baseline = frame[frame["trial"] == 0].set_index("example").sort_index()
    assert list(baseline.index) == list(range(8))
    assert baseline.loc[0, "example_question"] == "1000 plus 1003"
    assert baseline.loc[0, "example_answer"] == "2003"
    assert baseline.loc[0, "prediction_answer"] in ("2003", "no idea")
    assert "this sum is refused" in baseline.loc[3, "error"]
    assert 100 * baseline["score"].mean() == pytest.approx(finished.state.baseline)


def test_a_row_per_call(finished):
    frame = finished.calls_dataframe()
    spend = finished.state.spend
    assert len(frame) == spend.calls + spend.cached_calls + spend.failed_calls
    assert frame["usd"].sum() == pytest.approx(spend.usd)
    assert set(frame["phase"]) == {"baseline", "bootstrap", "propose", "search"}
    assert frame["error"].notna().sum() == spend.failed_calls > 0
    assert {"plan", "solve.predict"} <= set(frame["predictor"].dropna())


def test_optuna_opens_a_run_as_its_study(finished, tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    finished.to_optuna(storage)
    study = optuna.load_study(study_name=finished.id, storage=storage)
    trials = finished.state.trials
    shown = [t.intermediate_values.get(t.last_step, t.value) for t in study.trials]
    assert shown == [trials[n].score for n in sorted(trials)]
    assert study.trials[0].user_attrs["kind"] == "baseline"
    assert set(study.trials[0].params.values()) == {0}  # the student as given
    assert study.trials[1].params == trials[1].configuration
    assert study.trials[1].duration.total_seconds() == pytest.approx(trials[1].seconds, abs=1e-3)
    assert study.user_attrs["program"] == finished.state.planned.program
    assert study.best_value == finished.state.best.score
    assert study.user_attrs["best_trial"] == finished.state.best.trial
    with pytest.raises(InvalidArgumentError, match=r"study named .* already: delete that one"):
        finished.to_optuna(storage)
    for unusable in ("nonsense", "foo://name:secret@host/db", 5):
        with pytest.raises(InvalidArgumentError, match=r"storage=.* cannot be opened") as caught:
            finished.to_optuna(unusable)
        assert "secret" not in str(caught.value)


def test_what_is_not_returned_is_not_the_best_trial_of_a_study():
    other = dict.fromkeys(BETTER, 0)
    events = [
        planned(),
        *trial(0, "baseline", {}, 50.0),
        *trial(1, "minibatch", other, 100.0),
        *trial(2, "full", BETTER, 80.0),
        *trial(3, "full", {**BETTER, "self:demos": 2}, 90.0),
        ev.CandidateBanned(predictor="self", part="demos", index=2, on=True),
    ]
    write("run", events)
    study = mipro.runs.load("run").to_optuna()
    assert (study.best_value, study.best_params) == (80.0, BETTER)
    assert [each.state.name for each in study.trials] == [
        "COMPLETE",
        "PRUNED",
        "COMPLETE",
        "PRUNED",
    ]
    assert [list(each.intermediate_values.values()) for each in study.trials[1::2]] == [[100], [90]]


def test_a_run_without_trials_has_frames_without_rows():
    write("run", [planned(valset=keep(open_record(), []))])
    run = mipro.runs.load("run")
    for frame, column in (
        (run.to_dataframe(), "score"),
        (run.examples_dataframe(), "score"),
        (run.calls_dataframe(), "usd"),
    ):
        assert len(frame) == 0
        assert column in frame.columns
    write("empty", [])
    assert len(mipro.runs.load("empty").examples_dataframe()) == 0


def test_a_trial_that_goes_on_has_no_score_yet():
    events = [
        planned(),
        *trial(0, "baseline", {}, 50.0),
        asked(1, "full", BETTER),
        answered(trial=1, usd=None),
    ]
    write("run", events)
    frame = mipro.runs.load("run").to_dataframe()
    assert frame.loc[1, "state"] == "running"
    assert frame.loc[1, ["score", "low", "high", "seconds", "usd"]].isna().all()
    assert frame.loc[1, "calls"] == 1
    write("over", [*events, ev.RunEnded(**dict.fromkeys(ENDED), state="stopped")])
    assert mipro.runs.load("over").to_dataframe().loc[1, "state"] == "given up"


ENDED = ("score", "baseline", "configuration", "program")


def test_predictions_that_are_no_fields_have_a_column_of_their_own():
    record = open_record()
    events = [
        planned(valset=keep(record, [{"q": 1}])),
        asked(0, "baseline", {}),
        scored(0, "student as given", 0, prediction=keep(record, "just text")),
        scored(0, "student as given", 5),  # of a row that is not there
    ]
    write("run", events)
    frame = mipro.runs.load("run").examples_dataframe()
    assert frame.loc[0, "prediction"] == "just text"
    assert frame.loc[0, "example_q"] == 1
    assert pd.isna(frame.loc[1, "example_q"])


def test_frames_are_the_same_while_the_run_goes_on_and_afterwards(finished):
    class Live(mipro.runs.views.exports.frames.RunFrames):
        id, record = finished.id, finished.record

        def read(self, view):
            return view(finished.state)

    assert Live().to_dataframe().equals(finished.to_dataframe())
    assert Live().calls_dataframe().equals(finished.calls_dataframe())


@pytest.mark.parametrize(
    ("score", "examples", "low", "high"),
    [
        (50.0, 100, 40.4, 59.6),
        (0.0, 10, 0.0, 27.8),
        (100.0, 10, 72.2, 100.0),
        (100.0, 1, 20.7, 100),
    ],
)
def test_the_interval_of_a_score_is_wilsons(score, examples, low, high):
    assert score_interval(score, examples) == pytest.approx((low, high), abs=0.06)


def test_there_is_no_interval_where_there_is_no_proportion():
    for score, examples in ((None, 5), (50.0, 0), (-1.0, 5), (101.0, 5)):
        assert score_interval(score, examples) == (None, None)
    assert whole_run()
