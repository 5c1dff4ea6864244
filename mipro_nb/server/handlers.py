"""The routes: questions by POST, and a websocket that tells what changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import ApiPath, ensure_async, to_os_path
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from mipro_nb.errors import shown
from mipro_nb.runs.following.protocol import (
    DeltaMessage,
    RunsMessage,
    WidgetAnswer,
    WidgetRefusal,
)
from mipro_nb.runs.following.recorded_requests import CHANGES
from mipro_nb.server.run_files import RunFiles
from mipro_nb.server.served_runs import ServedRuns

RESOURCE = "mipro_nb"
"""What an authorizer of the Jupyter server is asked about, for ``read`` and ``write``."""


async def _check_allowed(
    handler: JupyterHandler, action: str, resource: str = RESOURCE, what: str = "recorded runs"
) -> None:
    allowed = handler.authorizer.is_authorized(handler, handler.current_user, action, resource)
    if not await ensure_async(allowed):
        raise web.HTTPError(403, f"You may not {action} {what} on this server.")


class _AnsweringHandler(APIHandler):
    """Reads a request, and answers it as JSON."""

    def _asked(self) -> dict[str, Any]:
        """Return the request, an object with at least the name of what is asked."""
        asked = self.get_json_body()
        if not isinstance(asked, dict):
            raise web.HTTPError(400, 'Send an object, such as {"what": "history", "ask": {}}.')
        if not isinstance(asked.get("what"), str):
            what = shown(asked.get("what"))
            raise web.HTTPError(400, f'what={what}: name a request, such as "history".')
        return asked

    def _answer(self, reply: WidgetAnswer | WidgetRefusal) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(reply))


class RequestsHandler(_AnsweringHandler):
    """Answers one request: ``{"what": …, "ask": {…}}``, and an ``id`` that comes back."""

    def initialize(self, runs: ServedRuns) -> None:
        """Take the runs that are asked about."""
        self._runs = runs

    @web.authenticated
    async def post(self) -> None:
        """Answer with a ``WidgetAnswer`` or a ``WidgetRefusal``."""
        asked = self._asked()
        what = asked["what"]
        await _check_allowed(self, "write" if what in CHANGES else "read")
        self._answer(await self._runs.reply(asked.get("id", 0), what, asked.get("ask")))


class FilesHandler(_AnsweringHandler):
    """Answers a request about the runs in a file, whose ``path`` is one of the contents manager."""

    def initialize(self, files: RunFiles) -> None:
        """Take the files that are open."""
        self._files = files

    @web.authenticated
    async def post(self) -> None:
        """Answer with a ``WidgetAnswer`` or a ``WidgetRefusal``."""
        asked = self._asked()
        await _check_allowed(self, "read")
        await _check_allowed(self, "read", "contents", "files")
        file = await self._file(asked.get("path"))
        number, what, ask = asked.get("id", 0), asked["what"], asked.get("ask")
        self._answer(await asyncio.to_thread(self._files.reply, number, what, ask, file))

    async def _file(self, path: Any) -> Path:
        """Return the file that the contents manager gives out under a path."""
        if not isinstance(path, str):
            raise web.HTTPError(400, f"path={shown(path)}: give the path of a file.")
        contents = self.contents_manager
        if not isinstance(contents, FileManagerMixin):
            raise web.HTTPError(
                400, "The files of this server are not on its disk: import the run in a notebook."
            )
        # It knows what is hidden, and refuses what is not there.
        await ensure_async(contents.get(path, content=False, type="file"))  # type: ignore[no-untyped-call]
        file = _within(Path(contents.root_dir), path)
        if file is None:
            raise web.HTTPError(404, f"{path} leads out of the folder of this server.")
        return file


def _within(root: Path, path: str) -> Path | None:
    """Return the file of an API's path; None where links lead out of the folder."""
    root = root.resolve()
    file = Path(to_os_path(ApiPath(path), str(root))).resolve()
    return file if file.is_relative_to(root) else None


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
