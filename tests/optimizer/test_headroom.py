"""Headroom: how much prompts matter and how much is chance, measured before a run."""

from __future__ import annotations

import re
from statistics import fmean

import numpy as np
import pytest
from scripted_task import Solve, asked, exact, kind, lm_of, question_of, rows

import mipro_nb as mipro
from mipro_nb.errors import (
    InvalidArgumentError,
    MetricError,
    PermissionUnansweredError,
    ProgramError,
    RunEndedError,
)
from mipro_nb.notebook.saved.static_html import run_html
from mipro_nb.optimizer.phases.scoring.noise import noise_of
from mipro_nb.runs.events import HeadroomMeasured, PromptScore
from mipro_nb.runs.following.follower import Follower
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.open_records import open_record
from mipro_nb.runs.views.results.headroom import headroom_of

TRAIN, VAL, TEST = rows(14), rows(12, start=1000), rows(5, start=2000)


def optimizer(metric=exact, **settings):
    return mipro.MIPROv2(metric, num_threads=4, **settings)


def measured(optimizer, student=None, **settings):
    settings = {"trainset": TRAIN, "valset": VAL, "rows": 10, **settings}
    student = Solve() if student is None else student
    return optimizer.headroom(student, requires_permission_to_run=False, **settings)


def raising(example, prediction, trace=None):
    raise RuntimeError


def test_prompts_are_scored_on_training_rows_and_on_no_others(server):
    marked = [row.copy(question=f"SEEN {row.question}") for row in (*VAL, *TEST)]
    headroom = measured(optimizer(), valset=marked[:12], testset=marked[12:])
    assert not any("SEEN" in text for request in server.requests for text in request.texts)
    sent = [question_of(request) for request in asked(server, "task")]
    assert len(sent) == 4 * 10
    assert {row.question for row in TRAIN} >= set(sent)
    assert list(headroom.scores) == [
        "student as given",
        "instruction 1",
        "instruction 2",
        "labelled demos",
    ]
    chosen = [row for row in TRAIN if row.question in sent]
    right = mipro.Evaluate(devset=chosen, metric=exact)(Solve())
    assert headroom.scores["student as given"] == float(right)
    assert headroom.spread == pytest.approx(max(headroom.scores.values()) - right)
    _check_that_its_rows_are_shown(headroom, sent)
    run = mipro.runs.load(headroom.run_id)
    assert run.status == "finished"
    assert run.score is None
    assert run.name == "Headroom of Solve"
    assert headroom.expectation in run.report()
    assert "valset" not in run.report().replace("valset of a run", "")
    assert run.state.spend.calls == server.count
    estimated = run.state.planned.estimate["total"]["calls"]
    assert estimated["low"] <= server.count <= estimated["high"]


def _check_that_its_rows_are_shown(headroom, questions):
    shown = Follower(open_record(), headroom.run_id, lambda _: None).snapshot()
    examples = shown["summary"]["headroom"]["examples"]
    assert {each["inputs"]["question"]["text"] for each in examples} == set(questions)
    for place, score in enumerate(headroom.scores.values()):
        assert 100 * fmean(each["scores"][place] for each in examples) == pytest.approx(score)
    cards = {card["index"]: card["score"] for card in shown["instructions"]}
    for index, prompt in enumerate(("student as given", "instruction 1", "instruction 2")):
        assert cards[index] == pytest.approx(headroom.scores[prompt])
    solved = [max(each["scores"]) >= 1 for each in examples]
    assert solved == sorted(solved), "those come first that no prompt gets right"
    assert "The measured rows" in run_html(shown)


def test_a_row_is_asked_again_where_the_lm_draws_and_a_capped_measurement_is_resumed(server):
    drawing = optimizer(task_model=lm_of(server, temperature=0.7), max_labeled_demos=0)
    with pytest.raises(RunEndedError, match=r"cap max_calls=20 is reached.*resume=True"):
        measured(drawing, max_calls=20)
    (capped,) = mipro.runs.list()
    assert server.count == 20
    with pytest.raises(InvalidArgumentError, match=r"headroom\(…\) as before, with resume=True"):
        drawing.resume(capped.id, Solve())
    headroom = measured(drawing, max_calls=200, resume=True)
    assert headroom.run_id == capped.id
    assert len(asked(server, "task")) == 3 * 10 * 2
    assert headroom.to_dict()["repeats"] == 2
    assert "every prompt had the same scores" in str(headroom)  # as the scripted LM answers
    once_more = measured(drawing)
    assert once_more.to_dict() | {"run_id": ""} == headroom.to_dict() | {"run_id": ""}
    assert mipro.runs.load(once_more.run_id).state.spend.calls == 0


def test_a_later_run_of_the_same_is_told_and_held_to_the_noise_floor(server):
    headroom = measured(optimizer(max_labeled_demos=0, num_candidates=2))
    before = server.count

    def run(**settings):
        return optimizer(max_labeled_demos=0, num_candidates=2).start(
            Solve(),
            **{"trainset": TRAIN, "valset": VAL, "num_trials": 1, "minibatch": False, **settings},
            max_bootstrapped_demos=0,
            max_calls=1,
            requires_permission_to_run=False,
        )

    told = run()
    assert told.plan.noise_floor == headroom.valset_noise_floor
    assert told.state.planned.noise_floor == headroom.valset_noise_floor
    note = next(note for note in told.plan.notes if headroom.run_id in note)
    assert headroom.expectation in note
    assert "are not called a gain" in note
    other = run(trainset=rows(14, start=500))
    assert other.plan.noise_floor is None
    for each in (told, other):
        each.wait()
    assert server.count <= before + 2


def test_a_plan_repeats_what_to_expect(server):
    made = optimizer(max_labeled_demos=0, num_candidates=2)
    headroom = measured(made)
    plan = made.plan(Solve(), trainset=TRAIN, valset=VAL, num_trials=1, minibatch=False)
    assert plan.noise_floor == headroom.valset_noise_floor
    assert headroom.expectation in str(plan)


def test_a_run_that_had_begun_before_keeps_to_what_it_had(server):
    small = {"num_candidates": 2, "max_labeled_demos": 0, "max_bootstrapped_demos": 0}
    sets = {"trainset": TRAIN, "valset": VAL, "num_trials": 1, "minibatch": False}
    free = {"requires_permission_to_run": False}
    capped = optimizer(**small).start(Solve(), **sets, **free, max_calls=5)
    capped.wait()
    measured(optimizer(**small))
    again = optimizer(**small).start(Solve(), **sets, **free, max_calls=500, resume=True)
    assert again.id == capped.id
    assert again.plan.noise_floor is None
    assert not any("not called a gain" in note for note in again.plan.notes)
    again.wait()


def test_a_measurement_is_found_by_a_run_at_another_price(server):
    headroom = measured(optimizer(max_labeled_demos=0, num_candidates=2))
    mipro.configure(lm=lm_of(server, price=(9.0, 9.0)))
    run = optimizer(max_labeled_demos=0, num_candidates=2).start(
        Solve(),
        trainset=TRAIN,
        valset=VAL,
        num_trials=1,
        minibatch=False,
        max_bootstrapped_demos=0,
        max_calls=1,
        requires_permission_to_run=False,
    )
    assert run.plan.noise_floor == headroom.valset_noise_floor
    run.wait()


def test_what_is_left_out_and_a_cap_that_is_too_low_are_told_before(server):
    unlabelled = [mipro.Example(question=row.question, sum=row.answer) for row in TRAIN]
    with pytest.raises(RunEndedError):
        measured(
            optimizer(lambda example, prediction: prediction.answer == example.sum),
            trainset=[row.with_inputs("question") for row in unlabelled],
            repeats=3,
            max_calls=3,
        )
    (run,) = mipro.runs.list()
    notes = "\n".join(run.state.planned.notes)
    assert "No prompt with labelled demos is measured" in notes
    assert "repeats=3 changes nothing: at temperature 0" in notes
    assert "The cap max_calls=3 is probably too low" in notes


def test_without_another_prompt_there_is_nothing_to_compare(server):
    with pytest.raises(ProgramError, match="nothing to compare the student with"):
        measured(optimizer(max_labeled_demos=0), max_instruction_tokens=1)


def test_nothing_is_sent_before_a_yes(server):
    with pytest.raises(PermissionUnansweredError):
        optimizer().headroom(Solve(), trainset=TRAIN, valset=VAL)
    assert server.count == 0


@pytest.mark.parametrize(
    ("settings", "error", "told"),
    [
        ({"trainset": []}, InvalidArgumentError, "trainset"),
        ({"trainset": TRAIN[:9]}, InvalidArgumentError, "9 different training rows.*10 training"),
        ({"trainset": TRAIN, "valset": None}, InvalidArgumentError, "valset of your own"),
        ({"trainset": [*TRAIN[:5], *VAL]}, InvalidArgumentError, "5 different training rows"),
        ({"testset": TRAIN[:1]}, InvalidArgumentError, "testset"),
        ({"rows": 9}, InvalidArgumentError, "rows=9.*at least 10"),
        ({"repeats": 0}, InvalidArgumentError, "repeats=0.*at least 1"),
        ({"num_trials": 5}, InvalidArgumentError, "num_trials"),
        ({"max_calls": 0}, InvalidArgumentError, "max_calls"),
        ({"student": "question -> answer"}, InvalidArgumentError, "student"),
        ({"optimizer": optimizer(raising)}, MetricError, "raising"),
        ({"lm": None}, ProgramError, "No LM is configured"),
    ],
)
def test_bad_input_is_refused_before_any_call(server, settings, error, told):
    given = dict(settings)
    if "lm" in given:
        mipro.configure(lm=given.pop("lm"))
    with pytest.raises(error, match=told):
        measured(given.pop("optimizer", optimizer()), **given)
    assert server.count == 0


def test_a_metric_that_fails_on_every_real_answer_ends_the_measurement_with_its_error(server):
    def fails(example, prediction, trace=None):
        # In the rehearsal, answers are the rows' own labels.
        return 1 / (prediction.answer == example.answer and kind is not None)

    with pytest.raises((MetricError, mipro.errors.TooManyErrorsError), match="fails"):
        measured(optimizer(fails, max_errors=2), trainset=rows(14, start=14))


def test_equally_good_prompts_seldom_differ_and_a_better_one_is_found():
    rng = np.random.default_rng(1)
    hard = rng.random((20, 1, 1, 30))
    alike = (rng.random((20, 4, 1, 30)) < hard).astype(float)
    found = [noise_of(each, seed=9) for each in alike]
    assert sum(each.spread > each.floor for each in found) <= 4
    assert sum(each.lead > each.lead_floor for each in found) <= 4
    better = alike[0].copy()
    better[2] = np.maximum(better[2], better[0])
    better[2, :, :20] = 1
    noise = noise_of(better, seed=9)
    assert noise.spread > noise.floor
    assert noise.lead > noise.lead_floor


def test_the_noise_of_drawing_again_is_that_of_the_draws():
    scores = np.zeros((2, 2, 50))
    scores[:, 1] = 1  # each row is right once and wrong once
    noise = noise_of(scores, seed=9)
    assert noise.spread == 0
    assert noise.redraw == pytest.approx(1.96 * (2 * 0.5 / 50) ** 0.5 * 100)
    assert noise_of(np.zeros((2, 1, 50)), seed=9).redraw is None


def told(scores, *, floor=10.0, lead_floor=12.0, **fields):
    prompts = {"student as given": scores[0], "instruction 1": scores[1]}
    event = HeadroomMeasured(
        rows=25,
        repeats=1,
        valset_size=100,
        prompts=[PromptScore(prompt=name, score=score) for name, score in prompts.items()],
        spread=abs(scores[1] - scores[0]),
        floor=floor,
        lead=scores[1] - scores[0],
        lead_floor=lead_floor,
        floor_once=floor,
        **fields,
    )
    headroom = headroom_of("run", RunState(headroom=event))
    assert "noise floor is about 5.0 points" in str(headroom)
    return headroom


@pytest.mark.parametrize(
    ("scores", "differ", "clear", "expected"),
    [
        ((50, 60), False, False, "Expect little from a run: prompts as different"),
        ((50, 80), True, True, r"Expect a gain from a run: instruction 1 .* 30\.0 points ahead"),
        ((50, 61), True, False, "may owe that lead to chance"),
        ((80, 50), True, False, "the student is the best of these"),
        ((100, 50), True, False, "they leave a run nothing to gain"),
    ],
)
def test_what_to_expect_is_said_in_words(scores, differ, clear, expected):
    headroom = told(scores)
    assert (headroom.differ, headroom.lead_is_clear) == (differ, clear)
    assert headroom.to_dataframe()["lead"].tolist() == [0, scores[1] - scores[0]]
    assert re.search(expected, headroom.expectation)
    assert headroom.expectation in str(headroom)


def test_html_is_escaped_wherever_the_record_comes_from():
    event = told((50, 80)).measured
    hostile = [each.model_copy(update={"prompt": "<script>x</script>"}) for each in event.prompts]
    state = RunState(headroom=event.model_copy(update={"prompts": hostile}))
    page = headroom_of("run", state)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;x" in page
