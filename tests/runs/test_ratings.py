"""What a person thinks of replies: events of the run, at any time, and what comes of them."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import (
    BETTER,
    NOBODY,
    STUDENT,
    asked,
    ended,
    keep,
    planned,
    scored,
    told,
)

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, RecordError, UnknownRunError
from mipro_nb.runs import events as ev
from mipro_nb.runs import open_record
from mipro_nb.runs.following.recorded_requests import CHANGES, RecordedRequests
from mipro_nb.runs.statistics.agreement import Agreement
from mipro_nb.runs.views.drill_down.details import trial_detail

ROWS = [{"question": f"q{n}", "answer": f"a{n}"} for n in range(4)]
REPLIES = [{"reasoning": f"r{n}", "answer": f"x{n}"} for n in range(4)]


def rated_run(
    run_id="run", *, rows=ROWS, replies=REPLIES, process=NOBODY, is_over=True, score=1.0, **fields
):
    """A run on four rows: trial 0 has replies to all but the last, trial 1 one equal to the first.

    The metric gives even rows that score, in trial 0.
    """
    record = open_record()
    refs = [keep(record, reply) for reply in replies]
    valset = keep(record, rows)
    events = [
        planned(process, trainset=valset, valset=valset, **fields),
        ev.RunPermitted(by="user"),
        asked(0, "baseline", STUDENT, range(4)),
        *(scored(0, STUDENT, n, score * (n % 2 == 0), prediction=refs[n]) for n in range(3)),
        scored(0, STUDENT, 3, 0.0, error="no answer"),
        told(0, "baseline", STUDENT, 50.0, examples=4),
        asked(1, "minibatch", BETTER, [0]),
        scored(1, BETTER, 0, 1.0, prediction=refs[0]),
        told(1, "minibatch", BETTER, 100.0, examples=1),
        *([ended(configuration=BETTER)] if is_over else []),
    ]
    record.add_run(run_id, "name")
    for seq, event in enumerate(events):
        record.append(run_id, event, seq, at=1000.0 + seq)
    return mipro.runs.load(run_id)


def rated(run):
    return [(each.trial, each.example, each.rating, each.reason) for each in run.ratings]


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_numbers_may_be_those_of_a_data_frame(kind):
    run = rated_run()
    run.rate(kind(0), kind(2), "good")
    assert rated(run) == [(0, 2, "good", "")]
    frame = run.ratings_dataframe()
    run.rate(frame["trial"].iloc[0], frame["example"].iloc[0], None)
    assert rated(run) == []


@pytest.mark.parametrize("wrong", [np.float64(2), np.bool_(True), np.array([2, 3]), True, "2", -1])
def test_what_is_not_a_whole_number_is_refused_as_one(wrong):
    with pytest.raises(InvalidArgumentError, match="give a whole number of at least 0"):
        rated_run().rate(0, wrong, "good")


def test_a_reply_is_rated_rated_anew_and_withdrawn():
    run = rated_run()
    problems = mipro.runs.check().problems
    assert run.ratings == []
    run.rate(0, 2, "good", reason=" short ")
    run.rate(0, 1, "bad")
    assert rated(run) == [(0, 1, "bad", ""), (0, 2, "good", "short")]
    run.rate(0, 2, "bad", reason="too short")
    assert rated(mipro.runs.load("run")) == [(0, 1, "bad", ""), (0, 2, "bad", "too short")]
    assert run.ratings[1].reply == REPLIES[2]
    assert (run.ratings[1].score, run.ratings[0].score) == (1.0, 0.0)
    assert rated(mipro.runs.rate("ru", 0, 2, None)) == [(0, 1, "bad", "")]
    with pytest.raises(InvalidArgumentError, match="no rating to withdraw"):
        run.rate(0, 2, None)
    frame = run.ratings_dataframe()
    assert frame[["example", "rating", "prediction_answer"]].values.tolist() == [[1, "bad", "x1"]]
    assert mipro.runs.check().problems == problems


def test_equal_replies_to_an_example_are_rated_as_one():
    run = rated_run()
    run.rate(1, 0, "good")
    state = mipro.runs.load("run").state
    seen = trial_detail(run.record, "run", state, 0)["examples"][0]["rating"]
    assert (seen["rating"], seen["reason"]["text"]) == ("good", "")
    run.rate(0, 0, "bad")
    assert rated(run) == [(0, 0, "bad", "")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((7, 0, "good"), "trial=7: the run has no such trial"),
        (("0", 0, "good"), "trial='0': give a whole number"),
        ((0, 9, "good"), "example=9: trial 0 has not scored such an example"),
        ((0, 3, "good"), "example=3: trial 0 has no reply to it .* it failed"),
        ((0, 0, "great"), "rating='great': give 'good' or 'bad', or None"),
        ((0, 0, True), "rating=True: give 'good' or 'bad', or None"),
        ((0, 0, "good", "x" * 1001), "reason=.*at most 1,000 characters"),
        ((0, 0, "good", 3), "reason=3: give a text"),
        ((0, 0, None, "why"), "reason='why': a rating that is withdrawn has no reason"),
    ],
)
def test_what_cannot_be_rated_is_refused(given, told):
    run = rated_run()
    events = len(run.events())
    place, reason = given[:3], (given[3:] or [""])[0]
    with pytest.raises(InvalidArgumentError, match=told):
        run.rate(*place, reason=reason)
    assert len(run.events()) == events
    with pytest.raises(UnknownRunError, match="No run begins with 'other'"):
        mipro.runs.rate("other", 0, 0, "good")


def test_a_run_that_goes_on_in_another_process_is_rated_there():
    run = rated_run(process=None, is_over=False)  # that of the tests' parent
    assert run.status == "running"
    with pytest.raises(InvalidArgumentError, match="goes on in another process: rate its replies"):
        run.rate(0, 0, "good")
    answers = RecordedRequests(run.record, lambda *_: None)
    assert "goes on in another process" in answers.trial("run", 0)["unrateable"]
    answers.close()


def test_a_rating_makes_a_run_that_was_cut_off_no_longer():
    run = rated_run(is_over=False)
    before = run.row["seconds"], run.state.seconds
    run.rate(0, 0, "good")
    after = mipro.runs.load("run")
    assert (after.row["seconds"], after.state.seconds, after.status) == (*before, "cut off")


def test_ratings_are_exported_and_imported_and_shown_in_the_report(tmp_path):
    run = rated_run()
    run.rate(0, 0, "good")
    run.rate(0, 1, "good", reason="ok")
    file = mipro.runs.export("run", tmp_path)
    imported = mipro.runs.import_run(file, tmp_path / "other.sqlite")
    assert rated(imported) == [(0, 0, "good", ""), (0, 1, "good", "ok")]
    report = imported.report()
    assert "2 ratings of replies: 2 good, 0 bad." in report
    assert "The metric agrees with 1 of 2 ratings (50.0 %); scores of 1 and more count" in report
    assert "Cohen's kappa is 0.00" in report


def test_a_rating_of_an_example_that_is_not_there_is_found_by_the_check():
    run = rated_run()
    event = ev.ReplyRated(
        trial=0, configuration="student", example=9, prediction=keep(run.record, 1), rating="bad"
    )
    run.record.append("run", event, run.record.next_seq("run"))
    problems = [problem.what for problem in mipro.runs.check().problems]
    assert "a reply to example 9 is rated, and there are 4" in problems


def test_replies_rated_good_become_labels_of_new_rows():
    run = rated_run()
    run.rate(0, 0, "good")
    run.rate(0, 1, "bad")
    labelled = run.relabelled()
    assert [row.to_dict() for row in labelled] == [{**ROWS[0], "answer": "x0"}, *ROWS[1:]]
    assert labelled[0].input_names == ("question",)
    assert [row.answer for row in run.relabelled(rated_only=True)] == ["x0"]
    run.rate(0, 0, None)
    assert [row.answer for row in run.relabelled()] == ["a0", "a1", "a2", "a3"]


def test_a_key_in_the_reason_of_a_rating_or_in_a_note_is_not_written_down():
    key = "sk-proj-0123456789abc"
    mipro.LM("openai/scripted", base_url="http://127.0.0.1:9/v1", api_key=key)
    run = rated_run()
    run.rate(0, 0, "bad", reason=f"It quotes {key}")
    assert [each.reason for each in run.ratings] == ["It quotes <key>"]
    assert mipro.runs.note("run", f"With {key}").note == "With <key>"


def test_of_two_replies_rated_good_the_last_one_is_the_label():
    run = rated_run()
    record = run.record
    other = keep(record, {"answer": "y0"})
    for event in (
        asked(2, "full", {**BETTER, "self:demos": 3}, range(4)),
        scored(2, {**BETTER, "self:demos": 3}, 0, prediction=other),
    ):
        record.append("run", event, record.next_seq("run"))
    run.rate(2, 0, "good")
    run.rate(0, 0, "good")
    assert run.relabelled()[0].answer == "x0"
    run.rate(2, 0, "good", reason="better still")
    assert run.relabelled()[0].answer == "y0"


def test_rows_without_labels_get_all_of_a_reply():
    run = rated_run(rows=[{"question": f"q{n}"} for n in range(4)])
    run.rate(0, 0, "good")
    assert run.relabelled(rated_only=True)[0].to_dict() == {"question": "q0", **REPLIES[0]}


def test_a_reply_without_fields_is_the_one_label_of_its_row():
    run = rated_run(replies=["w", "x", "y", "z"])
    run.rate(0, 1, "good")
    assert run.relabelled(rated_only=True)[0].answer == "x"
    assert run.ratings_dataframe()["prediction"].tolist() == ["x"]
    two = rated_run("two", rows=[{**row, "unit": "m"} for row in ROWS], replies=list("wxyz"))
    two.rate(0, 1, "good")
    told = r"has no fields, and the row's labels are answer, unit: .*by run\.ratings"
    with pytest.raises(RecordError, match=told):
        two.relabelled()


def test_what_a_row_is_asked_with_is_never_taken_from_a_reply():
    replies = [{"question": "Which one?", "answer": f"x{n}"} for n in range(4)]
    run = rated_run(rows=[{"question": f"q{n}"} for n in range(4)], replies=replies)
    run.rate(0, 0, "good")
    assert run.relabelled(rated_only=True)[0].to_dict() == {"question": "q0", "answer": "x0"}


def test_a_label_that_has_another_name_than_the_output_takes_its_value_or_an_error_says_why():
    rows = [{"question": f"q{n}", "expected": f"a{n}"} for n in range(4)]
    one = rated_run(rows=rows, replies=[{"answer": f"x{n}"} for n in range(4)])
    one.rate(0, 0, "good")
    assert one.relabelled(rated_only=True)[0].to_dict() == {"question": "q0", "expected": "x0"}
    two = rated_run("two", rows=rows)
    two.rate(0, 0, "good")
    with pytest.raises(RecordError, match="has reasoning, answer, and the row's labels are expect"):
        two.relabelled()


def test_rows_that_the_record_does_not_give_back_are_not_made_up():
    run = rated_run(unkept="trainset[0].image holds a Image")
    with pytest.raises(RecordError, match=r"trainset\[0\]\.image holds a Image.*your own rows"):
        run.relabelled()


def test_agreement_goes_by_the_full_score_the_metric_threshold_or_what_is_asked():
    run = rated_run()
    for example, rating in ((0, "good"), (1, "bad"), (2, "bad")):
        run.rate(0, example, rating)
    # The metric gives 1, 0 and 1.
    agreed = run.agreement()
    assert agreed == Agreement(3, 1, both_good=1, both_bad=1, only_metric=1, only_person=0)
    assert agreed.share == pytest.approx(2 / 3)
    assert agreed.kappa == pytest.approx(0.4)  # (2/3 - 4/9) / (1 - 4/9)
    assert run.agreement(0).both_good == 1
    assert run.agreement(0).only_metric == 2
    with pytest.raises(InvalidArgumentError, match="threshold='high': give a score"):
        run.agreement("high")
    points = rated_run("points", metric_scale=100, plan={"metric_threshold": 60})
    points.rate(0, 0, "good")
    assert (points.agreement().threshold, points.agreement().both_good) == (60, 1)
    assert points.agreement().kappa is None
    assert "Cohen's kappa is not defined" in points.report()
    # 58 / 100 * 100 is a little less than 58.
    near = rated_run("near", metric_scale=100, plan={"metric_threshold": 58}, score=0.58)
    near.rate(0, 0, "good")
    assert near.agreement().both_good == 1
    assert rated_run("none").agreement().share is None


def test_kappa_is_that_of_a_textbook_table():
    # 20 and 15 agreed on, 10 and 5 not: 0.70 against 0.50 by chance.
    agreed = Agreement(50, 1, both_good=20, both_bad=15, only_metric=10, only_person=5)
    assert (agreed.share, agreed.kappa) == (pytest.approx(0.7), pytest.approx(0.4))


def test_a_view_rates_and_hears_what_came_of_it():
    rated_run()
    deltas = []
    answers = RecordedRequests(open_record(), lambda run, delta: deltas.append((run, delta)))
    assert "rate" in CHANGES
    assert answers.snapshot("run")["summary"]["ratings"] is None
    answers.rate(run="run", trial=0, example=0, rating="good", reason="clear")
    row = answers.trial("run", 0)["examples"][0]
    assert (row["rating"]["rating"], row["rating"]["reason"]["text"]) == ("good", "clear")
    run, summary = deltas[-1][0], deltas[-1][1]["summary"]
    assert (run, summary["ratings"]["good"], summary["lives"]) == ("run", 1, "ended")
    with pytest.raises(InvalidArgumentError, match="give the whole id"):
        answers.rate(run="ru", trial=0, example=0, rating="good", reason="")
    answers.close()
