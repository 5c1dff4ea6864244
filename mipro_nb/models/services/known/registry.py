"""OpenAI-compatible services by the name before the slash: ``openai/gpt-4o-mini``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mipro_nb.arguments import misspelled
from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError
from mipro_nb.redaction import shown_url, texts_of_url


@dataclass(frozen=True)
class Provider:
    """Where a service is, and where its key is looked for.

    Attributes
    ----------
    name
        The prefix that names it.
    base_url
        Where it is, None if that has to be said.
    key_variable, url_variable
        Environment variables of its key and its address.
    path
        What an address without a path is continued by.
    unread
        Parameters that it leaves out without a word.
    remedy
        What has their effect.
    batches
        Whether it has a batch endpoint like OpenAI's.
    """

    name: str
    base_url: str | None
    key_variable: str | None
    url_variable: str | None = None
    path: str = ""
    unread: tuple[str, ...] = ()
    remedy: str = ""
    batches: bool = False


# Its own API reads them, https://docs.ollama.com/api, and the one like OpenAI's does not.
_UNREAD_BY_OLLAMA = (
    "num_ctx", "num_predict", "num_keep", "num_gpu", "num_thread", "num_batch", "repeat_penalty",
    "repeat_last_n", "mirostat", "mirostat_eta", "mirostat_tau", "tfs_z", "typical_p", "keep_alive",
    "think", "options", "format",
)  # fmt: skip
_REMEDY_FOR_OLLAMA = (
    "Ollama leaves it out without a word in the API that is used here, /v1. Set it for the server: "
    "OLLAMA_CONTEXT_LENGTH=16384 with `ollama serve` for a longer context, or a PARAMETER of a "
    "Modelfile. max_tokens= limits replies, reasoning_effort= thoughts."
)
PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider(
            "openai",
            "https://api.openai.com/v1",
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
            batches=True,
        ),
        Provider("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        Provider("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        Provider("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
        Provider("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        Provider("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
        Provider("together_ai", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
        Provider("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
        Provider(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "GEMINI_API_KEY",
        ),
        *(
            Provider(
                name,
                "http://127.0.0.1:11434/v1",
                None,
                "OLLAMA_API_BASE",
                "/v1",
                _UNREAD_BY_OLLAMA,
                _REMEDY_FOR_OLLAMA,
            )
            for name in ("ollama", "ollama_chat")
        ),
        Provider("hosted_vllm", None, "HOSTED_VLLM_API_KEY", "HOSTED_VLLM_API_BASE", "/v1"),
        # LiteLLM's own names for any server that speaks OpenAI's protocol.
        Provider("litellm_proxy", None, "LITELLM_PROXY_API_KEY", "LITELLM_PROXY_API_BASE", "/v1"),
        Provider("openai_like", None, "OPENAI_LIKE_API_KEY", "OPENAI_LIKE_API_BASE", "/v1"),
        Provider("custom_openai", None, "OPENAI_LIKE_API_KEY", "OPENAI_LIKE_API_BASE", "/v1"),
        Provider("xinference", None, "XINFERENCE_API_KEY", "XINFERENCE_API_BASE", "/v1"),
        Provider("llamafile", "http://127.0.0.1:8080/v1", None, "LLAMAFILE_API_BASE", "/v1"),
        Provider("lm_studio", "http://127.0.0.1:1234/v1", None),
    )
}
NO_KEY = "none"
# Stands before a service's name where LiteLLM knows the address.
LITELLMS = "litellm://"
# A host, perhaps with a scheme, port and plain path, as people write it.
_NO_SECRET = re.compile(
    r"(?:\w{1,8}:/{0,2})?(?:[a-z.-]{0,32}|[\d.]{7,15})(?::\d{0,5})?(?:/[a-z]{0,12}\d?)*"
)
_MOST_USED = ("openai", "openrouter", "groq", "gemini", "ollama")
# What names of models begin with, and where most people reach these.
_MAKERS = {
    "gpt-": "openai", "chatgpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai",
    "claude": "anthropic", "gemini": "gemini", "grok": "xai", "deepseek": "deepseek",
    "mistral": "mistral", "magistral": "mistral", "ministral": "mistral",
}  # fmt: skip
_LISTED = 5
# o1, o3-mini, o4-mini, gpt-5 and their dated forms, whatever service they are reached through.
_REASONING = re.compile(r"(?:^|/)(?:o\d+|gpt-5)(?:[-.]|$)(?!chat)")


@dataclass(frozen=True)
class Endpoint:
    """A model at a server, with the key to it.

    Attributes
    ----------
    provider
        Name of the service, None for a server of one's own.
    model
        Name as the server knows it.
    base_url
        Where the server is.
    api_key
        The key; never shown.
    key_variable
        Environment variable that the key may be given in.
    """

    provider: str | None
    model: str
    base_url: str
    api_key: str
    key_variable: str | None

    def __repr__(self) -> str:
        return f"Endpoint({self.model!r} at {self.shown_url!r})"

    @property
    def shown_url(self) -> str:
        """Return where the server is, without what may be a key."""
        if self.base_url.startswith(LITELLMS):
            return f"{self.provider} (by LiteLLM)"
        return shown_url(self.base_url)

    @property
    def is_openais_own(self) -> bool:
        """Tell whether OpenAI runs the server, in whatever region."""
        host = urlsplit(self.base_url).hostname or ""
        return self.provider == "openai" or f".{host}".endswith(".api.openai.com")

    @property
    def has_key(self) -> bool:
        """Tell whether there is a key to it."""
        return self.api_key != NO_KEY

    def secrets(self) -> Iterator[str]:
        """Return what must not be seen of it."""
        yield self.api_key
        yield from texts_of_url(self.base_url)


def check_model(model: Any) -> None:
    """Return if `model` can be the name of a model.

    Raises
    ------
    InvalidArgumentError
        If not.
    """
    if not isinstance(model, str) or not model.strip("/ "):
        raise InvalidArgumentError("model", model, "name a model, such as 'openai/gpt-4o-mini'.")


def resolve(
    model: str,
    base_url: str | None,
    api_key: str | None,
    own: Iterable[str] = (),
    more: Iterable[str] = (),
) -> Endpoint:
    """Return the endpoint that ``LM(model, base_url=…, api_key=…)`` means.

    `own` are the prefixes of users' own services and `more` those of LiteLLM, which the error
    tells.

    Raises
    ------
    InvalidArgumentError
        If the service is not known and no `base_url` is given, or its key is missing, or one of
        them cannot be used.
    """
    check_model(model)
    prefix, slash, rest = model.partition("/")
    provider = PROVIDERS.get(prefix) if slash and rest else None
    if provider is None and base_url is None:
        raise InvalidArgumentError("model", model, _how_to_name(model, [*own], [*more]))
    name = rest if provider else model
    key_variable = provider.key_variable if provider else None
    if api_key is not None and not isinstance(api_key, str):
        raise InvalidArgumentError("api_key", NOT_SHOWN, "give the key as a str.")
    own_server = base_url is not None or provider is None or provider.base_url is None
    where = _address(provider, base_url)
    key = checked_key(api_key or (os.environ.get(key_variable) if key_variable else None))
    if not key:
        if key_variable is not None and not own_server:
            raise InvalidArgumentError(
                "api_key", None, f"give LM(…, api_key=…) or set {key_variable}."
            )
        key = NO_KEY
    listed = provider.name if provider and where == provider.base_url else None
    return Endpoint(listed, name, where, key, key_variable)


def check_read(model: str, options: Mapping[str, Any]) -> None:
    """Return if the service of a model reads all these options, as far as that is known.

    Raises
    ------
    InvalidArgumentError
        If it leaves one out without a word: what is measured would not be what was asked for.
    """
    provider = PROVIDERS.get(model.partition("/")[0])
    if provider is None or not provider.unread:
        return
    body = options.get("extra_body")
    given = {**(body if isinstance(body, Mapping) else {}), **options}
    for name in provider.unread:
        if given.get(name) is not None:
            raise InvalidArgumentError(name, given[name], provider.remedy)


def _how_to_name(model: str, own: Sequence[str], more: Sequence[str]) -> str:
    """Return what to write for a model whose service is not known."""
    prefix, slash, rest = model.partition("/")
    if slash:
        service = misspelled(prefix, [*own, *PROVIDERS, *more])
    else:
        service, rest = _maker_of(model), model
    meant = f"did you mean {f'{service}/{rest}'!r}? Else write" if service and rest else "write"
    return (
        f"{meant} 'service/model', with a service such as {', '.join([*own, *_MOST_USED])}; by "
        f"LiteLLM {', '.join(more[:_LISTED])} and others; or give base_url= of an "
        "OpenAI-compatible server."
    )


def _maker_of(model: str) -> str:
    """Return the service of who makes a model of that name, "" if it does not tell."""
    name = model.lower()
    return next((service for begins, service in _MAKERS.items() if name.startswith(begins)), "")


def key_from_environment(model: str) -> str | None:
    """Return the key to a model's service that the environment holds, None if there is none."""
    provider = PROVIDERS.get(model.partition("/")[0])
    return os.environ.get(provider.key_variable) if provider and provider.key_variable else None


def _address(provider: Provider | None, base_url: str | None) -> str:
    argument, url, path = "base_url", base_url, ""
    if provider is not None:
        variable, path = provider.url_variable, provider.path
        from_environment = os.environ.get(variable) if variable else None
        if url is None and variable and from_environment:
            argument, url = variable, from_environment
        url = provider.base_url if url is None else url
        if url is None:
            raise InvalidArgumentError(
                "base_url", None, f"give the address of your server, or set {variable}."
            )
    whole = checked_url(argument, url)
    return f"{whole}{path}" if urlsplit(whole).path in ("", "/") else whole


def checked_url(argument: str, url: Any) -> str:
    """Return the address of a server without the slash at its end.

    Raises
    ------
    InvalidArgumentError
        If it cannot be one, or holds a password; it names `argument`.
    """
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        usable = False
    if not isinstance(url, str) or not usable:
        # It may be any text, even a key in the wrong place.
        raise InvalidArgumentError(
            argument, _harmless(url), "give a whole URL, such as 'http://127.0.0.1:8000/v1'."
        )
    if parts.username is not None:
        raise InvalidArgumentError(
            argument, NOT_SHOWN, "it holds a password: leave that out, give api_key instead."
        )
    return url.rstrip("/")


def _harmless(url: object) -> object:
    return url if url is None or _NO_SECRET.fullmatch(str(url)) else NOT_SHOWN


def checked_key(key: str | None) -> str:
    """Return a key without the blanks around it, "" for none.

    Raises
    ------
    InvalidArgumentError
        If it cannot be one.
    """
    key = (key or "").strip()  # a key read from a file often brings its line end along
    if not (key.isascii() and key.isprintable()):
        raise InvalidArgumentError(
            "api_key", NOT_SHOWN, "it holds characters that no key has: copy it again."
        )
    return key


def is_reasoning_model(model: str) -> bool:
    """Return whether a model takes max_completion_tokens, and no temperature."""
    return _REASONING.search(model) is not None
