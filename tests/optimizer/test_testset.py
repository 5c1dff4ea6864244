"""The testset: rows that the result is measured on, once, and that nothing before has seen."""

from __future__ import annotations

import pytest
from scripted_task import Solve, asked, exact, kind, question_of, rows, run_of
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs.events import ExampleTested

TEST = rows(40, start=5000)
SETTINGS = {"num_trials": 3, "val": rows(12, start=1000), "testset": TEST}


def optimizer(**settings):
    return mipro.MIPROv2(exact, num_candidates=4, num_threads=4, **settings)


def sent_for_testset(server):
    questions = {row.question for row in TEST}
    return [request for request in asked(server, "task") if question_of(request) in questions]


def test_student_and_best_program_are_scored_once_on_the_testset_at_the_end(server):
    run = run_of(optimizer(), **SETTINGS)
    scores = run.state.ended.tested
    assert len(sent_for_testset(server)) == 2 * len(TEST)
    first = server.requests.index(sent_for_testset(server)[0])
    assert all(request in sent_for_testset(server) for request in server.requests[first:])
    correct = mipro.Evaluate(devset=TEST, metric=exact)
    assert scores.student == float(correct(Solve()))
    assert scores.score == float(correct(run.wait()))
    assert scores.score > scores.student
    assert 0 < scores.gain_low < scores.score - scores.student < scores.gain_high


def test_validation_scores_and_choices_are_those_of_a_run_without_testset(server):
    without = run_of(optimizer(), **{**SETTINGS, "testset": None})
    run = run_of(optimizer(), **SETTINGS)
    assert run.wait().dump_state() == without.wait().dump_state()
    assert run.state.scores == without.state.scores
    assert run.score == without.score


def test_a_student_that_is_returned_is_scored_once(server):
    metric_of_all = mipro.MIPROv2(lambda example, prediction: 1.0, num_candidates=4)
    run = run_of(metric_of_all, **SETTINGS)
    assert len(sent_for_testset(server)) == len(TEST)
    assert run.state.ended.tested.score == run.state.ended.tested.student == 100
    assert run.state.ended.tested.gain_low is None
    assert "it is what is returned" in run.report()


def test_no_row_of_the_testset_is_in_any_prompt_but_its_own(server):
    marked = [row.copy(answer=f"MARK {row.answer}") for row in TEST]
    run_of(optimizer(), **{**SETTINGS, "testset": marked})
    questions = {row.question for row in TEST}
    for request in server.requests:
        text = "\n".join(request.texts)
        assert "MARK" not in text
        if kind(request) != "task":
            assert not any(question in text for question in questions)


@pytest.mark.parametrize(
    ("testset", "told"),
    [
        (
            [*TEST, *rows(2)],
            r"testset\[40\]=.*: 2 of the 42 rows .*\(2 of the trainset\)",
        ),
        ([*rows(3, start=1000), *TEST], r"3 of the 43 rows .*\(3 of the valset"),
        ([*rows(1), *rows(1, start=1000)], r"1 of the trainset and 1 of the valset"),
        ([], r"testset=\[\]: it is empty"),
    ],
)
def test_rows_that_overlap_are_refused_before_any_call(server, testset, told):
    with pytest.raises(InvalidArgumentError, match=told):
        run_of(optimizer(), **{**SETTINGS, "testset": testset})
    assert server.count == 0


@pytest.mark.parametrize(
    "spelt",
    [
        lambda text: f" {text}\n",
        str.upper,
        lambda text: text.replace(" ", "\u00a0 ").replace("1", "\uff11"),
        lambda text: f"\ufeff{text}",
    ],
)
def test_rows_that_are_new_in_spelling_alone_are_told_once_with_their_number(server, spelt):
    known = [*rows(1), *rows(2, start=1000)]
    alike = [row.copy(question=spelt(row.question)) for row in known]
    sets = {"trainset": rows(10), "valset": rows(12, start=1000), "minibatch": False}
    plan = optimizer().plan(Solve(), **sets, testset=[*TEST, *alike])
    (told,) = [note for note in plan.notes if note.startswith("Testset: ")]
    assert f"3 of {len(TEST) + 3} rows have inputs that differ" in told
    assert not any("Testset: " in note for note in optimizer().plan(Solve(), **sets).notes)


def test_rows_of_a_split_trainset_may_not_be_in_the_testset_either(server):
    with pytest.raises(InvalidArgumentError, match=r"1 of the 1 rows"):
        optimizer().plan(Solve(), trainset=rows(30), testset=rows(1, start=29))


def test_the_estimate_has_the_calls_and_everybody_who_asks_sees_the_rows(server):
    sets = {"trainset": rows(10), "valset": rows(12, start=1000), "testset": TEST}
    plan = optimizer().plan(Solve(), **sets, minibatch=False)
    (phase,) = (each for each in plan.estimate.phases if each.phase == "test")
    assert (phase.calls.low, phase.calls.high) >= (40, 80)
    assert phase.calls.expected == pytest.approx(80, rel=0.1)
    assert "40 to test the result on" in plan.text()


def test_the_report_tells_test_score_gain_and_gap(server):
    run = run_of(optimizer(), **SETTINGS)
    for report in (run.report(), mipro.runs.load(run.id).report()):
        assert "over 40 rows that no phase had seen" in report
        assert "gain on the testset: " in report
        assert "points above the test score" in report or "points below the test" in report


def stopped_after(trials):
    """A run with a testset that was stopped in its search."""
    run = optimizer().start(
        Solve(),
        trainset=rows(10),
        valset=rows(12, start=1000),
        testset=TEST,
        num_trials=30,
        minibatch=False,
        requires_permission_to_run=False,
    )
    until(lambda: len(run.state.trials) > trials)
    run.stop()
    run.wait()
    return run


def test_a_run_that_is_stopped_leaves_the_testset_out_and_says_so(server):
    run = stopped_after(2)
    assert run.state.ended.tested is None
    assert sent_for_testset(server) == []
    assert "before the 40 rows of the testset were scored" in run.report()


def test_a_capped_run_says_so_before_and_after(server):
    run = run_of(
        optimizer(),
        **{**SETTINGS, "minibatch": True, "minibatch_size": 4, "num_trials": 8},
        max_calls=60,
    )
    assert run.status == "capped"
    assert sent_for_testset(server) == []
    assert "There is no test score" in run.state.ended.reason


@pytest.mark.slow
def test_a_run_that_was_stopped_while_testing_pays_for_the_rest_only(server):
    run = optimizer().start(
        Solve(),
        trainset=rows(10),
        valset=rows(12, start=1000),
        testset=TEST,
        num_trials=3,
        minibatch=False,
        requires_permission_to_run=False,
    )
    until(lambda: run.state.tested > 10)
    run.stop()
    run.wait()
    paid = run.state.tested
    assert run.state.ended.tested is None
    before = server.count
    optimizer().resume(run.id, Solve(), requires_permission_to_run=False)
    again = mipro.runs.load(run.id)
    events = [each for each in again.events() if isinstance(each.event, ExampleTested)]
    assert len(events) == 2 * len(TEST)
    assert server.count - before <= 2 * len(TEST) - paid
    assert again.state.ended.tested == run_of(optimizer(), **SETTINGS).state.ended.tested


@pytest.mark.slow
def test_a_run_is_not_resumed_with_another_testset(server):
    run = stopped_after(1)
    sets = {"trainset": rows(10), "valset": rows(12, start=1000)}
    with pytest.raises(InvalidArgumentError, match=r"testset.*these rows differ"):
        optimizer().resume(run.id, Solve(), **sets, testset=rows(5, start=7000))
    optimizer().resume(run.id, Solve(), **sets, max_calls=1000, requires_permission_to_run=False)
    assert mipro.runs.load(run.id).state.ended.tested.examples == len(TEST)


def test_a_testset_row_that_fails_is_counted(server):
    def fails_on_one(example, prediction, trace=None):
        if example.question == TEST[7].question:
            msg = "cannot measure this"
            raise ValueError(msg)
        return exact(example, prediction)

    run = run_of(mipro.MIPROv2(fails_on_one, num_candidates=4), **SETTINGS)
    assert run.state.ended.tested.errors == 1
    assert "1 row of the testset failed" in run.report()
