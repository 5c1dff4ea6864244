"""A real kernel, and what a front end does to it: run cells, draw widgets, click, type."""

from __future__ import annotations

import os
import queue
import time
from dataclasses import dataclass, field

from jupyter_client.manager import KernelManager

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_AGAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 180


@dataclass
class Cell:
    """A cell that was sent to the kernel, and what came back so far."""

    request: str
    outputs: list = field(default_factory=list)
    displays: dict = field(default_factory=dict)
    error: str | None = None
    done: bool = False

    @property
    def text(self):
        """All that was printed."""
        return "".join(o["text"] for o in self.outputs if "text" in o)


def started(kernel="python3", env=None):
    """Start a kernel; return its manager."""
    manager = KernelManager(kernel_name=kernel)
    manager.start_kernel(env={**os.environ, **(env or {})})
    return manager


class FrontEnd:
    """A front end without a screen, for one kernel.

    Parameters
    ----------
    kernel
        The kernel's manager; it is shut down at the end.
    answers
        What is typed when the kernel asks for input.
    subshell
        Send widget messages on a subshell, as JupyterLab does where the kernel has them.
    """

    def __init__(self, kernel, *, answers=(), subshell=True):
        self._manager = kernel
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=_PATIENCE_SECONDS)
        self._answers = list(answers)
        self._subshell = self._new_subshell() if subshell else None
        self._cells = {}
        self._next_id = 0
        self.widgets = {}
        self.messages = []
        self.prompts = []

    def _new_subshell(self):
        client = self._client
        client.control_channel.send(client.session.msg("create_subshell_request", {}))
        return client.get_control_msg(timeout=_PATIENCE_SECONDS)["content"].get("subshell_id")

    def begin(self, code, *, allow_stdin=True):
        """Send a cell and return at once."""
        request = self._client.execute(code, allow_stdin=allow_stdin, stop_on_error=False)
        self._cells[request] = Cell(request)
        return self._cells[request]

    def run(self, code, **settings):
        """Run a cell to its end."""
        cell = self.begin(code, **settings)
        self.until(lambda: cell.done)
        return cell

    def until(self, true):
        """Take in what the kernel sends until something is true of it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < deadline, "it never came to be"
            self._type()
            try:
                message = self._client.get_iopub_msg(timeout=0.05)
            except queue.Empty:
                continue
            self._take(message)

    def _type(self):
        try:
            asked = self._client.get_stdin_msg(timeout=0)
        except queue.Empty:
            return
        self.prompts.append(asked["content"]["prompt"])
        self._client.input(self._answers.pop(0))

    def _take(self, message):
        content, kind = message["content"], message["header"]["msg_type"]
        cell = self._cells.get(message["parent_header"].get("msg_id"), Cell("nobody's"))
        if kind.startswith("comm_"):
            self._take_from_widget(kind, content["comm_id"], content)
        elif kind == "stream":
            cell.outputs.append(content)
        elif kind in ("display_data", "execute_result"):
            cell.outputs.append(content)
            cell.displays[content.get("transient", {}).get("display_id")] = content["data"]
        elif kind == "update_display_data":
            for other in self._cells.values():
                if content["transient"]["display_id"] in other.displays:
                    other.displays[content["transient"]["display_id"]] = content["data"]
        elif kind == "error":
            cell.error = f"{content['ename']}: {content['evalue']}"
        elif kind == "status" and content["execution_state"] == "idle":
            cell.done = True

    def _take_from_widget(self, kind, widget, content):
        if kind == "comm_open" and content["target_name"] == "jupyter.widget":
            self.widgets[widget] = dict(content["data"]["state"])
        elif widget not in self.widgets:
            return  # of a notebook that had this kernel before, and is gone
        elif kind == "comm_msg" and content["data"].get("method") == "update":
            self.widgets[widget].update(content["data"]["state"])
        elif kind == "comm_msg" and content["data"].get("method") == "custom":
            self.messages.append((widget, content["data"]["content"]))

    @property
    def mipro_widgets(self):
        """The ids of our own widgets, in the order in which they came."""
        return [w for w, state in self.widgets.items() if "snapshot" in state]

    def draws(self, widget):
        """Tell whether a widget stands in the output of a cell: nobody sees it before."""
        outputs = [output for cell in self._cells.values() for output in cell.outputs]
        views = [output.get("data", {}).get(_WIDGET_VIEW, {}) for output in outputs]
        return any(view.get("model_id") == widget for view in views)

    def ask(self, what, ask=None, widget=None):
        """Send a widget's request, as a click does, and return its number."""
        widget = widget or self.mipro_widgets[-1]
        self._next_id += 1
        content = {"kind": "request", "id": self._next_id, "what": what, "ask": ask or {}}
        self._last = (widget, content)
        self.send_again()
        return self._next_id

    def send_again(self):
        """Send the last request once more, with its number."""
        widget, content = self._last
        data = {"method": "custom", "content": content}
        session = self._client.session
        message = session.msg("comm_msg", {"comm_id": widget, "data": data})
        if self._subshell is not None:
            message["header"]["subshell_id"] = self._subshell
        self._client.shell_channel.send(message)

    def answer(self, what, ask=None, widget=None):
        """Send a widget's request and return its answer; a refusal's sentence as a string."""
        number = self.ask(what, ask, widget)
        found = []
        sent = time.monotonic()

        def arrived():
            nonlocal sent
            found[:] = [m for _, m in self.messages if m.get("id") == number]
            # A message to a subshell is lost now and then: the widget also asks until it is heard.
            if not found and time.monotonic() > sent + _AGAIN_SECONDS:
                sent = time.monotonic()
                self.send_again()
            return found

        self.until(arrived)
        return found[0].get("value") if found[0]["kind"] == "answer" else found[0]["error"]

    def interrupt(self):
        """Press the stop button."""
        self._manager.interrupt_kernel()

    def leave(self, afterwards):
        """Interrupt what has not ended, run a last cell and leave the kernel to others."""
        for cell in self._cells.values():
            if not cell.done:
                self.interrupt()
                self.until(lambda cell=cell: cell.done)
        assert self.run(afterwards).error is None
        self._client.stop_channels()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
