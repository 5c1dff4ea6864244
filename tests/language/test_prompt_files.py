"""Prompts out of files: those of other tools, and what no file can make mipro_nb do."""

from __future__ import annotations

import itertools
import json

import pytest
import yaml

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language import ChatPrompt

SYSTEM = {"role": "system", "content": 'Be brief. {"n": 1}'}
ASK = {"role": "user", "content": "Q: {{ question }}"}
ASKED = [SYSTEM, {"role": "user", "content": "Q: 3"}]


@pytest.fixture
def file(tmp_path):
    def written(name, content):
        path = tmp_path / name
        dump = yaml.safe_dump if path.suffix == ".yaml" else json.dumps
        text = content if isinstance(content, str) else dump(content)
        path.write_bytes(text.encode())
        return path

    return written


def asked(path, **settings):
    return ChatPrompt.from_file(path, **settings).messages({"question": "3"})


@pytest.mark.parametrize(
    "content",
    [
        [SYSTEM, ASK],
        {"messages": [SYSTEM, ASK]},
        {"name": "triage", "type": "chat", "prompt": [{**SYSTEM, "type": "chatmessage"}, ASK]},
        {"name": "triage", "version": 2, "template": [SYSTEM, ASK]},
        {
            "data_source": {
                "input_messages": {
                    "type": "template",
                    "template": [
                        {**SYSTEM, "type": "message"},
                        {
                            "role": "user",
                            "content": {"type": "input_text", "text": "Q: {{item.question}}"},
                        },
                    ],
                }
            }
        },
    ],
)
def test_chat_prompts_of_other_tools_are_read(file, content):
    assert asked(file("prompt.json", content)) == ASKED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("prompt.txt", "Be brief.\r\n\r\nQ: {question}\r\n"),
        ("prompt.json", {"name": "p", "prompt": "Be brief.\r\n\r\nQ: {{question}}\r\n"}),
        ("prompt.json", {"name": "p", "template": "Be brief.\r\n\r\nQ: {{ question }}\r\n"}),
    ],
)
def test_a_text_is_one_message_of_the_user_word_for_word(file, name, content):
    assert asked(file(name, content)) == [
        {"role": "user", "content": "Be brief.\r\n\r\nQ: 3\r\n"},
    ]


def test_of_several_prompts_one_is_named(file):
    several = [
        {"name": "a", "prompt": "Be brief: {{ question }}"},
        {"name": "b", "prompt": "Be kind: {{ question }}"},
    ]
    path = file("prompts.json", several)
    assert asked(path, name="b")[0]["content"] == "Be kind: 3"
    for name in (None, "c"):
        with pytest.raises(InvalidArgumentError, match="has the prompts a, b: name one"):
            ChatPrompt.from_file(path, name=name)


def test_a_promptfoo_config_is_read_with_the_files_that_it_names(file):
    file("two.txt", "Be brief: {{ question }}\n---\nBe kind: {{ question }}")
    file("chat.json", [SYSTEM, ASK])
    config = {
        "prompts": [
            "Be quick: {{ question }}\n",
            json.dumps([SYSTEM, ASK]),
            {"id": "file://two.txt", "label": "two"},
            {"raw": "Be fair: {{ question }}", "label": "fair"},
            "file://chat.json",
        ],
        "providers": ["openai:gpt-4o-mini"],
    }
    path = file("promptfooconfig.yaml", config)
    assert asked(path, name="0")[0]["content"] == "Be quick: 3\n"
    assert asked(path, name="1") == ASKED
    assert asked(path, name="two[1]")[0]["content"] == "Be kind: 3"
    assert asked(path, name="fair")[0]["content"] == "Be fair: 3"
    assert asked(path, name="4") == ASKED


@pytest.mark.parametrize(
    ("name", "content", "remedy"),
    [
        ("prompt.yaml", "prompts: [!!python/object/apply:os.system ['true']]", "cannot be read"),
        ("prompt.yaml", {"prompts": ["file://prompt.py"]}, "no code of a prompt is run"),
        ("prompt.yaml", {"prompts": ["file://missing.txt"]}, "cannot be read"),
        ("prompt.yaml", {"prompts": [3]}, "a prompt is a text"),
        ("prompt.yaml", {"prompts": []}, "has the prompts \\(none\\)"),
        ("prompt.json", "{", "cannot be read"),
        ("prompt.json", "3", "there is no prompt in it"),
        ("prompt.json", {"other": 1}, "there is no prompt in it"),
        (
            "prompt.json",
            {"prompt": [{"type": "placeholder", "name": "history"}, ASK]},
            "whole mess",
        ),
        ("prompt.jsonl", "{}", "datasets.from_file"),
        ("prompt.py", "x = 1", "it is none of"),
        ("prompt.txt", "no placeholder", "there is no placeholder"),
    ],
)
def test_what_no_prompt_can_be_read_from_is_refused(file, name, content, remedy):
    with pytest.raises(InvalidArgumentError, match=remedy):
        ChatPrompt.from_file(file(name, content))


def test_what_is_exported_is_read_again(file):
    prompt = ChatPrompt([SYSTEM, ASK])
    assert asked(file("prompt.json", prompt.export("messages"))) == ASKED


@pytest.mark.parametrize(
    "text",
    [
        "&a [*a]",
        "prompts: &a\n- *a",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
            for before, name in itertools.pairwise("abcdefghijkl")
        )
        + "prompts: *l\n",
    ],
)
def test_yaml_that_repeats_without_end_is_refused(text, tmp_path):
    file = tmp_path / "prompts.yaml"
    file.write_text(text)
    with pytest.raises(InvalidArgumentError, match="repeat too much, or repeat themselves"):
        ChatPrompt.from_file(file)
