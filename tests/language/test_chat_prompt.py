"""A prompt of the user's own: what is sent of it, which part is searched, how replies are read."""

from __future__ import annotations

import pickle
import re
from typing import Literal

import pydantic
import pytest
from scripted_lm import ScriptedLM

from mipro_nb.errors import InvalidArgumentError, ReplyError, SignatureError, TruncatedReplyError
from mipro_nb.language import ChatPrompt, Completion, Example, Module, Predict, context

SYSTEM = {"role": "system", "content": "Be brief."}
ASK = {"role": "user", "content": "{question}"}


def sent(prompt, **inputs):
    return prompt.messages(inputs)


def text_of(text, syntax=None, **inputs):
    """A template with these inputs, as it is sent."""
    prompt = ChatPrompt.from_template(f"Do it well.\n\n{text}", syntax=syntax)
    return sent(prompt, **inputs)[0]["content"].removeprefix("Do it well.\n\n")


@pytest.mark.parametrize(
    ("text", "became"),
    [
        ("Q: {q}", "Q: 2 {x}"),
        ("Q: {{q}}", "Q: 2 {x}"),
        ("Q: {{ q }}\n", "Q: 2 {x}\n"),
        ('Reply as {"answer": 1}.\nQ: {q}', 'Reply as {"answer": 1}.\nQ: 2 {x}'),
        ('Reply as {{"answer": 1}}.\nQ: {q}', 'Reply as {"answer": 1}.\nQ: 2 {x}'),
        ('Reply as {"a": {"b": {}}}.\nQ: {{ q }}', 'Reply as {"a": {"b": {}}}.\nQ: 2 {x}'),
        ('{"q": {q}, "n": {"m": {q}}}', '{"q": 2 {x}, "n": {"m": 2 {x}}}'),
        ("{% raw %}{{ z }}{% endraw %} {{ q }}", "{{ z }} 2 {x}"),
        ("a {{- q }} {# a comment #}b\n", "a2 {x} b"),
        ("{{ q }} costs 50{%", "2 {x} costs 50{%"),
    ],
)
def test_placeholders_are_filled_and_all_other_braces_stay(text, became):
    assert text_of(text, q="2 {x}") == became


def test_values_that_are_no_texts_stand_as_python_writes_them():
    assert text_of("{q}", q=[1, "a"]) == "[1, 'a']"


@pytest.mark.parametrize(
    "text",
    [
        "{{ q.name }}",
        "{{ q | upper }}",
        "{% if q %}x{% endif %}",
        "{{#q}}x{{/q}}",
        "{{> part }} {{ q }}",
        "{{{ q }}}",
        "{{ user name }}",
        "{{ user-name }}",
        "{{ q.__class__ }}{{ q }}",
        "{% for x in y %}{{ q }}{% endfor %}",
    ],
)
def test_what_is_more_than_a_plain_placeholder_is_refused(text):
    with pytest.raises(InvalidArgumentError, match=r"plain placeholders|Jinja cannot read"):
        text_of(text, q="2")


def test_two_syntaxes_in_one_prompt_have_to_be_told():
    text = "Write {{ question }} into {field}."
    with pytest.raises(InvalidArgumentError, match="say which are placeholders by syntax="):
        text_of(text)
    assert text_of(text, "mustache", question="2") == "Write 2 into {field}."
    assert text_of(text, "braces", field="2") == "Write {{ question }} into 2."
    with pytest.raises(InvalidArgumentError, match="give one of"):
        text_of(text, "f-string")


@pytest.mark.parametrize(
    "field", ["{x:.2f}", "{x:,}", "{x!r}", "{x.name}", "{x[0]}", "{x[a].b!s:>9}"]
)
@pytest.mark.parametrize("other", ["", " and {q}"])
def test_a_field_of_python_that_is_more_than_a_name_is_not_sent_as_text_in_silence(field, other):
    text = f"Round it.\nNumber: {field}{other}"
    with pytest.raises(InvalidArgumentError, match=r"is more than a name.*syntax=.braces"):
        ChatPrompt.from_template(text)
    kept = ChatPrompt.from_template(f"{text} {{n}}", syntax="braces")
    assert field in kept.messages(dict.fromkeys(kept.signature.input_fields, 1))[0]["content"]


@pytest.mark.parametrize(
    "text",
    ['{"a": {q}, b: 1}', "{x: 1} {q}", "{x : y} {q}", "{'x':1} {q}", "{A1; B2} {q}"],
)
def test_braces_that_are_no_field_of_python_stay_in_silence(text):
    prompt = ChatPrompt.from_template(f"Answer it.\n{text}")
    assert list(prompt.signature.input_fields) == ["q"]


@pytest.mark.parametrize("text", ["No input at all.", '{"only": "JSON"}', "{}", "{0}"])
def test_a_prompt_without_placeholder_is_refused(text):
    with pytest.raises(InvalidArgumentError, match="there is no placeholder"):
        text_of(text)


@pytest.mark.parametrize("name", ["class", "_hidden", "self"])
def test_a_placeholder_needs_a_name_that_an_input_may_have(name):
    with pytest.raises(SignatureError, match="cannot be named"):
        text_of(f"{{{name}}}")


def test_a_missing_input_and_an_unused_one_are_refused_before_any_call():
    lm = ScriptedLM("42")
    prompt = ChatPrompt([SYSTEM, ASK])
    with context(lm=lm):
        with pytest.raises(InvalidArgumentError, match="question missing"):
            prompt()
        with pytest.raises(InvalidArgumentError, match="colour unknown"):
            prompt(question="?", colour="red")
    assert lm.requests == []


@pytest.mark.parametrize(
    ("messages", "remedy"),
    [
        ("Text {q}", "from_template"),
        ([], "give a list"),
        ([{"role": "user"}], "give a dict"),
        ([{"role": "tool", "content": "{q}"}], "give one of system"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "give a text"),
        ([{"role": "user", "content": "{q}", "tool_calls": []}], "no tools"),
    ],
)
def test_what_is_no_message_is_refused(messages, remedy):
    with pytest.raises(InvalidArgumentError, match=remedy):
        ChatPrompt(messages)


def test_only_the_marked_part_is_searched_and_the_marks_are_not_sent():
    text = "Keep this.\n{{# optimize}}\nSay a number.\n{{/ optimize}}\nKeep that: {question}\n"
    prompt = ChatPrompt.from_template(text)
    assert prompt.signature.instructions == "Say a number."
    given = "Keep this.\nSay a number.\nKeep that: 1\n"
    assert sent(prompt, question="1")[0]["content"] == given
    prompt.signature = prompt.signature.with_instructions("Add {them} up.")
    assert sent(prompt, question="1")[0]["content"] == given.replace(
        "Say a number.", "Add {them} up."
    )


def test_marks_within_a_line_leave_it_as_it_was():
    text = "Rules: {{#optimize}} Be kind. {{/optimize}} Go: {{ q }}"
    assert sent(ChatPrompt.from_template(text), q="1")[0]["content"] == "Rules:  Be kind.  Go: 1"


@pytest.mark.parametrize(
    ("text", "searched"),
    [
        ("Sort mails.\n- by date\n\nMail:\n{mail}\nAnswer:", "Sort mails.\n- by date"),
        ("<doc>\n{doc}\n</doc>\n\nSummarize it in a line.", "Summarize it in a line."),
        ("Translate to French:\n{text}", "Translate to French:"),
        ("Summarize: {text}", "Summarize:"),
        ("For {firm}, today.\nShort.\nAnswer as our firm would answer.\n# Q\n{q}", None),
    ],
)
def test_without_a_mark_the_longest_text_of_whole_lines_is_searched(text, searched):
    prompt = ChatPrompt.from_template(text)
    assert prompt.signature.instructions == (searched or "Short.\nAnswer as our firm would answer.")
    (note,) = prompt.plan_notes
    assert note.startswith("No part of the prompt is marked.")


def test_without_a_mark_a_system_message_goes_first_and_its_placeholders_stay():
    system = {"role": "system", "content": "You work for {firm}.\n\nBe brief and kind."}
    prompt = ChatPrompt([system, ASK])
    assert prompt.signature.instructions == "Be brief and kind."
    asked = sent(prompt, firm="ACME", question="?")
    assert asked[0]["content"] == "You work for ACME.\n\nBe brief and kind."


@pytest.mark.parametrize(
    ("system", "searched"),
    [
        ("You are a support agent of {company}. Answer politely.", "Answer politely."),
        ("Be kind. Be brief, {name}! Answer in {language}.", "Be kind."),
        ("You are an agent. Today is {day}, a day for work.", "You are an agent."),
    ],
)
def test_of_a_system_message_whole_sentences_are_searched_if_no_line_is_without_placeholders(
    system, searched
):
    prompt = ChatPrompt([{"role": "system", "content": system}, ASK])
    assert prompt.signature.instructions == searched
    values = dict.fromkeys(["company", "name", "language", "day"], "x")
    values = {name: "x" for name in values if f"{{{name}}}" in system}
    asked = sent(prompt, question="?", **values)
    assert asked[0]["content"] == re.sub(r"\{\w+\}", "x", system)


@pytest.mark.parametrize(
    "text",
    [
        "Question: {question}",
        "Customer says: {question}\n\nReply:",
        "{context}\n\nQ: {question}\nThe answer is:",
        "Translate {text} to French.",
        "You are an expert. Is the review {review} positive?",
    ],
)
@pytest.mark.parametrize("system", [[], [{"role": "system", "content": "Context: {context}"}]])
def test_labels_and_lines_with_placeholders_are_not_searched_unless_they_are_marked(text, system):
    with pytest.raises(InvalidArgumentError, match="a line of its own"):
        ChatPrompt([*system, {"role": "user", "content": text}])


def test_the_part_can_be_named_by_its_role():
    prompt = ChatPrompt(
        [SYSTEM, {"role": "user", "content": "Long. Text.\n{q}"}], optimize="system"
    )
    assert prompt.signature.instructions == "Be brief."
    assert prompt.plan_notes == []


MARKED = {"role": "system", "content": "{{# optimize}}A{{/ optimize}}"}


@pytest.mark.parametrize(
    ("messages", "optimize", "remedy"),
    [
        ([MARKED, ASK], "system", "a part is marked"),
        ([MARKED, MARKED, ASK], None, "two messages have marks"),
        ([{"role": "user", "content": "{{# optimize}}A {q}"}], None, "mark one part"),
        ([{"role": "user", "content": "{{/ optimize}}A{{# optimize}}{q}"}], None, "mark one part"),
        ([{"role": "user", "content": "{{# optimize}} {{/ optimize}}{q}"}], None, "is empty"),
        (
            [{"role": "user", "content": "{{# optimize}}A {q}{{/ optimize}}"}],
            None,
            "no placeholder",
        ),
        ([{"role": "user", "content": "{{# Optimise }}A{q}"}], None, "write the marks as"),
        ([ASK], None, "cannot be told"),
        ([SYSTEM, ASK], "user", "no placeholder"),
        ([SYSTEM, SYSTEM, ASK], "system", "there are 2 messages"),
        ([SYSTEM, ASK], "writer", "give a role"),
    ],
)
def test_a_part_that_cannot_be_searched_is_refused(messages, optimize, remedy):
    with pytest.raises(InvalidArgumentError, match=remedy):
        ChatPrompt(messages, optimize=optimize)


def test_demos_are_turns_before_the_last_message_of_the_user():
    shown = [{"role": "user", "content": "1+1"}, {"role": "assistant", "content": "2"}]
    prompt = ChatPrompt([SYSTEM, *shown, ASK])
    prompt.demos = [Example(question="2+2", answer="4"), Example(question="left out")]
    assert sent(prompt, question="3+3") == [
        SYSTEM,
        *shown,
        {"role": "user", "content": "2+2"},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "3+3"},
    ]


def test_a_demo_of_a_single_message_does_not_repeat_the_instruction():
    prompt = ChatPrompt.from_template("Add them up, please.\n\nSum: {question}\nIt is")
    prompt.demos = [Example(question="2+2", answer="4")]
    assert [turn["content"] for turn in sent(prompt, question="3+3")] == [
        "Sum: 2+2\nIt is",
        "4",
        "Add them up, please.\n\nSum: 3+3\nIt is",
    ]


def test_where_demos_have_no_place_the_plan_says_so():
    system = {"role": "system", "content": "Answer the question.\n{question}"}
    prompt = ChatPrompt([system], optimize=None)
    prompt.demos = [Example(question="2+2", answer="4")]
    assert len(sent(prompt, question="3+3")) == 1
    assert any("Demos cannot be shown" in note for note in prompt.plan_notes)


def asked(prompt, *replies):
    with context(lm=ScriptedLM(*replies)):
        return prompt(question="?")


@pytest.mark.parametrize(
    "reply", ["answer: 42", '{"answer": 42}', "The answer is\n\n- 42", "```\n  x\n```", '"quoted"']
)
def test_a_text_is_the_whole_reply(reply):
    assert asked(ChatPrompt([SYSTEM, ASK]), f"\n{reply}\n").answer == reply


def test_thoughts_are_no_part_of_it():
    reply = "<think>Let me see.</think>\n\nForty-two."
    assert asked(ChatPrompt([SYSTEM, ASK]), reply).answer == "Forty-two."


def test_a_text_that_was_cut_off_or_is_empty_cannot_be_used():
    prompt = ChatPrompt([SYSTEM, ASK])
    with pytest.raises(TruncatedReplyError, match="max_tokens"):
        asked(prompt, Completion("Forty-", truncated=True))
    with pytest.raises(ReplyError, match="The reply is empty"):
        asked(prompt, " ")


class Ticket(pydantic.BaseModel):
    team: Literal["sales", "help"]
    urgency: int = pydantic.Field(ge=1, le=3, description="3 is the most urgent")


@pytest.mark.parametrize(
    ("outputs", "reply", "values"),
    [
        ("answer: int", "Answer: 42", {"answer": 42}),
        ("answer: int", "42", {"answer": 42}),
        ("label: Literal['ham', 'spam']", "Label: spam", {"label": "spam"}),
        ("found: dict", '```json\n{"label": "a", "n": 1}\n```', {"found": {"label": "a", "n": 1}}),
        ("found: dict", '{"answer": 1}', {"found": {"answer": 1}}),
        ({"found": list[int]}, "[1, 2]", {"found": [1, 2]}),
        ("label, why", '{"label": "a", "why": "b"}', {"label": "a", "why": "b"}),
        (Ticket, '{"team": "help", "urgency": 2}', {"team": "help", "urgency": 2}),
    ],
)
def test_typed_and_json_outputs_are_read(outputs, reply, values):
    prompt = ChatPrompt([SYSTEM, ASK], outputs)
    assert asked(prompt, reply).to_dict() == values


def test_what_does_not_fit_a_model_is_asked_for_again():
    replies = ('{"team": "help", "urgency": 9}', '{"team": "help", "urgency": 3}')
    assert asked(ChatPrompt([SYSTEM, ASK], Ticket), *replies).urgency == 3


def test_demos_are_written_as_the_prompt_asks():
    prompt = ChatPrompt([SYSTEM, ASK], "label, why", prompt_format="tags")
    prompt.demos = [Example(question="q", label="a", why="b")]
    answer = sent(prompt, question="?")[2]["content"]
    assert answer == "<label>a</label>\n<why>b</why>"
    assert asked(prompt, answer).to_dict() == {"label": "a", "why": "b"}


def test_a_server_that_keeps_to_labels_is_told_them():
    lm = ScriptedLM("spam")
    lm.keeps_to_labels = True
    with context(lm=lm):
        ChatPrompt([SYSTEM, ASK], "label: Literal['ham', 'spam']")(question="?")
    assert lm.requests[0].labels == ("ham", "spam")


def test_speakers_with_a_name_are_sent_with_it():
    shown = {"role": "system", "name": "example_user", "content": "1+1"}
    prompt = ChatPrompt([SYSTEM, shown, ASK])
    assert prompt.signature.instructions == "Be brief."
    assert sent(prompt, question="2")[1] == shown


def test_no_setting_adds_a_form_of_reply():
    with context(prompt_format="json"):
        assert sent(ChatPrompt([SYSTEM, ASK]), question="1")[0] == SYSTEM


def test_an_output_has_another_name_than_the_placeholders():
    for outputs in ("question", {"question": int}):
        with pytest.raises(InvalidArgumentError, match="a placeholder has that name"):
            ChatPrompt([SYSTEM, ASK], outputs)
    with pytest.raises(InvalidArgumentError, match="pydantic model"):
        ChatPrompt([SYSTEM, ASK], 3)


def test_copies_pickles_and_saved_files_keep_the_prompt(tmp_path):
    prompt = ChatPrompt([SYSTEM, ASK], Ticket, temperature=0.5)
    prompt.signature = prompt.signature.with_instructions("Sort.")
    prompt.demos = [Example(question="q", team="help", urgency=1)]
    wanted = sent(prompt, question="1")
    for twin in (prompt.deepcopy(), pickle.loads(pickle.dumps(prompt))):  # noqa: S301 - our own
        assert sent(twin, question="1") == wanted
        assert twin.options == {"temperature": 0.5}
    prompt.save(tmp_path / "prompt.json")
    fresh = ChatPrompt([SYSTEM, ASK], Ticket)
    fresh.load(tmp_path / "prompt.json")
    assert sent(fresh, question="1") == wanted


def test_it_stands_in_programs_beside_other_predictors():
    class Both(Module):
        def __init__(self):
            self.draft = ChatPrompt([SYSTEM, ASK], "draft")
            self.polish = Predict("draft -> answer")

        def forward(self, question):
            return self.polish(draft=self.draft(question=question).draft)

    program = Both()
    assert [name for name, _ in program.named_predictors()] == ["draft", "polish"]
    assert "Be brief." in program.plan_notes[0]
    with context(lm=ScriptedLM("a draft", "answer: fine")):
        assert program(question="?").answer == "fine"


@pytest.mark.parametrize("opening", ["{#", "{% a ", "{{# optimize"])
def test_marks_that_open_and_never_end_are_read_once(opening):
    # Read again for each of them, this would take minutes.
    prompt = ChatPrompt.from_template(f"Say it. {opening * 50_000}\n\n{{text}}", syntax="braces")
    with pytest.raises(InvalidArgumentError):
        ChatPrompt.from_template(opening * 50_000)
    assert prompt.request({"text": "x"}).messages[0]["content"].endswith("\n\nx")
