"""Run a notebook without a browser, telling how far it is.

python notebooks/execute.py notebooks/01_quickstart.ipynb demo-output
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

import mipro_nb as mipro

_TELL_EVERY_SECONDS = 15.0
_SHORT_SECONDS = 90
_LONG_MINUTES = 90
# From fewer answers nothing can be told: the first ones wait for the model to load.
_ENOUGH_ANSWERS = 20


def main(source: Path, folder: Path) -> int:
    """Execute `source`, leave the executed notebook in `folder`, and print its summary."""
    notebook = nbformat.read(source, as_version=4)
    sections = _sections(notebook)
    try:
        progress = _Progress(notebook.metadata.get("lm_answers"))
    except mipro.errors.MiproError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The record of its runs: {progress.record_path}", flush=True)
    summary, executed = folder / "summary.json", folder / f"{source.stem}.executed.ipynb"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        summary.unlink(missing_ok=True)
        nbformat.write(notebook, executed)
    except OSError as error:
        print(
            f"Nothing can be written to {folder.absolute()}: {error}. Give another folder, or "
            "the right to write to this one.",
            file=sys.stderr,
        )
        return 1
    os.environ["MIPRO_ASK"] = "0"  # the kernel inherits it; nobody could answer the dialog
    # The kernel is this interpreter's, whatever else calls itself python3.
    kernels = [str(Path(sys.prefix, "share", "jupyter")), os.environ.get("JUPYTER_PATH", "")]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, kernels))
    began = time.monotonic()

    def tell(what: str) -> None:
        seconds = int(time.monotonic() - began)
        print(f"{seconds // 60:2}:{seconds % 60:02}  {what}", flush=True)

    def tell_section(cell: nbformat.NotebookNode, cell_index: int) -> None:
        del cell
        if cell_index in sections:
            progress.section = sections[cell_index]
            tell(progress.section)

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        coalesce_streams=True,  # of a progress bar, its last state
        # What the kernel warns of is how it is reached on this machine, which is nobody's concern.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        record_timing=False,  # it would be all that differs from one execution to the next
        on_cell_start=tell_section,
        resources={"metadata": {"path": source.parent}},
    )
    try:
        with _told_now_and_then(progress, tell):
            _execute(client)
    except (CellExecutionError, DeadKernelError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        tell("Interrupted. What was answered is in the record: a second run is shorter.")
        return 1
    finally:
        nbformat.write(notebook, executed)
    if summary.is_file():
        for name, value in json.loads(summary.read_text(encoding="utf-8")).items():
            print(f"       {name}: {value}")
    print(f"The executed notebook: {executed}")
    return 0


def _execute(client: NotebookClient) -> None:
    # In another thread, because in the main one nbclient has Ctrl-C kill the kernel in mid-cell.
    with ThreadPoolExecutor(1) as pool:
        executed = pool.submit(client.execute)
        try:
            executed.result()
        except KeyboardInterrupt:
            asyncio.run(client.km.shutdown_kernel(now=True))
            raise


class _Progress:
    """How far the notebook is, as its record tells it.

    Parameters
    ----------
    expected
        LM answers that the whole notebook asks for, about; None if nobody counted them.

    Attributes
    ----------
    section
        The heading above the cell that runs.
    record_path
        The file of the record.
    """

    def __init__(self, expected: int | None) -> None:
        self.section = ""
        self._expected = expected
        self._record = mipro.runs.open_record()
        self.record_path = self._record.path
        self._kept_before = self._record.answers_kept().answers
        self._runs_before = {run.id for run in mipro.runs.list()}
        self._began = time.monotonic()

    def line(self) -> str:
        """Return what is under way, how much of it is done, and about how long the rest takes."""
        answers = self._record.answers_kept().answers - self._kept_before
        said = f"  {self._phase() or self.section or 'start'}"
        if answers == 0:
            return said
        said += f": {answers} LM answers"
        if self._expected and answers < self._expected:
            said += f" of about {self._expected}"
            if answers >= _ENOUGH_ANSWERS:
                seconds = (time.monotonic() - self._began) * (self._expected - answers) / answers
                said += f", about {_told(seconds)} left"
        return said

    def _phase(self) -> str | None:
        """Return the phase of the run that goes on, None if there is none."""
        for run in mipro.runs.list():
            if run.id not in self._runs_before and run.state.state in {"running", "paused"}:
                return run.state.phases[-1] if run.state.phases else None
        return None


def _told(seconds: float) -> str:
    if seconds < _SHORT_SECONDS:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < _LONG_MINUTES else f"{minutes / 60:.0f} h"


@contextmanager
def _told_now_and_then(progress: _Progress, tell: Callable[[str], None]) -> Iterator[None]:
    """Tell every few seconds how far the notebook is: a long cell is silent till its end."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_TELL_EVERY_SECONDS):
            tell(progress.line())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _sections(notebook: nbformat.NotebookNode) -> dict[int, str]:
    """Return for the first code cell under each heading the heading's text."""
    sections, heading = {}, None
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            heading = cell.source.splitlines()[0].lstrip("# ")
        elif cell.cell_type == "code" and heading is not None:
            sections[index] = heading
            heading = None
    return sections


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
