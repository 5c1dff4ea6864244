"""The widget: one anywidget for a run, the history and a comparison, and what it asks us."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from mipro_nb.errors import MiproError
from mipro_nb.notebook.bundle import EMPTY, mime_bundle
from mipro_nb.notebook.frontend import STATIC, answer_on_subshells
from mipro_nb.runs.views.view import Json

_log = logging.getLogger(__name__)
_REMEMBERED_REQUESTS = 1000

Answers = Mapping[str, Callable[[Json], Any]]
"""What can be asked → the function that answers it; see ``js/shared/src/protocol.ts``."""


class MiproWidget(anywidget.AnyWidget):
    """Shows a run, the history or a comparison; holds what a saved notebook shows without us.

    Attributes
    ----------
    kind
        What it opens with: ``"run"``, ``"history"`` or ``"comparison"``.
    permission, snapshot, history, comparison
        What is shown, in the forms of ``js/shared/src/run.ts``; None for what is not.
    """

    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"
    kind = traitlets.Unicode("run").tag(sync=True)
    permission = traitlets.Any(None).tag(sync=True)
    snapshot = traitlets.Any(None).tag(sync=True)
    history = traitlets.Any(None).tag(sync=True)
    comparison = traitlets.Any(None).tag(sync=True)

    def __init__(self, answers: Answers, **traits: Any) -> None:
        super().__init__(**traits)
        self._answers = {"hello": self.greet, **answers}
        self.greeted = threading.Event()
        self.keeps_itself = False
        self._heard: deque[Any] = deque(maxlen=_REMEMBERED_REQUESTS)
        self.on_msg(self._on_message)
        answer_on_subshells(self.comm)

    def tell(self, run_id: str, delta: Json) -> None:
        """Send what changed in a run."""
        # A front end that went away must not end the run's view for others.
        with contextlib.suppress(OSError):
            self.send({"kind": "delta", "run": run_id, "delta": delta})

    def tell_page(self, snapshot: Json) -> None:
        """Send a run as a page without scripts and as text, for the notebook to hold."""
        bundle = mime_bundle("run", {**EMPTY, "snapshot": snapshot})
        page = {mime: bundle[mime] for mime in ("text/html", "text/plain")}
        self.send({"kind": "page", "page": page})

    def greet(self, ask: Json) -> None:
        """Take note of a front end that has drawn this widget and reaches us.

        ``ask["keeps"]`` tells whether it also writes the newest snapshot into the notebook.
        """
        self.keeps_itself = self.keeps_itself or bool(ask.get("keeps"))
        self.greeted.set()

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("kind") != "request":
            return
        number = content.get("id")
        # A request may arrive twice: it is sent again where a blocked shell may have got it.
        if number in self._heard:
            return
        self._heard.append(number)
        try:
            value = self._answer(content.get("what"), content.get("ask"))
            self.send({"kind": "answer", "id": number, "value": value})
        except MiproError as error:
            self._refuse(number, str(error))
        except Exception as error:  # noqa: BLE001 - a front end must hear of it, and go on
            _log.exception("A widget's request %r failed.", content.get("what"))
            self._refuse(number, f"{type(error).__name__} in mipro_nb: {error}")

    def _refuse(self, number: Any, error: str) -> None:
        sendable = error.encode("utf-8", "backslashreplace").decode("utf-8")
        self.send({"kind": "refusal", "id": number, "error": sendable})

    def _answer(self, what: Any, ask: Any) -> Any:
        if not isinstance(what, str) or what not in self._answers or not isinstance(ask, dict):
            msg = f"This kernel's mipro_nb knows no request {what!r}: reload the page."
            raise MiproError(msg)
        return self._answers[what](ask)

    def _repr_mimebundle_(self, **_: Any) -> tuple[Json, Json]:
        bundle, metadata = super()._repr_mimebundle_() or ({}, {})
        shown = mime_bundle(self.kind, self.content())
        return {**bundle, **shown}, metadata

    def content(self) -> Json:
        """Return what is shown, by trait."""
        return {
            "permission": self.permission,
            "snapshot": self.snapshot,
            "history": self.history,
            "comparison": self.comparison,
        }
