"""What can be sent in batches, as far as that is known before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError
from mipro_nb.models.services.known import litellm
from mipro_nb.models.services.known.registry import PROVIDERS, Endpoint


def check_batchable(endpoint: Endpoint, *, batch: bool, service: object, stream: bool) -> None:
    """Return if the calls of an LM can be sent in batches, where it is asked for that.

    Parameters
    ----------
    endpoint
        Model and server.
    batch
        Whether it is asked for batches.
    service
        What a user gave to answer in place of it; None if nothing.
    stream
        Whether answers are asked for as a stream.

    Raises
    ------
    InvalidArgumentError
        If not.
    """
    if not batch:
        return
    provider = PROVIDERS.get(endpoint.provider or "")
    if litellm.is_reached(endpoint) or (provider is not None and not provider.batches):
        remedy = (
            f"{endpoint.provider} has no batch endpoint that mipro_nb knows: leave it out. OpenAI "
            "has one, and so may a server that base_url names."
        )
    elif service is not None and not _is_async_client(service):
        remedy = "the service has no batch endpoint: leave it out, or give AsyncOpenAI(…)."
    elif stream:
        remedy = "the answers of a batch come whole: leave stream=True out, or this."
    else:
        return
    raise InvalidArgumentError("batch", batch, remedy)


def _is_async_client(service: object) -> bool:
    from openai import AsyncOpenAI  # noqa: PLC0415 - slow

    return isinstance(service, AsyncOpenAI)


def check_in_batch(parameters: Mapping[str, Any]) -> None:
    """Return if a call with these parameters can be sent in a batch.

    Raises
    ------
    InvalidArgumentError
        If not.
    """
    for name in ("extra_headers", "extra_query"):
        if parameters.get(name):
            remedy = "a call in a batch has no headers and no query: leave it out, or batch=True."
            raise InvalidArgumentError(name, NOT_SHOWN, remedy)
