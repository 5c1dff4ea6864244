"""What the prompt model writes around an instruction or a summary is not part of it."""

from __future__ import annotations

import json

import pytest
from scripted_server import Reply, Script, ScriptedServer
from scripted_task import Solve, answer, exact, kind, lm_of, rows, run_of

import mipro_nb as mipro

TEXT = "Add the two numbers. Write the sum alone."


def written(reply, of="instruction", *, prompt_format=None):
    """The run whose prompt model gives `reply` wherever it is asked for one kind of text."""
    script = Script().when(lambda request: kind(request) == of, reply).otherwise(answer)
    with ScriptedServer(script) as server:
        optimizer = mipro.MIPROv2(
            exact,
            prompt_model=lm_of(server, prompt_format=prompt_format),
            task_model=lm_of(server),
            num_candidates=2,
            max_bootstrapped_demos=0,
            max_labeled_demos=0,
        )
        run = run_of(optimizer, Solve(), train=rows(4), val=rows(2, start=1000))
        sent = [request for request in server.requests if kind(request) == of]
    return run, sent


def instructions(run):
    """The instructions that were proposed, without the student's own."""
    found = run.state.candidates["solve"]
    return [found[index].instruction for index in sorted(found) if index > 0]


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>\nThe user wants an instruction.\n</think>\n\n{TEXT}",
        f"instruction: <think>Shall I?</think>{TEXT}",
        f"The user wants an instruction.</think>\ninstruction: {TEXT}",
        f"Here is the instruction:\n\n{TEXT}",
        f"Here is the instruction: {TEXT}",
        f"instruction: Here is the new instruction:\n{TEXT}",
        f"instruction: Here's an improved prompt for the model: {TEXT}",
        f'instruction:\n\nSure! Here is the instruction:\n\n"{TEXT}"',
        f"**New instruction:** {TEXT}",
        f"instruction: instruction: {TEXT}",
        f"Sure!\n```\n{TEXT}\n```",
        f"instruction: ```text\n{TEXT}\n```",
        f'instruction: "{TEXT}"',
        f"\u201c{TEXT}\u201d",
        f'instruction: "{TEXT}',
        json.dumps({"instruction": f"Here is the instruction:\n{TEXT}"}),
        json.dumps({"prompt": TEXT}),
        f"```json\n{json.dumps({'system message': TEXT}, indent=1)}\n```",
        f"instruction: {json.dumps({'text': TEXT})}",
    ],
)
def test_what_is_written_around_an_instruction_is_no_part_of_it(reply):
    run, _ = written(reply)
    assert instructions(run) == [TEXT]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("instruction:", "it is empty"),
        (
            '{"prompt": 5}',
            "the field 'instruction' is missing: the reply names a field",
        ),
        (
            "instruction: I'm sorry, I can't.",
            "it refuses to write one, or says nothing, \"I'm sorry",
        ),
        ("instruction: the new instruction", "it repeats the question, 'the new instruction'"),
        (
            f"instruction: {TEXT * 1000}",
            "it is longer than 20,000 characters, 'Add the two numbers.",
        ),
    ],
)
def test_why_a_proposal_could_not_be_used_is_told_with_its_beginning(reply, problem):
    run, _ = written(reply)
    (note,) = (note.text for note in run.state.notes if "became instruction" in note.text)
    assert f"2 of them: {problem}" in note
    assert reply.removeprefix("instruction:").strip()[:10] in note


@pytest.mark.parametrize(
    ("prompt_format", "reply"),
    [
        ("tags", f"<instruction>\nHere is the instruction:\n{TEXT}\n</instruction>"),
        ("json", json.dumps({"instruction": f'Sure!\n"{TEXT}"'})),
        ("value", f"Here is the instruction:\n\n{TEXT}"),
    ],
)
def test_it_is_so_in_every_format(prompt_format, reply):
    run, _ = written(reply, prompt_format=prompt_format)
    assert instructions(run) == [TEXT]
    form = {
        "tags": "<instruction><instruction></instruction>",
        "json": '{"instruction": "<instruction>"}',
        "value": "instruction: (the new instruction)",
    }
    run, _ = written(form[prompt_format], prompt_format=prompt_format)
    assert instructions(run) == []


@pytest.mark.parametrize(
    "text",
    [
        'Say "yes" or "no"',
        '"Yes" or "no": say one of them, and "why"',
        "The labels are:\nham: a friend writes\nspam: it sells",
        "Great care is needed here:\n- read twice",
        "Follow these steps:\n```\n1. add\n2. write\n```\nThen stop.",
        "You are given an instruction: follow it.",
    ],
)
def test_what_belongs_to_an_instruction_stays_in_it(text):
    run, _ = written(f"instruction: {text}")
    assert instructions(run) == [text]


@pytest.mark.parametrize(
    "reply",
    [
        "name: instruction\nvalue: Given a text input, write the sum.",
        "instruction: name: instruction\nvalue: Given a text input, write the sum.",
        '{"name": "instruction", "value": "Given a text input, write the sum."}',
        "instruction: <instruction>",
        "instruction: the new instruction",
        "instruction is the new instruction",
        "Reply in exactly this form:\ninstruction: <instruction>\n\ninstruction is the new one",
        "instruction: Add both.\npresent_instruction: Solve it.\ntip: Keep it short.",
        "instruction: Add both.\n\ntip: Keep it short.",
    ],
)
def test_a_proposal_that_repeats_the_form_is_asked_for_again_and_then_dropped(reply):
    run, sent = written(reply)
    assert instructions(run) == []
    assert run.status == "finished"
    assert len(sent) > run.plan.num_candidates


@pytest.mark.parametrize(
    "reply",
    [
        "<think>\nThe user wants an instruction. It should be short. Perhaps I",
        "instruction: <think>The user wants an instruction. Perhaps I",
        "The user wants an instruction. It should be short. Perhaps I",  # nor a mark of thoughts
        "instruction: name: instruction\nvalue: Given a text. Write",
    ],
)
def test_a_proposal_that_was_cut_off_in_its_thoughts_is_none(reply):
    run, _ = written(Reply(reply, finish_reason="length"))
    assert instructions(run) == []
    assert run.status == "finished"


@pytest.mark.parametrize(
    "reply",
    [
        f"instruction: {TEXT} Then look at",
        f"<think>I see.</think>\ninstruction: {TEXT} Then look at",
        f'instruction: "{TEXT} Then look at',
        f"instruction: ```\n{TEXT} Then look at",
        f"instruction: Here is the instruction:\n\n{TEXT} Then look at",
    ],
)
def test_of_a_proposal_that_was_cut_off_the_whole_sentences_are_kept(reply):
    run, _ = written(Reply(reply, finish_reason="length"))
    assert instructions(run) == [TEXT]


@pytest.mark.parametrize(
    ("of", "output"),
    [("summary", "summary"), ("description", "description"), ("role", "role")],
)
def test_what_is_written_around_a_summary_is_no_part_of_it(of, output):
    said = f"<think>Hm.</think>{output}: Sure! Here is the {output}:\n\n```\nSums of numbers.\n```"
    run, _ = written(said, of)
    kinds = {
        "summary": "dataset summary",
        "description": "program description",
        "role": "predictor role",
    }
    texts = [each.text for each in run.state.grounding if each.kind == kinds[of]]
    assert texts == ["Sums of numbers."]


def test_a_summary_that_was_cut_off_in_its_thoughts_is_left_out():
    cut = Reply("<think>The rows are sums. I could say", finish_reason="length")
    run, _ = written(cut, "summary")
    texts = [each.text for each in run.state.grounding if each.kind == "dataset summary"]
    assert texts == [""]
