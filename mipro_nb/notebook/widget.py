"""The widget: one anywidget for a run, the history and a comparison, and what it asks us."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from typing import Any, cast

import anywidget
import traitlets

from mipro_nb.notebook.frontend import STATIC, answer_on_subshells
from mipro_nb.notebook.saved.bundle import EMPTY, mime_bundle
from mipro_nb.runs.following.protocol import (
    Answers,
    DeltaMessage,
    Kind,
    PageMessage,
    refusal,
    reply_to,
    request,
    requests_of,
)
from mipro_nb.runs.view_model import RunDelta, RunSnapshot, Shown

_log = logging.getLogger(__name__)
_REMEMBERED_REQUESTS = 1000


class MiproWidget(anywidget.AnyWidget):
    """Shows a run, the history or a comparison; holds what a saved notebook shows without us.

    Attributes
    ----------
    kind
        What it opens with: ``"run"``, ``"history"`` or ``"comparison"``.
    permission, snapshot, history, comparison
        What is shown; None for what is not.
    search
        What the history is searched for at first.
    """

    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"
    kind = traitlets.Unicode("run").tag(sync=True)
    permission = traitlets.Any(None).tag(sync=True)
    snapshot = traitlets.Any(None).tag(sync=True)
    history = traitlets.Any(None).tag(sync=True)
    comparison = traitlets.Any(None).tag(sync=True)
    search = traitlets.Unicode("").tag(sync=True)

    def __init__(self, answers: Answers, **traits: Any) -> None:
        super().__init__(**traits)
        self._answers = {**requests_of(self), **answers}
        self.greeted = threading.Event()
        self.keeps_itself = False
        self._heard: deque[Any] = deque(maxlen=_REMEMBERED_REQUESTS)
        self.on_msg(self._on_message)
        answer_on_subshells(self.comm)

    def tell(self, run_id: str, delta: RunDelta) -> None:
        """Send what changed in a run."""
        # A front end that went away must not end the run's view for others.
        with contextlib.suppress(OSError):
            message: DeltaMessage = {"kind": "delta", "run": run_id, "delta": delta}
            self.send(message)

    def tell_page(self, snapshot: RunSnapshot) -> None:
        """Send a run as a page without scripts and as text, for the notebook to hold."""
        bundle = mime_bundle("run", {**EMPTY, "snapshot": snapshot})
        message: PageMessage = {
            "kind": "page",
            "page": {"text/html": bundle["text/html"], "text/plain": bundle["text/plain"]},
        }
        self.send(message)

    @request
    def hello(self, *, keeps: bool) -> None:
        """Take note that the widget is drawn, and that clicks reach the kernel.

        `keeps` tells whether the host writes the newest snapshot into the notebook (an element
        around the widget has the class `mipro-keeps`).
        """
        self.keeps_itself = self.keeps_itself or keeps
        self.greeted.set()

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("kind") != "request":
            return
        number: Any = content.get("id")
        # A request may arrive twice: it is sent again where a blocked shell may have got it.
        if number in self._heard:
            return
        self._heard.append(number)
        reply = reply_to(number, content.get("what"), content.get("ask"), self._answers)
        try:
            self.send(reply)
        except Exception as error:  # noqa: BLE001 - a value that cannot be sent is refused
            _log.exception("The answer to a widget's request cannot be sent.")
            self.send(refusal(number, f"{type(error).__name__} in mipro_nb: {error}"))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_() or ({}, {})
        shown = mime_bundle(cast("Kind", self.kind), self.content())
        return {**bundle, **shown}, metadata

    def content(self) -> Shown:
        """Return what is shown, by trait."""
        return {
            "permission": self.permission,
            "snapshot": self.snapshot,
            "history": self.history,
            "comparison": self.comparison,
            "search": self.search,
        }
