"""Looking into a run: what was sent and came back, and only what belongs to it."""

from __future__ import annotations

import contextlib
import json

import pytest
from handmade import (
    BETTER,
    STUDENT,
    answered,
    asked,
    ended,
    keep,
    planned,
    scored,
    told,
    write,
)
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.errors import InvalidArgumentError, RecordError
from mipro_nb.runs import events as ev
from mipro_nb.runs import fold, open_record
from mipro_nb.runs.views.clip import clip, more_of_event, more_of_instruction, more_of_text, within
from mipro_nb.runs.views.drill_down.details import demos, example_calls, trial_detail
from mipro_nb.runs.views.drill_down.whole_text import whole_text

ROWS = [{"question": f"q{n}", "answer": f"a{n}", "hint": [n]} for n in range(4)]


def texts(clips):
    return {name: made["text"] for name, made in clips.items()}


def detail(run, trial, **settings):
    made = trial_detail(run.record, run.id, run.state, trial, **settings)
    json.dumps(made)
    return made


def full_trial(run):
    """A full evaluation after the baseline, which found some of its cells in the ledger."""
    return next(t.trial for t in run.state.trials.values() if t.kind == "full" and t.reused)


def test_a_trial_tells_what_became_of_each_example(finished):
    made = detail(finished, 0)
    assert (made["trial"]["kind"], made["trial"]["score"]) == ("baseline", finished.state.baseline)
    assert [row["example"] for row in made["examples"]] == list(range(8))
    for row in made["examples"]:
        number = 1000 + row["example"]
        assert texts(row["inputs"]) == {"question": f"{number} plus {number + 3}"}
        assert texts(row["expected"]) == {"answer": str(2 * number + 3)}
        assert row["scored_by"] == 0
        assert row["seconds"] > 0
        if row["example"] == 3:  # which the server refuses
            assert row["prediction"] is None
            assert row["score"] == 0.0
            assert "this sum is refused" in row["error"]["text"]
        else:
            assert row["prediction"].keys() == {"reasoning", "answer"}
            right = row["prediction"]["answer"]["text"] == row["expected"]["answer"]["text"]
            assert row["score"] == float(right)
            assert row["feedback"]["text"].startswith("Right." if right else "It is 2")
            assert row["error"] is None


def test_a_trial_tells_the_prompt_of_each_predictor_as_it_was_sent(finished):
    trial = full_trial(finished)
    made = detail(finished, trial)
    plan, solve = made["prompts"]
    assert (plan["predictor"], solve["predictor"]) == ("plan", "solve.predict")
    for prompt in made["prompts"]:
        assert prompt["messages"][0]["role"] == "system"
        assert prompt["messages"][-1]["role"] == "user"
        chosen = finished.state.trials[trial].configuration[f"{prompt['predictor']}:instruction"]
        instruction = finished.state.candidates[prompt["predictor"]][chosen].instruction
        assert instruction in prompt["messages"][0]["content"]["text"]
        question = made["examples"][0]["inputs"]["question"]["text"]
        assert prompt["example"] == made["examples"][0]["example"]
        assert question in prompt["messages"][-1]["content"]["text"]


def test_a_reused_cell_is_told_with_the_trial_that_paid_for_it(finished):
    trial = full_trial(finished)
    made = detail(finished, trial)
    reused = [row for row in made["examples"] if row["scored_by"] != trial]
    assert len(reused) == finished.state.trials[trial].reused
    for row in reused:
        assert row["score"] is not None
        theirs = example_calls(finished.record, finished.id, row["scored_by"], row["example"])
        ours = example_calls(finished.record, finished.id, trial, row["example"])
        assert ours == theirs != []


def test_the_calls_of_an_example_are_told_in_order(finished):
    plan, solve = example_calls(finished.record, finished.id, 0, 0)
    for call in (plan, solve):
        assert (call["phase"], call["model"]) == ("baseline", "scripted")
        assert call["parameters"]["temperature"] == 0.0
        assert (call["error"], call["truncated"], call["from_cache"]) == (None, False, False)
        assert call["input_tokens"] > call["output_tokens"] > 0
        assert call["usd"] > 0
        assert call["seconds"] > 0
    assert plan["at"] < solve["at"]
    assert plan["reply"]["text"] == "plan: Count on from the first number of 1000 plus 1003."
    assert plan["reply"]["text"] in solve["messages"][-1]["content"]["text"]
    json.dumps([plan, solve])


def test_a_call_that_failed_is_told_with_its_error(finished):
    (call,) = example_calls(finished.record, finished.id, 0, 3)
    assert "this sum is refused" in call["error"]["text"]
    assert (call["reply"], call["usd"]) == (None, 0.0)
    assert "1003 plus 1006" in call["messages"][-1]["content"]["text"]


def test_the_demos_of_a_set_are_told(finished):
    built = finished.state.demo_sets["solve.predict"]
    for index, event in built.items():
        made = demos(finished.record, finished.id, "solve.predict", index)
        rows = json.loads(finished.record.text(event.demos))
        assert [texts(demo) for demo in made] == rows
    assert any(demos(finished.record, finished.id, "solve.predict", index) for index in built)


@pytest.mark.parametrize("trial", [-1, 99])
def test_a_trial_that_is_not_there_is_told(finished, trial):
    with pytest.raises(InvalidArgumentError, match="no such trial"):
        detail(finished, trial)
    with pytest.raises(InvalidArgumentError, match="no such trial"):
        example_calls(finished.record, finished.id, trial, 0)
    with pytest.raises(InvalidArgumentError, match="no such demo set"):
        demos(finished.record, finished.id, "solve.predict", 99)
    with pytest.raises(InvalidArgumentError, match="no such demo set"):
        demos(finished.record, finished.id, "nobody", 0)
    assert example_calls(finished.record, finished.id, 0, 99) == []


def planned_on(record, rows=None, **fields):
    return planned(valset=keep(record, ROWS if rows is None else rows), **fields)


def read(record, events, trial, **settings):
    write("run", events)
    state = fold(record.events("run"))
    return trial_detail(record, "run", state, trial, **settings)


def test_a_trial_that_goes_on_tells_what_is_there():
    record = open_record()
    events = [
        planned_on(record, inputs=["question", "hint"]),
        asked(0, "baseline", {}, [0, 1]),
        scored(0, "student as given", 1, 0.5, prediction=keep(record, {"answer": 1})),
    ]
    waiting, done = read(record, events, 0)["examples"]
    assert texts(waiting["inputs"]) == {"question": "q0", "hint": "[0]"}
    assert texts(waiting["expected"]) == {"answer": "a0"}
    empty = ("prediction", "score", "feedback", "error", "seconds")
    assert [waiting[name] for name in empty] == [None] * 5
    assert (done["score"], texts(done["prediction"])) == (0.5, {"answer": "1"})


def test_notes_on_how_replies_were_read_are_told_whole():
    record = open_record()
    note = "'sports' was read as 'sport'"
    events = [
        planned_on(record),
        asked(0, "baseline", {}, [0, 1]),
        scored(0, STUDENT_KEY, 0, notes=[note, "x" * 5000]),
        scored(0, STUDENT_KEY, 1),
    ]
    noted, plain = read(record, events, 0)["examples"]
    first, second = noted["notes"]
    assert first == {"text": note, "characters": len(note), "more": None}
    assert len(second["text"]) < 5000
    assert whole_text(record, "run", second["more"]) == "x" * 5000
    assert "notes" not in plain


def test_inputs_that_an_old_run_did_not_name_are_those_that_a_predictor_is_given():
    record = open_record()
    predictors = {"a": "question -> thought: str", "b": "thought -> answer: list[hint]"}
    (row,) = read(
        record, [planned_on(record, predictors=predictors), asked(0, "baseline", {}, [0])], 0
    )["examples"]
    assert row["inputs"].keys() == {"question"}
    assert row["expected"].keys() == {"answer", "hint"}


STUDENT_KEY = "student as given"


@pytest.mark.parametrize(
    ("configuration", "events", "expected"),
    [
        (STUDENT, [], {0: 0, 1: 0}),  # every choice the first: the student as given
        (BETTER, [told(1, "full", BETTER, 75.0, reused=2)], {0: 0, 1: 0}),  # says what he does
        (BETTER, [], {0: 1, 1: 1}),  # not scored yet
        (STUDENT, [scored(1, STUDENT, 0)], {0: 1, 1: 1}),  # the student has demos of his own
        (BETTER, [scored(1, BETTER, 1)], {0: 1, 1: 1}),
    ],
)
def test_cells_of_the_student_are_found_whatever_the_configuration_is_called(
    configuration, events, expected
):
    record = open_record()
    made = read(
        record,
        [
            planned_on(record),
            asked(0, "baseline", {}),
            scored(0, STUDENT_KEY, 0, 0.5),
            scored(0, STUDENT_KEY, 1, 1.0),
            asked(1, "full", configuration),
            *events,
        ],
        1,
    )
    assert {row["example"]: row["scored_by"] for row in made["examples"]} == expected


def call(record, predictor, content, **fields):
    head = {"parameters": {}, "messages": [{"role": "system", "content": f"to {predictor}"}]}
    return answered(
        prompt_head=keep(record, head),
        prompt_tail=keep(record, {"role": "user", "content": content}),
        reply=record.put_text("reply"),
        trial=0,
        predictor=predictor,
        **fields,
    )


def test_the_prompt_of_a_predictor_is_of_the_first_example_that_called_it():
    record = open_record()
    predictors = {"a": "question -> x", "b": "x -> answer"}
    events = [
        planned_on(record, predictors=predictors),
        asked(0, "baseline", {}, [2, 1]),
        call(record, "a", "one", example=1),
        call(record, "b", "two", example=1),
        call(record, "a", "three", example=2),
        call(record, "a", "four", example=2),
        call(record, "a", "of no example"),
    ]
    made = read(record, events, 0)["prompts"]
    told_ = [(p["predictor"], p["example"], p["messages"][-1]["content"]["text"]) for p in made]
    assert told_ == [("a", 2, "three"), ("b", 1, "two")]


def test_content_and_predictions_that_are_no_text_are_told_as_json():
    record = open_record()
    events = [
        planned_on(record),
        asked(0, "baseline", {}, [0]),
        call(record, "self", [{"type": "text", "text": "look"}], example=0),
        scored(0, STUDENT_KEY, 0, prediction=keep(record, ["a", "b"])),
    ]
    made = read(record, events, 0)
    assert (
        made["prompts"][0]["messages"][-1]["content"]["text"] == '[{"type":"text","text":"look"}]'
    )
    assert texts(made["examples"][0]["prediction"]) == {"prediction": '["a", "b"]'}


def test_the_more_examples_the_less_is_told_of_each():
    record = open_record()
    rows = [{"question": "q" * 5000, "answer": "a"} for _ in range(100)]
    events = [planned_on(record, rows), asked(0, "baseline", {}, range(100))]
    made = read(record, events, 0, characters=100_000)
    shown = [row["inputs"]["question"] for row in made["examples"]]
    assert {len(question["text"]) for question in shown} == {333}
    assert whole_text(record, "run", shown[7]["more"]) == "q" * 5000
    assert read_again(record, characters=100)["text"] == "q" * 200  # but never nothing
    assert read_again(record, characters=10**9)["text"] == "q" * 2000


def read_again(record, characters):
    state = fold(record.events("run"))
    made = trial_detail(record, "run", state, 0, characters=characters)
    return made["examples"][0]["inputs"]["question"]


LONG = "long " * 1000


def long_run():
    """A run in which every text is too long to be shown, and the names of all of them."""
    record = open_record()
    rows = [{"question": LONG, "a/b~c": LONG + "!"}]
    events = [
        planned_on(record, rows, inputs=["question"]),
        ev.CandidateProposed(predictor="self", index=0, instruction="old", source="student"),
        ev.CandidateProposed(predictor="self", index=0, instruction=LONG, source="student"),
        ev.DemoSetBuilt(
            predictor="self",
            index=0,
            source="labelled",
            bootstrapped=0,
            labelled=1,
            demos=keep(record, rows),
        ),
        asked(0, "baseline", {}, [0]),
        call(record, "self", LONG, example=0),
        scored(
            0, STUDENT_KEY, 0, prediction=keep(record, {"x": [LONG]}), feedback=LONG, error=LONG
        ),
    ]
    write("run", events)
    return record


def clips_in(value):
    if isinstance(value, dict) and value.keys() == {"text", "characters", "more"}:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from clips_in(inner)


def told_call(record, reply, **fields):
    write("run", [planned_on(record), asked(0, "baseline", {}, [0])])
    event = call(record, "self", "q", example=0).model_copy(
        update={"reply": record.put_text(reply), **fields}
    )
    record.append("run", event, 2)
    (made,) = example_calls(record, "run", 0, 0)
    return made


def test_thoughts_in_the_text_of_a_reply_are_told_beside_it():
    made = told_call(open_record(), "<think>\nIs it spam?\n</think>\n\nlabel: ham")
    assert (made["reply"]["text"], made["thoughts"]["text"]) == ("label: ham", "Is it spam?")


def test_a_reply_that_was_cut_off_in_its_thoughts_is_empty():
    made = told_call(open_record(), "<think>I wonder whether", truncated=True)
    assert (made["reply"]["text"], made["thoughts"]["text"]) == ("", "I wonder whether")


def test_a_reply_without_thoughts_is_told_as_it_is():
    made = told_call(open_record(), "  label: ham\n")
    assert (made["reply"]["text"], made["thoughts"]) == ("  label: ham\n", None)


def test_thoughts_beside_a_reply_are_told_as_the_server_sent_them():
    record = open_record()
    made = told_call(record, "label: ham", thoughts=record.put_text("Is it spam?"))
    assert (made["reply"]["text"], made["thoughts"]["text"]) == ("label: ham", "Is it spam?")


def test_both_parts_of_a_long_reply_can_be_read_as_a_whole():
    record = open_record()
    made = told_call(record, f"<think>{LONG}a</think>{LONG}b")
    assert whole_text(record, "run", made["thoughts"]["more"]) == f"{LONG}a"
    assert whole_text(record, "run", made["reply"]["more"]) == f"{LONG}b"


def test_whatever_was_cut_can_be_read_as_a_whole():
    record = long_run()
    state = fold(record.events("run"))
    cut = [
        made
        for shown in (
            trial_detail(record, "run", state, 0),
            example_calls(record, "run", 0, 0),
            demos(record, "run", "self", 0),
            [clip(LONG, more_of_instruction("self", 0))],
        )
        for made in clips_in(shown)
        if made["more"] is not None
    ]
    assert len(cut) == 10
    for made in cut:
        whole = whole_text(record, "run", made["more"])
        assert len(whole) == made["characters"]
        assert whole.startswith(made["text"])
        assert LONG.strip() in whole


def test_a_whole_text_is_read_from_any_place_that_has_a_name():
    record = long_run()
    ref = keep(record, {"": {"~1": ["a", {"x": None}]}})
    record.append("run", answered(reply=ref), 7)
    for path, text in (
        ([], record.text(ref)),
        ([""], '{"~1":["a",{"x":null}]}'),
        (["", "~1", 0], "a"),
        (["", "~1", 1, "x"], "null"),
    ):
        assert whole_text(record, "run", within(more_of_text(ref), *path)) == text
    assert whole_text(record, "run", more_of_event(6, "feedback")) == LONG
    assert whole_text(record, "run", "instruction:0:self") == LONG  # the later one counts


@pytest.mark.parametrize(
    "more",
    [
        "",
        "text",
        "text:",
        "text:../../etc/passwd:",
        "text:{ref}",
        "text:{ref}:x",
        "text:{ref}:/9",
        "answer:{theirs}:",
        "thoughts:{ref}",
        "problem:{reply}:",
        "text:{ref}:/-1",
        "text:{ref}:/00",
        "text:{ref}:/0/nobody",
        "text:{ref}:/0/a~b~c",
        "text:{ref}:/0/question/0",
        "text:{reply}:/0",
        "text:{theirs}:",
        "TEXT:{ref}:",
        " text:{ref}:",
        "text:{ref}:\n",
        "text:" + "0" * 32 + ":",
        "text:{ref}' OR '1'='1:",
        "event:99:/type",
        "event:-1:/type",
        "event:0x0:/type",
        "event:0:/nobody",
        "event:99999999999999999999:",
        "instruction:0:nobody",
        "instruction:9:self",
        "instruction:self:0",
        "file:/etc/passwd",
        "text:{ref}:" + "/0" * 100_000,
    ],
)
def test_a_name_that_the_run_does_not_have_gives_nothing(more):
    record = long_run()
    theirs = record.put_text("a text of another run")
    write("other", [answered(reply=theirs)])
    state = fold(record.events("run"))
    names = {
        "ref": state.planned.valset,
        "reply": record.put_text("reply"),
        "theirs": theirs,
    }
    for name, ref in names.items():
        more = more.replace("{" + name + "}", ref)
    with pytest.raises(InvalidArgumentError, match="no text of this name"):
        whole_text(record, "run", more)


@given(st.text())
def test_no_name_at_all_does_harm(finished, more):
    with pytest.raises(InvalidArgumentError, match="no text of this name"):
        whole_text(finished.record, finished.id, more)


@given(st.text(st.characters(), max_size=20).map(lambda path: f"/{path}"))
def test_no_path_at_all_does_harm(finished, path):
    more = f"text:{finished.state.planned.valset}:{path}"
    with contextlib.suppress(InvalidArgumentError):
        assert isinstance(whole_text(finished.record, finished.id, more), str)


def test_a_text_that_is_gone_is_told():
    record = long_run()
    record._db.execute("PRAGMA foreign_keys=OFF")
    record._db.execute("DELETE FROM texts")
    state = fold(record.events("run"))
    with pytest.raises(RecordError, match="has no text"):
        trial_detail(record, "run", state, 0)
    with pytest.raises(RecordError, match="has no text"):
        example_calls(record, "run", 0, 0)


def test_a_text_that_is_no_json_is_told():
    record = open_record()
    broken = record.put_text("{")
    with pytest.raises(RecordError, match="cannot be read"):
        read(record, [planned(valset=broken), asked(0, "baseline", {}), ended()], 0)
