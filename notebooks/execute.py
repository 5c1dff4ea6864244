"""Run a notebook without a browser, telling which of its sections is being worked on.

python notebooks/execute.py notebooks/01_quickstart.ipynb demo-output
"""

import json
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def main(source: Path, folder: Path) -> int:
    """Execute `source`, leave the executed notebook in `folder`, and print its summary."""
    notebook = nbformat.read(source, as_version=4)
    sections = _sections(notebook)
    summary = folder / "summary.json"
    summary.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    os.environ["MIPRO_ASK"] = "0"  # the kernel inherits it; nobody could answer the dialog
    began = time.monotonic()

    def tell(cell: nbformat.NotebookNode, cell_index: int) -> None:
        del cell
        if cell_index in sections:
            print(f"{time.monotonic() - began:5.0f} s  {sections[cell_index]}", flush=True)

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        on_cell_start=tell,
        resources={"metadata": {"path": source.parent}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        executed = folder / f"{source.stem}.executed.ipynb"
        nbformat.write(notebook, executed)
    if summary.is_file():
        for name, value in json.loads(summary.read_text(encoding="utf-8")).items():
            print(f"         {name}: {value}")
    print(f"The executed notebook: {executed}")
    return 0


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
