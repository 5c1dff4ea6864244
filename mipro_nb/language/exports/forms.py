"""The forms in which a prompt is exported."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.exports.code import langchain_code, litellm_code, openai_code
from mipro_nb.language.exports.exported_prompt import (
    PROMPTFOO,
    ExportedPrompt,
    left_out_of,
    prompt_of,
)
from mipro_nb.language.lms.lm_protocol import check_lm

if TYPE_CHECKING:
    from mipro_nb.language.lms.lm_protocol import LanguageModel
    from mipro_nb.language.prompting.predictor import Predictor


def exported(
    form: str,
    predictors: Mapping[str, Predictor],
    name: str | None,
    lm: LanguageModel | None,
) -> Any:
    """Return the prompt of one of `predictors` in a form, one of `FORMS`.

    Raises
    ------
    InvalidArgumentError
        If there is no such form or predictor, if there are several and none is named, or if the
        form cannot have the prompt.
    """
    if not isinstance(form, str) or form not in FORMS:
        raise InvalidArgumentError("form", form, f"choose one of {', '.join(FORMS)}.")
    if name is None and len(predictors) != 1:
        raise InvalidArgumentError(
            "predictor",
            None,
            f"the program has {len(predictors)} predictors, each with its prompt: name one of "
            f"{', '.join(predictors)}.",
        )
    chosen = next(iter(predictors)) if name is None else name
    if not isinstance(chosen, str) or chosen not in predictors:
        raise InvalidArgumentError("predictor", name, f"they are {', '.join(predictors)}.")
    return FORMS[form](prompt_of(predictors[chosen], check_lm("lm", lm)))


def _messages(prompt: ExportedPrompt) -> list[dict[str, str]]:
    return prompt.messages(prompt.syntax)


def _text(prompt: ExportedPrompt) -> str:
    messages = _messages(prompt)
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role']}:\n{message['content']}" for message in messages)


def _promptfoo(prompt: ExportedPrompt) -> str:
    import yaml  # noqa: PLC0415 - few want it

    call = prompt.call()
    # Unlike Jinja, it keeps the last line break.
    messages = [
        {**message, "content": message["content"].removesuffix("\n")}
        for message in prompt.messages(PROMPTFOO)
    ]
    config = {**call.parameters, **({"passthrough": dict(call.extra)} if call.extra else {})}
    if call.base_url:
        config["apiBaseUrl"] = call.base_url
    if call.key_variable not in (None, "OPENAI_API_KEY"):
        config["apiKeyEnvar"] = call.key_variable
    written = {
        "description": f"A prompt for {prompt.declaration}, optimized by mipro_nb",
        "prompts": [json.dumps(messages, ensure_ascii=False, indent=2)],
        "providers": [{"id": f"openai:chat:{call.model}", "config": config}],
    }
    text = str(yaml.dump(written, Dumper=_in_blocks(), sort_keys=False, allow_unicode=True))
    return f"# {said}\n{text}" if (said := left_out_of(call)) else text


def _in_blocks() -> type:
    """Return what writes YAML with the lines of a text below each other."""
    from yaml import SafeDumper  # noqa: PLC0415 - few want it

    class Blocks(SafeDumper):  # type: ignore[misc] # it has no types
        pass

    def block(dumper: Any, text: str) -> Any:
        style = "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Blocks.add_representer(str, block)
    return Blocks


def _markdown(prompt: ExportedPrompt) -> str:
    parts = [f"# Prompt for `{prompt.declaration}`"]
    if prompt.lm is not None:
        parts.append(f"Model: `{prompt.lm.name}`. Inputs: {', '.join(prompt.inputs)}.")
        parts += [said] if (said := left_out_of(prompt.written_call())) else []
    for message in _messages(prompt):
        runs = [len(run) for run in re.findall(r"`+", message["content"])]
        fence = "`" * max(3, 1 + max(runs, default=0))
        speaker = f"{message['role']} ({message['name']})" if "name" in message else message["role"]
        parts.append(f"## {speaker}\n\n{fence}text\n{message['content']}\n{fence}")
    return "\n\n".join(parts) + "\n"


FORMS: Mapping[str, Callable[[ExportedPrompt], Any]] = {
    "messages": _messages,
    "text": _text,
    "openai": openai_code,
    "litellm": litellm_code,
    "langchain": langchain_code,
    "promptfoo": _promptfoo,
    "markdown": _markdown,
}
"""Each form by its name, and what writes it."""
