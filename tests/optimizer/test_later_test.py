"""A finished run is tested on rows that it has not seen, and keeps its result whatever happens."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import Solve, answer, asked, exact, lm_of, nearly_always, question_of, rows
from watched import until

import mipro_nb as mipro
from mipro_nb.amounts import format_count
from mipro_nb.errors import (
    InvalidArgumentError,
    MiproError,
    PermissionUnansweredError,
    RunEndedError,
)
from mipro_nb.notebook.saved.static_html import run_html, run_text
from mipro_nb.runs.following.recorded_requests import RecordedRequests
from mipro_nb.runs.sentences.results.held_out import held_out_view
from mipro_nb.runs.views.exports.mlflow_run import MlflowRun
from mipro_nb.runs.views.view import RunView

TEST = rows(20, start=5000)
FREE = {"requires_permission_to_run": False}


def begun(**settings):
    return mipro.MIPROv2(exact, num_candidates=3, num_threads=4).start(
        Solve(),
        trainset=rows(12),
        valset=rows(20, start=1000),
        **{"num_trials": 3, "minibatch": False, **FREE, **settings},
    )


def finished(**settings):
    run = begun(**settings)
    run.wait()
    return run


def sent_for_testset(server):
    questions = {row.question for row in TEST}
    return [request for request in asked(server, "task") if question_of(request) in questions]


def test_it_comes_to_what_a_testset_given_at_once_does(server):
    at_once = finished(testset=TEST)
    run = finished()
    before = (run.score, run.wait().dump_state(), run.state.trials.keys())
    sent = server.count
    tested = run.test(TEST, **FREE)
    assert tested == at_once.state.ended.tested
    assert server.count == sent  # all of it was asked before
    logged = {each.key: each.value for each in MlflowRun.of(run.state, run.record, run.id).metrics}
    assert (logged["test/student"], logged["test/result"]) == (tested.student, tested.score)
    assert (logged["test/gain/low"], logged["test/gain/high"]) == (
        tested.gain_low,
        tested.gain_high,
    )
    assert (run.score, run.wait().dump_state(), run.state.trials.keys()) == before
    assert run.status == "finished"


def test_rows_that_are_there_more_than_once_make_no_interval_narrower(server):
    few, many = finished(), finished(seed=4)
    once = few.test(TEST, **FREE)
    often = many.test(TEST * 50, **FREE)
    assert once.distinct is None
    assert (often.examples, often.distinct) == (1000, 20)
    assert (often.student, often.score) == (once.student, once.score)
    assert often.gain_high - often.gain_low == pytest.approx(once.gain_high - once.gain_low)
    views = [held_out_view(run.state) for run in (few, many)]
    for end in ("low", "high", "student_low", "student_high"):
        assert views[0][end] == views[1][end]
    assert "over 1,000 rows (20 distinct ones, which intervals rest on)" in many.report()
    assert "distinct" not in few.report()
    assert "980 rows with the inputs of an earlier row" in many.plan.text()


def test_only_the_testset_is_sent_and_report_and_views_show_the_score_in_any_session(server):
    run = finished()
    sent = server.count
    tested = run.test(TEST, **FREE)
    assert server.count - sent == len(sent_for_testset(server)) == 2 * len(TEST)
    assert [phase.phase for phase in run.plan.estimate.phases] == ["test"]
    calls = run.plan.estimate.total.calls
    assert calls.low <= 2 * len(TEST) <= calls.high
    assert "nothing is searched" in run.plan.text()
    loaded = mipro.runs.load(run.id)
    assert loaded.state.ended.tested == run.state.ended.tested == tested
    assert loaded.report() == run.report()
    assert "over 20 rows that no phase had seen" in run.report()
    view = RunView(loaded.record, run.id)
    view.apply(loaded.events())
    snapshot = view.snapshot(now=2e9, in_flight=None)
    assert snapshot["summary"]["testset_size"] == 20
    scores = snapshot["summary"]["result"]["scores"]
    assert (scores[0]["test"], scores[-1]["test"]) == (tested.student, tested.score)
    assert "test score" in run_text(snapshot)
    assert not mipro.runs.check(loaded.record.path).problems


def test_the_estimate_of_the_run_has_the_test_from_then_on(server):
    run = finished()
    before = run.state.planned.estimate
    run.test(TEST, **FREE)
    after = mipro.runs.load(run.id).state.planned.estimate
    assert after["phases"][:-1] == before["phases"]
    assert after["phases"][-1]["phase"] == "test"
    for end in ("low", "expected", "high"):
        test = run.plan.estimate.total.calls.to_dict()[end]
        assert after["total"]["calls"][end] == pytest.approx(before["total"]["calls"][end] + test)
    spent = run.state.spend.calls
    assert after["total"]["calls"]["low"] <= spent <= after["total"]["calls"]["high"]
    high = format_count(after["total"]["calls"]["high"])
    (estimated,) = (line for line in run.report().splitlines() if "estimated" in line)
    assert high in estimated


def test_a_test_that_is_taken_up_again_is_estimated_once(server):
    run = finished()
    before = run.state.spend.calls
    assert run.test(TEST, max_calls=before + 10, **FREE) is None
    assert run.test(TEST, max_calls=10_000, **FREE) is not None
    phases = [each["phase"] for each in run.state.planned.estimate["phases"]]
    assert phases.count("test") == 1


def test_what_is_refused_or_not_permitted_leaves_everything_as_it_was(server):
    run = finished()
    sent, events = server.count, len(run.events())
    with pytest.raises(InvalidArgumentError, match=r"^rows\[20\]=.*1 of the 21 rows to test on"):
        run.test([*TEST, *rows(1, start=1000)], **FREE)
    with pytest.raises(PermissionUnansweredError):
        run.test(TEST)
    assert (server.count, len(run.events()), run.status) == (sent, events, "finished")
    assert run.test([row.to_dict() for row in TEST], **FREE) is not None  # inputs are the run's
    with pytest.raises(RunEndedError, match="has its test score already"):
        run.test(rows(5, start=9000), **FREE)


def test_rows_that_are_demos_of_the_program_are_refused_at_once_and_later(server):
    student = Solve()
    student.predictors()[0].demos = [TEST[3]]
    told = r"\[3\]=.*it is a demo that the program has already, of predictor solve: take it out"
    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    given = {"trainset": rows(12), "valset": rows(20, start=1000), "num_trials": 1}
    with pytest.raises(InvalidArgumentError, match=f"^testset{told}"):
        optimizer.compile(student, testset=TEST, **given, **FREE)
    assert server.count == 0
    run = optimizer.start(student, minibatch=False, **given, **FREE)
    run.wait()
    with pytest.raises(InvalidArgumentError, match=f"^rows{told}"):
        run.test(TEST, **FREE)


def test_a_run_that_has_not_finished_is_not_tested(server):
    capped = finished(max_calls=30)
    with pytest.raises(MiproError, match=r"is capped: only a finished run is tested.*resume"):
        capped.test(TEST, **FREE)


def test_a_test_that_reaches_a_cap_leaves_the_result_and_goes_on_with_the_same_rows(server, capsys):
    run = finished()
    score, program = run.score, mipro.runs.load(run.id).program_state()
    capsys.readouterr()
    assert run.test(TEST, max_calls=server.count + 10, **FREE) is None
    assert "Call run.test with the same rows again" in capsys.readouterr().out
    assert (run.status, run.score) == ("finished", score)
    assert "max_calls" in run.report()
    assert "Call run.test with the same rows again" in run.report()
    assert mipro.runs.load(run.id).program_state() == program
    with pytest.raises(InvalidArgumentError, match=r"max_calls=1: .* give a higher one"):
        run.test(TEST, max_calls=1, **FREE)
    with pytest.raises(InvalidArgumentError, match="was begun on others: give the same"):
        run.test(rows(5, start=9000), **FREE)
    tested = run.test(TEST, max_calls=10_000, **FREE)
    assert "over 20 rows that no phase had seen" in capsys.readouterr().err
    assert tested.examples == len(TEST)
    assert len(sent_for_testset(server)) == 2 * len(TEST)


def test_while_it_is_tested_its_handle_steers_the_test_and_every_session_has_its_result(tmp_path):
    seen, record = threading.Event(), tmp_path / "record.sqlite"

    def slow_in_the_test(request):
        reply = answer(request)
        if question_of(request) not in {row.question for row in TEST}:
            return reply
        seen.set()
        return Reply(reply if isinstance(reply, str) else reply.text, delay=100)

    with ScriptedServer(slow_in_the_test) as slow:
        mipro.configure(lm=lm_of(slow))
        run = finished(record=record)
        score = run.score
        tested = []
        test = threading.Thread(target=lambda: tested.append(run.test(TEST, **FREE)))
        test.start()
        assert seen.wait(60)
        until(lambda: run.status == "running")
        loaded = mipro.runs.load(run.id, record)
        assert (loaded.status, loaded.score, run.score) == ("running", score, score)
        assert loaded.program_state() is not None
        run.pause()
        assert run.status == "paused"
        run.resume()
        run.stop()
        test.join(60)
    assert (tested, run.status, run.score) == ([None], "finished", score)
    with pytest.raises(RunEndedError):
        run.pause()

    # As if the process had died meanwhile.
    with sqlite3.connect(record) as file:
        file.execute("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
        file.execute(
            "UPDATE events SET body = json_set(body, '$.process', 999999999)"
            " WHERE type = 'run_resumed' AND json_extract(body, '$.process') IS NOT NULL"
        )
    loaded = mipro.runs.load(run.id, record)
    assert (loaded.status, loaded.score) == ("finished", score)
    with ScriptedServer(answer) as quick:
        mipro.configure(lm=lm_of(quick))
        again = mipro.MIPROv2(exact, num_candidates=3, num_threads=4)
        again = again.resume(run.id, Solve(), testset=TEST, record=record, **FREE).run
        assert [phase.phase for phase in again.plan.estimate.phases] == ["test"]
        assert len(sent_for_testset(quick)) == quick.count == 2 * len(TEST)
    assert (again.state.ended.tested.examples, again.score) == (len(TEST), score)


def test_a_later_session_tests_by_resume(server):
    run = finished()
    optimizer = mipro.MIPROv2(exact, num_candidates=3, num_threads=4)
    with pytest.raises(RunEndedError, match=r"resume\(…, testset=rows\) tests it"):
        optimizer.resume(run.id, Solve(), **FREE)
    with pytest.raises(InvalidArgumentError, match=r"testset\[0\]=.*20 of the valset"):
        optimizer.resume(run.id, Solve(), testset=rows(20, start=1000), **FREE)
    before = server.count
    with pytest.raises(InvalidArgumentError, match=r"student=.*the predictors of the run were"):
        optimizer.resume(run.id, mipro.Predict("question -> answer"), testset=TEST, **FREE)
    assert server.count == before
    program = optimizer.resume(run.id, Solve(), testset=TEST, **FREE)
    assert program.dump_state() == run.wait().dump_state()
    tested = mipro.runs.load(run.id).state.ended.tested
    assert tested.examples == len(TEST)
    assert len(sent_for_testset(server)) <= 2 * len(TEST)
    with pytest.raises(RunEndedError, match="has its test score already"):
        optimizer.resume(run.id, Solve(), testset=TEST, **FREE)


def test_rows_that_are_new_in_spelling_alone_are_told(server):
    run = finished()
    alike = [row.copy(question=f"{row.question} ") for row in rows(3, start=1000)]
    run.test([*TEST, *alike], **FREE)
    told = [note for note in run.plan.notes if f"3 of {len(TEST) + 3} rows have inputs" in note]
    assert len(told) == 1


def test_each_row_can_be_looked_through_and_no_prompt_of_the_run_has_one(server):
    marked = [row.copy(note=f"MARKER {n}") for n, row in enumerate(TEST)]
    run = finished()
    before = server.count
    run.test(marked, **FREE)
    frame = run.testset_dataframe()
    assert frame["program"].tolist() == ["student", "result"] * len(TEST)
    assert frame["example"].tolist() == [n for n in range(len(TEST)) for _ in range(2)]
    tested = run.state.ended.tested
    means = 100 * frame.groupby("program")["score"].mean()
    assert means.to_dict() == pytest.approx({"student": tested.student, "result": tested.score})
    assert set(frame["example_note"]) == {row.note for row in marked}
    requests = RecordedRequests(run.record, lambda *_: None)
    shown = requests.tested(run.id)
    assert shown["changed"]
    for row, question in zip(shown["rows"], TEST, strict=True):
        assert row["inputs"]["question"]["text"] == question.question
        for program in ("student", "result"):
            (told,) = frame[(frame["program"] == program) & (frame["example"] == row["example"])][
                "prediction_answer"
            ]
            assert row[program]["prediction"]["answer"]["text"] == str(told)
    calls = requests.tested_calls(run.id, 3)
    assert sorted(call["program"] for call in calls) == ["result", "student"]
    for call in calls:
        assert TEST[3].question in call["messages"][-1]["content"]["text"]
    with pytest.raises(InvalidArgumentError, match=r"^example=20: the testset has 20 rows"):
        requests.tested_calls(run.id, 20)
    saved = run_html(requests.follow(run.id).for_saving())
    assert "Test rows (20)" in saved
    assert "MARKER 7" in saved
    for request in server.requests[:before]:
        assert not any(row.question in str(request.messages) for row in TEST)
    assert not any("MARKER" in str(request.messages) for request in server.requests)


def test_the_run_of_any_of_its_programs_tests_what_it_returned_and_says_which_trial(server):
    run = finished()
    returned = run.state.best.trial
    other = next(trial for trial in run.programs if trial != returned)
    tested = run.programs[other].run.test(TEST, **FREE)
    assert tested == run.state.ended.tested
    assert tested.score == pytest.approx(
        mipro.Evaluate(devset=TEST, metric=exact)(run.programs[returned]).score
    )
    assert f"returned program, that of trial {returned}, are scored on 20 rows" in run.plan.text()


def test_rows_of_a_run_without_a_test_are_none(server):
    run = finished()
    assert run.testset_dataframe().empty
    requests = RecordedRequests(run.record, lambda *_: None)
    assert requests.tested(run.id) is None
    assert "Test rows" not in run_html(requests.follow(run.id).for_saving())


def test_where_the_student_is_returned_there_are_its_rows_alone(server):
    run = mipro.MIPROv2(nearly_always, num_candidates=2, num_threads=4).start(
        Solve(),
        trainset=rows(12),
        valset=rows(20, start=1000),
        num_trials=1,
        minibatch=False,
        **FREE,
    )
    run.wait()
    assert not run.state.ended.configuration
    run.test(TEST, **FREE)
    assert run.testset_dataframe()["program"].tolist() == ["student"] * len(TEST)
    shown = RecordedRequests(run.record, lambda *_: None).tested(run.id)
    assert not shown["changed"]
    assert all(row["result"] is None for row in shown["rows"])
