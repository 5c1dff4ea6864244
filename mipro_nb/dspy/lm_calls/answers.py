"""What DSPy's LMs give back, kept as the text of an answer, and given back again.

One text is kept as it is, so that the record shows what the model wrote. What is more than that
(several replies, calls of tools, log probabilities, whole responses) is kept as JSON behind a mark.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_MARK = "[outputs of a DSPy LM, as JSON]\n"
_OUTPUTS, _RESPONSE = "outputs", "response"


class _Attributes(dict[str, Any]):
    """A dict whose items are attributes as well, as DSPy's outputs are."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def packed(given: Any) -> tuple[str, str]:
    """Return the text that holds what an LM gave back, and the thoughts beside it."""
    if not isinstance(given, list):
        return f"{_MARK}{json.dumps({_RESPONSE: _response_to_dict(given)})}", ""
    output = given[0] if len(given) == 1 else None
    thoughts = ""
    if isinstance(output, Mapping) and output.keys() <= {"text", "reasoning_content"}:
        thoughts = output.get("reasoning_content") or ""
        output = output.get("text")
    if len(given) == 1 and output is None and not isinstance(given[0], Mapping):
        output = ""  # no reply at all, which is what an empty one is taken for
    if isinstance(output, str) and not output.startswith(_MARK):
        return output, thoughts
    return f"{_MARK}{json.dumps({_OUTPUTS: _plain(given)})}", ""


def unpacked(text: str, thoughts: str, model_type: str) -> Any:
    """Return what was packed."""
    if text.startswith(_MARK):
        kept = json.loads(text.removeprefix(_MARK))
        if _RESPONSE in kept:
            return _response_from_dict(kept[_RESPONSE])
        return _with_attributes(kept[_OUTPUTS])
    if thoughts:
        return [{"text": text, "reasoning_content": thoughts}]
    return [{"text": text}] if model_type == "responses" else [text]


def together(outputs: list[Any]) -> list[Any]:
    """Return the outputs of several calls as DSPy gives those of one: all texts, or all dicts."""
    if all(isinstance(output, str) for output in outputs):
        return outputs
    return [{"text": each} if isinstance(each, str) else each for each in outputs]


def text_of(given: Any) -> str:
    """Return all texts in what an LM gave back, for counting them."""
    if not isinstance(given, list):
        return str(given)
    return "\n".join(each if isinstance(each, str) else json.dumps(_plain(each)) for each in given)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _with_attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return _Attributes({name: _with_attributes(inner) for name, inner in value.items()})
    return [_with_attributes(inner) for inner in value] if isinstance(value, list) else value


# Whole responses are asked for by lm(Request), whose form DSPy gives no public name to yet.


def _response_to_dict(response: Any) -> Any:
    from dspy._vendor.lm15.serde import response_to_dict  # noqa: PLC0415 - see above

    return response_to_dict(response, include_provider_data=True)


def _response_from_dict(kept: Any) -> Any:
    from dspy._vendor.lm15.serde import response_from_dict  # noqa: PLC0415 - see above

    return response_from_dict(kept)
