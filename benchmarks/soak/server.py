"""An LM's server in bad shape: every so many calls something goes wrong, at random.

python -m benchmarks.soak.server SEED faulty|sound

It prints its port and serves until its standard input is closed. ``GET /seen`` returns how many
calls came, how many were answered, and what went wrong how often. An answer depends on the prompt
alone, so a run that hears all of them ends as on a server in good shape.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import zlib
from collections import Counter
from typing import Any

from aiohttp import web

from benchmarks.against_dspy import prompts
from benchmarks.against_dspy.server import completion, serve
from benchmarks.against_dspy.task import MOST_INSTRUCTIONS, Task

# Which share of all calls meets what. A 429 asks all calls to wait for a second.
FAULTS = {
    "503": 0.06,
    "500": 0.06,
    "429": 0.002,
    "dropped": 0.02,
    "half a reply": 0.01,
    "hangs": 0.002,
}
_LATENCY_SECONDS = 0.02
_HANGING_SECONDS = 600.0


class BadServer:
    """Answers as the task has it, or goes wrong.

    Parameters
    ----------
    seed
        Of the task and of the faults.
    faulty
        Whether anything goes wrong.
    """

    def __init__(self, seed: int, *, faulty: bool) -> None:
        self._task, self._random, self._faulty = Task(seed), random.Random(seed), faulty
        self._seen: Counter[str] = Counter()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        if request.path == "/seen":
            return web.json_response(self._seen)
        self._seen["calls"] += 1
        body = json.loads(await request.read())
        fault = self._drawn() if self._faulty else None
        if fault is not None:
            self._seen[fault] += 1
        match fault:
            case "500" | "503" | "429":
                headers = {"Retry-After": "1"} if fault == "429" else {}
                error = {"message": "Not now.", "type": "server_error", "code": None}
                return web.json_response({"error": error}, status=int(fault), headers=headers)
            case "hangs":
                await asyncio.sleep(_HANGING_SECONDS)
            case "dropped":
                assert request.transport is not None
                request.transport.abort()
        await asyncio.sleep(_LATENCY_SECONDS * self._random.random())
        answer = self._completion(body)
        if fault == "half a reply":
            answer = answer[: len(answer) // 2]
        if fault is None:
            self._seen["answered"] += 1
        return web.Response(body=answer, content_type="application/json")

    def _drawn(self) -> str | None:
        left = self._random.random()
        for fault, share in FAULTS.items():
            left -= share
            if left < 0:
                return fault
        return None

    def _completion(self, body: dict[str, Any]) -> bytes:
        number = zlib.crc32(json.dumps(body["messages"]).encode()) % MOST_INSTRUCTIONS
        text = prompts.write(prompts.read(body["messages"]), self._task, number)
        return completion(text, body)


if __name__ == "__main__":
    asyncio.run(serve(BadServer(int(sys.argv[1]), faulty=sys.argv[2] == "faulty").handle))
