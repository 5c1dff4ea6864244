"""Prompts in the files of other tools: promptfoo, Langfuse, MLflow, OpenAI, and plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mipro_nb.errors import InvalidArgumentError, shown

_TEXTS = frozenset({".txt", ".md", ".prompt", ".j2", ".jinja", ".jinja2", ".mustache", ""})
_YAML = frozenset({".yaml", ".yml"})
_CODE = frozenset({".py", ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".sh", ".csv"})
_OF_ITEM = re.compile(r"\{\{\s*item\.(\w+)\s*\}\}")
_BLOCK = re.compile(r"\{%[^%]*%\}")
_READ = (
    "what is read: a text; a list of messages; promptfoo's YAML with prompts; Langfuse's JSON with "
    "prompt; MLflow's JSON with template; OpenAI's JSON with messages, input_messages, or "
    "instructions and input."
)
_FILE = "file://"
_SYNTAX_OF_LANGCHAIN = {"f-string": "format", "jinja2": "jinja", "mustache": "mustache"}
# As many parts a file may have for each of its characters, and besides.
_PARTS_EACH, _PARTS = 10, 1_000


class PromptInFile(NamedTuple):
    """A prompt as a file has it.

    Attributes
    ----------
    name
        What the file calls it; its number if it has no name.
    messages
        Its messages.
    syntax
        The syntax of its placeholders, None where the file does not tell.
    refusal
        Why it cannot be taken; the others of its file can.
    """

    name: str
    messages: Sequence[Mapping[str, Any]]
    syntax: str | None
    refusal: InvalidArgumentError | None = None


def prompt_in(path: Path, name: str | None) -> PromptInFile:
    """Return the prompt of this name in a file, or its only one.

    Raises
    ------
    InvalidArgumentError
        If the file cannot be read, has no prompt, or has several and none of that name.
    """
    found = list(_prompts_in(path))
    if name is not None:
        found = [each for each in found if each.name == name]
    if len(found) != 1:
        names = ", ".join(dict.fromkeys(each.name for each in _prompts_in(path)))
        raise InvalidArgumentError(
            "name", name, f"{path} has the prompts {names or '(none)'}: name one of them."
        )
    if found[0].refusal is not None:
        raise found[0].refusal
    return found[0]


def content_of(path: Path) -> Any:
    """Return what a file of JSON or YAML says.

    Raises
    ------
    InvalidArgumentError
        If it cannot be read.
    """
    text = text_of(path)
    if path.suffix in _YAML:
        import yaml  # noqa: PLC0415 - few have such files

        try:
            return _checked_size(yaml.safe_load(text), _PARTS_EACH * len(text) + _PARTS)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise _unreadable(path, error) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None


def _checked_size(content: Any, most: int) -> Any:
    """Return what YAML says if, with what its aliases repeat, it has no more than `most` parts.

    Raises
    ------
    ValueError
        If it has more: a few lines may say more than fits into memory, or say themselves.
    """
    left = [content]
    for _ in range(most):
        if not left:
            break
        part = left.pop()
        if isinstance(part, Mapping):
            left += [*part, *part.values()]
        elif isinstance(part, Sequence) and not isinstance(part, str | bytes):
            left += part
    if left:
        msg = "its aliases repeat too much, or repeat themselves: write out what they stand for"
        raise ValueError(msg)
    return content


def text_of(path: Path) -> str:
    """Return the text of a file.

    Raises
    ------
    InvalidArgumentError
        If it cannot be read.
    """
    try:
        # Line breaks are kept; and Windows' editors begin with a mark that no text has.
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def files_named(entry: str, beside: Path) -> list[Path] | None:
    """Return the files that an entry of a promptfoo config names, None if it names none.

    Parameters
    ----------
    entry
        What stands there: ``file://`` and a path, a path alone, or some other text.
    beside
        The config: paths are relative to its folder.

    Raises
    ------
    InvalidArgumentError
        If it has a pattern that no file matches.
    """
    named = entry.removeprefix(_FILE)
    is_path = len(entry.split("\n")) == 1 and not set("{}") & set(entry)
    suffixes = {*_TEXTS, *_YAML, *_CODE, ".json", ".jsonl"} - {""}
    known = named.endswith(tuple(suffixes)) or any(f"{each}:" in named for each in _CODE)
    if not entry.startswith(_FILE) and not (is_path and known):
        return None
    if "*" not in named:
        return [beside.parent / named]
    whole = beside.parent / named
    first = next(place for place, part in enumerate(whole.parts) if "*" in part)
    found = sorted(Path(*whole.parts[:first]).glob("/".join(whole.parts[first:])))
    if not found:
        raise InvalidArgumentError("path", str(beside), f"no file matches {shown(entry, 200)}.")
    return found


def _unreadable(path: Path, error: Exception) -> InvalidArgumentError:
    return InvalidArgumentError("path", str(path), f"it cannot be read: {shown(str(error), 200)}.")


def _prompts_in(path: Path) -> Iterator[PromptInFile]:
    if path.suffix in _TEXTS:
        yield PromptInFile(path.stem, _said(text_of(path)), None)
        return
    if path.suffix not in {".json", *_YAML}:
        remedy = f"it is none of .json, .yaml and .txt. This is {_READ}"
        if path.suffix == ".jsonl":
            remedy = (
                "it has rows, and no prompt: mipro_nb.datasets.from_file reads them. The prompt is "
                "in the JSON of the eval or of its run."
            )
        raise InvalidArgumentError("path", str(path), remedy)
    yield from _read(content_of(path), path, path.stem)


def _read(value: Any, path: Path, name: str) -> Iterator[PromptInFile]:
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        if all(isinstance(each, Mapping) and "content" in each for each in value):
            yield PromptInFile(name, _messages(value), None)
            return
        for number, each in enumerate(value):
            yield from _read(each, path, str(number))
        return
    if isinstance(value, Mapping):
        called = str(value.get("name", name))
        if "prompts" in value:
            yield from _of_promptfoo(value["prompts"], path)
            return
        for key in ("prompt", "template"):
            if key in value:
                messages = _messages(value[key])
                is_jinja = key == "template" and any(_is_jinja(each) for each in messages)
                written = str(value.get("template_format"))  # in LangChain's files
                syntax = _SYNTAX_OF_LANGCHAIN.get(written, "jinja" if is_jinja else "mustache")
                yield PromptInFile(called, messages, syntax)
                return
        if "instructions" in value and "input" in value:  # a request to OpenAI's Responses API
            system = {"role": "system", "content": value["instructions"]}
            yield PromptInFile(called, [system, *_messages(value["input"])], None)
            return
        if (messages := _of_openai(value)) is not None:
            yield PromptInFile(called, _messages(messages), None)
            return
    raise InvalidArgumentError("path", str(path), f"there is no prompt in it. This is {_READ}")


def _messages(given: Any) -> Sequence[Mapping[str, Any]]:
    """Return messages as `ChatPrompt` takes them, from a text or from a list of another tool's."""
    if isinstance(given, str):
        return _said(given)
    made = []
    for each in given if isinstance(given, Sequence) else [given]:
        if isinstance(each, Mapping) and each.get("type") == "placeholder":
            raise InvalidArgumentError(
                "messages",
                each,
                "a placeholder for whole messages has no text: put the turns there, or a text "
                "with a placeholder of its own.",
            )
        made.append(_message(each) if isinstance(each, Mapping) else each)
    return made


def _is_jinja(message: Any) -> bool:
    """Tell whether a message has blocks, by which MLflow knows Jinja from plain placeholders."""
    content = message.get("content") if isinstance(message, Mapping) else message
    return isinstance(content, str) and _BLOCK.search(content) is not None


def _message(given: Mapping[str, Any]) -> Mapping[str, Any]:
    content = only_text(given.get("content"))
    if isinstance(content, str):
        content = _OF_ITEM.sub(r"{{ \1 }}", content)
    kept = {key: value for key, value in given.items() if key not in ("type", "content")}
    return {**kept, "content": content}


def only_text(content: Any) -> Any:
    """Return the text of a content that is one part of text, as APIs take it; else the content."""
    match [content] if isinstance(content, Mapping) else content:
        case [{"type": "text" | "input_text", "text": str() as text, **more}] if not more:
            return text
        case _:
            return content


def _said(text: str) -> Sequence[Mapping[str, Any]]:
    return [{"role": "user", "content": text}]


def _of_openai(value: Mapping[str, Any]) -> Any:
    for key in ("data_source", "input_messages", "messages", "template"):
        if key in value:
            inner = value[key]
            return _of_openai(inner) if isinstance(inner, Mapping) else inner
    return None


def _of_promptfoo(prompts: Any, path: Path) -> Iterator[PromptInFile]:
    listed = (
        prompts if isinstance(prompts, Sequence) and not isinstance(prompts, str) else [prompts]
    )
    for number, each in enumerate(listed):
        name, text = str(number), each
        if isinstance(each, Mapping):
            text = each.get("raw", each.get("id"))
            name = str(each.get("label", each.get("id", number)))
        if not isinstance(text, str):
            remedy = "a prompt is a text, a file, or has raw or id: no functions."
            raise InvalidArgumentError(f"prompts[{number}]", shown(repr(each), 80), remedy)
        yield from _of_entry(name, text, path)


def _of_entry(name: str, text: str, path: Path) -> Iterator[PromptInFile]:
    files = files_named(text, path)
    if files is None:
        yield _of_nunjucks(name, _chat_or_text(text))
        return
    for file in files:
        beside = file.as_posix().removeprefix(f"{path.parent.as_posix()}/")
        called = name if len(files) == 1 else beside
        yield from _of_named_file(called, file)


def _of_named_file(name: str, file: Path) -> Iterator[PromptInFile]:
    if file.suffix in _TEXTS:
        parts = re.split(r"\r?\n---\r?\n", text_of(file))
        for number, part in enumerate(parts):
            called = name if len(parts) == 1 else f"{name}[{number}]"
            yield _of_nunjucks(called, _chat_or_text(part.strip()))
    elif file.suffix in {".json", *_YAML}:
        yield _of_nunjucks(name, _messages(content_of(file)))
    else:
        refusal = InvalidArgumentError(
            "prompts", str(file), "no code of a prompt is run: give a text, JSON or YAML file."
        )
        yield PromptInFile(name, [], None, refusal)


def _of_nunjucks(name: str, messages: Sequence[Mapping[str, Any]]) -> PromptInFile:
    """Return a prompt of promptfoo's, whose Nunjucks keeps a last line break that Jinja drops."""
    made = [
        {**each, "content": f"{each['content']}\n"}
        if isinstance(each, Mapping) and str(each["content"]).endswith("\n")
        else each
        for each in messages
    ]
    return PromptInFile(name, made, "jinja")


def _chat_or_text(text: str) -> Sequence[Mapping[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _said(text)
    is_chat = isinstance(value, list) and all(isinstance(each, Mapping) for each in value)
    return _messages(value) if is_chat else _said(text)
