"""Replies as models really write them: thoughts, prefaces, loose marks, other forms, near JSON."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Optional

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from mipro_nb.errors import ReplyError, TruncatedReplyError
from mipro_nb.language import Signature
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.prompting.prompt import write_messages
from mipro_nb.language.prompting.reply import read_reply
from mipro_nb.language.reading.parts.thoughts import told_apart


class Color(Enum):
    RED = "red"
    DARK_BLUE = "dark blue"


class Rating(Enum):
    POOR = 1
    GOOD = 2


class Person(BaseModel):
    full_name: str
    age: int | None = None
    color: Color = Color.RED


@dataclass
class Point:
    x: float
    y: float


def read(declaration, reply, **how):
    return read_reply(Signature(declaration), reply, **how).values


THOUGHTS = [
    "<think>\nanswer: is it 5?\n</think>\n\n{}",
    "<thinking>Perhaps 5.</thinking>{}",
    "So the sum has to be found.\nanswer: 5?\n</think>\n\n{}",
    "[THINK]answer: 5[/THINK]{}",
    "<|START_THINKING|>answer: 5<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
    "<analysis>answer: 5</analysis>{}",
    "<reasoning>\nPerhaps 5.\n</reasoning>\n{}",
    "Perhaps 5.</think>{}",
    'First {{"answer": "5"}}.\n</think>\n{}',
    "◁think▷answer: 5◁/think▷{}",
    "<|begin_of_thought|>5?<|end_of_thought|>\n<|begin_of_solution|>{}<|end_of_solution|>",
    "<|channel|>analysis<|message|>5?<|end|><|start|>assistant<|channel|>final<|message|>{}",
    "<|channel|>analysis<|message|>5?<|channel|>final<|message|>{}<|return|>",
]


@pytest.mark.parametrize("thoughts", THOUGHTS)
@pytest.mark.parametrize("answer", ["answer: 42", "42", '{{"answer": "42"}}', "**Answer:** 42"])
def test_thoughts_are_no_part_of_the_answer(thoughts, answer):
    reply = thoughts.format(answer.replace("{{", "{").replace("}}", "}"))
    assert read("question -> answer", reply) == {"answer": "42"}
    thought = told_apart(reply, ["answer"]).thoughts
    assert "5" in thought or "sum" in thought


def test_a_thought_between_a_mark_and_its_value_is_set_aside():
    assert read("q -> answer", "answer: <think>5? No.</think> 42") == {"answer": "42"}


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize("form", ["answer: {}", '{{"answer": "{}"}}', "<answer>{}</answer>"])
@pytest.mark.parametrize(
    "value",
    ["<think>x</think>42", "close it with </think> at the end", "end with </think>", "</think>42"],
)
def test_a_mark_of_thoughts_in_a_value_is_part_of_it(value, form, prompt_format):
    if not (value.startswith("<") and form[0] != "{"):  # thoughts that a value begins with
        reply = f"{form.format(value)}"
        assert read("q -> answer", reply, prompt_format=prompt_format) == {"answer": value}
        after = f"<think>5?</think>\n{reply}"
        assert read("q -> answer", after, prompt_format=prompt_format) == {"answer": value}


def test_thoughts_below_the_first_line_of_a_value_are_part_of_it():
    text = "Write it so:\n<think>\nsteps\n</think>\nThen the answer."
    assert read("q -> answer", f"answer: {text}") == {"answer": text}


def test_an_output_named_reasoning_is_no_thought():
    values = read("q -> reasoning, answer", "<reasoning>x</reasoning>\n<answer>42</answer>")
    assert values == {"reasoning": "x", "answer": "42"}


@pytest.mark.parametrize("truncated", [True, False])
def test_a_reply_that_ends_in_its_thoughts_tells_to_raise_max_tokens(truncated):
    with pytest.raises(TruncatedReplyError, match="max_tokens"):
        read("question -> answer", "<think>\nanswer: 5? Let me see", truncated=truncated)


def test_a_sentence_about_thoughts_is_no_thought():
    text = "Put your steps in <think> tags, and end them with `</think>`."
    assert read("question -> answer", f"answer: {text}") == {"answer": text}


END_TOKENS = [
    *("<|im_end|>", "<|eot_id|>", "<|endoftext|>", "</s>", "<|end_of_text|>", "<end_of_turn>"),
    "<｜end▁of▁sentence｜>",  # noqa: RUF001 - DeepSeek's
]


@pytest.mark.parametrize("token", END_TOKENS)
@pytest.mark.parametrize(
    "after",
    [
        *(
            "",
            "\n",
            "<|endoftext|>",
            "\n<|im_start|>user\nAnd 5?",
            "<start_of_turn>user\nanswer: 5",
        ),
        *(" <s>[INST] And 5? [/INST] answer: 5", "\nUser: And 5?"),
    ],
)
@pytest.mark.parametrize(
    "answer", ["answer: 42", "42", '{"answer": "42"}', "<answer>42", "answer: 42\n", "```\n42\n```"]
)
def test_the_end_of_a_turn_is_no_part_of_the_answer_and_is_noted(token, after, answer):
    for annotation in (str, int):
        signature = Signature("question -> answer: T", T=annotation)
        reading = read_reply(signature, f"{answer}{token}{after}")
        assert reading.values == {"answer": annotation(42)}
        assert sum(f"The token {token!r} was left out" in note for note in reading.notes) == 1


@pytest.mark.parametrize("token", END_TOKENS)
@pytest.mark.parametrize(
    "text", ["{} ends a turn", "A turn ends with `{}`", '"{}" it is', "<s>old</s>"]
)
def test_a_token_that_the_answer_speaks_of_stays(token, text):
    value = text.format(token)
    reading = read_reply(Signature("question -> answer"), f"answer: {value}")
    assert (reading.values, reading.notes) == ({"answer": value}, [])


@pytest.mark.parametrize(
    "begin", ["<|im_start|>assistant\n", "<|start_header_id|>assistant<|end_header_id|>\n\n"]
)
@pytest.mark.parametrize("answer", ["42", "answer: 42"])
def test_the_beginning_of_a_turn_is_no_part_of_the_answer(begin, answer):
    assert read("question -> answer", begin + answer) == {"answer": "42"}


@pytest.mark.parametrize(
    ("declaration", "reply"),
    [
        ("question -> final_answer", "Final Answer: 42"),
        ("question -> answer", "The final answer is: 42"),
        ("question -> answer", "### Answer\n42"),
        ("question -> answer", "**Answer**\n\n42"),
        ("question -> answer", "## Answer:\n42"),
        ("question -> answer", "- answer: 42"),
        ("question -> answer", "1. **Answer**: 42"),
        ("question -> answer", "> answer: 42"),
        ("question -> answer", "`answer`: 42"),
        ("question -> answer", '"answer": 42'),
        ("question -> answer", '"Answer: 42"'),
        ("question -> answer", "answer：42"),  # noqa: RUF001 - as models write it in Chinese
        ("question -> answer", "<answer>42</answer>"),
        ("question -> answer", "<Answer>\n42"),
        ("question -> answer", "[[ ## answer ## ]]\n42\n\n[[ ## completed ## ]]"),
        ("question -> answer", "Sure! Here is the answer:\n\nanswer: 42"),
        ("frage -> größe", "GRÖSSE: 42"),
        ("вопрос -> ответ", "ОТВЕТ: 42"),  # noqa: RUF001
    ],
)
def test_marks_are_understood_as_models_write_them(declaration, reply):
    (value,) = read(declaration, reply).values()
    assert value.removesuffix("[[ ## completed ## ]]").strip() == "42"


@pytest.mark.parametrize("element", ["ANSWER", "answer", "your answer", "the answer"])
@pytest.mark.parametrize("prompt_format", ["lines", "tags", "json"])
def test_an_element_named_like_its_field_is_no_placeholder(element, prompt_format):
    signature = Signature("question -> answer: list[str]")
    written = FORMATS[prompt_format].write_answer(signature, {"answer": [element]})
    assert read_reply(signature, written, prompt_format=prompt_format).values["answer"] == [element]


AROUND = [
    ("**", "**"),
    ("*", "*"),
    ("`", "`"),
    ("_", "_"),
    ("'", "'"),
    ("\u201c", "\u201d"),
    ("[", "]"),
    ("[[", "]]"),
    ("<", ">"),
    ("**[", "]**"),
    ("### **", "**"),
    ("- **", "**"),
]


@pytest.mark.parametrize(("opening", "closing"), AROUND)
@pytest.mark.parametrize("prompt_format", FORMATS)
def test_what_stands_around_a_mark_and_its_value_is_no_part_of_it(opening, closing, prompt_format):
    reply = f"{opening}Answer: Paris, France{closing}"
    assert read("question -> answer", reply, prompt_format=prompt_format) == {
        "answer": "Paris, France"
    }
    several = f"{reply}\n{opening}Reason: a\nb{closing}"
    read_as = read("question -> answer, reason", several, prompt_format=prompt_format)
    assert read_as == {"answer": "Paris, France", "reason": "a\nb"}


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("**Answer:** a **bold** word", "a **bold** word"),
        ("**Answer: the **bold** one", "the **bold** one"),
        ("[answer]: [3]", "[3]"),
    ],
)
def test_bold_type_and_brackets_of_a_value_stay(reply, value):
    assert read("question -> answer", reply) == {"answer": value}


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize(
    ("reply", "elements"),
    [
        ('["answer: 42", "b"]', ["answer: 42", "b"]),
        ('[\n  "x",\n  "Answer: 42"\n]', ["x", "Answer: 42"]),
        ('```json\n["result: 42"]\n```', ["result: 42"]),
        ("['answer: 42', 'b']", ["answer: 42", "b"]),
    ],
)
def test_what_looks_like_a_mark_in_a_list_belongs_to_an_element(reply, elements, prompt_format):
    assert read("question -> answer: list[str]", reply, prompt_format=prompt_format) == {
        "answer": elements
    }


@pytest.mark.parametrize(
    ("declaration", "reply", "whole"),
    [
        ("subject -> email", "email:\nSubject: Rain\n\nDear all,\nit rains.", "it rains."),
        ("task -> code", "code:\n```python\nclass Job:\n    task: str\n    n: int\n```", "n: int"),
        ("context -> answer", "answer: Two.\nContext: it says 5.\nSo 5.", "So 5."),
        ("q -> title, summary", "title: Bees\nsummary: It begins\nTitle: On bees\nand.", "and."),
        ("q -> name, text", "name: job\ntext:\n```\nname: str\nx\n```\ndone", "done"),
    ],
)
def test_a_line_that_looks_like_a_field_belongs_to_the_value(declaration, reply, whole):
    assert list(read(declaration, reply).values())[-1].endswith(whole)


def test_an_answer_that_goes_on_with_another_question_ends_there_and_says_so():
    reply = "answer: Paris\nquestion: And of Italy?\nanswer: Rome"
    reading = read_reply(Signature("question -> answer"), reply)
    assert reading.values == {"answer": "Paris"}
    assert "another question" in reading.notes[0]


@pytest.mark.parametrize(
    ("declaration", "reply", "values"),
    [
        ("q -> answer", '{"answer": "42"}', {"answer": "42"}),
        ("q -> answer", '```json\n{"Answer": "42"}\n```', {"answer": "42"}),
        ("q -> answer", "{'answer': '42'}", {"answer": "42"}),
        ("q -> answer", '{\n  "answer": "42",\n}', {"answer": "42"}),
        ("q -> answer", '{"output": {"answer": "42"}}', {"answer": "42"}),
        ("q -> answer: int", '[{"answer": 42}]', {"answer": 42}),
        ("q -> a, b: int", 'Here you are:\n{"a": "x: y", "b": 2}', {"a": "x: y", "b": 2}),
        ("q -> final_answer", '{"finalAnswer": "42"}', {"final_answer": "42"}),
    ],
)
@pytest.mark.parametrize("prompt_format", FORMATS)
def test_json_is_understood_whatever_was_asked_for(declaration, reply, values, prompt_format):
    if FORMATS[prompt_format].fits(Signature(declaration)):
        assert read(declaration, reply, prompt_format=prompt_format) == values


@pytest.mark.parametrize(
    ("declaration", "reply"),
    [
        ("text -> instruction", "name: instruction\nvalue: Given a text input, do it."),
        ("question -> answer", "answer"),
        ("question -> answer", "<answer>"),
        ("question -> answer", "answer: <answer>"),
        ("question -> answer", "Reply in exactly this form:\nanswer: <answer>"),
        ("question -> answer", "question: again?"),
        ("question -> answer", '{"result": "42"}'),
        ("question -> answer", "<result>42</result>"),
        ("question -> answer", "Response: 42"),
        ("question -> answer", "Here is the answer:"),
        ("question -> answer", '{"answer": null}'),
        ("q -> subject, body", "Here is the e-mail:\nbody: It rains."),
        ("q -> label: Literal['ham', 'spam']", "label: (one of: ham, spam)"),
        ("q -> label: Literal['ham', 'spam']", "not spam"),
        ("q -> label: Literal['ham', 'spam']", "ham or spam"),
        ("q -> label: Literal['ham', 'spam']", "It is not clear whether this is spam."),
        ("q -> n: int", "1,5"),
        ("q -> n: float", "42 %"),
        ("q -> tags: list[str]", "tags: ['a', 'b'"),
        ("q -> tags: list[str]", "tags: a, b"),
        ("q -> tags: list[str]", 'tags: ["it"s", "b"]'),
        ("q -> tags: list[str]", 'tags: ["a", "b", ...]'),
        ("q -> tags: list[str]", 'tags: {"a": 1}'),
        ("q -> prices: list[int]", "prices: [1, €]"),
        ("q -> answer", "{'answer': 'it's'}"),
        ("q -> n: int", "n: true"),
        ("q -> n: int", '{"n": true}'),
        ("q -> n: list[int]", "n: [1, true]"),
        ("q -> n: int", "n: 42 (or 43)"),
        ("q -> n: int", "n: 42 PPM"),
        ("q -> n: int", "n:\n- 5"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_not_guessed(declaration, reply):
    with pytest.raises(ReplyError):
        read(declaration, reply)


TWO_FORMS = [
    ('{{"label": "{}"}}', "label: {}"),
    ('{{"label": "{}"}}', "<label>{}</label>"),
    ("label: {}", "<label>{}</label>"),
    ("**Label:** {}", "<label>{}</label>"),
    ("label: {}", '```json\n{{"label": "{}"}}\n```'),
]


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize("annotation", [str, Literal["ham", "spam"]])
@pytest.mark.parametrize(("first", "second"), TWO_FORMS)
def test_two_forms_with_two_values_are_ambiguous(first, second, annotation, prompt_format):
    if annotation is str and first[0] != "{" and prompt_format not in second:
        return  # the second line is part of the text
    signature = Signature("text -> label: T", T=annotation)
    with pytest.raises(ReplyError, match=r"more than once|expected one value"):
        read_reply(
            signature,
            f"{first.format('ham')}\n{second.format('spam')}",
            prompt_format=prompt_format,
        )


@pytest.mark.parametrize(
    ("prompt_format", "form"),
    [
        ("lines", "answer: {}"),
        ("tags", "<answer>{}</answer>"),
        ("json", '```\n{{"answer": "{}"}}\n```'),
    ],
)
def test_a_sentence_with_another_value_than_the_marked_one_is_noted(prompt_format, form):
    signature = Signature("text -> answer: Literal['ham', 'spam']")
    reply = f"The answer is: ham\n{form.format('spam')}"
    reading = read_reply(signature, reply, prompt_format=prompt_format)
    assert reading.values == {"answer": "spam"}
    assert any("gives another one" in note for note in reading.notes)
    same = read_reply(signature, reply.replace("ham", "spam"), prompt_format=prompt_format)
    assert same.values == {"answer": "spam"}
    assert same.notes == []


@pytest.mark.parametrize("annotation", [str, str | None, Literal["Paris", "Rome"]])
@pytest.mark.parametrize("times", [2, 3])
def test_a_reply_that_repeats_itself_gives_its_value_once(annotation, times):
    signature = Signature("question -> answer: T", T=annotation)
    reading = read_reply(signature, "\n".join(["answer: Paris"] * times))
    assert reading.values == {"answer": "Paris"}
    assert any("more than once" in note for note in reading.notes)
    cut = read_reply(signature, "answer: Paris\nanswer: Par", truncated=True)
    assert cut.values == {"answer": "Paris"}


def test_all_values_may_be_repeated():
    signature = Signature("q -> why, answer")
    once = "why: So it\nis.\nanswer: Paris"
    assert read_reply(signature, f"{once}\n\n{once}").values["answer"] == "Paris"
    with pytest.raises(ReplyError, match="more than once"):
        read_reply(signature, f"{once}\n\n{once.replace('Paris', 'Rome')}")


def test_two_texts_below_each_other_are_ambiguous():
    with pytest.raises(ReplyError, match="more than once"):
        read("question -> answer", "answer: Paris\nanswer: London")


TWO_VALUES = [
    '{"label": "ham", "label": "spam"}',
    '{"Label": "ham", "label": "spam"}',
    '{"label": "ham", "Label": "spam"}',
    '{"LABEL": "ham", "Label": "spam"}',
    "{'label': 'ham', 'label': 'spam'}",
    '{\n  "label": "ham",\n  "label": "spam"\n}',
    '{"output": {"label": "ham", "Label": "spam"}}',
    "<label>ham</label><label>spam</label>",
]


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize("annotation", [str, str | None, Literal["ham", "spam"], Any])
@pytest.mark.parametrize("reply", TWO_VALUES)
def test_two_values_for_one_output_are_ambiguous(annotation, reply, prompt_format):
    signature = Signature("text -> label: T", T=annotation)
    with pytest.raises(ReplyError, match="given more than once"):
        read_reply(signature, reply, prompt_format=prompt_format)


@pytest.mark.parametrize("annotation", [Person, list[Person], dict[str, Person], Person | None])
@pytest.mark.parametrize("spelling", ['"full_name"', '"Full Name"', '"fullName"'])
def test_two_values_for_one_field_of_a_type_are_ambiguous(annotation, spelling):
    person = f'{{"full_name": "Ann", {spelling}: "Bob"}}'
    wrapped = {list[Person]: f"[{person}]", dict[str, Person]: f'{{"x": {person}}}'}
    text = wrapped.get(annotation, person)
    signature = Signature("text -> who: T", T=annotation)
    for reply in (f"who: {text}", f'{{"who": {text}}}', f"who: {text.replace(chr(34), chr(39))}"):
        with pytest.raises(ReplyError, match="given more than once"):
            read_reply(signature, reply)


def test_keys_of_a_dict_are_two_unless_they_are_the_same():
    signature = Signature("text -> counts: dict[str, int]")
    reading = read_reply(signature, 'counts: {"Polish": 1, "polish": 2}')
    assert reading.values == {"counts": {"Polish": 1, "polish": 2}}
    with pytest.raises(ReplyError, match="given more than once"):
        read_reply(signature, 'counts: {"polish": 1, "polish": 2}')


@pytest.mark.parametrize(
    "reply",
    [
        '{"label": "ham", "label": "ham"}',
        '{"Label": "ham", "label": "ham"}',
        '{"why": "a", "why": "b", "label": "ham"}',
        "<label>ham</label> <label>ham</label>",
        "label: ham\nlabel: ham",
    ],
)
def test_the_same_value_twice_is_one(reply):
    reading = read_reply(Signature("text -> label: Literal['ham', 'spam']"), reply)
    assert reading.values == {"label": "ham"}


@pytest.mark.parametrize(
    ("annotation", "first", "second"),
    [
        (Literal["ham", "spam"], "ham", "spam"),
        (Literal["ham", "spam"] | None, "ham", "Actually spam."),
        (Color, "red", "dark blue"),
        (bool, "Yes.", "No."),
        (int, "42", "43"),
        (float, "42", "4.3"),
        (int | None, "42", "43"),
    ],
)
@pytest.mark.parametrize("between", ["\n", "\n\n", "\nanswer: ", "\n**Answer:** ", "\n- "])
def test_a_second_value_below_the_first_is_not_cut_away(annotation, first, second, between):
    signature = Signature("question -> answer: T", T=annotation)
    with pytest.raises(ReplyError, match="expected one value"):
        read_reply(signature, f"answer: {first}{between}{second}")


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (Literal["ham", "spam"], "ham", "ham"),
        (Color, "Red.", Color.RED),
        (bool, "yes", True),
        (int, "42", 42),
        (float | None, "4.2", 4.2),
    ],
)
def test_words_below_a_value_are_left_out_and_noted(annotation, text, value):
    signature = Signature("question -> answer: T", T=annotation)
    reading = read_reply(signature, f"answer: {text}\n\nThe message says so in its first words.")
    assert reading.values == {"answer": value}
    assert reading.notes == [f"what follows {text!r} was left out"]


def test_words_below_a_code_block_with_the_answer_are_left_out_and_noted():
    reading = read_reply(Signature("q -> answer"), "```\nanswer: a\n```\nI hope that helps.")
    assert reading.values == {"answer": "a"}
    assert "left out" in reading.notes[0]


@pytest.mark.parametrize(
    "reply",
    [
        '{"answer": "a"} trailing words',
        'Words before {"answer": "a"}',
        '{"answer": "a',
        '{"answer": "a"}\n{"answer": "b"}',
        '[{"answer": "a"}, {"answer": "b"}]',
        '{"result": {"answer": "a"}, "n": 1}',
        '```json\n{"answer": "a"}\n```\nor\n```json\n{"answer": "b"}\n```',
    ],
)
@pytest.mark.parametrize("annotation", [str, str | None])
@pytest.mark.parametrize("prompt_format", FORMATS)
def test_a_reply_with_the_answer_somewhere_in_json_is_not_taken_as_a_whole(
    reply, annotation, prompt_format
):
    with pytest.raises(ReplyError):
        read_reply(
            Signature("question -> answer: T", T=annotation), reply, prompt_format=prompt_format
        )


@pytest.mark.parametrize(
    "reply", ["<code>a</code>b</code>", "<code>a <code>b</code></code>", "<code>'</code>'</code>"]
)
def test_a_text_that_has_its_own_end_within_is_not_cut(reply):
    with pytest.raises(ReplyError, match="ends it"):
        read("task -> code", reply, prompt_format="tags")


BLOCK = "    x = 1\n\n    return x"


@pytest.mark.parametrize("annotation", [str, str | None])
@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize(
    "form",
    [
        *("```python\n{}\n```", "{}\n", "\n{}", "Here is the code:\n```\n{}\n```"),
        *("code:\n{}", "code: ```\n{}\n```", "<code>\n{}\n</code>", "<code>\n```\n{}\n```</code>"),
    ],
)
def test_a_block_keeps_the_indentation_of_its_first_line(form, prompt_format, annotation):
    signature = Signature("task -> code: T", T=annotation)
    reading = read_reply(signature, form.format(BLOCK), prompt_format=prompt_format)
    assert reading.values == {"code": BLOCK}


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize(
    "form", ["   {}", "\n  {}", "code:   {}", "code:\n  {}", "<code>\n {}</code>"]
)
def test_a_space_before_a_text_that_is_no_block_is_none_of_it(form, prompt_format):
    reading = read("task -> code", form.format("a\nb"), prompt_format=prompt_format)
    assert reading == {"code": "a\nb"}


@pytest.mark.parametrize("word", ["Great care is needed here", "Sure steps to take", "OK means"])
@pytest.mark.parametrize("prompt_format", ["lines", "value"])
def test_a_first_line_that_only_begins_like_a_greeting_stays(word, prompt_format):
    reply = f"{word}:\n- read twice"
    assert read("task -> answer", reply, prompt_format=prompt_format) == {"answer": reply}


@pytest.mark.parametrize(
    "preface", ["Sure!", "Great, here you go:", "Okay. The answer is:", "Certainly here it is:"]
)
def test_a_greeting_is_no_part_of_the_answer(preface):
    assert read("task -> answer", f"{preface}\n42") == {"answer": "42"}


WRITTEN = {"lines": "n: 42", "tags": "<n>42</n>", "json": '{"n": 42}'}


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize("written", WRITTEN)
def test_another_form_than_asked_for_is_read_and_noted_once(written, prompt_format):
    reading = read_reply(Signature("q -> n: int"), WRITTEN[written], prompt_format=prompt_format)
    assert reading.values == {"n": 42}
    assert len(reading.notes) == (written != prompt_format)
    assert all(FORMATS[written].called in note for note in reading.notes)


@pytest.mark.parametrize("reply", ["42", "Here is the answer:\n42", "```\n42\n```", "“42”", "'42'"])
def test_a_lone_value_is_read_and_noted(reply):
    reading = read_reply(Signature("question -> answer"), reply)
    assert reading.values == {"answer": "42"}
    assert reading.notes == ["'answer' was read without its mark"]


@pytest.mark.parametrize(
    ("annotation", "reply", "value"),
    [
        (Color, "RED", Color.RED),
        (Color, "Red.", Color.RED),
        (Color, "Color.DARK_BLUE", Color.DARK_BLUE),
        (Color, "dark blue", Color.DARK_BLUE),
        (Rating, "GOOD", Rating.GOOD),
        (Rating, "2", Rating.GOOD),
        (Optional[Color], "RED", Color.RED),  # noqa: UP045 - as people write it
        (Literal["yes", "no"] | None, "Yes.", "yes"),
        (Literal["yes", "no"] | None, "None", None),
        (str | None, "None", None),
        (str | None, "", None),
        (str | None, "None of them", "None of them"),
        (float | None, "$1,234.50", 1234.5),
        (bool | None, "True.", True),
        (list[Color], "['red', 'DARK_BLUE']", [Color.RED, Color.DARK_BLUE]),
        (list[int], '["1,000", 2]', [1000, 2]),
        (list[bool], '["yes", "No"]', [True, False]),
        (dict[str, Color], "{'a': 'RED'}", {"a": Color.RED}),
        (Person, "{'Full Name': 'Ann', 'age': None, 'color': 'RED'}", Person(full_name="Ann")),
        (
            list[Person],
            '[{"fullName": "Ann", "age": "1,000"}]',
            [Person(full_name="Ann", age=1000)],
        ),
        (Point, "{'X': '1.5', 'y': 2}", Point(1.5, 2.0)),
        (tuple[int, Color], '["1", "Red"]', (1, Color.RED)),
        (int, "−5", -5),
        (int, "٤٢", 42),
        (int, "1 234", 1234),
        (int, "1.234.567", 1234567),
        (float, "1.234.567,5", 1234567.5),
        (float, "€ 12.50", 12.5),
        (float, "USD 12.50", 12.5),
        (float, "12.50 EUR", 12.5),
        (Decimal, "$1,234.50", Decimal("1234.50")),
        (dict, '{"why": "he had "fun" there"}', {"why": 'he had "fun" there'}),
        (list[str], 'Here they are:\n```json\n["a", "b"]\n```', ["a", "b"]),
    ],
)
def test_types_are_read_loosely_at_every_depth(annotation: Any, reply, value):
    signature = Signature("question -> answer: T", T=annotation)
    assert read_reply(signature, f"answer: {reply}").values["answer"] == value


@pytest.mark.parametrize(
    ("reply", "label"),
    [("sports", "sport"), ("Business news", "business"), ("It is business", "business")],
)
def test_a_near_label_is_read_and_noted(reply, label):
    signature = Signature("text -> topic: Literal['sport', 'business', 'politics']")
    reading = read_reply(signature, f"topic: {reply}")
    assert reading.values == {"topic": label}
    assert reading.notes == [f"{reply!r} was read as {label!r}"]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"\alpha", r"\alpha"),
        (r"\vec{x} \( y \)", r"\vec{x} \( y \)"),
        (r"(\w+) \1 \x41", r"(\w+) \1 \x41"),
        (r"C:\new\apps\0x", r"C:\new\apps\0x"),
        (r"\unit", r"\unit"),
        (r"\frac{1}{2}", r"\frac{1}{2}"),
        (r"\bword\b", r"\bword\b"),
        (r"\alpha \theta \nabla", r"\alpha \theta \nabla"),
        (r"First.\nThen \(x\)\n\n\\alpha \"x\"", 'First.\nThen \\(x\\)\n\n\\alpha "x"'),
    ],
)
@pytest.mark.parametrize(
    "form", ['{{"answer": "{}"}}', '{{"answer": "{}",}}', "{{'answer': \"{}\"}}"]
)
@pytest.mark.parametrize("prompt_format", ["json", "lines"])
def test_backslashes_that_json_has_not_stand_for_themselves(written, text, form, prompt_format):
    reading = read_reply(
        Signature("q -> answer"), form.format(written), prompt_format=prompt_format
    )
    assert reading.values == {"answer": text}
    assert "Backslashes that begin no escape of JSON were read as they stand." in reading.notes


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"a\tb", "a\tb"),
        (r"a\nb", "a\nb"),
        (r"\theta", "\theta"),  # or a tab: JSON's meaning stays
        (r"it\'s", "it's"),
        (r"a\/b", "a/b"),
        (r"\\frac", r"\frac"),
        (r"caf\u00e9", "café"),
        (r"\f", "\f"),
    ],
)
@pytest.mark.parametrize("form", ['{{"answer": "{}"}}', '{{"answer": "{}",}}'])
def test_escapes_that_json_has_keep_their_meaning(written, text, form):
    reading = read_reply(Signature("q -> answer"), form.format(written), prompt_format="json")
    assert (reading.values, reading.notes) == ({"answer": text}, [])


@pytest.mark.parametrize("prompt_format", FORMATS)
def test_backslashes_stand_for_themselves_in_quotes_and_lists_as_well(prompt_format):
    assert read("q -> answer", r'"\beta \"x\""', prompt_format=prompt_format) == {
        "answer": r'\beta "x"'
    }
    tags = read("q -> tags: list[str]", r'["\frac", "\alpha"]', prompt_format=prompt_format)
    assert tags == {"tags": [r"\frac", r"\alpha"]}


@pytest.mark.parametrize(
    "reply",
    [
        '{"answer": "a // b", "n": 1} // done',
        '// it\'s done\n{"answer": "a // b", "n": 1}',
        '{\n "answer": "a // b", // the "answer"\n "n": 1, /* a number */\n}',
        '```json\n{"answer": "a // b" /* , */, "n": 1, "sure": true, // yes\n}\n```',
        "{'answer': 'a // b', // it is\n 'n': 1}",
    ],
)
def test_comments_in_json_are_left_out_and_noted(reply):
    reading = read_reply(Signature("q -> answer, n: int"), reply, prompt_format="json")
    assert reading.values == {"answer": "a // b", "n": 1}
    assert reading.notes == ["Comments in the JSON were left out."]


@pytest.mark.parametrize("reply", ['{"answer": "a "http://b" c"}', '{"answer": "/* a */ // b"}'])
def test_what_looks_like_a_comment_within_a_text_stays(reply):
    reading = read_reply(Signature("q -> answer"), reply, prompt_format="json")
    assert reading.values["answer"] in ('a "http://b" c', "/* a */ // b")
    assert reading.notes == []


@pytest.mark.parametrize("number", ["NaN", "nan.", "inf", "-Infinity", "1e400", "∞"])
@pytest.mark.parametrize(
    ("annotation", "form"),
    [
        *((float, form) for form in ("answer: {}", "{}", '{{"answer": {}}}', '{{"answer": "{}"}}')),
        (float | None, "answer: {}"),
        (list[float], "answer: [1, {}]"),
        (Point, 'answer: {{"x": 1, "y": {}}}'),
        (dict[str, float], 'answer: {{"x": {}}}'),
        (int, "answer: {}"),
    ],
)
def test_what_is_no_finite_number_is_asked_for_again(annotation, form, number):
    signature = Signature("question -> answer: T", T=annotation)
    with pytest.raises(ReplyError, match="'answer' is"):
        read_reply(signature, form.format(number))


OMITTED = {"lines": "a: x", "tags": "<a>x</a>", "json": '{"a": "x"}'}


@pytest.mark.parametrize("annotation", [str | None, Literal["yes", None], list[int] | None])  # noqa: PYI061
@pytest.mark.parametrize("prompt_format", OMITTED)
@pytest.mark.parametrize("written", OMITTED)
def test_an_output_that_may_be_none_may_be_left_out(annotation, prompt_format, written):
    signature = Signature("q -> a, verdict: T, more: T", T=annotation)
    reading = read_reply(signature, OMITTED[written], prompt_format=prompt_format)
    assert reading.values == {"a": "x", "verdict": None, "more": None}
    assert "'verdict' is not in the reply, and was read as None" in reading.notes


@pytest.mark.parametrize(
    ("declaration", "reply", "truncated"),
    [
        ("q -> a, verdict: str", "a: x", False),
        ("q -> a, verdict: list[str]", "a: x", False),
        ("q -> a, verdict: Any", "a: x", False),
        ("q -> a, verdict: str | None", "x", False),
        ("q -> a, b, verdict: str | None", "a: x", False),
        ("q -> a: str | None, b: str | None", "x", False),
        ("q -> a: int, verdict: str | None", "a: 1\nso", True),
    ],
)
def test_no_other_output_may_be_left_out(declaration, reply, truncated):
    with pytest.raises((ReplyError, TruncatedReplyError)):
        read_reply(Signature(declaration), reply, truncated=truncated)


LABELS = Literal["red", "dark blue", "1,000 colors"]


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (list[str], "- a, b\n- c", ["a, b", "c"]),
        (list[str], "* a\n\n* **b**", ["a", "b"]),
        (list[str], '• "a"\n• b', ["a", "b"]),
        (list[str], "1. a\n2. b", ["a", "b"]),
        (list[str], "(1) a\n(2) b", ["a", "b"]),
        (list[str], "- a", ["a"]),
        (list[str], "(none)", []),
        (list[str], "None.", []),
        (list, "- a\n- b", ["a", "b"]),
        (list[int], "- 5\n- 1,000", [5, 1000]),
        (list[int], "0, 1", [0, 1]),
        (list[int], "0,1", [0, 1]),
        (list[int], "1, 234", [1, 234]),
        (list[int], "5", [5]),
        (list[float], "0.5, 1", [0.5, 1.0]),
        (list[Color], "Red, dark blue.", [Color.RED, Color.DARK_BLUE]),
        (list[Color], "RED", [Color.RED]),
        (list[Literal["none", "ham"]], "none", ["none"]),
        (list[LABELS], "- 1,000 colors\n- red", ["1,000 colors", "red"]),
        (set[Color], "- red\n- red", {Color.RED}),
        (frozenset[int], "1, 2", frozenset({1, 2})),
        (tuple[int, Color], "1, red", (1, Color.RED)),
        (list[int] | None, "1, 2", [1, 2]),
        (list[Point], '- {"x": 1, "y": 2}', [Point(1, 2)]),
    ],
)
@pytest.mark.parametrize("form", ["answer: {}", "answer:\n{}", "<answer>\n{}\n</answer>"])
def test_a_list_in_lines_or_with_commas_is_read_and_noted(annotation, text, value, form):
    signature = Signature("question -> answer: T", T=annotation)
    reading = read_reply(signature, form.format(text))
    assert reading.values == {"answer": value}
    assert reading.notes[-1].endswith("was read as a list")


def test_a_list_within_json_is_read_as_well():
    signature = Signature("q -> counts: dict[str, list[int]]")
    assert read_reply(signature, '{"counts": {"a": "1, 2"}}').values == {"counts": {"a": [1, 2]}}


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (list[str], "a, b"),
        (list[str], "a"),
        (list[str], ""),
        (list[str], "a\nb"),
        (list[str], "- a\n* b"),
        (list[str], "- a\n  - b"),
        (list[str], "1. a\n3. b"),
        (list[str], "- a\n- b\nThat is all."),
        (list[int], "1,234"),
        (list[int], "1,234, 5"),
        (list[int], "1, 2 and 3"),
        (list[int], "5 or 6, 7"),
        (list[int], "5\n7"),
        (list[float], "0,5"),
        (list[Color], "red, green"),
        (list[Color], "red, not dark blue"),
        (list[LABELS], "red, 1,000 colors"),
        (tuple[int, Color], "1"),
    ],
)
def test_a_list_that_may_be_another_is_asked_for_again(annotation, text):
    with pytest.raises(ReplyError, match="'answer' is wrong"):
        read_reply(Signature("question -> answer: T", T=annotation), f"answer: {text}")


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (list[str], "- a\n- b"),
        (list[str], '1. "a"\n2. "b"'),
        (list[str] | None, "- [a]"),
        (list[int], "1, 2"),
        (list[Color], '"red", "dark blue"'),
    ],
)
def test_a_list_that_nothing_ends_may_have_been_cut_off(annotation, text):
    signature = Signature("question -> answer: T", T=annotation)
    assert read_reply(signature, f"answer: {text}").values["answer"]
    with pytest.raises(TruncatedReplyError):
        read_reply(signature, f"answer: {text}", truncated=True)


TURNED = [
    *("{}: no", "{}: false", "{} = 0", "{}: 0.1", "!{}", "! {}", "0% {}", "~~{}~~", "\u00ac{}"),
    *("false {}", "far from {}", "opposite of {}", "lacks {}", "nicht {}", "pas {}", "не {}"),
    *("不是 {}", "[ ] {}", "- [ ] {}", "\u2610 {}", "\u274c {}"),
]


@pytest.mark.parametrize("phrase", TURNED)
@pytest.mark.parametrize("annotation", [Literal["positive", "negative"], Color, Literal[1, 10]])
@pytest.mark.parametrize("form", ["answer: {}", '{{"answer": "{}"}}'])
def test_a_label_that_is_denied_is_not_chosen(annotation, phrase, form):
    label = {Color: "red", Literal[1, 10]: "10"}.get(annotation, "positive")
    signature = Signature("question -> answer: T", T=annotation)
    with pytest.raises(ReplyError, match="expected one of"):
        read_reply(signature, form.format(phrase.format(label)))


@pytest.mark.parametrize("phrase", ["[x] {}", "- [X] {}", "\u2611 {}", "{}!", "{}: true", "1. {}"])
def test_a_label_that_is_ticked_or_affirmed_is_chosen(phrase):
    signature = Signature("text -> label: Literal['spam', 'ham']")
    reply = f"label: {phrase.format('spam')}\n{phrase.format('spam')}"
    assert read_reply(signature, reply).values == {"label": "spam"}
    assert read_reply(signature, "label: [x] spam\n[ ] ham").values == {"label": "spam"}


def test_a_label_that_begins_with_no_is_told_from_another_one_denied():
    signature = Signature("text -> label: Literal['spam', 'not spam']")
    assert read_reply(signature, "label: It is not spam").values == {"label": "not spam"}


@pytest.mark.parametrize("box", ["[ ] yes", "\u2610 true", "~~no~~", "!true"])
def test_a_truth_that_is_not_ticked_or_is_struck_out_is_none(box):
    with pytest.raises(ReplyError):
        read("q -> ok: bool", f"ok: {box}")


@pytest.mark.parametrize(
    "text",
    [
        *("0,500", "-0,500", "0'125", "0 500", "0.123.456"),
        *("<5", "> 5", ">5", "<= 5", "≥42", "**<5**", "[ ] 5"),
        *("5 million", "5k", "5 (million)", "5 (in thousands)", "5 (k)", "5 (%)", "5 (x10)"),
        *("5 (per week, so 20)", "5 (10)", "5 (at least)", "5 (negative)"),
    ],
)
@pytest.mark.parametrize(
    "annotation", [int, float, Decimal, int | None, list[int], Literal[5, 500]]
)
def test_a_number_that_may_be_another_one_is_refused(annotation, text):
    signature = Signature("question -> answer: T", T=annotation)
    reply = f'answer: ["{text}"]' if annotation == list[int] else f"answer: {text}"
    with pytest.raises(ReplyError):
        read_reply(signature, reply)


@pytest.mark.parametrize(
    ("text", "number"),
    [("42 (forty-two)", 42), ("42 (42 apples)", 42), ("$1,200 (before tax)", 1200)],
)
def test_a_remark_beside_a_number_is_left_out_and_noted(text, number):
    reading = read_reply(Signature("question -> n: int"), f"n: {text}")
    assert reading.values == {"n": number}
    assert reading.notes == [f"{text!r} was read as {number}"]


@pytest.mark.parametrize("text", ["<42>", "[42]", "**42**", "'42'", "42."])
def test_what_stands_around_a_number_is_no_part_of_it(text):
    assert read("q -> n: int", f"n: {text}") == {"n": 42}


HALVES = [
    (Literal["good", "good enough"], '{"answer": "good'),
    (Literal[1, 10], '{"answer": 1'),
    (int, '{"answer": 1'),
    (float, '{"answer": 1.'),
    (int | None, '{"answer": 1'),
    (bool, '{"answer": "yes'),
    (Color, '{"answer": "red'),
    (str, '{"answer": "red'),
    (str, '{"answer": "red"'),
    (list[str], '{"answer": ["a", "b"'),
    (Literal["good", "good enough"], "{'answer': 'good"),
    (Literal["good", "good enough"], '{\n  "answer": "good'),
    (Literal["good", "good enough"], '```json\n{\n  "answer": "good'),
    (Literal["good", "good enough"], '[{"answer": "good'),
    (Literal["good", "good enough"], '{"output": {"answer": "good'),
]


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize(("annotation", "reply"), HALVES)
def test_a_value_in_half_a_json_object_may_go_on(annotation, reply, prompt_format):
    signature = Signature("question -> answer: T", T=annotation)
    with pytest.raises(TruncatedReplyError):
        read_reply(signature, reply, truncated=True, prompt_format=prompt_format)
    with pytest.raises(ReplyError):
        read_reply(signature, reply, prompt_format=prompt_format)


@pytest.mark.parametrize("truncated", [True, False])
@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize(
    ("annotation", "reply", "value"),
    [
        (Literal["good", "good enough"], '{"answer": "good"', "good"),
        (Literal["good", "good enough"], '{\n  "answer": "good"\n', "good"),
        (Literal[1, 10], '{"answer": 1, "why": "It', 1),
        (int, '{"answer": 1,', 1),
        (bool, '{"answer": true', True),
        (list[str], '{"answer": ["a", "b"], "', ["a", "b"]),
        (str, '{"answer": "red", "why"', "red"),
    ],
)
def test_what_half_a_json_object_says_for_sure_is_read_and_noted(
    annotation, reply, value, prompt_format, truncated
):
    signature = Signature("question -> answer: T", T=annotation)
    reading = read_reply(signature, reply, truncated=truncated, prompt_format=prompt_format)
    assert reading.values == {"answer": value}
    assert any("no end" in note for note in reading.notes)


@pytest.mark.parametrize("opening", ["<answer>", "<Answer>", "<ANSWER>"])
@pytest.mark.parametrize("closing", ["</answer>", "</Answer>", "</ANSWER>"])
@pytest.mark.parametrize("prompt_format", FORMATS)
def test_tags_are_the_same_in_any_case(opening, closing, prompt_format):
    reply = f"{opening}42{closing}"
    assert read("q -> answer", reply, prompt_format=prompt_format) == {"answer": "42"}
    with pytest.raises(ReplyError):
        read("q -> answer", f"{reply} or {closing}", prompt_format="tags")


@pytest.mark.parametrize(
    "body", ['["yes" or "no"]', '["a"; "b"]', '"yes" | "no"', '"yes" / "no"', '{"x": "a" - "b"}']
)
@pytest.mark.parametrize("annotation", [str, str | None, list[str], dict[str, str], Any])
@pytest.mark.parametrize("prompt_format", FORMATS)
def test_two_json_strings_with_something_between_are_not_one(annotation, body, prompt_format):
    signature = Signature("question -> answer: T", T=annotation)
    with pytest.raises(ReplyError):
        read_reply(signature, f'{{"answer": {body}}}', prompt_format=prompt_format)


# What a form shows, and what a reader could take for more than text.
PIECES = [
    *END_TOKENS,
    *("<|im_start|>", "<|im_start|>assistant\n", "<start_of_turn>", "<s>", "[INST]", "User: "),
    *("<think>", "</think>", "[THINK]", "<|channel|>final<|message|>", "answer: x", "### Answer"),
    *("**answer**", '{"answer": "x"}', "<answer>", "</answer>", "Here is the answer:\n", "Sure!\n"),
    *(
        "```\n",
        "```",
        "None",
        "null",
        '"',
        "“",
        "'",
        "result: x",
        "answer",
        "\\answer: x",
        "\\beta",
        "\b",
        "\f",
        "- ",
        ":",
    ),
    *(
        "question: x",
        "Reply with the answer and nothing else.",
        "\n",
        " ",
        "word",
        "[[ ## answer ## ]]",
        "<>",
        "Answer with the value of this field and nothing else:",
        "Reply in exactly this form:",
    ),
]
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join)


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize("annotation", [str, str | None])
@given(value=hostile)
@example(value="<>")
@example(value=" a\n b")
@example(value="\n  a\n  b")
@example(value="<answer>")
@example(value="\fword")
@example(value="\bword\\alpha")
def test_any_text_comes_back_through_demo_prompt_and_reply(prompt_format, annotation, value):
    signature = Signature("question -> answer: T", T=annotation)
    demo = {"question": "?", "answer": value}
    turn = write_messages(signature, [demo], demo, prompt_format=prompt_format)[2]["content"]
    reading = read_reply(signature, turn, prompt_format=prompt_format)
    assert reading.values == {"answer": value}
    assert reading.notes == []


@pytest.mark.parametrize("prompt_format", ["lines", "tags", "json"])
@given(first=hostile, second=hostile)
def test_hostile_texts_do_not_run_into_each_other(prompt_format, first, second):
    signature = Signature("question -> answer, result")
    demo = {"question": "?", "answer": first, "result": second}
    turn = write_messages(signature, [demo], demo, prompt_format=prompt_format)[2]["content"]
    reading = read_reply(signature, turn, prompt_format=prompt_format)
    assert reading.values == {"answer": first, "result": second}


@given(reply=hostile, truncated=st.booleans())
def test_no_reply_makes_reading_fail_in_another_way(reply, truncated):
    for prompt_format in FORMATS:
        with contextlib.suppress(ReplyError):
            read("question -> answer", reply, truncated=truncated, prompt_format=prompt_format)
