"""A server on loopback that speaks Anthropic's protocol, with scripted answers."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def text(self):
        """The text of the last message."""
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else content[0]["text"]


@dataclass(frozen=True)
class Said:
    """What the server says: a text, or an error of this kind."""

    text: str = "hello"
    status: int = 200
    error: str = "invalid_request_error"
    stop_reason: str = "end_turn"
    cached: int = 0
    delay: float = 0.0
    retry_after: str | None = None
    drop: bool = False


class AnthropicServer:
    """Serves ``/v1/messages`` on a free port; `answer` makes a `Said` of an `Asked`."""

    def __init__(self, answer=lambda _: Said()):
        self._answer = answer
        self.requests = []
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self):
        self._thread.start()
        self._up.wait()
        return self

    def __exit__(self, *exc_info):
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    @property
    def count(self):
        return len(self.requests)

    async def _serve(self):
        self._loop, self._down = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/messages", self._message)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._port = runner.addresses[0][1]
        self._up.set()
        await self._down.wait()
        await runner.cleanup()

    async def _message(self, request):
        asked = Asked(await request.json(), dict(request.headers))
        self.requests.append(asked)
        said = self._answer(asked)
        await asyncio.sleep(said.delay)
        if said.drop:
            request.transport.close()
        if said.status != 200:
            error = {"type": "error", "error": {"type": said.error, "message": said.text}}
            headers = {"retry-after": said.retry_after} if said.retry_after else {}
            return web.json_response(error, status=said.status, headers=headers)
        if asked.body.get("stream"):
            return web.Response(text=_stream(said), content_type="text/event-stream")
        return web.json_response(_message(said, [{"type": "text", "text": said.text}]))


def _message(said, content):
    return {
        "id": "msg",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": content,
        "stop_reason": said.stop_reason,
        "usage": {
            "input_tokens": 10,
            "output_tokens": 4,
            "cache_read_input_tokens": said.cached,
            "cache_creation_input_tokens": 0,
        },
    }


def _stream(said):
    block = {"index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"index": 0, "delta": {"type": "text_delta", "text": said.text}}
    events = [
        {"type": "message_start", "message": _message(said, [])},
        {"type": "content_block_start", **block},
        {"type": "content_block_delta", **delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": said.stop_reason},
            "usage": {"output_tokens": 4},
        },
        {"type": "message_stop"},
    ]
    return "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
