"""The ways in which LMs are asked over HTTP, each by the end of its path."""

from __future__ import annotations

from mipro_nb.functions.apis.chat import CHAT
from mipro_nb.functions.apis.messages import MESSAGES
from mipro_nb.functions.apis.protocol import Api
from mipro_nb.functions.apis.responses import RESPONSES

_APIS: tuple[Api, ...] = (CHAT, RESPONSES, MESSAGES)


def api_of(path: str) -> Api | None:
    """Return the way in which an LM is asked at `path`, None if none is known."""
    return next((api for api in _APIS if path.rstrip("/").endswith(api.path)), None)


__all__ = ["Api", "api_of"]
