"""Looking back: recorded runs, one run and comparisons as what a cell displays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mipro_nb.arguments import only_known
from mipro_nb.checks import check
from mipro_nb.errors import RecordError
from mipro_nb.files import expanded, write_whole
from mipro_nb.notebook.frontend import missing_widgets, somebody_looks_on
from mipro_nb.notebook.saved.bundle import EMPTY, bounded, mime_bundle
from mipro_nb.notebook.saved.shared_page import shared_page
from mipro_nb.optimizer.running.run import runs_here
from mipro_nb.runs.following.follower import Follower
from mipro_nb.runs.following.protocol import Kind
from mipro_nb.runs.recorded.recorded_runs import compare_runs, list_runs, load_run
from mipro_nb.runs.store.open_records import open_record
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import HistoryRow, Shown
from mipro_nb.runs.views.history import SearchText, history_rows, matches

if TYPE_CHECKING:
    import pandas as pd

# A saved notebook keeps so many lines of the history; the record has them all.
_MOST_ROWS = 500


class View:
    """Something to look at: a widget in a notebook, static output elsewhere.

    Parameters
    ----------
    kind
        ``"run"``, ``"history"`` or ``"comparison"``.
    record
        The record that it shows.
    content
        What is shown.
    """

    def __init__(self, kind: Kind, record: Record, content: Shown) -> None:
        self._kind = kind
        self._record = record
        self._content = content
        self._window: Any = None

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if somebody_looks_on() and not missing_widgets():
            if self._window is None:
                from mipro_nb.notebook.window import ViewWindow  # noqa: PLC0415 - brings widgets

                self._window = ViewWindow(self._kind, self._record, self._content)
            bundle: tuple[dict[str, Any], dict[str, Any]] = self._window.bundle()
            return bundle
        return mime_bundle(self._kind, self._content), {}

    def __repr__(self) -> str:
        return str(mime_bundle(self._kind, self._content)["text/plain"])


class HistoryView(View):
    """All recorded runs that fit a search.

    Parameters
    ----------
    record
        The record.
    text
        What is searched for; all runs if empty.
    """

    def __init__(self, record: Record, text: str = "") -> None:
        self.rows: list[HistoryRow] = [row for row in history_rows(record) if matches(row, text)]
        shown = self.rows[:_MOST_ROWS]
        super().__init__("history", record, {**EMPTY, "history": shown, "search": text})

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row per run."""
        import pandas as pd  # noqa: PLC0415 - slow to import, and only wanted on request

        return pd.DataFrame(self.rows)


@only_known()
def history(text: str = "", *, record: str | Path | None = None) -> HistoryView:
    """Return all recorded runs, across notebooks and restarts, the newest first.

    Parameters
    ----------
    text
        Shows only runs whose name, tags, program, models, id or state have this in them.
    record
        The record file; the configured one, or else the default, if None.
    """
    return HistoryView(open_record(record), check("text", text, SearchText))


@only_known()
def show(run_id: str | None = None, *, record: str | Path | None = None) -> View:
    """Return one run to look at; live if it goes on, wherever that is.

    Parameters
    ----------
    run_id
        Its id, or as much of the id's beginning as is unique; the newest run if None.
    record
        The record file; the configured one, or else the default, if None.

    Raises
    ------
    UnknownRunError
        If there is no such run.
    """
    opened = open_record(record)
    if run_id is None:
        newest = list_runs(record)[:1]
        run_id = newest[0].id if newest else ""
    run = load_run(run_id, record)
    snapshot = Follower(opened, run.id, lambda _: None, find_live=runs_here.find_live).for_saving()
    return View("run", opened, {**EMPTY, "snapshot": bounded(snapshot)})


@only_known()
def share(
    run_id: str, path: str | Path, *, overwrite: bool = False, record: str | Path | None = None
) -> Path:
    """Write a run to one HTML file for people without mipro_nb, and return its path.

    The page has the result, a chart, tables that can be sorted, and the prompts. It fetches
    nothing, and whatever an LM wrote stands in it as text.

    Parameters
    ----------
    run_id
        The run's id, or as much of its beginning as is unique.
    path
        The file, such as ``report.html``.
    overwrite
        Whether a file that is there already may be replaced.
    record
        The record file; the configured one, or else the default, if None.

    Raises
    ------
    InvalidArgumentError
        If `path` is not the path of a file.
    RecordError
        If the file is there already and `overwrite` is False, or cannot be written.
    UnknownRunError
        If no run, or more than one, has an id that begins so.
    """
    file = expanded(path, "path")
    if file.exists() and not overwrite:
        msg = f"{file} is there already: give another path, or overwrite=True."
        raise RecordError(msg)
    run = load_run(run_id, record)
    follower = Follower(run.record, run.id, lambda _: None, find_live=runs_here.find_live)
    page = shared_page(follower.for_saving())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, page.encode())
    except OSError as error:
        msg = f"Cannot write {file}: {error}."
        raise RecordError(msg) from error
    return file


@only_known()
def compare(*run_ids: str, record: str | Path | None = None) -> View:
    """Return two or more runs side by side: scores, cost, settings, instructions.

    Raises
    ------
    InvalidArgumentError
        If fewer than two runs are given.
    UnknownRunError
        If there is no such run.
    """
    comparison = compare_runs(*run_ids, record=record)
    return View("comparison", open_record(record), {**EMPTY, "comparison": comparison.shown()})
