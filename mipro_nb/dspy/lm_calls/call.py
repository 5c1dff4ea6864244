"""One call of one of DSPy's LMs: through the gate, and out by DSPy's own transport."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import dspy
from pydantic import BaseModel

from mipro_nb.core_loop import in_worker
from mipro_nb.dspy.lm_calls.answers import packed, text_of, together, unpacked
from mipro_nb.dspy.lm_calls.asked import Asked
from mipro_nb.dspy.lm_calls.callers import calling_predictor, proxy_of
from mipro_nb.dspy.lm_calls.failures import as_dspy, meaning
from mipro_nb.dspy.lm_calls.history import Entry, entry_of, tell_lm, tell_modules, tell_rehearsed
from mipro_nb.dspy.lm_calls.rehearsed import made_up_reply
from mipro_nb.dspy.lm_calls.single_use import ROLLOUT, single_use
from mipro_nb.dspy.lm_calls.temperature import TEMPERATURE
from mipro_nb.dspy.lm_calls.usage import tell_usage
from mipro_nb.errors import CallRefusedError, LMError
from mipro_nb.language.execution.attempt import lm_call
from mipro_nb.language.lms.settings import settings
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.gate import current_gate
from mipro_nb.models.messages import Written
from mipro_nb.models.prices import Price, as_price, listed_price
from mipro_nb.models.retryable import RetryableError
from mipro_nb.models.services.worst_case import LIMITS
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.redaction import (
    is_harmless,
    secrets,
    texts_of_unknown,
    texts_of_url,
)

# What an LM is given that says where a call goes, and nothing about its answer.
CLIENT_SETTINGS = frozenset({
    "api_key", "api_base", "base_url", "headers", "extra_headers", "timeout", "api_version",
    "azure_ad_token_provider", "organization", "project", "extra_query",
    "custom_llm_provider", "model_list", "num_retries", "cache", "rollout_id",
    "prompt_cache", "provider",
})  # fmt: skip
# What it is asked, and settings that say nothing about who pays.
_ASKED_BY = frozenset({"messages", "request", "prompt"})
_OPEN = frozenset({
    "api_base", "base_url", "api_version", "custom_llm_provider", "num_retries", "cache",
    "rollout_id", "prompt_cache", "provider",
})  # fmt: skip
_KEY_VARIABLES = ("_API_KEY",)
_URL_VARIABLES = ("_API_BASE", "_BASE_URL")


@dataclass
class _Sending:
    """What came of the attempts at one call.

    Attributes
    ----------
    raised
        What failed ones raised.
    is_answered
        Whether one was answered.
    entry
        What the LM wrote of it into its history, if it did.
    """

    raised: list[Exception] = field(default_factory=list)
    is_answered: bool = False
    entry: Entry | None = None


async def answered(asked: Asked) -> Any:
    """Return what DSPy's LM would, through the gate that the caller belongs to; on the core loop.

    Raises
    ------
    CallRefusedError
        If none may be made.
    dspy.LMError
        If the call failed; because of an LMUnavailableError if no other would succeed.
    """
    predictor = calling_predictor()
    replies = asked.replies
    if settings.stand_in is not None and predictor is not None:
        options = {n: v for n, v in asked.options.items() if n != "messages"}
        reply = await made_up_reply(settings.stand_in, predictor, asked.messages, options)
        made_up = _made_up_answer(asked, reply)
        for _ in range(replies):
            tell_usage(asked.lm, made_up)
        entry = entry_of(asked.lm, asked.prompt, asked.options, made_up, [reply] * replies)
        tell_rehearsed(asked.lm, entry)
        return [reply] * replies
    if replies == 1:
        return await _through_gate(asked, predictor)
    # DSPy sends them one by one as well, so that each has to be counted.
    single = replace(asked, options={**asked.options, "n": 1})
    found = await asyncio.gather(*(_through_gate(single, predictor) for _ in range(replies)))
    return together([output for each in found for output in each])


async def _through_gate(asked: Asked, predictor: Any) -> Any:
    lm, sending = asked.lm, _Sending()
    proxy = proxy_of(predictor)
    name = proxy.bound_name if proxy else None
    call = call_of(lm, asked.written, {**asked.options, **asked.limit}, name)
    try:
        with lm_call(call.asked):
            answer = await current_gate().admit(call, partial(_attempt, asked, sending))
    except CallRefusedError:
        raise
    except LMError as error:
        raised = sending.raised[-1] if sending.raised else None
        raise as_dspy(error, raised, lm.model) from error
    tell_usage(lm, answer)
    outputs = unpacked(answer.text, answer.thoughts, getattr(lm, "model_type", "chat"))
    entry = sending.entry
    if not sending.is_answered:
        entry = entry_of(lm, asked.prompt, asked.options, answer, outputs)
        tell_lm(lm, entry)
    if entry is not None:
        tell_modules(entry)
    return outputs


def _made_up_answer(asked: Asked, reply: str) -> Answer:
    read = count_message_tokens(asked.written.messages)
    return Answer(text=reply, input_tokens=read, output_tokens=count_tokens(reply))


def call_of(lm: Any, messages: Written, options: Mapping[str, Any], predictor: str | None) -> Call:
    """Return the call that asking `lm` so leads to."""
    given = {
        name: value for name, value in {**lm.kwargs, **options}.items() if name not in _ASKED_BY
    }
    secrets.add(texts_of_unknown({n: v for n, v in given.items() if n not in _OPEN}))
    secrets.add(_from_environment(lm, _KEY_VARIABLES))
    parameters = {
        name: _described(value)
        for name, value in given.items()
        if value is not None and name not in CLIENT_SETTINGS
    }
    return Call(
        model=lm.model,
        server=server_of(lm, options),
        messages=messages.messages,
        parameters=parameters,
        rollout=int(given.get("rollout_id") or 0),
        cache=bool(options.get("cache", keeps_answers(lm))),
        price=price_of(lm),
        num_retries=int(getattr(lm, "num_retries", 0) or 0),
        predictor=predictor,
        media_tokens=messages.media_tokens,
    )


def server_of(lm: Any, options: Mapping[str, Any] | None = None) -> str:
    """Return what answers: the address that was given, else the name of the provider."""
    given = {**lm.kwargs, **(options or {})}
    address = given.get("api_base") or given.get("base_url")
    address = address or next(_from_environment(lm, _URL_VARIABLES), None)
    if not isinstance(address, str):
        return str(lm.model).partition("/")[0]
    parts = urlsplit(address)
    secrets.add(text for text in texts_of_url(address) if text != parts.path)
    return address


def saved_by_dspy(lm: Any) -> list[str]:
    """Return the names of what DSPy writes with an LM to a saved program, and may be a key."""
    left_out = _OPEN | {"api_key", "timeout"}
    return [
        name
        for name, value in lm.kwargs.items()
        if value is not None and name not in left_out and not is_harmless(name)
    ]


def keeps_answers(lm: Any) -> bool:
    """Tell whether equal calls are answered from the record; they are, if no ``cache`` is set."""
    return bool(getattr(lm, "cache", True))


def price_of(lm: Any) -> Price | None:
    """Return the prices that the LM has as ``price``, else the listed ones, None if none are.

    Raises
    ------
    InvalidArgumentError
        If its ``price`` is not one.
    """
    own = as_price(getattr(lm, "price", None))
    if own is not None:
        return own
    provider, _, model = str(lm.model).partition("/")
    return listed_price(provider, model) if model else None


def _from_environment(lm: Any, endings: tuple[str, ...]) -> Iterator[str]:
    prefix = str(lm.model).partition("/")[0].upper().replace("-", "_")
    for ending in endings:
        if value := os.environ.get(f"{prefix}{ending}"):
            yield value


def _described(value: Any) -> Any:
    """Return a parameter as it can be written down: types as their schemas."""
    if isinstance(value, type) and issubclass(value, BaseModel):
        return {"type": "json_schema", "json_schema": value.model_json_schema()}
    return value


async def _attempt(asked: Asked, sending: _Sending, call: Call) -> Answer:
    """Make one attempt by DSPy's own transport, without a temperature of ours that is refused."""
    ours = asked.temperature
    if ours is None or TEMPERATURE not in asked.options:
        return await _attempted(asked, sending, call)
    if ours.is_left_out(sending.raised):
        others = {name: value for name, value in asked.options.items() if name != TEMPERATURE}
        spared = replace(asked, options=others)
        answer = await _attempted(spared, sending, call)
        return answer.model_copy(
            update={"notes": (ours.note_on(call.model, asked.options[TEMPERATURE]),)}
        )
    try:
        return await _attempted(asked, sending, call)
    except LMError as failure:
        if not ours.is_refused_by(failure, sending.raised[-1]):
            raise
        what = f"{call.model} refused a parameter"
        raise RetryableError("other terms", what, str(failure)) from None


async def _attempted(asked: Asked, sending: _Sending, call: Call) -> Answer:
    lm = single_use(asked.lm)
    keeps_history = not dspy.settings.disable_history
    # It is our own, with this call's entry alone; callbacks look for it in its history.
    entries: list[Entry] = lm.history if keeps_history else []
    lm.update_history = entries.append
    failure: Exception | None = None
    try:
        # The usage is told once the gate has the answer, as that of kept answers is.
        with dspy.context(disable_history=False, usage_tracker=None):
            given = await _sent(asked, lm, call)
    except Exception as error:  # noqa: BLE001 - of whatever transport
        sending.raised.append(error)
        failure = meaning(error, call)
    if failure is not None:
        # Not inside the except block: what DSPy raised may hold the request, and with it the key.
        raise failure
    sending.is_answered = True
    entry = entries[-1] if entries else {}
    if keeps_history and entry:
        sending.entry = entry
        tell_lm(asked.lm, entry)
    return _answer(given, entry, call)


async def _sent(asked: Asked, lm: Any, call: Call) -> Any:
    """Call the copy `lm` as the program called its LM, with the limit that a cap has set.

    The rollout is not handed on: it told the call apart for the gate, and a client of openai's in
    a class of the user's own refuses it.
    """
    options = {n: v for n, v in asked.options.items() if n not in {"cache", ROLLOUT}}
    args = asked.args
    if asked.request is not None:
        args, options = (), {**options, "request": _limited(asked.request, call)}
    else:
        given = {**lm.kwargs, **options}
        options |= {
            name: call.parameters[name]
            for name in LIMITS
            if name in call.parameters and call.parameters[name] != given.get(name)
        }
    with _from_adapter(lm, options.get("messages")):
        if asked.is_async:
            return await asked.original(lm, *args, **options)
        if type(lm) is dspy.LM and isinstance(getattr(lm, "engine", ""), str):
            return await dspy.BaseLM.acall(lm, *args, **options)
        # A class or an engine of the user's own may know no other way than it was called by.
        return await in_worker(asked.original, lm, *args, **options)


def _limited(request: Any, call: Call) -> Any:
    """Return a Request with the limit that a cap has set, where it names none itself."""
    limit = next((call.parameters[name] for name in LIMITS if name in call.parameters), None)
    if not call.capped or request.config.max_tokens is not None:
        return request
    return replace(request, config=replace(request.config, max_tokens=limit))


@contextmanager
def _from_adapter(lm: Any, messages: Any) -> Iterator[None]:
    """Keep DSPy from telling its users of messages that its own adapters have written."""
    try:
        from dspy.clients._deprecation import adapter_message_call  # noqa: PLC0415 - goes in 3.5
    except ImportError:
        yield
        return
    with adapter_message_call(lm, messages):
        yield


def _answer(given: Any, entry: Mapping[str, Any], call: Call) -> Answer:
    usage = entry.get("usage") or {}
    read, wrote = usage.get("prompt_tokens"), usage.get("completion_tokens")
    details = usage.get("prompt_tokens_details") or {}
    cached = _value(details, "cached_tokens") or 0
    text, thoughts = packed(given)
    counted = isinstance(read, int) and isinstance(wrote, int)
    read = read if isinstance(read, int) else count_message_tokens(call.messages)
    wrote = wrote if isinstance(wrote, int) else count_tokens(text_of(given))
    return Answer(
        text=text,
        truncated=_is_truncated(entry.get("response")),
        input_tokens=read,
        output_tokens=wrote,
        cached_input_tokens=min(read, cached),
        thoughts=thoughts,
        counted=counted,
    )


def _is_truncated(response: Any) -> bool:
    found = _value(response, "choices") or response
    parts = found if isinstance(found, list | tuple) else [found]
    return any(_value(part, "finish_reason") == "length" for part in parts)


def _value(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
