"""Values that models state in words, explain, put in a box or wrap once more."""

from __future__ import annotations

import contextlib
import json
from datetime import date, datetime, time
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from mipro_nb.errors import ReplyError, TruncatedReplyError
from mipro_nb.language import Signature
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.prompting.reply import read_reply

SPAM = Literal["ham", "spam"]
LETTERS = Literal["A", "B", "C", "D"]
DEGREES = Literal["very positive", "positive", "neutral", "negative", "very negative"]


def reading(annotation, reply, **how):
    return read_reply(Signature("question -> answer: T", T=annotation), reply, **how)


STATED = [
    (SPAM, "The answer is spam.", "spam"),
    (SPAM, "Sure! The answer is: **spam**", "spam"),
    (SPAM, "Based on the text, the correct label is spam.", "spam"),
    (SPAM, 'I would classify this message as "spam".', "spam"),
    (SPAM, "This text should be labeled as spam.", "spam"),
    (SPAM, "Label: spam", "spam"),
    (SPAM, "Classification: spam", "spam"),
    (SPAM, "답: spam", "spam"),
    (SPAM, "<label>spam</label>", "spam"),
    (SPAM, '{"prediction": "spam"}', "spam"),
    (SPAM, "<b>spam</b>", "spam"),
    (SPAM, "spam ✅", "spam"),
    (LETTERS, "Therefore, the answer is (C).", "C"),
    (LETTERS, "The correct answer is B) Paris.", "B"),
    (LETTERS, "Final answer: The final answer is $\\boxed{B}$. I hope it is correct.", "B"),
    (LETTERS, "A is wrong, as it rains. The answer is B.", "B"),
    (bool, "The answer is yes.", True),
    (bool, "\\text{False}", False),
    (int, "The answer is 42.", 42),
    (int, "6 * 7 is 42. So the answer is **42**.", 42),
    (int, "Six times seven.\n6 * 7 = 42\n#### 42", 42),
    (int, "$\\boxed{1{,}234}$", 1234),
    (int, "\\(42\\)", 42),
    (int, '{"result": 42}', 42),
    (int, "答案：42", 42),  # noqa: RUF001 - as models write it in Chinese
    (int | None, "The result is 42", 42),
    (int, "m+n = 36 + 6 = 42", 42),
    (int, "The answer is 6*7 = 42.", 42),
    (int, "16 - 3 = 13\n13 * 2 = 26\n#### 42", 42),
    (int, "\\[\n\\boxed{42}\n\\]", 42),
    (int, "So that makes $\\boxed{42}$ dollars.", 42),
    (LETTERS, "After comparing the options, the answer is C.", "C"),
    (LETTERS, "The correct option is **(C)**.", "C"),
    (LETTERS, "Both point to a worn bearing.\n\nC", "C"),
    (LETTERS, "The answer is D. A is incorrect.", "D"),
    (bool, "Let me see.\nYES", True),
]


@pytest.mark.parametrize("prompt_format", FORMATS)
@pytest.mark.parametrize("form", ["{}", "answer: {}", "<answer>{}</answer>"])
@pytest.mark.parametrize(("annotation", "said", "value"), STATED)
def test_a_value_that_is_stated_is_read_and_noted(annotation, said, value, form, prompt_format):
    read = reading(annotation, form.format(said), prompt_format=prompt_format)
    assert read.values == {"answer": value}
    assert any("was read as" in note or "left out" in note for note in read.notes) or (
        form == "{}" and said.startswith("The answer is: ")
    )


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (SPAM, "The answer is not spam."),
        (SPAM, "This would not be classified as spam."),
        (SPAM, "The answer is spam or ham."),
        (SPAM, "The answer is ham. No, the answer is spam."),
        (SPAM, "The wrong answer is spam."),
        (SPAM, "text: spam"),
        (LETTERS, "The answer is B or C."),
        (int, "The answer is 41. No, the answer is 42."),
        (int, "\\boxed{41} or \\boxed{42}"),
        (int, "The answer is 42 %."),
        (int, "The answer is 5 million."),
        (int, "question: 42"),
        (int, "(42)"),
    ],
)
def test_what_is_stated_in_two_ways_or_denied_is_asked_for_again(annotation, said):
    with pytest.raises(ReplyError):
        reading(annotation, said) if annotation is not SPAM else read_reply(
            Signature("text -> answer: T", T=SPAM), said
        )


EXPLAINED = [
    (bool, "Yes, it is.", True),
    (bool, "Yes, because the sky is blue.", True),
    (bool, "No, it is not.", False),
    (bool, "**No.** The sky is not blue, but it may be true at noon.", False),
    (bool, "Yes (high confidence)", True),
    (bool, "True - the text says so", True),
    (SPAM, "spam (confidence 0.9)", "spam"),
    (SPAM, "spam (95% confident)", "spam"),
    (SPAM, "spam. The message offers $500.", "spam"),
    (SPAM, "spam - it offers a prize of $500 in cash", "spam"),
    (SPAM, "Spam, because it offers a prize", "spam"),
    (SPAM, "spam # an offer", "spam"),
    (LETTERS, "B) A dog", "B"),
    (LETTERS, "D. None of the above", "D"),
    (LETTERS, "C because I computed the integral.", "C"),
    (int, "42, which is the sum.", 42),
    (float, "0.8 - strong match", 0.8),
    (float, "0.8. The texts agree.", 0.8),
]


@pytest.mark.parametrize("form", ["{}", "answer: {}", '{{"answer": "{}"}}', "<answer>{}</answer>"])
@pytest.mark.parametrize(("annotation", "said", "value"), EXPLAINED)
def test_an_explanation_in_the_line_of_a_value_is_noted(annotation, said, value, form):
    read = reading(annotation, form.format(said))
    assert read.values == {"answer": value}
    assert any(said in note and "was read as" in note for note in read.notes)


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (bool, "Yes, but only at noon"),
        (bool, "Yes, it is not allowed"),
        (bool, "Yes and no"),
        (bool, "True, maybe"),
        (bool, "Yes. No."),
        (SPAM, "spam (confidence 0.2)"),
        (SPAM, "spam: 0.1"),
        (SPAM, "spam (10%)"),
        (SPAM, "spam, or rather ham"),
        (SPAM, "ham, not spam"),
        (SPAM, "spam, but I doubt it"),
        (SPAM, "spam?"),
        (SPAM, "low spam probability"),
        (SPAM, "could be spam"),
        (LETTERS, "B, C"),
        (LETTERS, "A, B, C, D"),
        (LETTERS, "A good one would be"),
        (int, "width = 6, height = 7"),
        (LETTERS, "B, or C"),
        (LETTERS, "A: B"),
        (LETTERS, "A lot of people say B"),
        (int, "42, maybe more"),
        (int, "5 - 3"),
        (int, "42: 43"),
    ],
)
def test_an_explanation_that_may_turn_the_value_is_asked_about(annotation, said):
    with pytest.raises(ReplyError):
        reading(annotation, f"answer: {said}")


@pytest.mark.parametrize("said", ["No, it is not.", "no - it is not so", "No. It may be so."])
def test_no_is_not_denied_by_a_denial(said):
    read = reading(Literal["yes", "no"], f"answer: {said}")
    assert read.values == {"answer": "no"}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (Literal["yes", "no", "maybe"], "Yes, maybe"),
        (Literal["yes", "no", "maybe"], "yes and maybe"),
        (Literal["yes", "no"], "no answer"),
        (Literal["yes", "no"], "no idea"),
        (Literal["A", "B", "AB"], "A/B"),
    ],
)
def test_another_label_beside_a_label_is_not_passed_over(labels, said):
    with pytest.raises(ReplyError):
        reading(labels, f"answer: {said}")


@pytest.mark.parametrize("said", ["Sci-Tech", "Sci / Tech", "sci & tech", "sci_tech"])
def test_a_label_in_two_parts_may_be_joined_in_another_way(said):
    assert reading(Literal["Sci/Tech", "World"], said).values == {"answer": "Sci/Tech"}


@pytest.mark.parametrize(
    ("annotation", "reply"),
    [
        (int, "First 6.\n4"),
        (int, "The answer is 4"),
        (int, "#### 4"),
        (int, "6 * 7 = 4"),
        (bool, "The answer is yes"),
        (LETTERS, "The answer is B"),
        (LETTERS, "So it is.\n\nA"),
    ],
)
def test_a_value_stated_where_the_reply_was_cut_off_may_go_on(annotation, reply):
    with pytest.raises(TruncatedReplyError):
        reading(annotation, reply, truncated=True)
    assert reading(bool, "Yes, the text says so in its fi", truncated=True).values["answer"]


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("The answer is very positive.", "very positive"),
        ("It is very positive", "very positive"),
        ("very  positive", "very positive"),
        ("very_positive", "very positive"),
        ("Very-Positive", "very positive"),
        ("VeryPositive", "very positive"),
        ("It is positive", "positive"),
        ("ｐｏｓｉｔｉｖｅ", "positive"),  # noqa: RUF001 - full width
    ],
)
def test_of_two_labels_in_one_another_the_longer_is_read(said, label):
    assert reading(DEGREES, f"answer: {said}").values == {"answer": label}


@pytest.mark.parametrize(
    "said", ["extremely positive", "positive (very)", "positive to neutral", "somewhat negative"]
)
def test_a_label_that_another_one_narrows_is_not_guessed(said):
    with pytest.raises(ReplyError):
        reading(DEGREES, f"answer: {said}")


def test_words_that_are_letters_are_no_labels():
    read = reading(Literal["A", "I", "C"], "answer: C.\n\nI hope this helps!")
    assert read.values == {"answer": "C"}


def test_labels_that_differ_in_what_joins_them_are_told_apart():
    read = reading(Literal["resign", "re-sign"], "answer: re-sign")
    assert read.values == {"answer": "re-sign"}
    with pytest.raises(ReplyError):
        reading(Literal["C", "Java"], "answer: C++")


@pytest.mark.parametrize("annotation", [SPAM, bool, int])
def test_a_list_of_one_in_place_of_a_value_is_that_value(annotation):
    value: Any = {SPAM: "spam", bool: True, int: 42}[annotation]
    written = f'["{value}"]'.lower()
    assert reading(annotation, f'{{"answer": {written}}}').values == {"answer": value}
    with pytest.raises(ReplyError):
        reading(annotation, f'{{"answer": [{written}, {written}]}}')


@pytest.mark.parametrize(
    "said",
    [
        *("2024-01-05", "2024-1-5", "2024/01/05", "January 5, 2024", "Jan. 5th, 2024"),
        *("5 January 2024", "Friday, January 5, 2024", "2024-01-05.", "2024年1月5日"),
    ],
)
@pytest.mark.parametrize("annotation", [date, date | None, list[date]])
def test_a_date_that_means_one_day_is_read(said, annotation):
    reply = f'["{said}"]' if annotation == list[date] else said
    (value,) = reading(annotation, f"answer: {reply}").values.values()
    assert value in (date(2024, 1, 5), [date(2024, 1, 5)])


@pytest.mark.parametrize("said", ["05/01/2024", "2024", "0", "5", "Jan 5", "2024-02-30"])
@pytest.mark.parametrize("annotation", [date, datetime, date | None])
@pytest.mark.parametrize("form", ["answer: {}", "{}", '{{"answer": "{}"}}'])
def test_a_number_is_no_date_and_what_may_be_two_days_is_none(annotation, said, form):
    with pytest.raises(ReplyError):
        reading(annotation, form.format(said))


def test_an_hour_is_not_taken_for_seconds():
    assert reading(time, "answer: 14:30").values == {"answer": time(14, 30)}
    with pytest.raises(ReplyError, match="such as 14:30"):
        reading(time, '{"answer": 14}')


TEXTS = [
    ("answer: answer: Paris", "Paris", "marked twice"),
    ("Answer: The final answer is: Paris", "Paris", "marked twice"),
    ("answer: <answer>Paris</answer>", "Paris", "marked twice"),
    ('answer: {"answer": "Paris"}', "Paris", "marked twice"),
    ("answer: |\n  Paris\n  France", "Paris\nFrance", "was read as"),
    ("answer: >-\n  Paris\n    France", "Paris\n  France", "was read as"),
    ("answer: <Paris>", "Paris", "was read as"),
    ("answer: \\boxed{x^{2}}", "x^{2}", "was read as"),
    ("answer: $\\boxed{42}$.", "42", "was read as"),
    ("6 * 7 is 42.\n\n$$\\boxed{42}$$", "42", "left out"),
]


@pytest.mark.parametrize("annotation", [str, str | None])
@pytest.mark.parametrize(("reply", "value", "note"), TEXTS)
def test_what_is_put_around_a_text_is_left_out_and_noted(reply, value, note, annotation):
    read = reading(annotation, reply)
    assert read.values == {"answer": value}
    assert any(note in each for each in read.notes)


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("***Paris***", "Paris"),
        ("*Paris*", "Paris"),
        ("``Paris``", "Paris"),
        ("```Paris```", "Paris"),
        ('"""Paris"""', "Paris"),
        ("```text\nParis", "Paris"),
        ('answer = "Paris"', "Paris"),
        ("answer -> Paris", "Paris"),
        ("Here is my answer: Paris", "Paris"),
        ('"Paris",', "Paris"),
        ("2 ** 3 ** 4", "2 ** 3 ** 4"),
        ("*a* and *b*", "*a* and *b*"),
        ("a <b> c", "a <b> c"),
        ("answer: | a | b |", "| a | b |"),
    ],
)
def test_signs_around_a_text_go_and_those_within_stay(reply, value):
    assert reading(str, reply).values == {"answer": value}


@pytest.mark.parametrize(
    "said",
    ["the answer", "[your answer]", "[Your Answer here]", "{answer}", "...", "…", "<the answer>"],
)
@pytest.mark.parametrize("form", ["answer: {}", "<answer>{}</answer>"])
def test_a_placeholder_is_no_value(said, form):
    with pytest.raises(ReplyError, match="placeholder"):
        reading(str, form.format(said))


@pytest.mark.parametrize(
    "reply",
    [
        "A: Paris",
        "Q: Where?\nA: Paris",
        "答案：Paris",  # noqa: RUF001 - as models write it in Chinese
        "Ответ: Paris",
        "Antwort: Paris",
        '<tool_call>\n{"name": "say", "arguments": {"text": "Paris"}}\n</tool_call>',
        '<function=say>{"text": "Paris"}</function>',
        '{"role": "assistant", "content": "Paris"}',
        '{"type": "text", "text": "Paris"}',
        "{}",
        '{"answer": `Paris`}',
    ],
)
def test_a_text_in_another_form_is_not_taken_whole(reply):
    with pytest.raises(ReplyError):
        reading(str, reply)


@pytest.mark.parametrize(
    "reply",
    [
        '{"name": "answer", "arguments": {"answer": "Paris"}}',
        '{"type": "function", "function": "say", "parameters": {"answer": "Paris"}}',
        '{"name": "say", "arguments": "{\\"answer\\": \\"Paris\\"}"}',
        '{"json": "{\\"answer\\": \\"Paris\\"}"}',
    ],
)
def test_outputs_as_the_arguments_of_a_call_are_read(reply):
    assert reading(str, reply).values == {"answer": "Paris"}


@pytest.mark.parametrize("name", ["code", "sql_query", "python_function"])
@pytest.mark.parametrize("form", ["Here is the code:\n\n{}\n\nIt adds.", "{name}:\n{}\nIt adds."])
def test_what_is_written_around_code_is_left_out_and_noted(name, form):
    block = "```python\ndef add(a, b):\n    return a + b\n```"
    signature = Signature(f"task -> {name}")
    read = read_reply(signature, form.format(block, name=name))
    assert read.values == {name: "def add(a, b):\n    return a + b"}
    assert "what follows the code block was left out" in read.notes
    two = form.format(f"{block}\n\n{block}", name=name)
    assert "It adds." in read_reply(signature, two).values[name]
    prose = read_reply(Signature("task -> answer"), form.format(block, name="answer"))
    assert "It adds." in prose.values["answer"]


@pytest.mark.parametrize(
    "said", ["- [ ] a\n- [x] b", "1. a 2. b", "1. a, 2. b", "[«a», «b»]", '["a"]\n["b"]']
)
def test_a_list_that_may_be_another_one_is_asked_for_again(said):
    with pytest.raises(ReplyError):
        reading(list[str], f"answer: {said}")


@pytest.mark.parametrize(
    "said",
    [
        "<tag>a</tag>\n<tag>b</tag>",
        "— a\n— b",
        'answer = ["a", "b"]',
        '["a", "b"]\n\nThese are both.',
        'The answer is ["a", "b"].',
    ],
)
def test_a_list_in_other_forms_is_read(said):
    assert reading(list[str], said).values == {"answer": ["a", "b"]}


@pytest.mark.parametrize("given", [["Paris"], {"city": "Paris"}])
def test_json_in_place_of_a_text_is_its_text_and_noted(given):
    read = reading(str, json.dumps({"answer": given}))
    assert read.values == {"answer": json.dumps(given)}
    assert any("read as its text" in note for note in read.notes)


class Issue(BaseModel):
    kind: str


@pytest.mark.parametrize("form", ["answer: {}", '{{"answer": {}}}', "{}"])
def test_one_object_in_place_of_a_list_is_a_list_of_one_and_noted(form):
    read = reading(list[Issue], form.format('{"kind": "x"}'))
    assert read.values == {"answer": [Issue(kind="x")]}
    assert any("read as a list" in note for note in read.notes)


@pytest.mark.parametrize("annotation", [str, SPAM, int, bool, list[str], date])
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<b>",
            "**",
            "\\boxed{",
            "The answer is 4. ",
            "based on a ",
            "so ",
            ") ",
            "1. a 2. ",
            "  ",
        ),
        *("[[ ## answer ## ]]", "- a\n", "<tag>a</tag>", "assistant:\n", "= 1 ", "answer: ", "✅"),
    ],
)
def test_a_model_that_repeats_itself_up_to_its_limit_is_read_or_asked_again(annotation, piece):
    for reply in (piece * 4000, f"answer: {piece * 4000}"):
        with contextlib.suppress(ReplyError):
            reading(annotation, reply, truncated=True)
