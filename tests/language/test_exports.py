"""Prompts as they leave: other tools read them as they are meant, and no key leaves with them."""

from __future__ import annotations

import json
import re
from string import Formatter

import jinja2
import pytest
import yaml
from scripted_lm import ScriptedLM

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language import ChatPrompt, Example, Module, Predict, context
from mipro_nb.language.exports.exported_prompt import misread_in_exports

FORMS = ["messages", "text", "openai", "litellm", "langchain", "promptfoo", "markdown"]
CODE = ["openai", "litellm", "langchain"]
# What a hostile or unlucky LM may have written as an instruction.
ODD = [
    "Say {name}, {{ name }} and {% if x %}{# c #}.\n",
    '"""\'\'\'\\" + exit() + f"{exit()}"\n\\N{BULLET} \u2028 \ud800 ```',
    "{% endraw %}{{ question }}",
    "{0} {} { } }} {{",
]
KEY = "sk-1234567890abcdefghij"


def lm(**settings):
    return mipro.LM("openai/gpt-4o-mini", api_key=KEY, max_tokens=50, **settings)


def prompt_with(instruction="Be brief.", question="Q: {question}\n"):
    prompt = ChatPrompt(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    )
    prompt.signature = prompt.signature.with_instructions(instruction)
    prompt.demos = [Example(question="1+{1}", answer='{"n": 2}')]
    return prompt


def executed(code):
    """The messages that exported code makes."""
    names = {}
    start = code.index("def _messages")
    exec(code[start : code.index("def ask")], names)  # noqa: S102 - it is what we exported
    return names["_messages"]


@pytest.mark.parametrize("instruction", ODD)
@pytest.mark.parametrize("form", ["openai", "litellm"])
def test_code_makes_the_very_messages_whatever_an_lm_has_written(instruction, form):
    prompt = prompt_with(instruction)
    made = executed(prompt.export(form, lm=lm()))(question='{x} "3"')
    assert made == prompt.messages({"question": '{x} "3"'})


def test_code_takes_inputs_of_any_name():
    prompt = ChatPrompt.from_template("Do it: {messages} {ask} {_client}".replace("{_client}", ""))
    code = prompt.export("openai", lm=lm())
    assert executed(code)(messages="a", ask="b") == prompt.messages({"messages": "a", "ask": "b"})
    assert "_messages(messages=messages, ask=ask)" in code


@pytest.mark.parametrize(
    ("question", "instruction", "found"),
    [
        ("{{ question }}", "Say {label}.", None),
        ("{{ question }}", "Say {{label}}.", "{{ label }}"),
        ("{{ question }}", "Say {{ question }}.", "{{ question }}"),
        ("{{ question }}", "Say {{#each}}.", "{{#each}}"),
        ("{{ question }}", "Say {% if x %}.", None),
        ("{{ question }}", "Say {% endraw %}.", "{% endraw %}"),
        ("{question} {}", "Say {label}.", "{label}"),
        ("{question} {}", "Say {{label}}.", None),
        ("{question} {{}}", "Say {label}, {{label}} or {.", None),
    ],
)
def test_what_an_export_would_read_as_a_placeholder_is_known_and_told(question, instruction, found):
    prompt = prompt_with("Be brief.", question)
    assert misread_in_exports(prompt, instruction) == found
    assert prompt.signature.instructions == "Be brief."
    prompt = prompt_with(instruction, question)
    prompt.demos = []
    if found is None:
        prompt.export("messages")
        prompt.export("promptfoo", lm=lm())
    else:
        with pytest.raises(InvalidArgumentError, match=re.escape(found)):
            prompt.export("promptfoo" if "endraw" in found else "messages", lm=lm())


@pytest.mark.parametrize("instruction", ODD)
def test_promptfoo_renders_the_very_messages(instruction):
    prompt = prompt_with(instruction)
    if "endraw" in instruction:
        with pytest.raises(InvalidArgumentError, match="taken for a placeholder"):
            prompt.export("promptfoo", lm=lm())
        return
    instruction = instruction.replace("\ud800", "")
    prompt.signature = prompt.signature.with_instructions(instruction)
    config = yaml.safe_load(prompt.export("promptfoo", lm=lm(temperature=0.3)))
    environment = jinja2.Environment(keep_trailing_newline=True)  # noqa: S701 - as Nunjucks there
    made = [
        {**each, "content": environment.from_string(each["content"]).render(question="3")}
        for each in json.loads(config["prompts"][0])
    ]
    assert made == prompt.messages({"question": "3"})
    assert config["providers"] == [
        {"id": "openai:chat:gpt-4o-mini", "config": {"max_tokens": 50, "temperature": 0.3}}
    ]


def test_langchain_templates_are_format_strings():
    prompt = prompt_with("Say {name}.")
    code = prompt.export("langchain", lm=lm(response_format={"type": "json_object"}))
    names = {}
    start, end = code.index("prompt ="), code.index("model =")
    text = code[start:end].replace("ChatPromptTemplate.from_messages", "")
    exec(text, names)  # noqa: S102 - it is what we exported
    roles, texts = zip(*names["prompt"], strict=True)
    assert roles == ("system", "human", "ai", "human")
    rendered = [Formatter().format(each, question="3") for each in texts]
    assert rendered == [turn["content"] for turn in prompt.messages({"question": "3"})]
    assert "ChatOpenAI(model='gpt-4o-mini', max_tokens=50, temperature=0.0)" in code
    assert ".bind(response_format={'type': 'json_object'})" in code


@pytest.mark.parametrize(
    "question", ["Q: {question}", "Q: {{ question }}\n", '{"q": {question}}', "{{1}} {question}"]
)
def test_messages_are_exported_in_their_own_syntax_and_read_back_alike(question):
    prompt = prompt_with("Be kind.", question)
    messages = prompt.export("messages")
    again = ChatPrompt(messages, syntax=prompt.syntax)
    assert again.messages({"question": "3"}) == prompt.messages({"question": "3"})


def test_text_that_would_become_a_placeholder_is_not_exported_as_messages():
    prompt = prompt_with("Say {{ name }}.", "Q: {{ question }}")
    for form in ("messages", "text", "markdown"):
        with pytest.raises(InvalidArgumentError, match='as "openai" code'):
            prompt.export(form)


def test_texts_are_read_by_people():
    prompt = prompt_with("Say ```x```.")
    assert prompt.export("text").startswith("system:\nSay ```x```.\n\nuser:\nQ: 1+{{1}}\n\n\nassi")
    assert "## system\n\n````text\nSay ```x```.\n````" in prompt.export("markdown")
    assert ChatPrompt.from_template("Do: {x}").export("text") == "Do: {x}"


@pytest.mark.parametrize("form", [*CODE, "promptfoo", "markdown"])
def test_keys_are_in_no_export(form):
    own = mipro.LM(
        "openai/gpt-4o-mini",
        base_url="http://127.0.0.1:1/sk-secret-path-99/v1",
        api_key=KEY,
        extra_headers={"X-Key": KEY},
        user="somebody",
    )
    text = prompt_with().export(form, lm=own)
    assert KEY not in text
    assert "secret-path" not in text
    assert "Left out, as they may hold a key: extra_headers" in text


@pytest.mark.parametrize("form", [*CODE, "promptfoo"])
def test_code_needs_a_model_that_others_can_reach(form):
    with pytest.raises(InvalidArgumentError, match="give lm="):
        prompt_with().export(form)
    with (
        context(lm=ScriptedLM("42")),
        pytest.raises(InvalidArgumentError, match="other clients do not reach it"),
    ):
        prompt_with().export(form)


def test_other_services_are_named_as_each_client_knows_them(monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    groq = mipro.LM("groq/llama", top_k=5)
    code = prompt_with().export("openai", lm=groq)
    assert (
        "OpenAI(base_url='https://api.groq.com/openai/v1', api_key=os.environ['GROQ_API_KEY'])"
        in code
    )
    assert "extra_body={'top_k': 5}" in code
    assert "model='groq/llama'" in prompt_with().export("litellm", lm=groq)
    local = mipro.LM("llama", base_url="http://127.0.0.1:1/v1")
    assert "api_key='none'" in prompt_with().export("openai", lm=local)
    code = prompt_with().export("litellm", lm=local)
    assert "model='openai/llama'" in code
    assert "api_base='http://127.0.0.1:1/v1'" in code


class Two(Module):
    def __init__(self):
        self.draft = Predict("question -> draft")
        self.check = Predict("question, draft -> answer")


def test_of_several_predictors_one_is_named():
    with pytest.raises(InvalidArgumentError, match="name one of draft, check"):
        Two().export("messages")
    with pytest.raises(InvalidArgumentError, match="they are draft, check"):
        Two().export("messages", predictor="other")
    last = Two().export("messages", predictor="check")[-1]
    assert last == {"role": "user", "content": "question: {{ question }}\ndraft: {{ draft }}"}


def test_an_unknown_form_is_refused():
    with pytest.raises(InvalidArgumentError, match=", ".join(FORMS)):
        prompt_with().export("yaml")


@pytest.mark.parametrize("odd", [["messages"], {"form": 1}, 5, b"messages"])
def test_arguments_of_other_types_are_refused(odd):
    program = ChatPrompt.from_template("Say it.\n\n{text}")
    with pytest.raises(InvalidArgumentError, match="form="):
        program.export(odd)
    with pytest.raises(InvalidArgumentError, match="predictor="):
        program.export("messages", predictor=odd)
    with pytest.raises(InvalidArgumentError, match="lm="):
        program.export("openai", lm=odd)
