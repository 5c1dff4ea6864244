"""The LM of the benchmarks: an OpenAI-compatible server on loopback, in a process of its own.

python -m benchmarks.against_dspy.server

It prints its port and serves until its standard input is closed. ``PUT /settings`` begins a new
measurement, ``GET /measured`` returns what came of it. A call costs it about 0.2 ms of CPU, so it
holds up neither library.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web

from benchmarks.against_dspy import prompts
from benchmarks.against_dspy.measurement import Measurement, Served, Settings
from benchmarks.against_dspy.task import TRAIN_ROWS

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server:
    """Answers chat requests as the task has it."""

    def __init__(self) -> None:
        self._now = Measurement(Settings())

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        match request.path:
            case "/v1/chat/completions":
                return await self._chat(json.loads(await request.read()))
            case "/settings":
                self._now = Measurement(Settings(**json.loads(await request.read())))
                return web.Response()
            case "/measured":
                return web.json_response(self._now.to_dict())
        return web.Response(status=404)

    async def _chat(self, body: dict[str, Any]) -> web.StreamResponse:
        now = self._now
        if now.full:
            now.refused += 1
            return _too_many(now.settings.retry_after)
        came = time.monotonic()
        now.in_flight += 1
        latency = now.latency()
        try:
            now.note_prompt(body)
            if now.settings.upstream is not None:
                phase = "all"
                status, answer = await _asked(now.settings.upstream, body)
            else:
                status = 200
                phase, answer = _simulated(now, body)
                await asyncio.sleep(latency)
        finally:
            now.in_flight -= 1
        now.served.append(Served(phase, came, time.monotonic(), latency))
        return web.Response(body=answer, status=status, content_type="application/json")


def _simulated(now: Measurement, body: dict[str, Any]) -> tuple[str, bytes]:
    """Return what a call is for, and the simulated LM's answer."""
    question = prompts.read(body["messages"])
    draft = now.draft(body) if question.writes_instruction else 0
    text = prompts.write(question, now.task, draft)
    return _phase(question), completion(text, body)


async def _asked(upstream: str, body: dict[str, Any]) -> tuple[int, bytes]:
    """Return what a real LM's server answers."""
    async with (
        ClientSession(timeout=ClientTimeout(total=None)) as session,
        session.post(f"{upstream}/chat/completions", json=body) as response,
    ):
        return response.status, await response.read()


def _phase(question: prompts.Question) -> str:
    """Return what a call is for; the training rows are used in bootstrapping only."""
    if question.ticket is None:
        return "propose"
    return "bootstrap" if question.ticket < TRAIN_ROWS else "search"


def completion(text: str, body: dict[str, Any]) -> bytes:
    """Return the answer `text` to a chat request, as OpenAI's API has it."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    characters = sum(len(message["content"]) for message in body["messages"])
    usage = {"prompt_tokens": characters // 4, "completion_tokens": len(text) // 4}
    usage["total_tokens"] = sum(usage.values())
    whole = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }
    return json.dumps(whole).encode()


def _too_many(retry_after: int | None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    error = {"message": "Too many requests.", "type": "rate_limit", "code": "rate_limit_exceeded"}
    return web.json_response({"error": error}, status=429, headers=headers)


async def serve(handle: Handle) -> None:
    """Serve on a free port of loopback, and print it, until standard input is closed."""
    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(Server().handle))
