"""A prompt as Python code. What LMs have written stands in it as literals alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.exports.exported_prompt import ExportedPrompt, left_out_of
from mipro_nb.language.lms.lm_protocol import WrittenCall
from mipro_nb.language.templates.pieces import Pieces, Placeholder
from mipro_nb.language.templates.syntaxes import written

_INDENT = " " * 4
# As the program writes a value that is not a text.
_AS_JSON = """

def _text(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
"""
# What ChatOpenAI takes itself; all else is bound to its calls.
_CHAT_OPENAI = ("max_tokens", "seed", "temperature", "top_p")


def openai_code(prompt: ExportedPrompt) -> str:
    """Return code that needs the openai package alone."""
    call = prompt.call()
    client = _arguments(
        base_url=_literal(call.base_url), api_key=_key(call.key_variable, "OPENAI_API_KEY", call)
    )
    imports = "import os\n\nfrom openai import OpenAI" if "os." in client else _IMPORT_OPENAI
    return _module(
        prompt,
        call,
        f"{imports}\n\n_client = OpenAI({client})",
        f"_client.chat.completions.create(\n{_call(call.model, prompt, call)}    )",
    )


_IMPORT_OPENAI = "from openai import OpenAI"


def litellm_code(prompt: ExportedPrompt) -> str:
    """Return code that needs the litellm package alone."""
    call = prompt.call()
    model = f"{call.provider or 'openai'}/{call.model}"
    own = {"api_base": call.base_url} if call.base_url and not call.provider else {}
    own |= {} if call.needs_key else {"api_key": "none"}
    return _module(
        prompt,
        call,
        "from litellm import completion as _completion",
        f"_completion(\n{_call(model, prompt, call, own)}    )",
    )


def langchain_code(prompt: ExportedPrompt) -> str:
    """Return code that needs langchain-openai alone: a runnable."""
    call = prompt.call()
    if named := [turn.name for turn in prompt.turns if turn.name]:
        raise InvalidArgumentError(
            "form", "langchain", f"its templates have no names of speakers, such as {named[0]!r}."
        )
    roles = {"user": "human", "assistant": "ai", "developer": "system"}
    turns = "".join(
        f"        ({roles.get(turn.role, turn.role)!r}, "
        f"{_text(written(turn.pieces, 'format'), 2)}),\n"
        for turn in prompt.turns
    )
    parameters = {**call.parameters, **call.extra}
    own = {name: value for name, value in parameters.items() if name in _CHAT_OPENAI}
    bound = {name: value for name, value in call.parameters.items() if name not in _CHAT_OPENAI}
    if call.extra:
        bound["extra_body"] = dict(call.extra)
    key = _key(call.key_variable, "OPENAI_API_KEY", call)
    model = _arguments(
        model=_literal(call.model),
        base_url=_literal(call.base_url),
        api_key=key,
        **{name: _literal(value) for name, value in own.items()},
    )
    binding = _arguments(**{name: _literal(value) for name, value in bound.items()})
    binding = f".bind({binding})" if binding else ""
    example = ", ".join(f'"{name}": "…"' for name in prompt.inputs)
    typed = [name for name in prompt.inputs if name in prompt.as_json]
    imports = [*(["json"] if typed else []), *(["os"] if "os." in model else [])]
    texts = ", ".join(f'"{name}": _text(given["{name}"])' for name in typed)
    return (
        f"{_head(prompt, call)}\n"
        + "".join(f"import {name}\n" for name in imports)
        + ("\n" if imports else "")
        + "from langchain_core.prompts import ChatPromptTemplate\n"
        + ("from langchain_core.runnables import RunnableLambda\n" if typed else "")
        + "from langchain_openai import ChatOpenAI\n"
        + (f"{_AS_JSON}\n\n" if typed else "\n")
        + f"prompt = ChatPromptTemplate.from_messages(\n    [\n{turns}    ]\n)\n"
        f"model = ChatOpenAI({model}){binding}\n"
        + (f"texts = RunnableLambda(lambda given: {{**given, {texts}}})\n" if typed else "")
        + f"chain = {'texts | ' if typed else ''}prompt | model"
        f"  # chain.invoke({{{example}}}).content\n"
    )


def _module(prompt: ExportedPrompt, call: WrittenCall, start: str, calling: str) -> str:
    parameters = ", ".join(prompt.inputs)
    turns = "".join(
        f"        {{'role': {turn.role!r}, "
        + (f"'name': {turn.name!r}, " if turn.name else "")
        + f"'content': {_template(turn.pieces, 2, prompt.as_json)}}},\n"
        for turn in prompt.turns
    )
    imports, as_json = ("import json\n", f"{_AS_JSON}\n") if prompt.as_json else ("", "\n")
    if imports and not start.startswith("import"):
        imports += "\n"
    return (
        f"{_head(prompt, call)}\n{imports}{start}\n{as_json}\n"
        f"def _messages({parameters}):\n    return [\n{turns}    ]\n\n\n"
        f'def ask({parameters}):\n    """Return the reply of the model."""\n'
        f"    _answer = {calling}\n    return _answer.choices[0].message.content\n"
    )


def _head(prompt: ExportedPrompt, call: WrittenCall) -> str:
    text = f"# A prompt for {prompt.declaration}, optimized by mipro_nb.\n"
    return f"{text}# {said}\n" if (said := left_out_of(call)) else text


def _call(
    model: str, prompt: ExportedPrompt, call: WrittenCall, own: Mapping[str, Any] | None = None
) -> str:
    passed = ", ".join(f"{name}={name}" for name in prompt.inputs)
    lines = [f"model={model!r}", f"messages=_messages({passed})"]
    lines += [f"{name}={value!r}" for name, value in {**(own or {}), **call.parameters}.items()]
    if call.extra:
        lines.append(f"extra_body={dict(call.extra)!r}")
    return "".join(f"{_INDENT * 2}{line},\n" for line in lines)


def _key(variable: str | None, usual: str, call: WrittenCall) -> str | None:
    if variable not in (None, usual):
        return f"os.environ[{variable!r}]"
    return None if call.needs_key else _literal("none")


def _arguments(**texts: str | None) -> str:
    return ", ".join(f"{name}={text}" for name, text in texts.items() if text is not None)


def _literal(value: Any) -> str | None:
    return None if value is None else repr(value)


def _template(pieces: Pieces, depth: int, as_json: Collection[str]) -> str:
    """Return an expression for text with placeholders: its lines, one below the other."""
    if not any(isinstance(piece, Placeholder) for piece in pieces):
        return _text("".join(map(str, pieces)), depth)
    source = "".join(
        (f"{{_text({piece.name})}}" if piece.name in as_json else f"{{{piece.name}}}")
        if isinstance(piece, Placeholder)
        else str(piece).replace("{", "{{").replace("}", "}}")
        for piece in pieces
    )
    return _lines([f"f{line!r}" for line in source.splitlines(keepends=True)], depth)


def _text(text: str, depth: int) -> str:
    return _lines([repr(line) for line in text.splitlines(keepends=True)] or ["''"], depth)


def _lines(literals: Iterable[str], depth: int) -> str:
    literals = list(literals)
    if len(literals) == 1:
        return literals[0]
    inner = "".join(f"{_INDENT * (depth + 1)}{each}\n" for each in literals)
    return f"(\n{inner}{_INDENT * depth})"
