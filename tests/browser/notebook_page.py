"""A notebook in a browser's page: in JupyterLab and in Notebook 7 it is worked with alike."""

from __future__ import annotations

import re

import nbformat
from playwright.sync_api import expect
from waiting import until

_A_NUMBER = re.compile(r"^\[\d+\]:$")

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# What the page shows of it says "idle" before there is a connection.
_KERNEL_IS_IDLE = """() => {
  const kernel = window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
  return kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""
_OPEN = "path => void window.jupyterapp.commands.execute('docmanager:open', { path })"


class NotebookPage:
    """An open notebook.

    Parameters
    ----------
    page
        The browser's page.
    server
        The Jupyter server.
    name
        Of the notebook's file, without suffix.
    """

    def __init__(self, page, server, name) -> None:
        self.page, self.server, self.name = page, server, name

    @property
    def file(self):
        """The notebook's file on disk."""
        return self.server.root / f"{self.name}.ipynb"

    def write(self, cells, kernel="python3"):
        """Write the notebook's file, before it is opened."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel}
        nbformat.write(notebook, self.file)

    def read(self):
        """Read the notebook's file."""
        return nbformat.read(self.file, as_version=4)

    def open(self):
        """Open the notebook and wait for its kernel."""
        if self._has_jupyterlab():
            self.page.evaluate(_OPEN, self.file.name)
        else:
            self.page.goto(self.server.url_of(self.name))
        self._wait_for_page()
        self.wait_for_kernel()

    def reload(self):
        """Reload the page."""
        if self._has_jupyterlab():
            # It comes back with what JupyterLab has saved of its layout, a moment after a change.
            workspace = self.page.url.split("/workspaces/")[1].split("/")[0]
            until(lambda: self.server.open_in(workspace) == [f"notebook:{self.file.name}"])
        self.page.reload()
        self._wait_for_page()

    def _has_jupyterlab(self):
        of_this_server = self.page.url.startswith(self.server.url)
        return of_this_server and self.page.evaluate("window.jupyterapp.name") == "JupyterLab"

    def _wait_for_page(self):
        expect(self.cell(0)).to_be_visible()
        self.page.wait_for_function("window.jupyterapp?.commands.isEnabled('notebook:run-cell')")
        # JupyterLab's list of files would take a third of a narrow page.
        self.page.evaluate("window.jupyterapp.shell.collapseLeft()")

    def wait_for_kernel(self):
        """Wait until the kernel is there and does nothing."""
        self.page.wait_for_function(_KERNEL_IS_IDLE)

    def cell(self, index):
        """Return a cell."""
        return self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]')

    def output(self, index):
        """Return all outputs of a cell."""
        return self.cell(index).locator(".jp-OutputArea-output")

    def begin(self, index):
        """Run a cell, and do not wait for its end."""
        self.cell(index).locator(".jp-InputArea-editor").click()
        # By keyboard it may be too early: Notebook 7 learns its shortcuts after all else.
        self.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")

    def type(self, index, code):
        """Write into a cell."""
        self.cell(index).locator(".cm-content").fill(code)

    def run(self, index):
        """Run a cell to its end."""
        self.begin(index)
        self.wait_for_end(index)

    def wait_for_end(self, index):
        """Wait until a cell that was run has ended."""
        prompt = self.cell(index).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(_A_NUMBER)

    def save(self):
        """Save the notebook."""
        with self.page.expect_response(_is_saving):
            self._tool("docmanager:save").click()

    def interrupt(self):
        """Press the stop button of the toolbar."""
        self._tool("notebook:interrupt-kernel").click()

    def restart_kernel(self):
        """Restart the kernel, and say yes to the question."""
        self._tool("notebook:restart-kernel").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()

    def take_note_of_dead_kernel(self):
        """Wait until the page says that the kernel died, click that away and have the next one."""
        dialog = self.page.get_by_role("dialog", name="Kernel Restarting")
        dialog.get_by_role("button", name="Ok").click()
        expect(dialog).to_have_count(0)
        self.wait_for_kernel()

    def use_no_kernel(self):
        """Choose to have no kernel."""
        self.page.locator(".jp-Toolbar .jp-KernelName").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("combobox").select_option(label="No Kernel")
        dialog.get_by_role("button", name="Select Kernel").click()
        expect(dialog).to_have_count(0)

    def use_theme(self, theme):
        """Change between light and dark."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
            THEMES[theme],
        )
        light = "true" if theme == "light" else "false"
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light)

    def _tool(self, command):
        return self.page.locator(f'.jp-Toolbar [data-command="{command}"]')


def _is_saving(response):
    return response.request.method == "PUT" and "/api/contents/" in response.url
