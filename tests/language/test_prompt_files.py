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
        path.parent.mkdir(parents=True, exist_ok=True)
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
        {"model": "gpt-4o", "instructions": SYSTEM["content"], "input": [ASK]},
        {"instructions": SYSTEM["content"], "input": ASK["content"]},
        [
            {**each, "content": [{"type": "text", "text": each["content"]}]}
            for each in (SYSTEM, ASK)
        ],
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


@pytest.mark.parametrize("entry", ["file://prompts/chat.json", "prompts/chat.json"])
@pytest.mark.parametrize("listed", [True, False])
def test_promptfoo_names_a_file_with_or_without_a_scheme(file, entry, listed):
    file("prompts/chat.json", [SYSTEM, ASK])
    assert asked(file("a.yaml", {"prompts": [entry] if listed else entry})) == ASKED


def test_promptfoo_names_several_files_by_a_pattern(file):
    file("prompts/brief.txt", "Be brief: {{ question }}")
    file("prompts/kind/kind.txt", "Be kind: {{ question }}")
    path = file("deep/a.yaml", {"prompts": "file://../prompts/**/*.txt"})
    assert asked(path, name="../prompts/kind/kind.txt")[0]["content"] == "Be kind: 3"
    path = file("a.yaml", {"prompts": ["prompts/*/*.txt"]})
    assert asked(path)[0]["content"] == "Be kind: 3"
    with pytest.raises(InvalidArgumentError, match=r"no file matches file://prompts/\*.md"):
        asked(file("a.yaml", {"prompts": ["file://prompts/*.md"]}))


def test_a_text_with_a_placeholder_names_no_file(file):
    path = file("a.yaml", {"prompts": ["Be brief: {{ question }}.txt"]})
    assert asked(path)[0]["content"] == "Be brief: 3.txt"


def test_a_prompt_that_is_code_stands_in_nobodys_way(file):
    code = ["file://prompt.py", {"id": "file://prompt.py:make", "label": "made"}, "prompt.mjs"]
    path = file("a.yaml", {"prompts": ["Be brief: {{ question }}", *code]})
    assert asked(path, name="0")[0]["content"] == "Be brief: 3"
    with pytest.raises(InvalidArgumentError, match="has the prompts 0, 1, made, 3"):
        asked(path)
    with pytest.raises(InvalidArgumentError, match="no code of a prompt is run"):
        asked(path, name="made")


@pytest.mark.parametrize(
    ("stated", "template"),
    [
        ("f-string", 'Be brief.\n{{"n": 1}} {question}'),
        ("mustache", 'Be brief.\n{"n": 1} {{question}}'),
        ("jinja2", 'Be brief.\n{"n": 1} {{ question }}'),
    ],
)
def test_a_prompt_saved_by_langchain_is_read_in_the_syntax_that_it_states(file, stated, template):
    saved = {"_type": "prompt", "template": template, "template_format": stated}
    for name in ("prompt.json", "prompt.yaml"):
        assert asked(file(name, saved))[0]["content"] == 'Be brief.\n{"n": 1} 3'


@pytest.mark.parametrize(
    "template",
    [
        "Be brief.\n{% if question %}Q: {{ question }}{% endif %}",
        [SYSTEM, {"role": "user", "content": "{%- for each in question %}{{ each }}{% endfor %}"}],
    ],
)
def test_logic_of_jinja_in_a_prompt_of_mlflow_is_refused_with_the_remedy(file, template):
    saved = {"name": "triage", "version": 2, "template": template}
    with pytest.raises(InvalidArgumentError, match=r"\{%-? (if|for).*plain placeholder"):
        asked(file("prompt.json", saved))


def test_a_prompt_of_mlflow_with_blocks_is_read_as_jinja(file):
    saved = {"name": "p", "template": "Be brief.\n{% raw %}{{ x }}{% endraw %} Q: {{ question }}"}
    assert asked(file("prompt.json", saved))[0]["content"] == "Be brief.\n{{ x }} Q: 3"


@pytest.mark.parametrize("name", ["prompt.txt", "prompt.json", "prompt.yaml"])
def test_the_mark_of_windows_editors_is_no_part_of_the_prompt(file, name):
    content = "Be brief: {{ question }}"
    if name != "prompt.txt":
        content = json.dumps([{"role": "user", "content": content}])
    assert asked(file(name, f"\ufeff{content}"))[0]["content"] == "Be brief: 3"


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
        (
            "prompt.json",
            [{**ASK, "content": [{"type": "text", "text": "Q: {{question}}"}] * 2}],
            "no several parts",
        ),
        (
            "prompt.json",
            [{**ASK, "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}],
            "no images",
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
