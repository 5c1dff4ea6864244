"""A batch endpoint for tests, like OpenAI's: ``/v1/files`` and ``/v1/batches``.

The server's ``answer`` answers the calls of a batch when the batch ends; how it ends is scripted::

    batches = ScriptedBatches([Ending("expired", done=2)])
    with ScriptedServer("hello", batches=batches) as server:
        ...
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from scripted_server import Request

Answered = Callable[[Request], tuple[int, dict[str, Any]]]


@dataclass
class Ending:
    """How one batch goes.

    Attributes
    ----------
    status
        ``"completed"``, ``"expired"`` or ``"failed"``.
    done
        How many of its calls are done by then, also if it is cancelled; all if ``None``.
    once
        It goes on until this is true.
    refusal
        Code and message of a batch that failed.
    unheard
        Begin it and break off the connection.
    lines_lost
        Tell nothing of its calls.
    upset
        Answer so many looks at it with an error 500.
    files_late
        For so many looks after its end, name none of its files.
    files_gone
        Know its files no more.
    """

    status: str = "completed"
    done: int | None = None
    once: Callable[[], bool] = lambda: True
    refusal: tuple[str, str] = ("invalid", "The file cannot be read.")
    unheard: bool = False
    lines_lost: bool = False
    upset: int = 0
    files_late: int = 0
    files_gone: bool = False


@dataclass
class Batch:
    """One batch as it arrived."""

    id: str
    ending: Ending
    calls: dict[str, Request]
    metadata: dict[str, str]
    status: str = "in_progress"
    looks: int = 0
    files: dict[str, str] = field(default_factory=dict)
    completed: int = 0
    failed: int = 0

    def shown(self) -> dict[str, Any]:
        """The batch as the API shows it."""
        code, message = self.ending.refusal
        errors = {"object": "list", "data": [{"code": code, "message": message}]}
        named = {} if self.ending.files_late else self.files
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "created_at": 0,
            "input_file_id": f"file-{self.id}",
            "status": self.status,
            "metadata": self.metadata,
            "errors": errors if self.status == "failed" else None,
            "output_file_id": named.get("output"),
            "error_file_id": named.get("error"),
            "request_counts": {
                "total": len(self.calls),
                "completed": self.completed,
                "failed": self.failed,
            },
        }


class ScriptedBatches:
    """The endpoint.

    Parameters
    ----------
    endings
        How the batches go, in order; all others are completed.

    Attributes
    ----------
    all
        The batches, in order of arrival.
    cancelled
        Those that were cancelled, by their ids.
    """

    def __init__(self, endings: Sequence[Ending] = ()) -> None:
        self._endings = list(endings)
        self._files: dict[str, str] = {}
        self._gone: set[str] = set()
        self.all: list[Batch] = []
        self.cancelled: list[str] = []

    @property
    def sizes(self) -> list[int]:
        """How many calls each batch has."""
        return [len(batch.calls) for batch in self.all]

    @property
    def requests(self) -> list[Request]:
        """All calls, in order of arrival."""
        return [request for batch in self.all for request in batch.calls.values()]

    def serve(self, router: web.UrlDispatcher, answered: Answered) -> None:
        """Answer for a server."""
        self._answered = answered
        router.add_post("/v1/files", self._upload)
        router.add_get("/v1/files/{file}/content", self._content)
        router.add_post("/v1/batches", self._begin)
        router.add_get("/v1/batches", self._list)
        router.add_get("/v1/batches/{batch}", self._look)
        router.add_post("/v1/batches/{batch}/cancel", self._cancel)

    async def _upload(self, http_request: web.Request) -> web.StreamResponse:
        form = await http_request.post()
        assert form["purpose"] == "batch"
        name = self._keep(form["file"].file.read().decode())
        return web.json_response({"id": name, "object": "file", "purpose": "batch"})

    def _keep(self, content: str) -> str:
        name = f"file-{len(self._files)}"
        self._files[name] = content
        return name

    async def _content(self, http_request: web.Request) -> web.StreamResponse:
        name = http_request.match_info["file"]
        if name in self._gone:
            return web.json_response(
                {"error": {"message": f"No such File object: {name}"}}, status=404
            )
        return web.Response(text=self._files[name])

    async def _begin(self, http_request: web.Request) -> web.StreamResponse:
        asked = await http_request.json()
        lines = [json.loads(line) for line in self._files[asked["input_file_id"]].splitlines()]
        first = len(self.requests)
        calls = {
            line["custom_id"]: Request(
                line["body"],
                line["body"]["messages"],
                line["body"]["model"],
                http_request.headers.get("Authorization", ""),
                first + place,
            )
            for place, line in enumerate(lines)
        }
        assert len(calls) == len(lines), "two calls have the same custom_id"
        ending = self._endings.pop(0) if self._endings else Ending()
        batch = Batch(f"batch_{len(self.all)}", ending, calls, asked["metadata"])
        self.all.append(batch)
        if ending.unheard and http_request.transport is not None:
            http_request.transport.abort()
        return web.json_response(batch.shown())

    async def _list(self, http_request: web.Request) -> web.StreamResponse:
        shown = [batch.shown() for batch in reversed(self.all)]
        return web.json_response({"object": "list", "data": shown, "has_more": False})

    async def _look(self, http_request: web.Request) -> web.StreamResponse:
        batch = self._batch_of(http_request)
        if batch is None:
            return web.json_response({"error": {"message": "No such batch."}}, status=404)
        batch.looks += 1
        if batch.ending.upset:
            batch.ending.upset -= 1
            return web.json_response({"error": {"message": "Not now."}}, status=500)
        if batch.status == "in_progress" and batch.ending.once():
            self._end(batch, batch.ending.status)
        elif batch.status != "in_progress" and batch.ending.files_late:
            batch.ending.files_late -= 1
        return web.json_response(batch.shown())

    async def _cancel(self, http_request: web.Request) -> web.StreamResponse:
        batch = self._batch_of(http_request)
        assert batch is not None
        self.cancelled.append(batch.id)
        if batch.status == "in_progress":
            self._end(batch, "cancelled")
        return web.json_response(batch.shown())

    def _batch_of(self, http_request: web.Request) -> Batch | None:
        found = [each for each in self.all if each.id == http_request.match_info["batch"]]
        return found[0] if found else None

    def _end(self, batch: Batch, status: str) -> None:
        """Answer what is done, and say of the rest why it is not."""
        batch.status = status
        if status == "failed" or batch.ending.lines_lost:
            return
        output, error = [], []
        for place, (custom_id, request) in enumerate(batch.calls.items()):
            line: dict[str, Any] = {"id": f"line_{place}", "custom_id": custom_id}
            if batch.ending.done is not None and place >= batch.ending.done:
                told = {"code": f"batch_{status}", "message": "It was not done by then."}
                error.append({**line, "response": None, "error": told})
                continue
            code, body = self._answered(request)
            told = {"status_code": code, "request_id": "", "body": body}
            (output if code < 400 else error).append({**line, "response": told, "error": None})
        for kind, lines in {"output": output, "error": error}.items():
            if lines:
                batch.files[kind] = self._keep("\n".join(map(json.dumps, lines)))
        batch.completed, batch.failed = len(output), len(error)
        if batch.ending.files_gone:
            self._gone |= {*batch.files.values()}
