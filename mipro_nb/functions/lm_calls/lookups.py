"""Lookups of hosts: they show what leaves past httpx, where nothing is counted.

A client that is not built on httpx (requests, urllib3, aiohttp) looks up its host by
``socket.getaddrinfo``. Where that is a service of LMs, the code is stopped; any other host is told
in the plan. A connection that was open before needs no lookup, and is not seen.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from mipro_nb.errors import ProgramError
from mipro_nb.functions.executions import execution_here
from mipro_nb.language.lms.settings import settings
from mipro_nb.models.gate.attempts import is_under_way
from mipro_nb.models.gate.gate import gate_here
from mipro_nb.models.services.known.registry import PROVIDERS

_OF_LMS = frozenset(
    {
        *(urlsplit(each.base_url).hostname for each in PROVIDERS.values() if each.key_variable),
        *("api.anthropic.com", "api.cohere.com", "api.ai21.com", "api-inference.huggingface.co"),
    }
)
_OF_CLOUDS = re.compile(
    r"\.(?:openai|services\.ai|cognitiveservices)\.azure\.com$|\bbedrock[\w-]*\..*amazonaws\.com$"
    r"|aiplatform\.googleapis\.com$|^generativelanguage\.googleapis\.com$|\.huggingface\.cloud$"
)
_let_by: ContextVar[bool] = ContextVar("mipro_request_let_by", default=False)


@contextmanager
def let_by() -> Iterator[None]:
    """Have the block be a request that is known not to ask an LM."""
    token = _let_by.set(True)
    try:
        yield
    finally:
        _let_by.reset(token)


def looking_up(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``socket.getaddrinfo`` that knows what a function may ask."""

    @functools.wraps(original)
    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        execution = execution_here()
        if execution is not None and isinstance(host, str) and not is_under_way():
            if gate_here() is not None and not _let_by.get() and _is_of_lms(host):
                execution.failure = ProgramError(
                    f"It asks {host}, where LMs are asked, by a client that mipro_nb cannot see "
                    "through: such calls can be neither counted nor capped. Use one that is built "
                    "on httpx, such as openai's SDK or LiteLLM."
                )
                raise execution.failure
            if settings.stand_in is not None:
                execution.observed.places.add(host)
        return original(host, *args, **kwargs)

    return getaddrinfo


def _is_of_lms(host: str) -> bool:
    return host in _OF_LMS or _OF_CLOUDS.search(host) is not None
