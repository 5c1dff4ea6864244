"""Constraints on instructions: what breaks one is written again with the reason, then dropped."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Reply, ScriptedServer
from scripted_task import GOOD, Solve, answer, asked, exact, kind, lm_of, rows, run_of
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.models.tokens import count_tokens
from mipro_nb.notebook.saved.static_text import run_text
from mipro_nb.optimizer.planning.settings.constraints import Constraints
from mipro_nb.optimizer.planning.settings.requested import Hyperparameters
from mipro_nb.runs.sentences.instructions.changes import changes
from mipro_nb.runs.views.view import RunView

TRAIN, VAL = rows(20), rows(12, start=1000)
KEPT = "Answer with digits only."
OWN = f"Answer a question. {KEPT}"
SETTINGS = {"train": TRAIN, "val": VAL, "num_trials": 6}
WRITTEN = ("instruction", "repair")


def optimizer(**settings):
    return mipro.MIPROv2(exact, **{"num_candidates": 3, "num_threads": 4, **settings})


def student():
    solve = Solve()
    solve.solve.signature = solve.solve.signature.with_instructions(OWN)
    return solve


def writing(write):
    """A server whose prompt model writes instructions by a function of what it is shown."""

    def reply(request):
        if kind(request) not in WRITTEN:
            return answer(request)
        shown = "\n".join(request.texts)
        return Reply(f"instruction: {write(shown, request.number)}")

    return ScriptedServer(reply)


def learns(good, bad):
    """Write what is `bad` until that was objected to."""
    return lambda shown, number: f"{good if 'The last attempt was' in shown else bad} No. {number}."


def stubborn(bad):
    return lambda shown, number: f"{bad} No. {number}."


def new(run):
    return [c.instruction for c in run.state.candidates["solve"].values() if c.index]


def run_under(write, *, search="paired", **constraints):
    with writing(write) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(search=search), student(), **SETTINGS, **constraints)
    assert server.exceptions == []
    return run, server


COPIED = "the quick brown fox jumps over it"
CASES = {
    "must_keep": ({"must_keep": [KEPT]}, f"{GOOD} {KEPT}", GOOD, "it lacks the text"),
    "tokens": ({"max_instruction_tokens": 20}, GOOD, f"{GOOD} " * 9, "and 20 are allowed"),
    "copy": ({"max_copied_words": 4}, GOOD, f"{GOOD} {COPIED}.", "it copies more than 4 words"),
    "edit": ({"smallest_edit": True}, f"{OWN} {GOOD}", GOOD, "half of them should stay"),
    "placeholder": ({}, GOOD, f"{GOOD} Here: {{question}}", "has the placeholder {question}"),
    "mustache": ({}, GOOD, f"{GOOD} Read {{{{ question }}}}.", "the placeholder {{ question }}"),
    "export": ({}, GOOD, f"{GOOD} Reply as {{{{label}}}}.", "it has {{ label }}, which templates"),
    "logic": ({}, GOOD, f"{GOOD} {{% endraw %}}", "it has {% endraw %}, which templates take"),
}
each_case = pytest.mark.parametrize(
    ("constraints", "good", "bad", "reason"), CASES.values(), ids=CASES
)


@pytest.fixture(autouse=True)
def _row_to_copy(monkeypatch):
    row = TRAIN[3].copy(answer=f"x {COPIED} y")
    monkeypatch.setitem(SETTINGS, "train", [*TRAIN[:3], row, *TRAIN[4:]])


@each_case
@pytest.mark.parametrize("search", ["paired", "repair"])
def test_what_breaks_a_constraint_is_written_anew_with_the_reason(
    constraints, good, bad, reason, search
):
    run, server = run_under(learns(good, bad), search=search, **constraints)
    assert len(new(run)) >= 3
    assert all(text.startswith(good) for text in new(run))
    objected = [r for r in asked(server, *WRITTEN) if "The last attempt was" in "\n".join(r.texts)]
    assert objected
    assert all(reason in "\n".join(request.texts) for request in objected)
    assert run.state.dropped == []


@each_case
@pytest.mark.parametrize("search", ["paired", "repair"])
def test_what_breaks_it_each_time_is_dropped_and_every_view_says_so(
    constraints, good, bad, reason, search
):
    run, server = run_under(stubborn(bad), search=search, **constraints)
    assert run.status == "finished"
    assert new(run) == []
    assert len(asked(server, "instruction")) == 9
    assert {each.source for each in run.state.dropped} == (
        {"proposed", "repaired"} if search == "repair" else {"proposed"}
    )
    assert all(reason in "; ".join(each.reasons) for each in run.state.dropped)
    view = RunView(run.record, run.id)
    view.apply(run.record.events(run.id))
    shown = run_text(view.snapshot(now=run.state.last_at, in_flight=None))
    for text in (shown, run.report(), mipro.runs.load(run.id).report()):
        assert reason in text
        assert "Dropped, proposed for solve" in text


@pytest.mark.parametrize("then", ["instruction:", f"instruction: {OWN}"], ids=["empty", "repeated"])
def test_what_became_of_the_tries_is_not_made_up(then):
    def reply(request):
        if kind(request) != "instruction":
            return answer(request)
        objected = "The last attempt was" in "\n".join(request.texts)
        return Reply(then if objected else f"instruction: {'Add them. ' * 20}")

    with ScriptedServer(reply) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(), student(), **SETTINGS, max_instruction_tokens=20)
    assert len(run.state.dropped) == 3
    assert "and 20 are allowed. The other tries could not be used either" in run.report()
    (note,) = (e.event.text for e in run.events() if e.event.type == "run_noted")
    assert note.endswith("Looser constraints (max_instruction_tokens) may bring more.")


def test_all_that_may_bring_more_candidates_is_told():
    numbers = itertools.count()

    def some_break_it(request):
        if kind(request) != "instruction":
            return answer(request)
        objected = "The last attempt was" in "\n".join(request.texts)
        return Reply(f"instruction: {GOOD}" if objected or next(numbers) == 0 else "instruction:")

    with ScriptedServer(some_break_it) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(), student(), **SETTINGS, must_keep=[KEPT])
    assert len(run.state.dropped) == 1
    (note,) = (e.event.text for e in run.events() if e.event.type == "run_noted")
    assert note.endswith(
        "Looser constraints (must_keep), another prompt_model or a higher init_temperature may "
        "bring more."
    )


def test_without_constraints_no_prompt_says_anything_of_them(server):
    run_of(optimizer(search="repair"), student(), **SETTINGS)
    for request in asked(server, *WRITTEN):
        assert "requirements" not in "\n".join(request.texts)


def test_the_prompt_model_is_told_what_to_comply_with():
    constraints = {"must_keep": [KEPT], "max_instruction_tokens": 40, "smallest_edit": True}
    _, server = run_under(stubborn(f"{OWN} {GOOD}"), **constraints)
    shown = "\n".join(asked(server, "instruction")[0].texts)
    assert f"Keep this text word for word: {KEPT}" in shown
    assert "Write at most 30 words." in shown
    assert "as few words of the present instruction" in shown


def test_braces_that_are_no_place_for_an_input_may_be_written():
    text = f"{GOOD} As \\boxed{{question}}, {{other}} or {{}}."
    with writing(stubborn(text)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(), student(), **SETTINGS)
    assert len(new(run)) == 3


def test_a_placeholder_that_the_students_instruction_has_may_stay():
    solve = Solve()
    own = "Answer it; {question} stands for the question."
    solve.solve.signature = solve.solve.signature.with_instructions(own)
    with writing(stubborn(own)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(), solve, **SETTINGS)
    assert len(new(run)) == 3


def test_words_that_the_instruction_had_before_are_no_copy():
    kept = f"{OWN} {COPIED}"
    solve = Solve()
    solve.solve.signature = solve.solve.signature.with_instructions(kept)
    with writing(stubborn(kept)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(), solve, **SETTINGS, max_copied_words=4)
    assert len(new(run)) == 3


@pytest.mark.parametrize(
    ("constraints", "told"),
    [
        ({"must_keep": [KEPT], "max_instruction_tokens": 3}, "must_keep alone have about"),
        ({"must_keep": ["Answer with numbers."]}, "none of the student's instructions contains it"),
        ({"must_keep": KEPT}, "must_keep=.*give a list of texts"),
        ({"must_keep": [" "]}, "a text is empty"),
        ({"must_keep": ["x" * 20_001]}, "no instruction is longer than 20,000 characters"),
        ({"max_instruction_tokens": 0}, "max_instruction_tokens=0: give a number of tokens"),
        (
            {"max_instruction_tokens": 2, "smallest_edit": True},
            "half of the student's.*at least 5, or",
        ),
        ({"max_copied_words": True}, "max_copied_words=True"),
        ({"smallest_edit": "yes"}, "smallest_edit='yes': give True or False"),
    ],
)
def test_constraints_that_contradict_each_other_are_refused_before_any_call(
    server, constraints, told
):
    with pytest.raises(InvalidArgumentError, match=told):
        run_of(optimizer(), student(), **SETTINGS, **constraints)
    assert server.count == 0


def test_the_plan_says_them_and_expects_more_calls(server):
    sets = {"trainset": TRAIN, "valset": VAL, "minibatch": False}
    plan = optimizer().plan(student(), **sets, must_keep=[KEPT], max_instruction_tokens=50)
    assert "keep 1 text; at most 50 tokens" in plan.text()
    copying = optimizer().plan(student(), **sets, max_copied_words=6)
    assert "copy at most 6 words in a row from a training row" in copying.text()
    free = optimizer().plan(student(), **sets)
    assert plan.estimate.total.calls.high > free.estimate.total.calls.high
    assert "keep 1 text" not in free.text()


def begun(**constraints):
    run = optimizer().start(
        student(),
        trainset=SETTINGS["train"],
        valset=VAL,
        num_trials=30,
        minibatch=False,
        requires_permission_to_run=False,
        **constraints,
    )
    until(lambda: len(run.state.trials) > 2)
    return run


def test_an_instruction_that_a_person_adds_is_refused_with_the_reason():
    with writing(stubborn(f"{OWN} {GOOD}")) as server:
        mipro.configure(lm=lm_of(server))
        run = begun(must_keep=[KEPT], max_instruction_tokens=40, smallest_edit=True)
        run.pause()
        with pytest.raises(InvalidArgumentError, match="plan does not allow it: it lacks the text"):
            run.add_instruction("solve", "Say a number.")
        with pytest.raises(InvalidArgumentError, match="and 40 are allowed"):
            run.add_instruction("solve", KEPT + " Really." * 60)
        added = f"{KEPT} And nothing else of it all."
        index = run.add_instruction("solve", added)
        assert run.state.candidates["solve"][index].instruction == added
        run.stop()
        run.wait()


def test_a_run_that_is_resumed_has_the_same_constraints():
    write = learns(f"{GOOD} {KEPT}", GOOD)
    whole, _ = run_under(write, must_keep=[KEPT])
    with writing(lambda shown, _: write(shown, len(re.findall("tip", shown)))) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        run = begun(must_keep=[KEPT])
        run.stop()
        run.wait()
        optimizer().resume(run.id, student(), requires_permission_to_run=False)
    again = mipro.runs.load(run.id)
    assert again.status == "finished"
    assert again.state.planned.plan["must_keep"] == [KEPT]
    assert all(KEPT in text for text in [*new(again), *new(whole)])


def test_a_program_that_cannot_be_exported_in_any_case_demands_nothing_of_the_kind():
    class Sums(mipro.Predict):
        def request(self, inputs, lm=None):
            return super().request({"numbers": sum(inputs["numbers"])}, lm)

    constraints = Constraints(Hyperparameters(), [], Sums("numbers: list[int] -> total: int"))
    assert constraints.broken("self", "Write {{total}}.", "Add.") == ()


# Chinese, Japanese and Thai put no space between words.
_UNSPACED = st.text("阅读客户邮件并判断ひらがなカタカナｶﾅกขคงจฉ", min_size=12, max_size=40)


def broken(text, own, row="", **constraints):
    solve = Solve()
    rows_to_copy = [TRAIN[0].copy(answer=row)]
    checked = Constraints(Hyperparameters(**constraints), rows_to_copy, solve)
    return checked.broken("solve", text, own)


@given(_UNSPACED, st.data())
def test_in_scripts_without_spaces_each_letter_counts_as_a_word(text, data):
    start = data.draw(st.integers(0, len(text) - 7))
    copied = text[start : start + 7]
    (reason,) = broken(f"Look: {copied}。", GOOD, f"其他。{text}。", max_copied_words=6)
    assert f"more than 6 words of a training row: {copied!r}" in reason
    assert broken(f"Look: {copied[:6]}。", GOOD, text, max_copied_words=6) == ()

    at = data.draw(st.integers(0, len(text)))
    edited = f"{text[:at]}ลอง{text[at + 1 :]}"
    assert broken(edited, text, smallest_edit=True) == ()
    assert len(broken("Say it.", text, smallest_edit=True)) == 1
    assert "".join(part for kind, part in changes(text, edited) if kind != "removed") == edited
    assert sum(len(part) for kind, part in changes(text, edited) if kind == "removed") <= 4


def test_tokens_are_counted_as_everywhere():
    assert count_tokens(GOOD) < 20 < count_tokens(f"{GOOD} " * 9)
