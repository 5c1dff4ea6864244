"""One LM call that user code makes by itself: through the gate, and out by its own client."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from mipro_nb.errors import MiproError, ProgramError, shown
from mipro_nb.functions.apis import Api
from mipro_nb.functions.apis.answers import unpacked
from mipro_nb.functions.executions import FunctionExecution, Held
from mipro_nb.functions.lm_calls.failures import (
    Response,
    as_response,
    no_answer,
    of_error,
    of_status,
)
from mipro_nb.functions.lm_calls.rehearsed import labels_in, made_up_reply
from mipro_nb.functions.turns import TURNS, wording_of
from mipro_nb.language.execution.attempt import lm_call
from mipro_nb.language.execution.tracing import Step, add_step
from mipro_nb.language.lms.settings import settings
from mipro_nb.language.rows.example import Prediction
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.gate import current_gate
from mipro_nb.models.messages import Written, written
from mipro_nb.models.prices import Price, listed_price
from mipro_nb.models.services.known.registry import PROVIDERS
from mipro_nb.redaction import secrets, texts_of_unknown

_NUM_RETRIES = 3
# What a header is called that holds what must not be seen.
_SECRET = re.compile(r"key|token|secret|auth|cookie", re.IGNORECASE)
_LIKE_A_KEY = 20
# What reading JSON meets that is not what an API documents.
_OF_ANOTHER_FORM = (TypeError, ValueError, AttributeError, LookupError)
_PROVIDERS = {
    **{
        urlsplit(each.base_url).hostname: name
        for name, each in PROVIDERS.items()
        if each.key_variable  # those on this machine are whatever listens there
    },
    "api.anthropic.com": "anthropic",
}


@dataclass(frozen=True)
class CaughtCall:
    """What an LM is asked over HTTP.

    Attributes
    ----------
    api
        The way in which it is asked.
    url
        Where it is asked.
    headers
        What is sent beside the body.
    body
        The body.
    send
        Makes one attempt, with another body.
    """

    api: Api
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any]
    send: Callable[[bytes], Awaitable[Response]] = field(repr=False)

    @property
    def server(self) -> str:
        """Return what answers: the address, without the end of the path."""
        return (
            urlsplit(self.url)
            ._replace(query="", fragment="")
            .geturl()
            .rstrip("/")
            .removesuffix(self.api.path)
        )

    @property
    def model(self) -> str:
        """Return the model; the path has its name where Azure is asked."""
        return str(self.body.get("model") or urlsplit(self.url).path)


async def answered(asked: CaughtCall, execution: FunctionExecution | None) -> Response:
    """Return what the server would, through the gate that the caller belongs to; on the core loop.

    Parameters
    ----------
    asked
        The call.
    execution
        The execution that makes it; None where that is not known.
    """
    try:
        messages = written(asked.api.messages(asked.body))
        asked.api.wanted(asked.body, ())
    except _OF_ANOTHER_FORM as error:
        return _unreadable(asked, execution, error)
    texts = [message["content"] for message in messages.messages]
    held = None if execution is None else execution.asking(texts)
    price = None if execution is None else execution.price
    call = _call_of(asked, messages, None if held is None else held.name, price)
    last: list[Response] = []
    try:
        answer = await _answer(asked, call, execution, held, last)
    except MiproError as error:
        if execution is not None:
            execution.failure = error
        return as_response(error, last[-1] if last else None)
    if execution is not None:
        execution.failure = None
    return _as_asked(asked, answer)


async def _answer(
    asked: CaughtCall,
    call: Call,
    execution: FunctionExecution | None,
    held: Held | None,
    last: list[Response],
) -> Mapping[str, Any]:
    stand_in = settings.stand_in
    if stand_in is None or execution is None:
        with lm_call(call.asked):
            answer = await current_gate().admit(call, partial(_attempt, asked, last))
        if execution is not None and held is not None:
            _tell_step(execution, held, asked, answer)
        return asked.api.whole(answer, asked.model)
    wanted = asked.api.wanted(asked.body, labels_in(stand_in))
    if held is not None:
        _observe(execution, held, asked, as_json=wanted.kind != "text")
    execution.observed.calls.setdefault(call.model, call)
    signature, name = (None, None) if held is None else (held.signature, held.name)
    text = await made_up_reply(stand_in, list(call.messages), wanted, signature, name)
    return asked.api.made_up(text, wanted, asked.model)


def _unreadable(asked: CaughtCall, execution: FunctionExecution | None, why: Exception) -> Response:
    error = ProgramError(
        f"It asks {asked.model} in a form that {asked.api.path} does not take "
        f"({shown(str(why), 80)}): nothing was sent. See that its messages, tools and formats are "
        "as the service documents them."
    )
    if execution is not None:
        execution.failure = error
    return as_response(error, None)


def _call_of(
    asked: CaughtCall, messages: Written, predictor: str | None, price: Price | None
) -> Call:
    """Return the call that is asked for."""
    secrets.add(texts_of_unknown({n: v for n, v in asked.headers.items() if _SECRET.search(n)}))
    parts = urlsplit(asked.url)
    secrets.add(_secrets_in(parts))
    if price is None and (provider := _PROVIDERS.get(parts.hostname or "")):
        price = listed_price(provider, asked.model)
    return Call(
        model=asked.model,
        server=asked.server,
        messages=messages.messages,
        parameters=asked.api.parameters(asked.body),
        rollout=0,
        cache=True,
        price=price,
        num_retries=_NUM_RETRIES,
        predictor=predictor,
        media_tokens=messages.media_tokens,
    )


def _secrets_in(parts: SplitResult) -> Iterator[str]:
    yield from (parts.username or "", parts.password or "")
    for name, value in parse_qsl(parts.query):
        if _SECRET.search(name) or len(value) >= _LIKE_A_KEY:
            yield value


async def _attempt(asked: CaughtCall, last: list[Response], call: Call) -> Answer:
    """Make one attempt by the client of the code that calls."""
    body = json.dumps(asked.api.limited(asked.body, call)).encode()
    failure: Exception | None = None
    try:
        response = await asked.send(body)
    except Exception as error:  # noqa: BLE001 - of whatever transport
        failure = of_error(error, call)
    if failure is not None:
        # Not inside the except block: what the client raised holds the request, and with it a key.
        raise failure
    last.append(response)
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise of_status(response, call)
    try:
        given = json.loads(response.content)
    except ValueError:
        given = None
    answer = _read(asked, given, call) if isinstance(given, Mapping) else None
    if answer is None:
        raise no_answer(response, call)
    return answer


def _read(asked: CaughtCall, given: Mapping[str, Any], call: Call) -> Answer | None:
    """Return what a response says, None where it cannot be told to the code that asked."""
    try:
        answer = asked.api.answer(given, call)
        if answer is not None and asked.body.get("stream"):
            asked.api.stream(asked.api.whole(answer, asked.model), asked.body)
    except _OF_ANOTHER_FORM:
        return None
    return answer


def _as_asked(asked: CaughtCall, whole: Mapping[str, Any]) -> Response:
    if asked.body.get("stream"):
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        return Response(HTTPStatus.OK, asked.api.stream(whole, asked.body), headers)
    headers = {"content-type": "application/json"}
    return Response(HTTPStatus.OK, json.dumps(whole).encode(), headers)


def _question(asked: CaughtCall) -> str:
    """Return the text of the last message, if it is the user's."""
    made = written(asked.api.messages(asked.body)).messages
    return made[-1]["content"] if made and made[-1]["role"] == "user" else ""


def _observe(execution: FunctionExecution, held: Held, asked: CaughtCall, *, as_json: bool) -> None:
    """Note in a rehearsal how the question is worded, and drop what another row belies."""
    observed = execution.observed
    observed.called.add(held.name)
    question = _question(asked)
    if not question or len(execution.held) > 1:
        return
    known = observed.wordings.get(held.name)
    if held.name not in observed.wordings:
        observed.wordings[held.name] = wording_of(question, execution.inputs, as_json=as_json)
    elif known is not None and known.question(execution.inputs) != question:
        observed.wordings[held.name] = None


def _tell_step(execution: FunctionExecution, held: Held, asked: CaughtCall, answer: Answer) -> None:
    """Add to the trace what was asked and answered, with the turns that a demo of it has."""
    text, _ = unpacked(answer.text)
    question = _question(asked)
    outputs = _outputs_in(text, list(held.signature.output_fields))
    if question and text and TURNS not in execution.inputs:
        turns = [
            {"role": "user", "content": question},
            {"role": "assistant", "content": text},
        ]
        outputs[TURNS] = turns
    add_step(Step(held, execution.inputs, Prediction(outputs)))  # type: ignore[arg-type]


def _outputs_in(text: str, names: Sequence[str]) -> dict[str, Any]:
    """Return the outputs that a reply gives: from its JSON, or as the only one."""
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if isinstance(read, Mapping) and any(name in read for name in names):
        return {name: read[name] for name in names if name in read}
    return {names[0]: text}
