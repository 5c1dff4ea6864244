"""Windows: the outputs of cells in which runs, the history and comparisons are seen."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal

from IPython.display import DisplayHandle

from mipro_nb.checks import Usd, check
from mipro_nb.errors import (
    InvalidArgumentError,
    MiproError,
    PermissionUnansweredError,
    RunEndedError,
)
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.notebook.frontend import attend_clicks, wait_for_clicks
from mipro_nb.notebook.output import displayed
from mipro_nb.notebook.request_handler import RequestHandler
from mipro_nb.notebook.saved.bundle import EMPTY, bounded, mime_bundle
from mipro_nb.notebook.widget import MiproWidget
from mipro_nb.optimizer.planning.grouped_settings import grouped_settings
from mipro_nb.optimizer.running.beginning.headroom import measured_first
from mipro_nb.optimizer.running.run import Run
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.following.protocol import Kind, request, requests_of
from mipro_nb.runs.sentences.wording import told_settings
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.view import told_caps
from mipro_nb.terminal import asked_by_input

# A notebook that is saved while a run goes on holds a page at most so old.
_PAGE_SECONDS = 10.0
# How long a front end may take to draw a widget before a blocked cell asks by input() instead.
_DRAWING_SECONDS = 20.0
_CHANGED_MEANWHILE = "they were changed elsewhere meanwhile: look at the estimate again."
_ANSWERED = "This question was answered already."


class WidgetWindow:
    """The dialog and the live view of one run, in the cell that began it.

    Parameters
    ----------
    run
        The run.
    remember
        Takes the USD below which the person no longer wants to be asked.
    ask
        Whether to ask for permission first; otherwise the run has begun.
    """

    def __init__(self, run: Run, remember: Callable[[float], None], *, ask: bool) -> None:
        self._run, self._remember = run, remember
        # What is asked about, and the id of what is shown: the run, or a measurement before it.
        self._current, self._shown = run, run.id
        self._request = permission_request(run)
        self._page_sent = 0.0
        self._blocks = False
        self._desk = RequestHandler(run.record, self._tell, self._end, self._keep_ratings)
        self._widget = MiproWidget(
            {**requests_of(self._desk), **requests_of(self)},
            permission=self._request if ask else None,
        )
        self._kept = _Kept(self._widget, self._desk)
        self._handle = DisplayHandle()
        run.when_done(self._say_if_declined)
        if not ask:
            self._show_run()
        self._handle.display(self._widget)
        self._drawn_by = time.monotonic() + _DRAWING_SECONDS

    @property
    def can_resume(self) -> bool:
        """Tell whether a click, or another cell, can have a paused run go on."""
        return not self._blocks or self._widget.greeted.is_set()

    @property
    def is_drawn(self) -> bool:
        """Tell whether the widget has announced itself, or is not likely to do so any more."""
        return self._widget.greeted.is_set() or time.monotonic() > self._drawn_by

    def wait(self, done: Future[Any], timeout: float | None) -> None:
        """Block until `done`, or for `timeout` seconds; clicks take effect meanwhile."""
        self._blocks = True
        try:
            self._wait(done, timeout)
        finally:
            self._blocks = False

    def _wait(self, done: Future[Any], timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        patience = time.monotonic() + _DRAWING_SECONDS

        def unheard() -> bool:
            asks = self._widget.permission is not None and self._asked()
            return asks and not self._widget.greeted.is_set() and time.monotonic() > patience

        wait_for_clicks(done, timeout, until=unheard)
        if not done.done() and unheard():
            self.ask_by_input()
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            wait_for_clicks(done, left)

    async def attend(self, done: Future[Any]) -> None:
        """Await `done`; clicks take effect meanwhile."""
        await attend_clicks(done)

    def ask_by_input(self) -> None:
        """Ask with ``input()`` below the estimate, where the dialog cannot be heard."""
        self._widget.permission = None
        displayed(mime_bundle("run", {**EMPTY, "permission": self._request}))
        try:
            self._run.check_caps(self._run.plan.caps)
            answer = asked_by_input(self._run)
        except (InvalidArgumentError, PermissionUnansweredError) as error:
            self._run.decline(str(error))
            raise
        if answer == "join":
            self.join()
        elif answer == "run":
            self._begin(self._run.plan.caps)
        else:
            self.decline()

    @request
    def hello(self, *, keeps: bool) -> None:
        """Send the page of a run that is over, for it may be older than the end."""
        self._widget.hello(keeps=keeps)
        if self._run.done and self._run.permitted:
            self._send_page()

    def _asked(self) -> bool:
        request = self._widget.permission
        return bool(request) and request["state"] == "asked"

    @request
    def change(self, settings: dict[str, Any]) -> None:
        """Give these settings other values, all others those of the code."""
        self._current.change(settings)
        self._ask_about(self._current)

    @request
    def permit(
        self, caps: vm.CapsView, below_usd: float | None, settings: dict[str, Any] | None
    ) -> None:
        """Begin the run; `below_usd`: ask no more in this notebook below so many dollars.

        `settings` are the changed ones that the person saw the estimate of.
        """
        if settings is not None and settings != self._current.changes:
            raise InvalidArgumentError("settings", settings, _CHANGED_MEANWHILE)
        known = {name: value for name, value in caps.items() if name in Caps().to_dict()}
        limits = Caps(**{**self._current.plan.caps.to_dict(), **known})
        self._current.plan.estimate.check_caps(limits)
        self._current.check_caps(limits)
        if below_usd is not None:
            check("below_usd", below_usd, Usd)
        self._begin(limits)
        if below_usd is not None:
            self._remember(below_usd)

    def _begin(self, caps: Caps) -> None:
        if not self._current.begin(by="user", caps=caps):
            raise RunEndedError(_ANSWERED)
        self._show_run()
        self._answered("permitted", caps)

    @request
    def join(self) -> None:
        """Take the run that is already running instead of starting another."""
        if not self._current.join():
            raise RunEndedError(_ANSWERED)
        self._show_run()
        self._answered("joined", self._current.plan.caps)

    @request
    def decline(self) -> None:
        """Take no for an answer: nothing is called."""
        self._current.decline()

    @request
    def measure(self) -> None:
        """Ask whether to measure headroom first; the question of the run comes again afterwards."""
        if self._current is not self._run or self._run.permitted or self._run.done:
            raise RunEndedError(_ANSWERED)
        measuring = measured_first(self._run, self)
        self._ask_about(measuring)
        measuring.when_done(lambda: self._ask_again(measuring))

    def _ask_again(self, measured: Run) -> None:
        """Ask about the run again: its plan knows by now what was measured."""
        if self._current is not measured or self._run.done:
            return
        with contextlib.suppress(MiproError):  # it is asked about all the same
            self._run.change(self._run.changes)
        self._ask_about(self._run)

    def _ask_about(self, run: Run) -> None:
        self._current = run
        self._request = permission_request(run)
        if run is not self._run:
            self._request["measurement"] = "first"
        self._widget.permission = self._request

    def _say_if_declined(self) -> None:
        if self._current is not self._run:
            self._current.stop()
            self._current = self._run
            self._request = permission_request(self._run)
        if not self._run.permitted:
            self._answered("declined", self._run.plan.caps)
            self._handle.update(self._widget)  # or the notebook would keep an open question

    def _answered(self, state: Literal["permitted", "joined", "declined"], caps: Caps) -> None:
        told: vm.PermissionRequest = {
            **self._request,
            "state": state,
            "caps": told_caps(caps.to_dict()),
        }
        self._widget.permission = told

    def _show_run(self) -> None:
        self._shown = self._current.id
        self._widget.snapshot = self._desk.follow(self._shown).snapshot()

    def _tell(self, run_id: str, delta: vm.RunDelta) -> None:
        self._widget.tell(run_id, delta)
        if run_id == self._shown and time.monotonic() - self._page_sent > _PAGE_SECONDS:
            self._send_page()

    def _send_page(self) -> None:
        """Send the view as a page, where the front end puts it into the notebook."""
        if self._widget.keeps_itself:
            self._page_sent = time.monotonic()
            self._widget.tell_page(bounded(self._desk.follow(self._shown).for_saving()))

    def _keep_ratings(self, run_id: str) -> None:
        """Leave in the notebook what the run was rated after its end.

        The output itself stays as it is drawn: a person is at work in it.
        """
        if run_id == self._run.id:
            self._kept.keep(run_id)

    def _end(self, run_id: str) -> None:
        """Leave the end of the run in the notebook."""
        if run_id != self._shown:
            return
        self._kept.keep(run_id)
        if not self._widget.keeps_itself:
            self._handle.update(self._widget)


class _Kept:
    """What a notebook keeps of a run, of which two threads may tell at once."""

    def __init__(self, widget: MiproWidget, handler: RequestHandler) -> None:
        self._widget, self._handler = widget, handler
        self._lock = threading.RLock()

    def keep(self, run_id: str) -> None:
        """Leave in the notebook how a run stands; the later reading stays."""
        with self._lock:
            snapshot = bounded(self._handler.follow(run_id).for_saving())
            self._widget.snapshot = snapshot
            if self._widget.keeps_itself:
                self._widget.tell_page(snapshot)


class ViewWindow:
    """A look back: an old run, the history or a comparison.

    Parameters
    ----------
    kind
        What it opens with.
    record
        The record that it shows.
    content
        What is shown, by trait of the widget.
    """

    def __init__(self, kind: Kind, record: Record, content: vm.Shown) -> None:
        self._handler = RequestHandler(record, self._tell, lambda _: None, self._keep_ratings)
        self._widget = MiproWidget(requests_of(self._handler), kind=kind, **content)
        self._kept = _Kept(self._widget, self._handler)

    def _tell(self, run_id: str, delta: vm.RunDelta) -> None:
        self._widget.tell(run_id, delta)

    def _keep_ratings(self, run_id: str) -> None:
        """Leave in the notebook what the run that is shown was rated since."""
        shown = self._widget.snapshot
        if shown is not None and shown["summary"]["id"] == run_id:
            self._kept.keep(run_id)

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a cell displays."""
        return self._widget._repr_mimebundle_()


def permission_request(run: Run) -> vm.PermissionRequest:
    """Return what the dialog asks about."""
    plan, outlook = run.plan, run.outlook
    return {
        "state": "asked",
        "resumes": run.id if run.resumes else None,
        "tests": run.is_test,
        "joins": None if run.twin is None else run.twin.id,
        "program": plan.program,
        "predictors": dict(plan.predictors),
        "models": dict(plan.models),
        "trainset_size": plan.trainset_size,
        "valset_size": plan.valset_size,
        "testset_size": plan.testset_size,
        "measured_rows": 0 if plan.headroom is None else plan.headroom.rows,
        "measurement": "offered" if run.can_measure_headroom_first else None,
        "settings": told_settings(plan.settings()),
        "groups": grouped_settings(plan, run.changeable, run.changed_from),
        "changes": dict(run.changes),
        "notes": list(plan.notes),
        "estimate": plan.estimate.to_dict(),
        "left": outlook.left,
        "seconds": outlook.seconds,
        "seconds_told": outlook.seconds_told,
        "caps": told_caps(plan.caps.to_dict()),
    }
