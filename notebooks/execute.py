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
from nbclient.exceptions import CellExecutionError

import mipro_nb as mipro

_TELL_EVERY_SECONDS = 15.0


def main(source: Path, folder: Path) -> int:
    """Execute `source`, leave the executed notebook in `folder`, and print its summary."""
    notebook = nbformat.read(source, as_version=4)
    sections = _sections(notebook)
    summary = folder / "summary.json"
    summary.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    os.environ["MIPRO_ASK"] = "0"  # the kernel inherits it; nobody could answer the dialog
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)

    def tell_section(cell: nbformat.NotebookNode, cell_index: int) -> None:
        del cell
        if cell_index in sections:
            tell(sections[cell_index])

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        on_cell_start=tell_section,
        resources={"metadata": {"path": source.parent}},
    )
    executed = folder / f"{source.stem}.executed.ipynb"
    try:
        with _answers_told(tell):
            _execute(client)
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        tell("Interrupted. What was answered is in the record: a second run is shorter.")
        return 1
    finally:
        nbformat.write(notebook, executed)
    if summary.is_file():
        for name, value in json.loads(summary.read_text(encoding="utf-8")).items():
            print(f"         {name}: {value}")
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


@contextmanager
def _answers_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell every few seconds how many LM answers have come: a long cell is silent till its end."""
    over = threading.Event()

    def watch() -> None:
        record = mipro.runs.open_record()
        before = seen = record.answers_kept().answers
        while not over.wait(_TELL_EVERY_SECONDS):
            now = record.answers_kept().answers
            if now > seen:
                seen = now
                tell(f"  {now - before:,} LM answers so far")

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
