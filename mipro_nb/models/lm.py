"""LMs: any model behind an OpenAI-compatible server, or the embedded one."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from annotated_types import Ge, Gt

from mipro_nb.arguments import only_known
from mipro_nb.checks import Flag, Number, Remedy, check
from mipro_nb.core_loop import core, on_core
from mipro_nb.errors import (
    NOT_SHOWN,
    EmptyAnswerError,
    InvalidArgumentError,
    LMNotConfiguredError,
    ReplyError,
)
from mipro_nb.language.execution.attempt import lm_call
from mipro_nb.language.execution.scored_row import is_scored
from mipro_nb.language.formats import check_choice
from mipro_nb.language.from_dspy.dspy_names import LM_ATTRIBUTES, absent, told_of_call
from mipro_nb.language.lms.gateway import lead_through
from mipro_nb.language.lms.lm_protocol import Completion, LanguageModel, LMRequest, WrittenCall
from mipro_nb.language.lms.options import check_lm_options, check_options
from mipro_nb.language.lms.settings import settings
from mipro_nb.language.prompting.prompt import write_retry
from mipro_nb.models.calls import Answer, Call, call_labels
from mipro_nb.models.counted import CountedLM
from mipro_nb.models.gate.batching.at_work import example_at_work
from mipro_nb.models.gate.gate import current_gate
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.gate.recording.draws import seed_of
from mipro_nb.models.prices import Price, as_price, listed_context, listed_price
from mipro_nb.models.services.batching.batchable import check_batchable, check_in_batch
from mipro_nb.models.services.embedded import local
from mipro_nb.models.services.embedded.label_choice import chosen_label
from mipro_nb.models.services.known import litellm
from mipro_nb.models.services.known.registry import (
    NO_KEY,
    Endpoint,
    check_model,
    check_read,
    is_reasoning_model,
    key_from_environment,
    resolve,
)
from mipro_nb.models.services.known.unpriced import unpriced_text
from mipro_nb.models.services.own_class import OwnClass
from mipro_nb.models.services.service import (
    Guarded,
    Service,
    check_service,
    registered_prefixes,
    registered_service,
)
from mipro_nb.models.services.worst_case import names_limit, unlimited_reply_tokens
from mipro_nb.redaction import (
    is_harmless,
    secrets,
    shown_parameters,
    shown_url,
    texts_of_openai_headers,
    texts_of_proxies,
    texts_of_unknown,
)

_MaxTokens = Annotated[Annotated[int, Ge(1)] | None, Remedy("give at least 1, or None.")]
_NumRetries = Annotated[int, Ge(0), Remedy("give a whole number, 0 or more.")]
_Seed = Annotated[int | None, Remedy("give a whole number, or None.")]
_Timeout = Annotated[Number, Gt(0), Remedy("give seconds, more than 0.")]
_NUMBERS = {
    "max_tokens": _MaxTokens,
    "num_retries": _NumRetries,
    "seed": _Seed,
    "timeout": _Timeout,
}

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai import OpenAI as OpenAIClient

    from mipro_nb.models.services.batching.batches import BatchClient
    from mipro_nb.models.services.clients.client import Client
    from mipro_nb.models.services.clients.litellm_client import LiteLLMClient

_LONGEST = 600.0
_EMBEDDED_IN_BATCHES = "the embedded model costs nothing and has no batch endpoint: leave it out."


class LM:
    """A language model.

    Parameters
    ----------
    model
        ``"service/model"``, such as ``"openai/gpt-4o-mini"``; with `base_url`, any name that the
        server knows. Services of other protocols, such as ``"anthropic/…"``, ``"azure/…"`` and
        ``"bedrock/…"``, are reached by LiteLLM, an extra.
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
        Looked up in genai-prices if None, then in LiteLLM's table for what LiteLLM reaches. It is
        unknown if it is not there, and of a model at another address than the service's own, as
        with `base_url` or ``OPENAI_BASE_URL``: nobody lists what a proxy charges.
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
    batch
        Send the calls of evaluations in batches, at half the price: a provider answers them within
        24 hours, not at once. That goes for OpenAI, and for a server of your own (`base_url`) that
        has ``/files`` and ``/batches`` as OpenAI has. What cannot wait is sent as ever; see the
        guide "Half price". `price` is that of other calls.
    stream
        Ask for answers as a stream, as some servers demand; they are read when they are whole. A
        server that turns out to demand it gets its way without.
    api_base
        Another name of `base_url`, which DSPy's users know. With a prefix that needs LiteLLM it is
        the address of that service, in its own protocol.
    service
        What answers, in place of a server that is known by its URL: a `Service` of your own, or a
        client of openai's, ``AsyncOpenAI(…)``, set up as you like and used for nothing else.
        `model` is the name that it knows.
    **parameters
        Whatever else the server takes: ``top_p``, ``stop``, ``reasoning_effort``, … What is named
        like a key or an address is refused, unless it stands in ``extra_body={…}``.

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

    @only_known()
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
        batch: bool = False,
        stream: bool = False,
        api_base: str | None = None,
        service: Service | AsyncOpenAI | OpenAIClient | None = None,
        **parameters: Any,
    ) -> None:
        # It brings openai, which takes long: not to those who only look at runs, and not while
        # the first call waits for it, when clocks are running.
        from mipro_nb.models.services.clients.client import (  # noqa: PLC0415
            Client,
            is_openai_client,
            secrets_of,
        )

        flags = {"cache": cache, "structured_outputs": structured_outputs}
        for flag, value in {**flags, "batch": batch, "stream": stream}.items():
            check(flag, value, Flag)
        own_options = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed}
        numbers = {**own_options, "num_retries": num_retries, "timeout": timeout}
        for number, kind in _NUMBERS.items():
            check(number, numbers[number], kind)
        model = litellm.named(model, parameters)
        self.name = model
        self.structured_outputs = structured_outputs
        self.prompt_format = check_choice(prompt_format)
        self.keeps_to_labels = False
        self._lacks_key = self._lacks_service = False
        self._local: Mapping[str, Any] | None = None
        self.cache = cache
        url = _one_of(base_url, api_base)
        given = service if is_openai_client(service) else None
        # A server that is named by its URL may know any names.
        named = service is None and url is None
        own, name = (None, model) if given else _own_service(model, service, named=named)
        by_litellm = service is None and own is None and base_url is None
        by_litellm = by_litellm and litellm.reaches(model, address=api_base is not None)
        parameters = _understood(model, parameters, by_litellm=by_litellm)
        check_lm_options(
            {"temperature": temperature, **parameters},
            litellm.ways(parameters),
            encoded=own is None and not by_litellm,
        )
        if own is not None:
            _refuse_beside_service(base_url=url, api_key=api_key, stream=stream)
            self._endpoint = Endpoint(None, name, "", NO_KEY, None)
        else:
            if given is not None:
                _refuse_beside_service(base_url=url, api_key=api_key)
                url, api_key = str(given.base_url).rstrip("/"), given.api_key or None
                secrets.add(secrets_of(given))
            self._endpoint = _endpoint(model, url, api_key, by_litellm=by_litellm)
        self._answerer = self._endpoint.base_url if own is None else own.name
        _keep_secret(self._endpoint, parameters)
        check_batchable(self._endpoint, batch=batch, service=own or given, stream=stream)
        self.batch = batch
        self._options: dict[str, Any] = {**own_options, **parameters}
        check_read(self.name, self._options)
        self.price = as_price(getattr(own, "price", None) if price is None else price)
        self._at_once: int | None = getattr(own, "concurrency", None)
        self._context_tokens: int | None = getattr(own, "context_tokens", None)
        self.price_is_litellms = False
        self._look_up(by_litellm=by_litellm)
        self._client: Client | Guarded
        if own is not None:
            self._client = Guarded(own, name, timeout=timeout)
        else:
            kind = _litellm_client() if by_litellm else partial(Client, given=given)
            self._client = kind(self._endpoint, timeout=timeout, stream=stream)
        self._batches = self._batches_of(self._client)
        self._num_retries = num_retries

    def _batches_of(self, client: Client | Guarded) -> BatchClient | None:
        """Return what sends calls by `client` in batches, None if it shall not."""
        from mipro_nb.models.services.batching.batches import BatchClient  # noqa: PLC0415 - slow

        return BatchClient(client) if self.batch and not isinstance(client, Guarded) else None

    def _look_up(self, *, by_litellm: bool) -> None:
        """Find out price and context of a known service's model, where they are listed."""
        provider, model = self._endpoint.provider, self._endpoint.model
        if provider is None:
            return
        self._context_tokens = listed_context(provider, model)
        self.price = self.price or listed_price(provider, model)
        if not by_litellm:
            return
        self._context_tokens = self._context_tokens or litellm.table_context(self.name)
        if self.price is None:
            self.price = litellm.table_price(self.name)
            self.price_is_litellms = self.price is not None

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
        InvalidArgumentError
            If it is asked for batches, which it has not.
        MissingExtraError
            If llama.cpp or the weights are not installed; the text tells the commands.
        """
        if settings.get("batch"):
            raise InvalidArgumentError("batch", settings["batch"], _EMBEDDED_IN_BATCHES)
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
        with lm_call(call.asked):
            try:
                batches = self._batches if call.batched else None
                answer = await current_gate().admit(call, self._send, batches)
            except EmptyAnswerError as error:
                return Completion("", problem=f"There is none: {error}")
        return Completion(answer.text, answer.truncated, answer.thoughts, answer.problem)

    async def _send(self, call: Call) -> Answer:
        # The embedded model draws with the seed that it is given: so the same draw of another
        # process, or of a record that is lost, is the same text.
        if self.is_embedded and call.draw and "seed" not in call.parameters:
            call = replace(call, parameters={**call.parameters, "seed": seed_of(call)})
        if self.is_embedded and call.request is not None and call.request.labels:
            return await chosen_label(call, call.request.labels, self._client.send)
        return await self._client.send(call)

    def call_for(self, request: LMRequest) -> Call:
        """Return the call that `request` leads to, without making it."""
        if self._lacks_key or self._lacks_service:
            self._find_what_lacks()
        secrets.add(texts_of_unknown(request.options))
        check_options(request.options)
        check_read(self.name, request.options)
        parameters = self._parameters({**self._options, **request.options})
        if request.schema is not None:
            schema = {"name": "reply", "schema": dict(request.schema), "strict": True}
            parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.labels and self.keeps_to_labels:
            parameters["grammar"] = local.grammar_of(request.labels)
        batched = self._batches is not None and _may_wait()
        if self.batch:  # also where this call is not: before any is sent
            check_in_batch(parameters)
        return Call(
            model=self._endpoint.model,
            server=self._answerer,
            messages=request.messages,
            parameters=parameters,
            rollout=request.rollout,
            cache=self.cache,
            price=self.batch_price if batched else self.price,
            num_retries=self._num_retries,
            predictor=request.predictor,
            request=request,
            at_once=self._at_once,
            hedged=not self.is_embedded,
            batched=batched,
        )

    @property
    def batch_price(self) -> Price | None:
        """Return the prices of calls in batches; None if they are not known."""
        return None if self.price is None else self.price.in_batch()

    def written_call(self, request: LMRequest) -> WrittenCall | None:
        """Return how `request` is sent by other clients; None where they do not reach the LM."""
        if isinstance(self._client, Guarded) or self.is_embedded:
            return None
        from openai.resources.chat.completions import Completions  # noqa: PLC0415 - slow

        call = self.call_for(request)
        known = inspect.signature(Completions.create).parameters
        sent = {name: call.parameters[name] for name in sorted(call.parameters)}
        shown = {name: value for name, value in sent.items() if is_harmless(name)}
        endpoint = self._endpoint
        usual = endpoint.provider == "openai"
        return WrittenCall(
            model=call.model,
            parameters={name: value for name, value in shown.items() if name in known},
            extra={name: value for name, value in shown.items() if name not in known},
            provider=endpoint.provider,
            base_url=None if usual else endpoint.shown_url,
            key_variable=endpoint.key_variable,
            needs_key=endpoint.has_key,
            left_out=[
                *(name for name in sent if name not in shown),
                *(["base_url"] if endpoint.shown_url != endpoint.base_url else []),
            ],
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
    def is_embedded(self) -> bool:
        """Tell whether it is one that `LM.local` has started in this process."""
        return self._local is not None

    @property
    def unpriced(self) -> str | None:
        """Return why its price is not known and how to give it; None if it is known."""
        if self.price is not None:
            return None
        remedy = f"give LM({self.name!r}, …, price=(input, output))"
        return unpriced_text(self.name, [self.shown_settings()["server"]], remedy)

    @property
    def context_tokens(self) -> int | None:
        """Return how many tokens prompt and reply may have together, None if that is not known."""
        return self._context_tokens

    @property
    def base_url(self) -> str:
        """Return the address of the server, without what may be a key; "" where there is none."""
        own = self._answerer == self._endpoint.base_url or self.is_embedded
        return self._endpoint.shown_url if own and self._endpoint.base_url else ""

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

    def __getattr__(self, name: str) -> Any:
        raise absent(f"{type(self).__name__!r} object", name, LM_ATTRIBUTES)

    @only_known(told_of_call, beside=("__init__",))
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
        if isinstance(self._client, Guarded):
            given = {**kept, **self._settings()}
            return _revived_with_service, (type(self), self.name, given, self._answerer)
        left_out = sorted(self._options.keys() - kept.keys())
        url = self._endpoint.base_url
        address = "base_url"
        if litellm.is_reached(self._endpoint):
            address, url = "api_base", litellm.address_of(self._endpoint) or ""
        if url and shown_url(url) != url:
            left_out.append(address)
        if left_out:
            warnings.warn(
                f"{self!r} is pickled without {', '.join(left_out)}, which may hold a key: where "
                "it is loaded, configure(lm=…) has to give it.",
                stacklevel=2,
            )
        given = {**kept, **({address: shown_url(url)} if url else {}), **self._settings()}
        lacks = bool(left_out) or self._endpoint.has_key
        return _revived, (type(self), self.name, given, lacks, self._local)

    def _settings(self) -> dict[str, Any]:
        return {
            "structured_outputs": self.structured_outputs,
            "prompt_format": self.prompt_format,
            "cache": self.cache,
            "price": self.price,
            "num_retries": self._num_retries,
            "timeout": self._client.timeout,
            "batch": self.batch,
        }

    def take_over(self, loaded: LM) -> bool:
        """Give an LM of the same server, loaded without its key, what it lacks; tell whether so."""
        if isinstance(self._client, Guarded) or loaded._lacks_service:
            return self._take_over_service(loaded)
        here, there = self._endpoint, loaded._endpoint
        if self._lacks_key or shown_url(here.base_url) != there.base_url:
            return False
        own = {name: v for name, v in self._options.items() if not is_harmless(name)}
        loaded._options = {**own, **loaded._options}
        loaded._endpoint = replace(there, base_url=here.base_url, api_key=here.api_key)
        loaded._answerer = self._answerer
        loaded._client = self._client.like_this(loaded._endpoint, timeout=loaded._client.timeout)
        loaded._batches = loaded._batches_of(loaded._client)
        loaded._lacks_key = False
        return True

    def _take_over_service(self, loaded: LM) -> bool:
        if self._lacks_service or not (loaded._lacks_service and isinstance(self._client, Guarded)):
            return False
        if (self.name, self._answerer) != (loaded.name, loaded._answerer):
            return False
        service, model = self._client.service, self._endpoint.model
        loaded._client = Guarded(service, model, timeout=loaded._client.timeout)
        loaded._endpoint, loaded._at_once = self._endpoint, self._at_once
        loaded._context_tokens = self._context_tokens
        loaded._lacks_service = False
        return True

    def _find_what_lacks(self) -> None:
        """Take key or service, after loading, from the environment or from the configured LM.

        Raises
        ------
        LMNotConfiguredError
            If neither has it.
        """
        configured = settings.lm
        if isinstance(configured, LM) and configured.take_over(self):
            return
        if self._lacks_service:
            msg = (
                f"{self!r} was loaded without its service {self._answerer!r}: call "
                f"register_service first, or configure(lm=LM({self.name!r}, service=…))."
            )
            raise LMNotConfiguredError(msg)
        variable = self._endpoint.key_variable
        where = f"set {variable}, or call" if variable else "call"
        msg = (
            f"{self!r} was loaded without its key: {where} configure(lm=LM({self.name!r}, "
            "api_key=…))."
        )
        raise LMNotConfiguredError(msg)

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
    found = key_from_environment(name) or litellm.key_from_environment(name)
    lm = cls(name, api_key=found or "none", **given)
    lm._lacks_key = lacks_key and not found
    return lm


def _revived_with_service(cls: type[LM], name: str, given: Mapping[str, Any], answerer: str) -> LM:
    """Return an LM that was pickled without its service; that is looked for here."""
    found = registered_service(name)
    if found is not None:
        return cls(name, **given)
    lm = cls(name, service=_Missing(answerer), **given)
    lm._lacks_service = True
    return lm


@dataclass
class _Missing:
    """Stands for a service that is not there."""

    name: str

    async def send(self, call: Call) -> Answer:
        raise NotImplementedError


def as_counted(lm: LanguageModel) -> CountedLM:
    """Return `lm`, or an `LM` whose calls a user's own class answers.

    Its attributes ``cache`` (True), ``num_retries`` (0) and ``timeout`` (600), if it has them, are
    those of `LM`.
    """
    if isinstance(lm, LM | CountedLM):
        return lm
    made = LM(
        lm.name,
        service=OwnClass(lm),
        temperature=None,
        structured_outputs=lm.structured_outputs,
        prompt_format=getattr(lm, "prompt_format", None),
        cache=getattr(lm, "cache", True),
        num_retries=getattr(lm, "num_retries", 0),
        timeout=getattr(lm, "timeout", _LONGEST),
    )
    made.keeps_to_labels = bool(getattr(lm, "keeps_to_labels", False))
    return made


async def _through_the_gate(lm: LanguageModel, request: LMRequest) -> Completion:
    own = isinstance(lm, LM) or lm is settings.stand_in or isinstance(lm, CountedLM)
    return await (lm if own else as_counted(lm)).acomplete(request)


lead_through(_through_the_gate)


@only_known()
def OpenAI(model: str, **settings: Any) -> LM:  # noqa: N802 - the name that DSPy's users know
    """Return ``LM("openai/" + model, **settings)``."""
    name = model if model.startswith("openai/") else f"openai/{model}"
    return LM(name, **settings)


def limits_noted(caps: Caps, lms: Iterable[LanguageModel]) -> list[str]:
    """Return notes on the limits that `caps` set to the replies of `lms`."""
    cap = "max_usd" if caps.max_usd is not None else "max_tokens"
    calls = [(lm.name, as_counted(lm).call_for(LMRequest([]))) for lm in lms]
    notes = [
        f"Under the cap {cap}, replies of {name} are limited to "
        f"{unlimited_reply_tokens(call.model):,} tokens: give max_tokens, as in LM(max_tokens=…), "
        "for another limit."
        for name, call in calls
        if caps.bound_tokens and not names_limit(call)
    ]
    return list(dict.fromkeys(notes))


def prices_noted(lms: Iterable[LanguageModel]) -> list[str]:
    """Return notes on the prices of `lms` that are not from the usual table, or not known."""
    lms = list(lms)
    notes = [
        f"The price of {lm.name} is from LiteLLM's table: ${lm.price.input:g} in and "
        f"${lm.price.output:g} out per million tokens. LM(…, price=…) sets another one."
        for lm in lms
        if isinstance(lm, LM) and lm.price is not None and lm.price_is_litellms
    ]
    notes += [f"{why[0].upper()}{why[1:]}." for why in reasons_unpriced(lms)]
    return list(dict.fromkeys(notes))


def reasons_unpriced(lms: Iterable[LanguageModel]) -> list[str]:
    """Return why prices of `lms` are not known and how to give them, each a part of a sentence."""
    reasons = (as_counted(lm).unpriced for lm in lms)
    return list(dict.fromkeys(why for why in reasons if why is not None))


def _own_service(model: Any, service: Any, *, named: bool) -> tuple[Service | None, str]:
    """Return a user's own service for a model, if there is one, and the model's name there.

    `named` says that the model's prefix may name it.
    """
    check_model(model)
    given = None if service is None else (service, model)
    found = registered_service(model) if named else given
    if found is None:
        return None, model
    check_service(found[0])
    return found


def _endpoint(model: str, url: str | None, api_key: str | None, *, by_litellm: bool) -> Endpoint:
    if by_litellm:
        return litellm.endpoint_of(model, url, api_key)
    return resolve(model, url, api_key, registered_prefixes(), litellm.WELL_KNOWN)


def _litellm_client() -> type[LiteLLMClient]:
    from mipro_nb.models.services.clients.litellm_client import LiteLLMClient  # noqa: PLC0415 - slow

    return LiteLLMClient


def _understood(model: str, parameters: dict[str, Any], *, by_litellm: bool) -> dict[str, Any]:
    if "default_headers" in parameters:
        raise InvalidArgumentError("default_headers", NOT_SHOWN, "call it extra_headers=.")
    understood, said = litellm.understood(parameters, reached=by_litellm)
    if said:
        warnings.warn(f"LM({model!r}): {said}", stacklevel=4)
    return understood


def _keep_secret(endpoint: Endpoint, parameters: Mapping[str, Any]) -> None:
    secrets.add(endpoint.secrets())
    secrets.add(texts_of_proxies())
    secrets.add(texts_of_openai_headers())
    secrets.add(texts_of_unknown(parameters))


def _refuse_beside_service(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise InvalidArgumentError(
                name, NOT_SHOWN, "the service has its own way to its server: leave it out."
            )


def _may_wait() -> bool:
    """Tell whether the caller is a program that is scored, so that nobody waits for it alone.

    All else of a run waits until it is known which format is the best.
    """
    is_program = is_scored() and example_at_work() is not None
    return is_program and call_labels.get().phase != "formats"


def _one_of(base_url: str | None, api_base: str | None) -> str | None:
    if base_url is not None and api_base is not None and base_url != api_base:
        raise InvalidArgumentError(
            "api_base", NOT_SHOWN, "it is another name of base_url=, which is also given: drop one."
        )
    return api_base if base_url is None else base_url
