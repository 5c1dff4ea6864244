"""The routes: questions by POST, and a websocket that tells what changes."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from mipro_nb.errors import shown
from mipro_nb.runs.following.protocol import DeltaMessage, RunsMessage
from mipro_nb.runs.following.recorded_requests import CHANGES
from mipro_nb.server.served_runs import ServedRuns

RESOURCE = "mipro_nb"
"""What an authorizer of the Jupyter server is asked about, for ``read`` and ``write``."""


async def _check_allowed(handler: JupyterHandler, action: str) -> None:
    allowed = handler.authorizer.is_authorized(handler, handler.current_user, action, RESOURCE)
    if not await ensure_async(allowed):
        raise web.HTTPError(403, f"You may not {action} recorded runs on this server.")


class RequestsHandler(APIHandler):
    """Answers one request: ``{"what": …, "ask": {…}}``, and an ``id`` that comes back."""

    def initialize(self, runs: ServedRuns) -> None:
        """Take the runs that are asked about."""
        self._runs = runs

    @web.authenticated
    async def post(self) -> None:
        """Answer with a ``WidgetAnswer`` or a ``WidgetRefusal``."""
        asked = self.get_json_body()
        if not isinstance(asked, dict):
            raise web.HTTPError(400, 'Send an object, such as {"what": "history", "ask": {}}.')
        what = asked.get("what")
        if not isinstance(what, str):
            raise web.HTTPError(400, f'what={shown(what)}: name a request, such as "history".')
        await _check_allowed(self, "write" if what in CHANGES else "read")
        reply = await self._runs.reply(asked.get("id", 0), what, asked.get("ask"))
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(reply))


class ChangesSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Tells a page what changes: of the run that ``?run=`` names, or of all that are listed."""

    def initialize(self, runs: ServedRuns) -> None:
        """Take the runs that are told of."""
        self._runs = runs

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the websocket for those who may read."""
        await _check_allowed(self, "read")
        await super().get(*args, **kwargs)

    async def open(self, *_: str, **__: str) -> None:
        """Begin to tell."""
        await self._runs.join(self._send, self.get_query_argument("run", None))
        if self.ws_connection is None:  # the page went while the runs were read for it
            self._runs.leave(self._send)

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Hear nothing: what is asked comes by POST."""

    def on_close(self) -> None:
        """Tell no more."""
        self._runs.leave(self._send)

    def get_compression_options(self) -> dict[str, Any]:
        """Have long lists of runs be compressed."""
        return {}

    def _send(self, message: DeltaMessage | RunsMessage) -> None:
        try:
            self.write_message(json.dumps(message))
        except WebSocketClosedError:
            self._runs.leave(self._send)
