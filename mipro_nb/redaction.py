"""Redaction: keys are sent to servers, and seen nowhere else.

Every LM registers what may be a secret in the way that it is set up. Texts of others, which might
quote it (what a server says, what an HTTP client logs, the source of a program), are shown without.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from mipro_nb.errors import NOT_SHOWN

# What an LM may be given that says nothing about who pays; anything else may be a key.
_HARMLESS = frozenset(
    {
        "api_version",
        "aws_region_name",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "min_p",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "reasoning",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "store",
        "temperature",
        "timeout",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "verbosity",
        "vertex_location",
        "vertex_project",
    }
)
_HARMLESS_SEGMENT = re.compile(r"[a-z]{1,12}|v\d{1,2}(?:alpha|beta)?")
# Shorter ones are placeholders, such as "none", and may well be words of a message.
_SHORTEST = 5
# So much of a secret is told as if it was all of it.
_PART = 8
# A shorter value in somebody's source, or one that is but a word, is not taken for a key.
_SHORTEST_KEY = 12
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_OPENAI_HEADERS = {
    "OpenAI-Organization": "OPENAI_ORG_ID",
    "OpenAI-Project": "OPENAI_PROJECT_ID",
}
_LOGGERS = ("LiteLLM", "httpx", "httpx2", "openai", "openai._base_client")


class Secrets:
    """Texts that must not be seen."""

    def __init__(self) -> None:
        # Replaced, not changed: threads read it.
        self._values: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def add(self, values: Iterable[str]) -> None:
        """Keep `values` from being seen from now on; very short ones are not secrets."""
        new = {value for value in values if len(value) >= _SHORTEST}
        if not new <= self._values:
            with self._lock:
                self._values |= new

    def taken_out(self, text: str) -> str:
        """Return `text` without secrets, parts of them, and masked ones."""
        values = sorted(self._values, key=len, reverse=True)
        for value in values:
            for form in (value, quote(value, safe="")):
                text = text.replace(form, "<key>")
        for value in values:
            if len(value) >= _PART and not re.search(r"\s", value):
                text = re.sub(re.escape(value[:2]) + r"[\w-]*\*[\w*-]*", "<key>", text)
                text = _without_parts(text, value)
        return text

    def clean(self, text: str) -> str:
        """Return `text` as it can be kept and sent: no key that it quotes, no half of a character.

        Such a half has no form in UTF-8.
        """
        return self.keys_taken_out(text.encode("utf-8", "backslashreplace").decode())

    def keys_taken_out(self, text: str) -> str:
        """Return `text`, which is long and a person's own, without what can only be a key."""
        for value in self._values:
            if len(value) >= _SHORTEST_KEY and re.fullmatch(r"(?=.*\d)(?=.*[A-Za-z])\S+", value):
                text = text.replace(value, "<key>")
        return text


def _without_parts(text: str, value: str) -> str:
    """Return `text` without any run of 8 characters of `value`, or more."""
    hidden: set[int] = set()
    for start in range(len(value) - _PART + 1):
        part = value[start : start + _PART]
        at = text.find(part)
        while at >= 0:
            hidden.update(range(at, at + _PART))
            at = text.find(part, at + 1)
    if not hidden:
        return text
    marked = ("\0" if place in hidden else letter for place, letter in enumerate(text))
    return re.sub("\0+", "<key>", "".join(marked))


secrets = Secrets()


def is_harmless(name: str) -> bool:
    """Tell whether a parameter of this name holds nothing that must not be seen."""
    return name in _HARMLESS


def shown_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a call as they may be written down."""
    return {name: value if name in _HARMLESS else NOT_SHOWN for name, value in parameters.items()}


def texts_of_unknown(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Return the texts in those parameters that may be secrets."""
    for name, value in parameters.items():
        if name not in _HARMLESS:
            yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
        scheme, _, rest = value.partition(" ")
        if scheme in ("Bearer", "Basic", "Token"):
            yield rest
    elif isinstance(value, bytes):
        yield value.decode("latin-1")


def shown_url(url: str) -> str:
    """Return a URL without what may be a key: user, query, segments that are not plain words."""
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return NOT_SHOWN
    if not parts.hostname:
        return NOT_SHOWN
    segments = [
        segment if not segment or _HARMLESS_SEGMENT.fullmatch(segment) else "…"
        for segment in parts.path.split("/")
    ]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{'/'.join(segments)}"


def texts_of_url(url: str) -> Iterator[str]:
    """Return the texts in a URL that `shown_url` leaves out."""
    parts = urlsplit(url)
    pieces = [parts.username or "", parts.password or "", parts.query, parts.fragment]
    pieces += [pair.partition("=")[2] for pair in parts.query.split("&")]
    pieces += [s for s in parts.path.split("/") if not _HARMLESS_SEGMENT.fullmatch(s)]
    for piece in pieces:
        yield from (piece, unquote(piece))


def texts_of_proxies() -> Iterator[str]:
    """Return users and passwords of the proxies that environment variables name."""
    for name in _PROXIES:
        for variable in (name, name.upper()):
            try:
                parts = urlsplit(os.environ.get(variable, ""))
            except ValueError:
                continue
            for piece in (parts.username or "", parts.password or ""):
                yield from (piece, unquote(piece))


def openai_headers() -> dict[str, str]:
    """Return the headers that openai's client takes from environment variables by itself."""
    headers = {
        name: os.environ[variable]
        for name, variable in _OPENAI_HEADERS.items()
        if variable in os.environ
    }
    for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    return headers


def texts_of_openai_headers() -> Iterator[str]:
    """Return what must not be seen of `openai_headers`."""
    yield from _texts(openai_headers())


class _WithoutSecrets(logging.Filter):
    """HTTP clients log whole URLs and headers."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        without = secrets.taken_out(said)
        if without != said:
            record.msg, record.args = without, ()
        return True


_without_secrets = _WithoutSecrets()
for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_without_secrets)
