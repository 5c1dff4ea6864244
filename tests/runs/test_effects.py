"""What each instruction and each demo set adds to the score, as the view of an ended run has it."""

from __future__ import annotations

import pytest
from scripted_server import ScriptedServer
from scripted_task import PlanAndSolve, Solve, answer, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.notebook.saved.static_html import run_html, run_text
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.sentences.results.effects import effect_sentence
from mipro_nb.runs.state import RunState
from mipro_nb.runs.views.results.effects import effects_view
from mipro_nb.runs.views.view import RunView

FAST = {"num_trials": 10, "minibatch_size": 8, "requires_permission_to_run": False}


def ended(student=None, record=None, **settings):
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server))
        run = mipro.MIPROv2(exact, num_candidates=4, **settings).start(
            student or Solve(),
            trainset=rows(10),
            valset=rows(20, start=1000),
            **FAST,
            record=record,
        )
        run.wait()
    return mipro.runs.load(run.id, run.record.path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return ended(record=tmp_path_factory.mktemp("effects") / "record.sqlite")


def snapshot_of(run):
    view = RunView(run.record, run.id)
    view.apply(run.events())
    return view.snapshot(now=2e9, in_flight=None)


def effects_of(run):
    return snapshot_of(run)["summary"]["result"]["effects"]


def test_every_instruction_has_a_score_with_every_demo_set(run):
    (effects,) = effects_of(run)["by_predictor"]
    assert [each["index"] for each in effects["instructions"]] == [0, 1, 2, 3, 4]
    assert [each["index"] for each in effects["demo_sets"]] == [0, 1, 2, 3]
    assert all(len(each["cells"]) == 4 for each in effects["instructions"])
    (result,) = [
        (row["index"], column)
        for row in effects["instructions"]
        for column, cell in enumerate(row["cells"])
        if cell["result"]
    ]
    best = run.state.best.configuration
    assert result == (best["solve:instruction"], best["solve:demos"])


def test_what_was_scored_on_the_whole_valset_is_told_as_it_was(run):
    (effects,) = effects_of(run)["by_predictor"]
    cells = [row["cells"] for row in effects["instructions"]]
    assert (cells[0][0]["score"], cells[0][0]["examples"]) == (run.state.baseline, 20)
    labelled = run.state.trials[1]
    assert cells[0][1]["score"] == pytest.approx(labelled.score)
    best = run.state.best.configuration
    cell = cells[best["solve:instruction"]][best["solve:demos"]]
    assert cell["score"] == pytest.approx(run.score)


def test_few_examples_are_drawn_towards_what_their_like_scored(run):
    (effects,) = effects_of(run)["by_predictor"]
    cells = [row["cells"] for row in effects["instructions"]]
    untried = [cell for row in cells for cell in row if not cell["examples"]]
    whole = [cell for row in cells for cell in row if cell["examples"] == 20]
    assert untried
    assert min(cell["margin"] for cell in untried) > max(cell["margin"] for cell in whole)
    assert all(0 <= cell["score"] <= 100 for row in cells for cell in row)


def test_html_and_text_tell_the_same(run):
    snapshot = snapshot_of(run)
    effects = snapshot["summary"]["result"]["effects"]
    page, text = run_html(snapshot), run_text(snapshot)
    (predictor,) = effects["by_predictor"]
    assert len(predictor["told"]) == 2
    for said in predictor["told"]:
        assert said in page
        assert said in text
    assert effects["told"] in page
    for named in ("your instruction", "no demos", "not tried", "20 scored"):
        assert named in page
        assert named in text


def test_each_predictor_has_its_own(run):
    first, second = effects_of(ended(PlanAndSolve()))["by_predictor"]
    assert (first["predictor"], second["predictor"]) == ("plan", "solve.predict")
    for each in (first, second):
        assert sum(cell["result"] for row in each["instructions"] for cell in row["cells"]) == 1


def test_without_demos_each_instruction_has_one_score():
    run = ended(max_bootstrapped_demos=0, max_labeled_demos=0)
    (effects,) = effects_of(run)["by_predictor"]
    assert effects["demo_sets"] == []
    assert all(len(each["cells"]) == 1 for each in effects["instructions"])
    assert len(effects["told"]) == 1
    assert "your instruction" in run_html(snapshot_of(run))


def test_there_are_none_where_too_little_was_scored(run):
    scored = run.state.trials[0]
    few = RunState(trials={0: scored}, scores={STUDENT: {0: 1.0}}, candidates=run.state.candidates)
    assert effects_view(few, scored, own_demos=False) is None


def test_the_student_is_no_combination_of_candidates_if_it_has_demos_of_its_own(run):
    best = run.state.best
    (effects,) = effects_view(run.state, best, own_demos=True)["by_predictor"]
    assert effects["instructions"][0]["cells"][0]["examples"] < 20
    # And if it is returned itself, no cell is the result.
    (effects,) = effects_view(run.state, run.state.trials[0], own_demos=True)["by_predictor"]
    assert not any(cell["result"] for each in effects["instructions"] for cell in each["cells"])


@pytest.mark.parametrize(
    ("adds", "said"),
    [
        (9.0, "Instruction 3 adds 9.0 ± 4.0 points over your own, whatever the demos."),
        (
            2.0,
            "No instruction is clearly better than your own: instruction 3 is the best with +2.0",
        ),
    ],
)
def test_what_stands_out_is_told_and_what_does_not_is_called_unclear(adds, said):
    effects = [
        {"index": 0, "adds": None, "margin": None},
        {"index": 2, "adds": -5.0, "margin": 3.0},
        {"index": 3, "adds": adds, "margin": 4.0},
    ]
    (told,) = effect_sentence("instruction", effects)
    assert told.startswith(said)
    assert effect_sentence("demos", effects[:1]) == []
