"""What came of a run: scores, prompts, price, why this one won, and what still fails."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from handmade import planned, write
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, exact, kind, lm_of, question_of, rows

import mipro_nb as mipro
from mipro_nb.amounts import format_points
from mipro_nb.notebook.saved.static_html import run_html, run_text
from mipro_nb.notebook.saved.static_result import changes
from mipro_nb.runs import events as ev
from mipro_nb.runs.sentences.results.gain import gain_view
from mipro_nb.runs.sentences.results.result import cost_sentence, failing_text, gain_sentences
from mipro_nb.runs.state import RunState, TrialState
from mipro_nb.runs.views.view import RunView

ROWS = {"trainset": rows(10), "valset": rows(20, start=1000)}
VERDICTS = {"never right", "lost", "still wrong", "won"}
FAST = {"num_trials": 10, "minibatch": False, "requires_permission_to_run": False}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A finished run with a testset."""
    file = tmp_path_factory.mktemp("result") / "record.sqlite"
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server))
        run = mipro.MIPROv2(exact, num_candidates=4).start(
            Solve(), **ROWS, testset=rows(12, start=5000), **FAST, record=file
        )
        run.wait()
    return mipro.runs.load(run.id, file)


def snapshot_of(run, events=None):
    view = RunView(run.record, run.id)
    view.apply(run.events() if events is None else events)
    return view.snapshot(now=2e9, in_flight=None)


def result_of(run):
    return snapshot_of(run)["summary"]["result"]


def started(**settings):
    run = mipro.MIPROv2(exact, num_candidates=4).start(Solve(), **ROWS, **{**FAST, **settings})
    run.wait()
    return run


def test_a_run_has_no_result_before_it_has_ended(ended):
    before = snapshot_of(ended, list(ended.events())[:-1])
    assert before["summary"]["result"] is None
    assert result_of(ended) is not None


def test_the_student_stands_first_with_the_scores_of_valset_and_testset(ended):
    student, _, found = result_of(ended)["scores"]
    tested = ended.state.ended.tested
    assert (student["what"], found["what"]) == ("student as given", "best program")
    assert (student["score"], found["score"]) == (ended.state.baseline, ended.score)
    assert (student["test"], found["test"]) == (tested.student, tested.score)
    assert student["low"] < student["score"] < student["high"]
    assert (student["examples"], found["examples"]) == (20, 20)


def test_plain_labelled_demos_stand_between_them_with_what_a_call_takes(ended):
    result = result_of(ended)
    student, labelled, found = result["scores"]
    assert labelled["what"] == "student as given with 10 labelled demos"
    assert labelled["score"] == ended.state.trials[1].score
    assert labelled["low"] < labelled["score"] < labelled["high"]
    assert labelled["test"] is None
    assert all(re.fullmatch(r"[\d,]+ tokens, \$0\.\d+", row["call"]) for row in result["scores"])
    assert student["call"] != labelled["call"]
    more = format_points(found["score"] - labelled["score"])
    over_student, over_labelled = result["gain"]
    told = f"{more} points over the student with plain labelled demos; 95 % interval of the gain "
    assert over_labelled.startswith(told)
    ended_as = ended.state.ended
    interval = [ended_as.labelled_gain_low, ended_as.labelled_gain_high]
    assert " to ".join(map(format_points, interval)) in over_labelled
    assert over_labelled.endswith(": no clear gain.") is (interval[0] <= 0)
    assert over_student != over_labelled


def test_a_gain_whose_interval_the_record_lacks_is_told_as_not_known(ended):
    events = [
        replace(e, event=e.event.model_copy(update={"labelled_gain_low": None}))
        if e.event.type == "run_ended"
        else e
        for e in ended.events()
    ]
    result = snapshot_of(ended, events)["summary"]["result"]
    assert result["gain"][1].endswith("; whether that is more than chance is not known.")


def test_labelled_demos_that_are_themselves_the_result_are_told_as_that():
    with ScriptedServer(_needs_demos) as server:
        mipro.configure(lm=lm_of(server))
        run = started()
    result = result_of(mipro.runs.load(run.id))
    assert result["trial"] == 1
    assert [row["what"] for row in result["scores"]] == ["student as given", "best program"]
    assert (
        "It is the student as given with 10 labelled demos: no instruction found did better."
        in (result["why"])
    )


def _needs_demos(request):
    """An LM that is right if it is shown demos, and else wrong."""
    shown = any(message["role"] == "assistant" for message in request.messages)
    return _always_right(request) if shown or kind(request) != "task" else "answer: none"


def test_a_number_of_the_table_is_not_told_again_in_a_sentence(ended):
    assert not [said for said in result_of(ended)["test"] if said.lower().startswith("test score")]


def test_the_prompts_are_the_students_and_the_one_that_was_returned(ended):
    (prompt,) = result_of(ended)["prompts"]
    returned = ended.program_state()["predictors"]["solve"]
    given = ended.program_state(0)["predictors"]["solve"]
    assert prompt["before"]["text"] == given["instructions"]
    assert prompt["after"]["text"] == returned["instructions"]
    assert prompt["demos"] == len(returned["demos"])


def test_all_trials_of_the_highest_score_are_named(ended):
    state, why = ended.state, " ".join(result_of(ended)["why"])
    best = [t.trial for t in state.trials.values() if t.score == ended.score]
    assert f"Trial {best[0]} " in why
    configurations = {
        json.dumps(state.trials[t].configuration): t
        for t in reversed(best)  # of trials of one configuration the first one
    }
    for tied in sorted(configurations.values())[1:6]:
        assert re.search(rf"Trials? [\d, ]*\b{tied}\b[\d, ]*( and \d+ more)? scored the same", why)
    assert ("scored the same" in why) == (len(configurations) > 1)


def test_what_a_call_takes_is_told_against_what_it_took(ended):
    said = result_of(ended)["cost"]
    demos = result_of(ended)["prompts"][0]["demos"]
    assert said.startswith(f"{demos} demos make a call ")
    assert "times as expensive: " in said
    assert said.count("→") == 2


@pytest.mark.parametrize(
    ("demos", "longer", "tokens", "usd", "said"),
    [
        (16, (9, 900), (100, 800), (0.001, 0.008), "16 demos make a call 8 times as expensive: "),
        (1, (0, 200), (100, 150), (0.001, 0.0015), "1 demo makes a call 50 % more expensive: "),
        (-1, (9, -200), (150, 75), (0.002, 0.001), "1 demo fewer makes a call 50 % cheaper: "),
        (0, (-200, 0), (100, 50), (0.002, 0.001), "The instruction found makes a call 50 % cheap"),
        (2, (0, 900), (100, 800), (None, None), "2 demos make a call 8 times as long: "),
        (2, (0, 900), (100, 800), (0.0, 0.0), "2 demos make a call 8 times as long: "),
        (0, (9, 0), (100, 101), (0.001, 0.00101), "A call costs about what it did: "),
        (1, (900, 20), (100, 800), (None, None), "The instruction found makes a call 8 times as"),
        (1, (500, 400), (100, 800), (None, None), "The instruction found and 1 demo make a call"),
        (0, (9, 400), (100, 200), (None, None), "Other demos make a call 2 times as long: "),
    ],
)
def test_prices_compare_in_words_with_what_they_come_of(demos, longer, tokens, usd, said):
    sentence = cost_sentence(demos, longer, tokens, usd)
    assert sentence.startswith(said)
    assert ("$" in sentence) == bool(usd[0])


def test_the_examples_that_fail_are_counted_and_those_that_nothing_gets_right_come_first(ended):
    result, scores = result_of(ended), ended.state.scores
    never = {
        example
        for example in range(20)
        if not any(of.get(example, 0) >= 1 for of in scores.values())
    }
    shown = [row["example"] for row in result["outcomes"] if row["verdict"] == "never right"]
    assert set(shown) == never
    assert [row["verdict"] for row in result["outcomes"]][: len(never)] == ["never right"] * len(
        never
    )
    detail = next(row for row in result["outcomes"] if row["verdict"] == "won")
    assert (detail["student"], detail["result"]) == (0.0, 1.0)
    assert set(detail["inputs"]) == {"question"}
    assert set(detail["expected"]) == {"answer"}
    assert 0 < detail["right"] <= detail["tried"] == len(scores)


def test_a_gain_that_may_be_chance_is_called_no_clear_gain():
    def said(*, low, noise_floor):
        ended = ev.RunEnded(
            state="finished",
            score=60.0,
            baseline=50.0,
            configuration={},
            program=None,
            gain_low=low,
            gain_high=19.0,
        )
        trials = {
            0: TrialState(0, "baseline", {}, [0], 0.0, score=50.0),
            1: TrialState(1, "full", {"solve:instruction": 1}, [0], 0.0, score=60.0),
        }
        state = RunState(planned=planned(noise_floor=noise_floor), ended=ended, trials=trials)
        (sentence,) = gain_sentences(50.0, 60.0, gain_view(state))
        return sentence

    told = "+10.0 points over the student; 95 % interval of the gain +1.0 to +19.0"
    assert said(low=1.0, noise_floor=None) == f"{told}."
    assert said(low=1.0, noise_floor=9.0) == f"{told}."
    unclear = "no clear gain, below the noise floor of 12.5 points"
    assert said(low=1.0, noise_floor=12.5) == f"{told}: {unclear}."
    assert said(low=-1.0, noise_floor=None).endswith(": no clear gain.")


@given(st.text("ab \n.", max_size=40), st.text("ab \n.", max_size=40))
def test_what_changed_in_a_prompt_holds_both_texts(before, after):
    told = list(changes(before, after))
    assert "".join(text for kind, text in told if kind != "added") == before
    assert "".join(text for kind, text in told if kind != "removed") == after


def test_what_fails_is_told_as_the_metric_counts():
    assert failing_text([1.0, 0.0, 0.0]) == "2 examples of 3 still fail"
    assert failing_text([1.0, 0.0]) == "1 example of 2 still fails"
    assert failing_text([1.0, 0.5]) == "1 example of 2 has less than the full score"
    assert failing_text([1.0]) == "No example fails any more."


def test_where_nothing_is_better_the_student_is_the_result(server_of_luck):
    result = result_of(mipro.runs.load(started().id))
    assert not result["changed"]
    assert [row["what"] for row in result["scores"]] == ["student as given"]
    assert result["cost"] is None
    assert "you get your program" in result["why"][0]


@pytest.fixture
def server_of_luck():
    """An LM that is right whatever it is asked with: nothing can be better."""
    with ScriptedServer(_always_right) as running:
        mipro.configure(lm=lm_of(running))
        yield running


def _always_right(request):
    if kind(request) != "task":
        return answer(request)
    first, _, second = question_of(request).partition(" plus ")
    return f"answer: {int(first) + int(second)}"


@pytest.mark.parametrize("limits", [{"max_calls": 45}, {"max_calls": 8}])
def test_a_run_that_ends_early_shows_what_it_has(limits):
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server))
        run = started(**limits)
    result = result_of(mipro.runs.load(run.id))
    assert run.status == "capped"
    if result is None:
        assert run.score is None
    else:
        assert result["scores"][-1]["score"] == run.score


def test_a_result_that_the_record_does_not_have_whole_is_said_to_be_missing(ended, tmp_path):
    events = [
        recorded.event.model_copy(update={"valset": "0" * 32})
        if isinstance(recorded.event, ev.RunPlanned)
        else recorded.event
        for recorded in ended.events()
        if not isinstance(recorded.event, ev.DemoSetBuilt)
    ]
    record = write("run", events, tmp_path / "record.sqlite")
    summary = snapshot_of(mipro.runs.load("run", record.path))["summary"]
    assert summary["result"] is None
    assert any(note.startswith("The result cannot be shown.") for note in summary["notes"])


def test_a_saved_notebook_begins_with_the_result(ended):
    snapshot = snapshot_of(ended)
    result = snapshot["summary"]["result"]
    page, text = run_html(snapshot), run_text(snapshot)
    for said in (result["cost"], result["failing_told"], "best program"):
        assert said.replace("$", "<span>$</span>") in page
        assert said[:60] in text
    assert page.index("best program") < page.index("Spent, against")
    assert "<ins>" in page
    assert "<del>" in page
    assert "  + " in text


def test_every_example_of_the_valset_has_a_row_in_the_table_of_outcomes(ended):
    table = ended.outcomes_dataframe()
    assert list(table.index) == list(range(20))
    shown = {row["example"]: row for row in result_of(ended)["outcomes"]}
    for example, row in table.iterrows():
        assert (row["verdict"] not in VERDICTS) == (example not in shown)
    assert table["student"].mean() == pytest.approx(ended.state.baseline / 100)
    assert table["result"].mean() == pytest.approx(ended.score / 100)
