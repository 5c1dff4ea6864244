"""Runs side by side."""

from __future__ import annotations

import json

import pytest
from handmade import BETTER, answered, asked, ended, planned, told, trial, whole_run, write

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, UnknownRunError
from mipro_nb.runs import events as ev
from mipro_nb.runs.views.spending_curve import spending_curve


def proposed(index, instruction, predictor="self"):
    return ev.CandidateProposed(
        predictor=predictor,
        index=index,
        instruction=instruction,
        source="proposed" if index else "student",
    )


def test_the_curve_tells_what_had_been_spent_at_each_full_evaluation():
    third = {"self:instruction": 1}
    events = [
        planned(),
        ev.RunPermitted(by="user"),
        asked(0, "baseline", {}),
        answered(usd=0.25),
        told(0, "baseline", {}, 50.0),
        answered(usd=0.25),
        answered(usd=0.0, from_cache=True),
        *trial(1, "minibatch", BETTER, 100.0),
        ev.RunPaused(),
        ev.RunResumed(),
        *trial(2, "full", BETTER, 80.0),
        answered(usd=None),
        *trial(3, "full", third, 60.0),
        answered(),
    ]
    record = write("run", [])
    for seq, event in enumerate(events):
        record.append("run", event, seq, at=1000.0 + seq)
    assert spending_curve(record, "run") == [
        {"calls": 1, "usd": 0.25, "seconds": 3.0, "score": 50.0},
        {"calls": 2, "usd": 0.5, "seconds": 10.0, "score": 80.0},
        {"calls": 3, "usd": None, "seconds": 13.0, "score": 80.0},  # the best so far
    ]


def test_a_banned_candidate_is_the_best_no_more():
    ban = ev.CandidateBanned(predictor="self", part="instruction", index=2, on=True)
    events = [
        planned(),
        *trial(0, "baseline", {}, 50.0),
        *trial(1, "full", BETTER, 80.0),
        ban,
        *trial(2, "full", {"self:instruction": 1}, 60.0),
    ]
    curve = spending_curve(write("run", events), "run")
    assert [point["score"] for point in curve] == [50.0, 80.0, 60.0]


def test_the_curve_of_a_real_run_ends_where_the_run_ended(finished):
    curve = spending_curve(finished.record, finished.id)
    full = [t for t in finished.state.trials.values() if t.kind != "minibatch"]
    assert len(curve) == len(full) > 2
    assert curve[0]["score"] == finished.state.baseline
    assert curve[-1]["score"] == finished.state.ended.score
    assert curve[-1]["calls"] <= finished.state.spend.calls
    for name in ("calls", "usd", "seconds", "score"):
        values = [point[name] for point in curve]
        assert values == sorted(values)


def test_the_instructions_are_those_of_the_program_that_was_returned(finished):
    write("other", whole_run())
    path = finished.record.path
    other = mipro.runs.import_run(mipro.runs.export("other", path.parent / "other.json"), path)
    comparison = mipro.runs.compare(finished.id, other.id, record=path)
    program = finished.program_state()["predictors"]
    told_ = comparison.runs[0]["instructions"]
    assert {name: made["text"] for name, made in told_.items()} == {
        name: saved["instructions"] for name, saved in program.items()
    }
    mipro.runs.delete("other", record=path)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], {}),
        ([*trial(0, "baseline", {}, 50.0)], {"self": "own"}),
        ([*trial(0, "baseline", {}, 50.0), *trial(1, "full", BETTER, 80.0)], {"self": "best"}),
        ([*trial(1, "full", {"self:instruction": 7}, 80.0)], {}),  # a candidate nobody proposed
    ],
)
def test_before_the_end_they_are_those_of_the_best_program_so_far(events, expected):
    candidates = [proposed(0, "own"), proposed(2, "best")] if events else []
    write("one", [planned(), *candidates, *events])
    write("two", [planned()])
    made = mipro.runs.compare("one", "two").runs[0]["instructions"]
    assert {name: clip["text"] for name, clip in made.items()} == expected


def test_a_comparison_is_plain_values_and_a_table():
    write("one", [planned(plan={"seed": 1, "auto": None}), *whole_run()[1:]], name="first")
    write("two", [planned(plan={"seed": 2, "auto": None}), *whole_run()[1:-1], ended(score=90.0)])
    comparison = mipro.runs.compare("one", "two")
    assert json.loads(json.dumps(comparison)) == comparison
    assert [run["row"]["id"] for run in comparison["runs"]] == ["one", "two"]
    frame = comparison.to_dataframe()
    assert list(frame.index) == ["one", "two"]
    assert list(frame["score"]) == [80.0, 90.0]
    assert list(frame["seed"]) == [1, 2]  # in which they differ
    assert "auto" not in frame.columns
    for part in ("one", "two", "first", "80.0", "90.0", "seed"):
        assert part in repr(comparison)


def test_runs_on_other_rows_are_told_apart_before_anything_else():
    sizes = {"trainset_size": 12, "valset_size": 24}
    rows = {"trainset": "a" * 32, "valset": "b" * 32}
    for run_id, valset in (("one", "b"), ("two", "c"), ("again", "b")):
        given = planned(plan=sizes, **{**rows, "valset": valset * 32})
        write(run_id, [given, *whole_run()[1:]])
    other, same = mipro.runs.compare("one", "two"), mipro.runs.compare("one", "again")
    assert "different validation rows" in other.note
    assert repr(other).startswith(other.note)
    assert list(other.to_dataframe()["valset"]) == ["24 rows (bbbbbbbb)", "24 rows (cccccccc)"]
    assert "trainset" not in other.to_dataframe().columns
    assert same.note is None
    assert "valset" not in same.to_dataframe().columns
    for shown in (repr(mipro.compare("one", "two")), repr(mipro.compare("two", "again"))):
        assert "different validation rows" in shown
        assert "24 rows (cccccccc)" in shown
    assert "rows" not in repr(mipro.compare("one", "again"))


def test_runs_by_other_metrics_or_training_rows_are_told_apart_as_well():
    def written(run_id, metric="m" * 32, trainset="a" * 32, name="exact"):
        given = planned(
            plan={"trainset_size": 12, "valset_size": 24},
            trainset=trainset,
            valset="b" * 32,
            sources={"metric": metric},
            names={"metric": name},
        )
        write(run_id, [given, *whole_run()[1:]])

    written("one")
    written("again", name="same_by_another_name")
    written("metric", metric="n" * 32)
    written("training", trainset="c" * 32)
    assert mipro.runs.compare("one", "again").note is None
    metric = mipro.runs.compare("one", "metric")
    assert metric.note.startswith("These runs were scored by different metrics")
    assert list(metric.to_dataframe()["metric"]) == ["exact (mmmmmmmm)", "exact (nnnnnnnn)"]
    assert "exact (nnnnnnnn)" in repr(mipro.compare("one", "metric"))
    training = mipro.runs.compare("one", "training")
    assert training.note.startswith("These runs learned from different training rows")
    all_ = mipro.runs.compare("metric", "training").note
    assert all_.index("different metrics") < all_.index("different training rows")


def test_it_takes_two_runs_to_compare():
    write("one", whole_run())
    for run_ids in ((), ("one",), ("one", "on")):
        with pytest.raises(InvalidArgumentError, match="two runs or more"):
            mipro.runs.compare(*run_ids)
    with pytest.raises(UnknownRunError):
        mipro.runs.compare("one", "nobody")
