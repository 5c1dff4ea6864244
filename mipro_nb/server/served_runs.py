"""The runs that a Jupyter server shows: those of one record, which its configuration names."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from traitlets import Unicode
from traitlets.config import LoggingConfigurable

from mipro_nb.errors import MiproError
from mipro_nb.files import expanded
from mipro_nb.runs.following.protocol import (
    Answers,
    DeltaMessage,
    RunsMessage,
    WidgetAnswer,
    WidgetRefusal,
    refusal,
    reply_to,
    request,
    requests_of,
)
from mipro_nb.runs.following.recorded_requests import RecordedRequests
from mipro_nb.runs.store.open_records import default_path, open_record
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import HistoryRow, RunDelta
from mipro_nb.server.runs_news import RunsNews
from mipro_nb.server.template import Template

# How often it is looked whether any run has changed, while somebody looks on.
_LOOK_SECONDS = 1.0

Send = Callable[[DeltaMessage | RunsMessage], None]
"""Sends a message to one page; called on the server's loop."""


class ServedRuns(LoggingConfigurable):
    """Answers what pages ask about recorded runs, and tells them what changes.

    The record is a matter of the server's configuration alone: no request names a file.
    """

    record = Unicode(
        "",
        help="The record file whose runs are shown; without it, the one in MIPRO_HOME, or else in "
        "the user's data folder.",
    ).tag(config=True)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requests: RecordedRequests | None = None
        self._of: Record | None = None
        self._lock = threading.Lock()  # requests are answered in threads
        self._pages: dict[Send, str | None] = {}  # the run that it follows; None for the list
        self._news = RunsNews(self._record)
        self._looking = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    @property
    def path(self) -> Path:
        """The record file; it need not be there yet."""
        return expanded(self.record, "record") if self.record else default_path()

    @request
    def record_place(self) -> str:
        """Return the path of the record file, for a person to see."""
        return str(self.path)

    async def reply(self, number: int, what: Any, ask: Any) -> WidgetAnswer | WidgetRefusal:
        """Return the answer to a request, or why there is none."""
        self._loop = asyncio.get_running_loop()
        # It may wait for a kernel that is writing; the server goes on meanwhile.
        return await asyncio.to_thread(self._reply, number, what, ask)

    def _reply(self, number: int, what: Any, ask: Any) -> WidgetAnswer | WidgetRefusal:
        try:
            answers = self._answers()
        except MiproError as error:
            return refusal(number, str(error))
        return reply_to(number, what, ask, answers)

    def _answers(self) -> Answers:
        """Return what can be asked now."""
        own = {**requests_of(self), **requests_of(Template())}
        record = self._record()
        if record is None:
            return {**own, "history": _no_runs}
        return {**own, **requests_of(self._requests_about(record))}

    def _record(self) -> Record | None:
        """Return the record; None while there is none: looking at runs makes none."""
        try:
            is_there = self.path.exists()
        except OSError:
            is_there = True  # what is in the way is said where it cannot be opened
        return open_record(self.path) if is_there else None

    def _requests_about(self, record: Record) -> RecordedRequests:
        """Return what reads a record; a new one, where another file has taken its place."""
        with self._lock:
            if self._requests is None or record is not self._of:
                if self._requests is not None:
                    self._requests.close()
                self._requests, self._of = RecordedRequests(record, self._tell), record
            return self._requests

    def _tell(self, run_id: str, delta: RunDelta) -> None:
        """Send a delta to those who follow the run; called in the thread of its follower."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the server ends, and its loop has
                self._loop.call_soon_threadsafe(self._send_delta, run_id, delta)

    def _send_delta(self, run_id: str, delta: RunDelta) -> None:
        for send, followed in list(self._pages.items()):
            if followed == run_id:
                send({"kind": "delta", "run": run_id, "delta": delta})

    async def join(self, send: Send, run_id: str | None) -> None:
        """Have a page hear about a run; or, without one, about all that the list of runs shows."""
        self._loop = asyncio.get_running_loop()
        if run_id is not None:
            self._pages[send] = run_id
            return
        # All others hear what this page learns from its first message, and it all that they hear.
        async with self._looking:
            await self._tell_news()
            send(self._news.all)
            self._pages[send] = None
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    def leave(self, send: Send) -> None:
        """Tell a page no more."""
        run_id = self._pages.pop(send, None)
        if run_id is not None and run_id not in self._pages.values() and self._requests:
            self._requests.leave(run_id)

    async def _watch(self) -> None:
        """Tell what changes among the runs, as long as anybody looks on."""
        try:
            while None in self._pages.values():
                await asyncio.sleep(_LOOK_SECONDS)
                async with self._looking:
                    await self._tell_news()
        finally:
            self._watching = None

    async def _tell_news(self) -> None:
        """Look at the runs, and tell all who list them what has changed."""
        news = await asyncio.to_thread(self._news.look)
        if news is None:
            return
        if news["error"] is not None:
            self.log.warning("The list of runs is not up to date: %s", news["error"])
        for send, followed in list(self._pages.items()):
            if followed is None:
                send(news)
        changed = {row["id"] for row in (*news["rows"], *news["live"])}
        await asyncio.to_thread(self._look_again, changed & {*self._pages.values()})

    def _look_again(self, run_ids: Iterable[str | None]) -> None:
        """Tell how runs stand that were over when a page asked for them."""
        for run_id in run_ids:
            if self._requests is not None and run_id is not None:
                with contextlib.suppress(MiproError):  # deleted meanwhile; the list tells
                    self._requests.look_again(run_id)


def _no_runs() -> list[HistoryRow]:
    """Return all runs where there is no record yet."""
    return []
