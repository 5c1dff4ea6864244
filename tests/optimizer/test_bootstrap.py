"""Bootstrapping: the demo sets of the spec, and the same ones at any speed."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import (
    PlanAndSolve,
    Solve,
    answer,
    asked,
    demo_sets,
    exact,
    kind,
    lm_of,
    nearly_always,
    question_of,
    rows,
    run_of,
)

import mipro_nb as mipro
from mipro_nb.errors import LMUnavailableError, TooManyErrorsError
from mipro_nb.optimizer.planning.data import labels

TRAIN = rows(10)
QUESTIONS = {row.question for row in TRAIN}


def optimizer_of(metric=nearly_always, **settings):
    settings = {
        "num_candidates": 6,
        "max_bootstrapped_demos": 3,
        "max_labeled_demos": 5,
        **settings,
    }
    return mipro.MIPROv2(metric, **settings)


def on_training_rows(server):
    return [request for request in asked(server, "task") if question_of(request) in QUESTIONS]


def test_the_first_three_sets_are_empty_labelled_and_in_the_trainsets_own_order(server):
    run = run_of(optimizer_of())
    sets, made = demo_sets(run), run.state.demo_sets["solve"]
    assert len(sets) == 6
    assert (sets[0], made[0].source) == ([], "empty")
    assert (len(sets[1]), made[1].bootstrapped, made[1].labelled) == (5, 0, 5)
    assert made[1].source == "labelled"
    assert (made[2].source, made[2].bootstrapped, made[2].labelled) == ("bootstrapped", 3, 2)
    assert [demo["question"] for demo in sets[2][:3]] == [row.question for row in TRAIN[:3]]


def test_the_other_sets_are_of_random_size_over_shuffled_rows(server):
    run = run_of(optimizer_of(num_candidates=20))
    sets, made = demo_sets(run), run.state.demo_sets["solve"]
    sizes = {made[number].bootstrapped for number in range(3, 20)}
    assert sizes == {1, 2, 3}
    assert len({sets[number][0]["question"] for number in range(3, 20)}) > 3


def test_every_bootstrapped_set_is_filled_up_with_rows_that_were_not_bootstrapped(server):
    run = run_of(optimizer_of(num_candidates=12))
    for demos in demo_sets(run)[2:]:
        questions = [demo["question"] for demo in demos]
        assert len(questions) == len(set(questions)) == 5
        assert set(questions) <= QUESTIONS


def test_more_bootstrapped_than_labelled_demos_are_not_cut(server):
    run = run_of(optimizer_of(max_labeled_demos=1))
    made = run.state.demo_sets["solve"][2]
    assert (made.bootstrapped, made.labelled) == (3, 0)


def test_rows_with_the_same_inputs_are_one_demo_and_the_plan_says_so(server):
    optimizer = optimizer_of(num_candidates=12, max_labeled_demos=8)
    run = run_of(optimizer, train=rows(4) * 3)
    for demos in demo_sets(run)[1:]:
        questions = [demo["question"] for demo in demos]
        assert len(questions) == len(set(questions)) == 4
    (note,) = [note for note in run.plan.notes if "inputs of an earlier row" in note]
    assert note.startswith("Trainset: 8 rows ")
    assert not [note for note in run_of(optimizer_of()).plan.notes if "earlier row" in note]


@pytest.mark.parametrize("empty", [None, math.nan])
def test_rows_without_their_label_are_no_labelled_demos(server, empty):
    train = [row if n % 2 else row.copy(answer=empty) for n, row in enumerate(rows(10))]
    run = run_of(optimizer_of(exact), train=train)
    assert len(demo_sets(run)[1]) == 5
    for demos in demo_sets(run):
        assert all(isinstance(demo["answer"], str) for demo in demos)


def test_of_a_row_that_lacks_one_of_two_labels_the_other_is_shown(server):
    signature = mipro.Signature("question -> answer, unit: T", T=str | None)
    both = mipro.Example(question="1 plus 2", answer=None, unit=None).with_inputs("question")
    assert labels.can_be_demo(both, signature), "None is a value of an optional field"
    assert "answer" not in labels.labelled_demo(both, signature)
    assert "unit" in labels.labelled_demo(both, signature)


def test_with_few_rows_the_sets_are_small(server):
    run = run_of(optimizer_of(), train=rows(2))
    made = run.state.demo_sets["solve"]
    assert [made[n].bootstrapped for n in range(3)] == [0, 0, 2]
    assert made[1].labelled == 2
    assert made[2].labelled == 0


def test_without_labelled_demos_the_second_set_is_bootstrapped_too(server):
    run = run_of(optimizer_of(max_labeled_demos=0))
    made = run.state.demo_sets["solve"]
    assert made[0].source == "empty"
    assert all(made[n].bootstrapped > 0 and made[n].labelled == 0 for n in range(1, 6))


def test_without_bootstrapped_demos_all_sets_are_labelled_and_nothing_is_bootstrapped(server):
    run = run_of(optimizer_of(max_bootstrapped_demos=0))
    made = run.state.demo_sets["solve"]
    assert [(made[n].bootstrapped, made[n].labelled) for n in range(6)] == [(0, 0)] + [(0, 5)] * 5
    assert len({str(demos) for demos in demo_sets(run)}) == 6
    assert on_training_rows(server) == []


def test_no_example_is_among_the_demos_of_its_own_teacher(server):
    run_of(optimizer_of(max_labeled_demos=16))
    requests = on_training_rows(server)
    assert len(requests) > 3
    for request in requests:
        shown = [text for text in request.texts[:-1] if question_of(request) in text]
        assert shown == []
        assert len(request.messages) == 2 + 2 * 9  # all the other rows are shown


def test_an_equal_row_does_not_give_the_answer_away_either(server):
    run_of(optimizer_of(max_labeled_demos=16), train=[*rows(5), *rows(5)])
    for request in on_training_rows(server):
        assert all(question_of(request) not in text for text in request.texts[:-1])


def test_each_row_is_tried_once_however_many_sets_look_at_it(server):
    run_of(optimizer_of(lambda e, p, trace=None: trace is None and exact(e, p), num_candidates=12))
    tried = [question_of(request) for request in on_training_rows(server)]
    assert sorted(tried) == sorted(QUESTIONS)  # no trace passed, so all rows were tried


def test_only_traces_that_pass_the_metric_become_demos(server):
    run = run_of(optimizer_of(exact))
    answers = {row.question: row.answer for row in TRAIN}
    for demos in demo_sets(run):
        assert all(demo["answer"] == answers[demo["question"]] for demo in demos)
    assert set(run.state.bootstrapped.values()) == {True, False}
    for number in (2, 3, 4, 5):
        made = run.state.demo_sets["solve"][number]
        kept = {TRAIN[index].question for index, kept in run.state.bootstrapped.items() if kept}
        assert {demo["question"] for demo in demo_sets(run)[number][: made.bootstrapped]} <= kept


def half(example, prediction, trace=None):
    return 0.5 if int(example.answer) % 4 == 1 else 0.0


@pytest.mark.parametrize(
    ("threshold", "kept"), [(None, 5), (0, 10), (0.0, 10), (0.5, 5), (0.6, 0), (-1.0, 10)]
)
def test_the_threshold_decides_what_is_kept_and_zero_is_one(server, threshold, kept):
    run = run_of(
        optimizer_of(half, metric_threshold=threshold, max_bootstrapped_demos=10, num_candidates=3)
    )
    assert sum(run.state.bootstrapped.values()) == kept
    assert run.state.demo_sets["solve"][2].bootstrapped == kept


class Thrice(Solve):
    def forward(self, question):
        for _ in range(2):
            self.solve(question=f"{question}")
        first, second = question.split(" plus ")
        return self.solve(question=f"{second} plus {first}")


def test_a_predictor_that_is_called_several_times_contributes_one_of_its_calls(server):
    run = run_of(optimizer_of(max_labeled_demos=0, num_candidates=12), Thrice())
    made = run.state.demo_sets["solve"]
    assert made[2].bootstrapped == 3
    shown = {demo["question"] in QUESTIONS for demos in demo_sets(run) for demo in demos}
    assert shown == {True, False}  # a random one of them, not always the first or the last


class Branching(mipro.Module):
    """Calls one of its predictors on even numbers and the other one on odd numbers."""

    def __init__(self):
        self.even = mipro.Predict("question -> answer")
        self.odd = mipro.Predict("question -> answer")

    def forward(self, question):
        even = int(question.split()[0]) % 2 == 0
        return (self.even if even else self.odd)(question=question)


def test_a_predictor_that_a_trace_leaves_out_gets_no_demo_of_it(server):
    run = run_of(optimizer_of(max_labeled_demos=0), Branching())
    even, odd = demo_sets(run, "even")[2], demo_sets(run, "odd")[2]
    assert [demo["question"] for demo in even] == ["0 plus 3", "2 plus 5"]
    assert [demo["question"] for demo in odd] == ["1 plus 4"]


def test_every_predictor_of_a_program_gets_its_own_demos(server):
    run = run_of(optimizer_of(max_labeled_demos=2), PlanAndSolve())
    (first, *_), (second, *_) = demo_sets(run, "plan")[2], demo_sets(run, "solve.predict")[2]
    assert set(first) == {"question", "plan"}
    assert set(second) == {"question", "plan", "reasoning", "answer"}
    assert run.state.demo_sets["plan"][1].labelled == 0  # no row has a plan


def test_the_demos_do_not_depend_on_the_speed_of_the_network():
    found = []
    for threads, seconds in ((1, 0.002), (16, 0.03), (16, 0.01)):
        delays = random.Random(seconds)
        with ScriptedServer(
            answer, latency=lambda _, d=delays, s=seconds: d.random() * s
        ) as server:
            mipro.configure(lm=lm_of(server, cache=False))
            run = run_of(optimizer_of(exact, num_threads=threads, num_candidates=8))
            found.append(demo_sets(run))
    assert found[0] == found[1] == found[2]
    kept = sorted(index for index, kept in run.state.bootstrapped.items() if kept)
    assert [demo["question"] for demo in found[0][2][:3]] == [
        TRAIN[index].question for index in kept[:3]
    ]
    assert set(range(kept[2])) <= run.state.bootstrapped.keys()


def test_the_same_seed_gives_the_same_sets_and_another_one_others(server):
    one = demo_sets(run_of(optimizer_of(seed=1)))
    assert one == demo_sets(run_of(optimizer_of(seed=1)))
    assert one != demo_sets(run_of(optimizer_of(seed=2)))


def test_without_demos_three_are_made_for_the_proposer_alone(server):
    run = run_of(optimizer_of(max_bootstrapped_demos=0, max_labeled_demos=0, num_candidates=3))
    assert run.plan.zero_shot
    assert run.state.demo_sets["solve"][2].bootstrapped == 3
    assert all(len(request.messages) == 2 for request in asked(server, "task"))
    assert any("task_demos:" in request.last_user for request in asked(server, "instruction"))
    assert all(set(t.configuration) <= {"solve:instruction"} for t in run.state.trials.values())


def test_the_teacher_bootstraps_and_nothing_else(server):
    with ScriptedServer(answer) as other:
        run_of(optimizer_of(teacher_settings={"lm": lm_of(other)}))
        assert len(on_training_rows(other)) == other.count > 0
    assert on_training_rows(server) == []


def test_the_teacher_of_a_student_with_demos_keeps_them_but_for_the_row_itself(server):
    student = Solve()
    student.solve.demos = rows(3)
    run_of(optimizer_of(max_bootstrapped_demos=0, max_labeled_demos=0), student)
    for request in on_training_rows(server):
        own = question_of(request) in {row.question for row in rows(3)}
        assert len(request.messages) == 2 + 2 * (2 if own else 3)


def with_row(number, **reply):
    """The toy LM, but for its answer to one training row."""

    def respond(request):
        found = answer(request)
        if kind(request) == "task" and question_of(request) == TRAIN[number].question:
            return replace(found, **reply)
        return found

    return respond


def places(run, **wanted):
    """Where the events with these values are among all events of a run."""
    events = [recorded.event.model_dump() for recorded in run.events()]
    return [place for place, event in enumerate(events) if wanted.items() <= event.items()]


def test_a_spare_attempt_that_straggles_holds_up_nothing_and_is_counted():
    with ScriptedServer(with_row(3, delay=1.0)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(num_candidates=3))
        # They are sent side by side, so they may arrive in any order.
        assert sorted(question_of(r) for r in on_training_rows(server)) == sorted(
            row.question for row in TRAIN[:4]
        )
    (search,) = places(run, type="phase_started", phase="search")
    (straggler,) = places(run, type="trace_bootstrapped", example=3)
    assert search < straggler
    assert run.state.demo_sets["solve"][2].bootstrapped == 3
    assert run.state.spend_by_phase["bootstrap"].calls == 4


def test_a_proposal_waits_for_the_demos_that_it_shows_and_for_no_others():
    with ScriptedServer(with_row(0, delay=1.0)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of())
    (straggler,) = places(run, type="trace_bootstrapped", example=0)
    proposals = places(run, type="lm_call_answered", phase="propose")[-6:]
    shown = [c.demo_set for c in run.state.candidates["solve"].values() if c.demo_set is not None]
    with_the_straggler = [
        number
        for number, demos in enumerate(demo_sets(run))
        if TRAIN[0].question in [d["question"] for d in demos[: _bootstrapped(run, number)]]
    ]
    assert 2 in with_the_straggler
    waiting = sum(number in with_the_straggler for number in shown)
    assert sum(place > straggler for place in proposals) == waiting < len(proposals) == 6


def _bootstrapped(run, number):
    return run.state.demo_sets["solve"][number].bootstrapped


def test_a_spare_attempt_that_fails_is_no_error():
    with ScriptedServer(with_row(3, status=500)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(num_candidates=3, max_errors=1))
    assert run.status == "finished"
    assert run.state.spend.failed_calls == 1


def failing_on_training_rows(reply):
    def respond(request):
        if kind(request) == "task" and question_of(request) in QUESTIONS:
            return reply
        return answer(request)

    return respond


def test_unreadable_replies_are_no_failures():
    with ScriptedServer(failing_on_training_rows("")) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(max_errors=1))
        assert run.status == "finished"
        assert set(run.state.bootstrapped.values()) == {False}
        assert [made.bootstrapped for made in run.state.demo_sets["solve"].values()] == [0] * 6


def test_failing_calls_end_the_run_when_there_are_too_many():
    with ScriptedServer(failing_on_training_rows(Reply(status=500))) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(max_errors=11))
        assert run.status == "finished"
        with pytest.raises(TooManyErrorsError, match="4 training examples failed") as caught:
            run_of(optimizer_of(max_errors=4))
        assert "trainset[0]: LMError" in str(caught.value)


def test_a_teacher_that_cannot_answer_is_told_once(server):
    teacher = lm_of(server, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(LMUnavailableError, match=r"Cannot reach http://127\.0\.0\.1:9"):
        run_of(optimizer_of(teacher_settings={"lm": teacher}))
