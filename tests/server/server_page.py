"""A page's half of what is said to the Jupyter server."""

from __future__ import annotations

import json

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

BASE = "/user/ann/"  # as JupyterHub has it


class Page:
    """What a page of JupyterLab sends to the server."""

    def __init__(self, app, port) -> None:
        self.app, self.port = app, port
        self.token = app.identity_provider.token

    async def send(self, body, *, path="mipro_nb/requests", method="POST", headers=None):
        """Send a request; with the server's token, unless other headers are given."""
        own = {"Authorization": f"token {self.token}"} if headers is None else headers
        return await AsyncHTTPClient().fetch(
            HTTPRequest(
                f"http://127.0.0.1:{self.port}{BASE}{path}",
                method=method,
                headers=own,
                body=None if body is None else json.dumps(body),
            ),
            raise_error=False,
        )

    async def reply(self, what, **ask):
        """Return what is replied to a request."""
        got = await self.send({"id": 7, "what": what, "ask": ask})
        assert got.code == 200, got.body
        reply = json.loads(got.body)
        assert reply["id"] == 7
        return reply

    async def ask(self, what, **ask):
        """Return the answer to a request."""
        reply = await self.reply(what, **ask)
        assert reply["kind"] == "answer", reply
        return reply["value"]

    async def refusal(self, what, **ask):
        """Return why a request is refused."""
        reply = await self.reply(what, **ask)
        assert reply["kind"] == "refusal", reply
        return reply["error"]

    async def listen(self, run=None, token=None, **headers):
        """Open the websocket that reports on a run, or on the list of runs."""
        query = "" if run is None else f"?run={run}"
        headers = {"Authorization": f"token {token or self.token}", **headers}
        url = f"ws://127.0.0.1:{self.port}{BASE}mipro_nb/changes{query}"
        return await websocket_connect(HTTPRequest(url, headers=headers))


async def heard(socket):
    """Return the next message of a websocket."""
    return json.loads(await socket.read_message())
