"""Proposing: what the prompt model is shown, and what becomes of what it writes."""

from __future__ import annotations

import itertools
import re

import pytest
from scripted_server import Reply, Script, ScriptedServer
from scripted_task import (
    OWN,
    PlanAndSolve,
    Solve,
    answer,
    asked,
    exact,
    kind,
    lm_of,
    nearly_always,
    rows,
    run_of,
)

import mipro_nb as mipro
from mipro_nb.errors import LMError
from mipro_nb.optimizer.phases.proposing.propose import TIPS


def optimizer_of(**settings):
    settings = {
        "num_candidates": 4,
        "max_bootstrapped_demos": 2,
        "max_labeled_demos": 2,
        **settings,
    }
    return mipro.MIPROv2(exact, **settings)


def instructions(run, predictor="solve"):
    found = run.state.candidates[predictor]
    return [found[index].instruction for index in sorted(found)]


def proposing(reply_of_instruction):
    """The toy LM, but for the instructions that it writes."""
    return (
        Script()
        .when(lambda request: kind(request) == "instruction", reply_of_instruction)
        .otherwise(answer)
    )


def sections(request):
    """The inputs that a prompt holds, by name."""
    names = re.findall(r"^(\w+):", request.system.split("You are given:\n")[1], re.MULTILINE)
    return dict(_split(request.last_user, names))


def _split(text, names):
    marks = list(re.finditer(rf"^({'|'.join(names)}): ", text, re.MULTILINE))
    for mark, following in itertools.zip_longest(marks, marks[1:]):
        yield mark[1], text[mark.end() : following.start() if following else None]


def test_the_first_instruction_is_the_students_own_and_the_others_are_new(server):
    run = run_of(optimizer_of())
    found = instructions(run)
    assert found[0] == OWN
    assert len(found) == len(set(found)) == 5
    candidates = run.state.candidates["solve"]
    assert [candidates[n].source for n in range(5)] == ["student"] + ["proposed"] * 4
    assert all(candidates[n].tip in TIPS for n in range(1, 5))


def test_every_predictor_gets_candidates_of_its_own(server):
    run = run_of(optimizer_of(), PlanAndSolve())
    assert {name: len(found) for name, found in run.state.candidates.items()} == {
        "plan": 5,
        "solve.predict": 5,
    }
    assert len(asked(server, "instruction")) >= 8


def test_a_proposal_sees_all_that_the_spec_names(server):
    run_of(optimizer_of())
    request = asked(server, "instruction")[-1]
    seen = sections(request)
    assert seen["dataset_summary"].strip() == "Sums of two numbers. The answer is a number."
    assert "class Solve(mipro.Module):" in seen["program_code"]
    assert seen["program_description"].strip() == "The program answers a question about a sum."
    assert seen["predictor_role"].strip() == "This step has to write the sum."
    assert seen["present_instruction"].strip() == OWN
    demos = re.findall(r"question: \d+ plus \d+\nanswer: \d+", seen["task_demos"])
    assert 1 <= len(demos) <= 3
    assert request.body["temperature"] == 1.0


def test_the_temperature_of_proposals_is_the_one_that_was_given(server):
    run_of(optimizer_of(init_temperature=0.5))
    assert {r.body["temperature"] for r in asked(server, "instruction")} == {0.5}
    assert {r.body["temperature"] for r in asked(server, "summary", "role")} == {0.0}


@pytest.mark.parametrize(
    ("flag", "gone", "unasked"),
    [
        (
            "program_aware_proposer",
            {"program_code", "program_description", "predictor_role"},
            ("description", "role"),
        ),
        ("data_aware_proposer", {"dataset_summary"}, ("observe", "observe more", "summary")),
        ("tip_aware_proposer", {"tip"}, ()),
        ("fewshot_aware_proposer", {"task_demos"}, ()),
    ],
)
def test_each_flag_takes_one_source_away(server, flag, gone, unasked):
    mipro.configure(lm=lm_of(server, cache=False))
    run_of(optimizer_of(num_candidates=8))
    before = server.count
    everything = {name for request in asked(server, "instruction") for name in sections(request)}
    run = run_of(optimizer_of(num_candidates=8), **{flag: False})
    after = server.requests[before:]
    shown = {name for r in after if kind(r) == "instruction" for name in sections(r)}
    assert shown == everything - gone
    assert not {kind(request) for request in after} & set(unasked)
    if flag == "tip_aware_proposer":
        assert {c.tip for c in run.state.candidates["solve"].values()} == {None, "none"}


def test_without_any_source_the_present_instruction_is_left(server):
    flags = ("program", "data", "tip", "fewshot")
    run = run_of(optimizer_of(), **{f"{flag}_aware_proposer": False for flag in flags})
    assert all(sections(r).keys() == {"present_instruction"} for r in asked(server, "instruction"))
    assert len(asked(server, "description", "role", "observe", "summary")) == 0
    # The toy LM answers the same prompt with the same text.
    assert len(instructions(run)) == 2


def test_program_and_roles_are_described_once_a_run(server):
    run_of(optimizer_of(num_candidates=6), PlanAndSolve())
    assert len(asked(server, "description")) == 1
    assert len(asked(server, "role")) == 2
    assert len(asked(server, "summary")) == 1


def test_another_prompt_model_is_asked_for_all_of_it(server):
    with ScriptedServer(answer) as other:
        run_of(optimizer_of(prompt_model=lm_of(other)))
        assert {kind(request) for request in other.requests} == {
            "observe", "summary", "description", "role", "instruction",
        }  # fmt: skip
    assert {kind(request) for request in server.requests} == {"task"}


def test_the_data_are_read_in_batches_until_nothing_new_is_found(server):
    run_of(optimizer_of(), train=rows(60), view_data_batch_size=5)
    batches = [sections(r)["rows"].strip().split("\n") for r in asked(server, "observe")]
    batches += [sections(r)["rows"].strip().split("\n") for r in asked(server, "observe more")]
    assert [len(batch) for batch in batches] == [5, 5, 5]
    assert '"question": "0 plus 3"' in batches[0][0]
    assert '"question": "14 plus 17"' in batches[2][4]


def always_something_new():
    """The LM, which sees another thing in every further batch of rows."""
    number = itertools.count(1)
    return (
        Script()
        .when("Look at further rows", lambda _: f"observations: Thing {next(number)}.")
        .otherwise(answer)
    )


def test_observations_are_collected_and_condensed():
    with ScriptedServer(always_something_new()) as server:
        mipro.configure(lm=lm_of(server))
        run_of(optimizer_of(), train=rows(200), view_data_batch_size=10)
        assert len(asked(server, "observe", "observe more")) == 10
        (condensed,) = asked(server, "summary")
    for part in ("two small numbers", "Thing 1.", "Thing 9."):
        assert part in condensed.last_user
    assert "Thing 10." not in condensed.last_user


def test_batches_are_read_in_waves_that_grow():
    with ScriptedServer(always_something_new()) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(), train=rows(200), view_data_batch_size=10)
        further = [sections(r)["prior_observations"] for r in asked(server, "observe more")]
    known = [prior.count("Thing") for prior in further]
    assert sorted(known) == [0] * 2 + [2] * 3 + [5] * 4
    # What they cost was foreseen.
    foreseen = {phase.phase: phase for phase in run.plan.estimate.phases}["propose"]
    spent = run.state.spend_by_phase["propose"]
    assert foreseen.calls.low <= spent.calls <= foreseen.calls.high
    assert foreseen.input_tokens.low <= spent.input_tokens <= foreseen.input_tokens.high


@pytest.mark.parametrize(
    ("news", "read"), [("n--nnnnnnn", 3), ("nn--nnnnnn", 6), ("n-n-n-n-n-", 10)]
)
def test_reading_ends_with_the_wave_in_which_two_batches_in_a_row_add_nothing(news, read):
    def observe(request):
        batch = int(re.search(r'"question": "(\d+) plus', request.last_user)[1]) // 10
        return f"observations: Thing {batch}." if news[batch] == "n" else "observations: COMPLETE"

    script = Script().when("Look at further rows", observe).otherwise(answer)
    with ScriptedServer(script) as server:
        mipro.configure(lm=lm_of(server))
        run_of(optimizer_of(), train=rows(200), view_data_batch_size=10)
        assert len(asked(server, "observe", "observe more")) == read
        (condensed,) = asked(server, "summary")
    things = [f"Thing {batch}." for batch in range(1, read) if news[batch] == "n"]
    assert re.findall(r"Thing \d+\.", condensed.last_user) == things


def test_each_proposal_shows_another_demo_set(server):
    run = run_of(optimizer_of(num_candidates=6))
    shown = [c.demo_set for c in run.state.candidates["solve"].values() if c.source == "proposed"]
    assert shown == [3, 4, 5, 2, 3, 4]


class Rarely(mipro.Module):
    """Calls its second predictor on one row of the training set only."""

    def __init__(self):
        self.often = mipro.Predict("question -> answer")
        self.rarely = mipro.Predict("question -> answer")

    def forward(self, question):
        return (self.rarely if question == "0 plus 3" else self.often)(question=question)


def test_where_a_demo_set_has_nothing_to_show_the_next_one_is_shown(server):
    optimizer = mipro.MIPROv2(
        nearly_always,
        num_candidates=6,
        max_bootstrapped_demos=2,
        max_labeled_demos=2,
    )
    run = run_of(optimizer, Rarely())
    made = run.state.demo_sets["rarely"]
    with_demos = [number for number in sorted(made) if made[number].bootstrapped]
    shown = {c.demo_set for c in run.state.candidates["rarely"].values()} - {None}
    assert set() < shown == set(with_demos) < {2, 3, 4, 5}


def answered(run):
    """The replies that the prompt model gave, in the order in which they came."""
    events = [recorded.event for recorded in run.events()]
    return [
        run.record.text(event.reply)
        for event in events
        if event.type == "lm_call_answered" and event.phase == "propose"
    ]


def test_a_proposal_waits_for_no_other_predictors_role():
    sent = []

    def role(request):
        if "solve.predict:" not in request.last_user:
            return Reply("role: Slow.")
        return Reply("role: Slow.", once=lambda: len(sent) >= 4, delay=1.0)

    def others(request):
        if kind(request) == "instruction":
            sent.append(request)
        return answer(request)

    with ScriptedServer(Script().when("Say what role", role).otherwise(others)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of(), PlanAndSolve())
    replies = answered(run)
    slow = max(place for place, reply in enumerate(replies) if reply == "role: Slow.")
    proposals = [place for place, reply in enumerate(replies) if reply.startswith("instruction:")]
    assert sum(place < slow for place in proposals) == len(proposals) / 2 == 4


def test_a_useless_proposal_is_proposed_anew_while_others_are_still_written():
    number = itertools.count()

    def reply(request):
        n = next(number)
        return Reply(f"instruction: {OWN if n == 1 else f'Number {n}.'}", delay=float(n == 0))

    with ScriptedServer(proposing(reply)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of())
    assert answered(run)[-2:] == ["instruction: Number 4.", "instruction: Number 0."]
    assert len(instructions(run)) == 5


def test_equal_proposals_at_temperature_zero_are_paid_once(server):
    flags = ("program", "data", "tip", "fewshot")
    settings = {f"{flag}_aware_proposer": False for flag in flags}
    run = run_of(optimizer_of(init_temperature=0.0), **settings)
    assert len(asked(server, "instruction")) == 1
    assert len(instructions(run)) == 2
    (note,) = [e.event.text for e in run.events() if e.event.type == "run_noted"]
    assert f"Of {run.plan.num_candidates} proposals for solve, 1" in note


def test_repetitions_are_proposed_anew():
    number = itertools.count()

    def reply(request):
        n = next(number)
        text = ["Be exact.", "be  exact.", OWN, "Be exact."][n] if n < 4 else f"Number {n}."
        return f"instruction: {text}"

    with ScriptedServer(proposing(reply)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of())
        assert len(asked(server, "instruction")) == 7
    # Which proposal draws which text depends on the order in which the server is reached.
    found = {" ".join(text.casefold().split()) for text in instructions(run)}
    assert found == {OWN.casefold(), "be exact.", "number 4.", "number 5.", "number 6."}
    assert len(instructions(run)) == 5


@pytest.mark.parametrize("text", ["instruction: Be exact.", 'instruction: "Be exact."'])
def test_a_prompt_model_that_knows_one_instruction_only_gives_one_candidate(text):
    with ScriptedServer(proposing(text)) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of())
        assert len(asked(server, "instruction")) == 4 + 3 + 3
    assert instructions(run) == [OWN, "Be exact."]
    assert run.status == "finished"


def test_a_prompt_model_that_writes_nothing_leaves_the_students_own():
    with ScriptedServer(proposing(Reply(""))) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of())
    assert instructions(run) == [OWN]
    assert run.status == "finished"


def test_a_text_that_was_cut_off_is_kept_up_to_its_last_sentence():
    cut = Reply("instruction: Add both. Then write the", finish_reason="length")
    with ScriptedServer(proposing(cut)) as server:
        mipro.configure(lm=lm_of(server))
        assert instructions(run_of(optimizer_of(num_candidates=1))) == [OWN, "Add both."]


def test_a_proposal_that_fails_is_proposed_anew():
    number = itertools.count()
    with ScriptedServer(
        proposing(lambda r: Reply(status=500) if next(number) < 2 else answer(r))
    ) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer_of())
    assert len(instructions(run)) == 5
    assert run.state.spend.failed_calls == 2


def test_a_prompt_model_that_always_fails_ends_the_run():
    with ScriptedServer(proposing(Reply(status=500))) as server:
        mipro.configure(lm=lm_of(server))
        with pytest.raises(LMError, match="failed"):
            run_of(optimizer_of())
    assert mipro.runs.list()[0].status == "failed"


def test_missing_source_is_noted_in_the_plan_and_the_structure_is_shown(server):
    namespace = {"Solve": Solve}
    exec("class Typed(Solve):\n    def extra(self): pass\n", namespace)  # noqa: S102
    run = run_of(optimizer_of(), namespace["Typed"]())
    assert any("No source was found of" in note for note in run.plan.notes)
    assert "class Solve" in sections(asked(server, "description")[0])["program_code"]


def test_what_was_written_about_data_and_program_is_in_the_record(server):
    run = run_of(optimizer_of())
    written = {(g.kind, g.predictor): g.text for g in run.state.grounding}
    assert written["predictor role", "solve"] == "This step has to write the sum."
    assert written["program description", None].startswith("The program answers")
    assert written["dataset summary", None].startswith("Sums of two numbers.")
    assert "class Solve" in written["program source", None]
