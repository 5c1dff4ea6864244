"""Why the price of a model is not known, in words, and how to give it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from mipro_nb.models.services.known.registry import PROVIDERS

_PER_MILLION = "in USD per million tokens"
_ENDINGS = ("_BASE_URL", "_API_BASE")


def unpriced_text(model: str, servers: Iterable[str], remedy: str) -> str:
    """Return that the price of `model` is not known, as a part of a sentence.

    Of an address the host alone is told: the rest may hold a key.

    Parameters
    ----------
    servers
        What answers: base URLs, or names.
    remedy
        How the price is given where the model is declared.
    """
    # On this machine, where some services are, anything may listen.
    known = {_host(each.base_url or "") for each in PROVIDERS.values() if each.key_variable}
    hosts = [host for host in map(_host, servers) if host is not None and host not in known]
    why = ", ".join(dict.fromkeys(map(_pointed_to, hosts))) or "no table lists it"
    return f"the price of {model} is not known ({why}): {remedy}, {_PER_MILLION}"


def _pointed_to(host: str) -> str:
    for name, value in sorted(os.environ.items()):
        if name.endswith(_ENDINGS) and _host(value) == host:
            return f"{name} points to {host}"
    return f"it is asked at {host}"


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # what the environment holds may be anything
        return None
