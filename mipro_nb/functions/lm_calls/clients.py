"""Clients that are handed over: the documented way for those who want nothing wrapped."""

from __future__ import annotations

import importlib
from typing import Any

from mipro_nb.arguments import only_known
from mipro_nb.functions.lm_calls.doors import LIBRARIES, sending, sending_async


@only_known()
def http_client(*, asynchronous: bool = False, **settings: Any) -> Any:
    """Return an HTTP client for openai's SDK whose LM calls find the gate of a run.

    A run also finds the calls of clients that were made without it. Give this one where you would
    rather say so yourself, or where other code replaces the ``send`` of httpx's clients. Outside of
    runs it is the client that the SDK makes itself.

    Parameters
    ----------
    asynchronous
        True for ``AsyncOpenAI``, False for ``OpenAI``.
    **settings
        What ``openai.DefaultHttpxClient`` takes besides.

    Examples
    --------
    >>> import openai
    >>> client = openai.OpenAI(http_client=http_client())
    >>> async_client = openai.AsyncOpenAI(http_client=http_client(asynchronous=True))
    """
    # It takes long to import.
    from openai import DefaultAsyncHttpxClient, DefaultHttpxClient  # noqa: PLC0415

    cls = DefaultAsyncHttpxClient if asynchronous else DefaultHttpxClient
    make = sending_async if asynchronous else sending
    return _with(cls, make)(**settings)


def _with(cls: Any, make: Any) -> Any:
    """Return a class of clients like `cls`, whose ``send`` goes by way of the gate."""
    packages = [base.__module__.partition(".")[0] for base in cls.__mro__]
    library = importlib.import_module(next(name for name in packages if name in LIBRARIES))

    def send(self: Any, request: Any, **options: Any) -> Any:
        # Looked up when it is called: others may have wrapped it by then.
        return cls.send(self, request, **options)

    async def send_async(self: Any, request: Any, **options: Any) -> Any:
        return await cls.send(self, request, **options)

    original = send_async if make is sending_async else send
    return type(cls.__name__, (cls,), {"send": make(original, library)})
