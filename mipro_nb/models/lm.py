"""LMs: any model behind an OpenAI-compatible server, or the embedded one."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from mipro_nb.core_loop import core, on_core
from mipro_nb.errors import EmptyAnswerError, InvalidArgumentError, ProgramError, ReplyError
from mipro_nb.language.execution.attempt import lm_call
from mipro_nb.language.formats import check_choice
from mipro_nb.language.lm_protocol import Completion, LanguageModel, LMRequest
from mipro_nb.language.options import check_flag, check_options
from mipro_nb.language.prompt import write_retry
from mipro_nb.language.settings import settings
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.counted import CountedLM
from mipro_nb.models.gate.caps import Caps
from mipro_nb.models.gate.draws import seed_of
from mipro_nb.models.gate.gate import current_gate
from mipro_nb.models.prices import Price, as_price, listed_context, listed_price
from mipro_nb.models.services import local
from mipro_nb.models.services.redaction import (
    NOT_SHOWN,
    is_harmless,
    secrets,
    shown_parameters,
    shown_url,
    texts_of_openai_headers,
    texts_of_proxies,
    texts_of_unknown,
)
from mipro_nb.models.services.registry import is_reasoning_model, key_from_environment, resolve
from mipro_nb.models.services.worst_case import names_limit, unlimited_reply_tokens
from mipro_nb.numbers import is_count, is_number


class LM:
    """A language model.

    Parameters
    ----------
    model
        ``"service/model"``, such as ``"openai/gpt-4o-mini"``; with `base_url`, any name that the
        server knows.
    api_key
        The key; taken from the service's environment variable (``OPENAI_API_KEY``, …) if None.
    base_url
        An OpenAI-compatible server; the service's own if None. For ``openai/…`` the environment
        variable ``OPENAI_BASE_URL``, if it is set, comes before the service's own.
    temperature
        Sampling temperature, 0 to 2; None for the server's own. Not sent to models that refuse it,
        such as reasoning models.
    max_tokens
        Longest reply, in tokens; None for the server's own limit. Reasoning models get it as
        ``max_completion_tokens``, and none unless it is given, since it bounds their thoughts.
        In a run with ``max_usd`` or ``max_tokens`` None means 4,096 tokens, or 16,384 for reasoning
        models: a cap can be kept only if the longest reply is known.
    seed
        Sampling seed sent to the server, None for none.
    cache
        Whether equal calls are answered from the record. Within one run equal calls at
        temperature 0 are sent once in any case. Above it every call is a draw of its own: only
        the same execution again, in Evaluate or a run, has the same draws; calls of your own are
        always sent.
    price
        USD per million tokens: a `Price`, (input, output) or (input, output, cached input).
        Looked up in genai-prices if None; unknown if it is not there.
    num_retries
        How often a call is tried again after 408, 409, 5xx, a time-out or a lost connection: after
        0.5 s, then twice as long each time, at most 8 s; or when the server says (Retry-After),
        at most 60 s. A call that a rate limit turns away (429) is not a failure as long as others
        get through: it waits for its turn.
    timeout
        Seconds before an attempt is given up, its reply read to the end or not.
    structured_outputs
        Ask for replies by JSON schema; where a server refuses that, they are asked for in words.
    prompt_format
        ``"lines"``, ``"tags"``, ``"json"`` or, for one output, ``"value"``: how this LM is asked
        for outputs, whatever `configure` says. ``"auto"``: a run measures which is the best, and
        all other calls are made in the default one. None for the default: JSON with
        `structured_outputs`, else what is known to suit the model, which is lines for most; a run
        measures it where that is not known, see `MIPROv2.compile`.
    stream
        Ask for answers as a stream, as some servers demand; they are read when they are whole. A
        server that turns out to demand it gets its way without.
    api_base
        Another name of `base_url`, which DSPy's users know.
    **parameters
        Whatever else the server takes: ``top_p``, ``stop``, ``reasoning_effort``, …

    Raises
    ------
    InvalidArgumentError
        If the model is unknown, its key missing, a number out of range, `api_base` another
        server than `base_url`, or there is no such prompt format.

    Examples
    --------
    >>> LM("openai/gpt-4o-mini", temperature=0.7, max_tokens=300)
    LM('openai/gpt-4o-mini')
    >>> own = LM("my-model", base_url="http://127.0.0.1:8000/v1", price=(0.10, 0.40))
    >>> own.price
    Price(input=0.1, output=0.4, cached_input=None)
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        seed: int | None = None,
        cache: bool = True,
        price: Price | tuple[float, ...] | None = None,
        num_retries: int = 3,
        timeout: float = 120.0,
        structured_outputs: bool = False,
        prompt_format: str | None = None,
        stream: bool = False,
        api_base: str | None = None,
        **parameters: Any,
    ) -> None:
        for name, flag in (
            ("cache", cache),
            ("structured_outputs", structured_outputs),
            ("stream", stream),
        ):
            check_flag(name, flag)
        self.name = model
        self.structured_outputs = structured_outputs
        self.prompt_format = check_choice(prompt_format)
        self.keeps_to_labels = False
        self._lacks_key = False
        self._local: Mapping[str, Any] | None = None
        self.cache = cache
        if "default_headers" in parameters:
            raise InvalidArgumentError("default_headers", NOT_SHOWN, "call it extra_headers=.")
        self._endpoint = resolve(model, _one_of(base_url, api_base), api_key)
        self._answerer = self._endpoint.base_url
        secrets.add(self._endpoint.secrets())
        secrets.add(texts_of_proxies())
        secrets.add(texts_of_openai_headers())
        secrets.add(texts_of_unknown(parameters))
        _check_numbers(max_tokens, seed, num_retries, timeout)
        given = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed, **parameters}
        check_options(given)
        self._options = given
        self.price = as_price(price)
        if self.price is None and self._endpoint.provider is not None:
            self.price = listed_price(self._endpoint.provider, self._endpoint.model)
        self._context_tokens: int | None = None
        if self._endpoint.provider is not None:
            self._context_tokens = listed_context(self._endpoint.provider, self._endpoint.model)
        # It brings openai, which takes long: not to those who only look at runs, and not while
        # the first call waits for it, when clocks are running.
        from mipro_nb.models.services.client import Client  # noqa: PLC0415

        self._client = Client(self._endpoint, timeout=timeout, stream=stream)
        self._num_retries = num_retries

    @classmethod
    def local(
        cls,
        *,
        path: str | Path | None = None,
        context_tokens: int = 4096,
        max_tokens: int = 200,
        **settings: Any,
    ) -> Self:
        """Return the embedded model, started in this process: no key, no network, no cost.

        It is SmolLM2-135M-Instruct, run by llama.cpp on a free loopback port; started at most
        once per process and model file, and shut down at exit. It answers one call at a time,
        which is the fastest on few cores and gives the same answers however calls arrive. Where a
        signature has one output of a few possible values (a Literal or a bool), the reply is the
        bare value, and a grammar keeps the model to these values.

        Parameters
        ----------
        path
            A .gguf file to use instead.
        context_tokens
            Longest prompt and reply together, in tokens.
        max_tokens
            Longest reply, in tokens.
        **settings
            Further parameters of `LM`.

        Raises
        ------
        MissingExtraError
            If llama.cpp or the weights are not installed; the text tells the commands.
        """
        server = local.start(path, context_tokens)
        chosen = {"price": Price(0.0, 0.0), "timeout": 600.0, **settings}
        lm = cls(server.model, base_url=server.base_url, max_tokens=max_tokens, **chosen)
        lm._answerer = server.identity
        lm.keeps_to_labels = True
        lm._context_tokens = context_tokens
        lm._local = {"path": path, "context_tokens": context_tokens}
        return lm

    async def acomplete(self, request: LMRequest) -> Completion:
        """Return the answer to `request`, sent through the gate of the run it belongs to."""
        return await on_core(self._complete(request))

    async def _complete(self, request: LMRequest) -> Completion:
        call = self.call_for(request)
        with lm_call():
            try:
                answer = await current_gate().admit(call, self._send)
            except EmptyAnswerError as error:
                return Completion("", problem=f"There is none: {error}")
        return Completion(answer.text, answer.truncated, answer.thoughts, answer.problem)

    async def _send(self, call: Call) -> Answer:
        # The embedded model draws with the seed that it is given: so the same draw of another
        # process, or of a record that is lost, is the same text.
        if self._local is not None and call.draw and "seed" not in call.parameters:
            call = replace(call, parameters={**call.parameters, "seed": seed_of(call)})
        return await self._client.send(call)

    def call_for(self, request: LMRequest) -> Call:
        """Return the call that `request` leads to, without making it."""
        if self._lacks_key:
            self._find_key()
        secrets.add(texts_of_unknown(request.options))
        check_options(request.options)
        parameters = self._parameters({**self._options, **request.options})
        if request.schema is not None:
            schema = {"name": "reply", "schema": dict(request.schema), "strict": True}
            parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.labels and self.keeps_to_labels:
            parameters["grammar"] = local.grammar_of(request.labels)
        return Call(
            model=self._endpoint.model,
            server=self._answerer,
            messages=request.messages,
            parameters=parameters,
            rollout=request.rollout,
            cache=self.cache,
            price=self.price,
            num_retries=self._num_retries,
            predictor=request.predictor,
        )

    def shown_settings(self) -> dict[str, Any]:
        """Return what answers and their price depend on, without anything that may be a key."""
        own = self._answerer == self._endpoint.base_url
        price = self.price
        return {
            "server": shown_url(self._endpoint.base_url) if own else self._answerer,
            **shown_parameters(self._parameters(self._options)),
            "structured_outputs": self.structured_outputs,
            "prompt_format": self.prompt_format,
            "price": price and [price.input, price.output, price.cached_input],
        }

    @property
    def context_tokens(self) -> int | None:
        """Return how many tokens prompt and reply may have together, None if that is not known."""
        return self._context_tokens

    @property
    def max_tokens(self) -> int | None:
        """Return the longest reply in tokens, None if only the server limits it."""
        return self._options["max_tokens"]  # type: ignore[no-any-return]

    def _parameters(self, options: Mapping[str, Any]) -> dict[str, Any]:
        sent = {name: value for name, value in options.items() if value is not None}
        if is_reasoning_model(self._endpoint.model):
            sent.pop("temperature", None)
            if "max_tokens" in sent:
                sent["max_completion_tokens"] = sent.pop("max_tokens")
        return sent

    def __call__(self, prompt: str) -> list[str]:
        """Send one user message and return the reply, in a list as DSPy's users expect.

        Raises
        ------
        ReplyError
            If there is no reply, as after a refusal, and none either when it is asked for again.
        """
        return [core().wait_for(self._reply_to(prompt))]

    async def _reply_to(self, prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        completion = await self.acomplete(LMRequest(messages))
        if completion.problem:
            again = write_retry(messages, completion.text, completion.problem)
            completion = await self.acomplete(LMRequest(again))
        if completion.problem:
            raise ReplyError(completion.problem, completion.text, {})
        return completion.text

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # a connection and a key: programs that are copied share them

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what is pickled: name and settings, without key, connection and what may be one.

        Where it is loaded, the key comes from the environment, or from the configured LM of the
        same server.
        """
        kept = {name: value for name, value in self._options.items() if is_harmless(name)}
        left_out = sorted(self._options.keys() - kept.keys())
        url = self._endpoint.base_url
        if shown_url(url) != url:
            left_out.append("base_url")
        if left_out:
            warnings.warn(
                f"{self!r} is pickled without {', '.join(left_out)}, which may hold a key: where "
                "it is loaded, configure(lm=…) has to give it.",
                stacklevel=2,
            )
        given = {
            **kept,
            "base_url": shown_url(url),
            "structured_outputs": self.structured_outputs,
            "prompt_format": self.prompt_format,
            "cache": self.cache,
            "price": self.price,
            "num_retries": self._num_retries,
            "timeout": self._client.timeout,
        }
        lacks = bool(left_out) or self._endpoint.has_key
        return _revived, (type(self), self.name, given, lacks, self._local)

    def take_over(self, loaded: LM) -> bool:
        """Give an LM of the same server, loaded without its key, what it lacks; tell whether so."""
        here, there = self._endpoint, loaded._endpoint
        if self._lacks_key or shown_url(here.base_url) != there.base_url:
            return False
        own = {name: v for name, v in self._options.items() if not is_harmless(name)}
        loaded._options = {**own, **loaded._options}
        loaded._endpoint = replace(there, base_url=here.base_url, api_key=here.api_key)
        loaded._answerer = self._answerer
        loaded._client = type(self._client)(loaded._endpoint, timeout=loaded._client.timeout)
        loaded._lacks_key = False
        return True

    def _find_key(self) -> None:
        """Take the key, after loading, from the environment or from the configured LM.

        Raises
        ------
        ProgramError
            If neither has it.
        """
        configured = settings.lm
        if isinstance(configured, LM) and configured.take_over(self):
            return
        variable = self._endpoint.key_variable
        where = f"set {variable}, or call" if variable else "call"
        msg = (
            f"{self!r} was loaded without its key: {where} configure(lm=LM({self.name!r}, "
            "api_key=…))."
        )
        raise ProgramError(msg)

    def __repr__(self) -> str:
        return f"LM({self.name!r})"


def _revived(
    cls: type[LM],
    name: str,
    given: Mapping[str, Any],
    lacks_key: bool,  # noqa: FBT001 - pickle gives what follows by place
    local_server: Mapping[str, Any] | None,
) -> LM:
    """Return an LM that was pickled; its key is looked for here."""
    if local_server is not None:
        own = {key: value for key, value in given.items() if key != "base_url"}
        return cls.local(**local_server, **own)
    found = key_from_environment(name)
    lm = cls(name, api_key=found or "none", **given)
    lm._lacks_key = lacks_key and not found
    return lm


def OpenAI(model: str, **settings: Any) -> LM:  # noqa: N802 - the name that DSPy's users know
    """Return ``LM("openai/" + model, **settings)``."""
    name = model if model.startswith("openai/") else f"openai/{model}"
    return LM(name, **settings)


def limits_noted(caps: Caps, lms: Iterable[LanguageModel]) -> list[str]:
    """Return notes on the limits that `caps` set to the replies of `lms`."""
    cap = "max_usd" if caps.max_usd is not None else "max_tokens"
    calls = [(lm.name, lm.call_for(LMRequest([]))) for lm in lms if isinstance(lm, CountedLM)]
    notes = [
        f"Under the cap {cap}, replies of {name} are limited to "
        f"{unlimited_reply_tokens(call.model):,} tokens: give LM(max_tokens=…) for another limit."
        for name, call in calls
        if caps.bound_tokens and not names_limit(call)
    ]
    return list(dict.fromkeys(notes))


def _one_of(base_url: str | None, api_base: str | None) -> str | None:
    if base_url is not None and api_base is not None and base_url != api_base:
        raise InvalidArgumentError(
            "api_base", NOT_SHOWN, "it is another name of base_url=, which is also given: drop one."
        )
    return api_base if base_url is None else base_url


def _check_numbers(max_tokens: Any, seed: Any, num_retries: Any, timeout: Any) -> None:
    if max_tokens is not None and not (is_count(max_tokens) and max_tokens > 0):
        raise InvalidArgumentError("max_tokens", max_tokens, "give at least 1, or None.")
    if not (is_count(num_retries) and num_retries >= 0):
        raise InvalidArgumentError("num_retries", num_retries, "give a whole number, 0 or more.")
    if seed is not None and not is_count(seed):
        raise InvalidArgumentError("seed", seed, "give a whole number, or None.")
    if not (is_number(timeout) and timeout > 0):
        raise InvalidArgumentError("timeout", timeout, "give seconds, more than 0.")
