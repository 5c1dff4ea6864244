"""Tells the server how to behave, and asks it what it saw."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


class Control:
    """The server, as those who measure with it see it.

    Parameters
    ----------
    address
        ``http://host:port``
    """

    def __init__(self, address: str) -> None:
        self.address = address

    @property
    def url(self) -> str:
        """What an LM's client is given as the base URL."""
        return f"{self.address}/v1"

    def begin(self, **settings: Any) -> None:
        """Begin a new measurement; the settings are those of `measurement.Settings`."""
        self._send("PUT", "/settings", json.dumps(settings).encode())

    def measured(self) -> dict[str, Any]:
        """Return what the server saw since then."""
        return dict(json.loads(self._send("GET", "/measured")))

    def _send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.address + path, body, method=method)  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            return bytes(answer.read())
