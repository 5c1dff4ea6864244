"""A notebook of ours, executed: what a reader sees who scrolls through it."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RUN_MIME = "application/vnd.mipro.run+json"
_CELL_SECONDS = 800  # the embedded LM on a busy machine


def parameters_of(notebook):
    """The place of the one cell that is there to be changed."""
    (place,) = (
        place
        for place, cell in enumerate(notebook.cells)
        if "parameters" in cell.metadata.get("tags", [])
    )
    return place


class Executed:
    """One of our notebooks after all of its cells ran.

    Parameters
    ----------
    name
        Its file's name without the suffix.
    folder
        Where it runs.
    parameters
        What is other than in its parameters cell.
    further
        Code of a cell that is run after its own.
    """

    def __init__(self, name, folder, parameters, further=""):
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
        lines = [f"{parameter} = {value!r}" for parameter, value in parameters.items()]
        cell = nbformat.v4.new_code_cell("\n".join(lines))
        notebook.cells.insert(parameters_of(notebook) + 1, cell)
        notebook.cells.append(nbformat.v4.new_code_cell(further))
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=_CELL_SECONDS, resources=resources).execute()
        self.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]

    @property
    def outputs(self):
        """All outputs, in order."""
        return [output for cell in self.cells for output in cell.outputs]

    @property
    def text(self):
        """Everything that it shows as text."""
        return "\n".join(map(_text_of, self.outputs))

    def below(self, code):
        """The text below the one cell in which `code` stands."""
        return "\n".join(map(_text_of, self._cell(code).outputs))

    def view_below(self, code):
        """The run, history or comparison that is seen below the one cell with `code`."""
        (view,) = (
            output.data[RUN_MIME]
            for output in self._cell(code).outputs
            if RUN_MIME in output.get("data", {})
        )
        return view

    def figures(self):
        """The images, as PNG in base64."""
        return [o.data["image/png"] for o in self.outputs if "image/png" in o.get("data", {})]

    def views(self):
        """The data of every output that shows a run, the history or a comparison."""
        return [o.data for o in self.outputs if RUN_MIME in o.get("data", {})]

    def _cell(self, code):
        (cell,) = (cell for cell in self.cells if code in cell.source)
        return cell


def _text_of(output):
    if output.output_type == "error":
        return "\n".join(output.traceback)
    return output.get("text") or output.get("data", {}).get("text/plain", "")
