"""The browser, which stays open from test to test, with JupyterLab in it."""

from __future__ import annotations

from playwright.sync_api import expect, sync_playwright
from waiting import MILLISECONDS

_SIZE = {"width": 1280, "height": 900}

# Returns whether JupyterLab is there as it is after its start: without documents and dialogs.
_CLOSE_DOCUMENTS = """() => {
  const app = window.jupyterapp;
  if (app?.name !== "JupyterLab" || document.querySelector("dialog, .jp-Dialog")) return false;
  for (const widget of [...app.shell.widgets("main")]) {
    if (widget.context) widget.context.model.dirty = false; // or it would ask
    widget.close();
  }
  return true;
}"""
_NO_NOTEBOOK = "() => document.querySelector('.jp-NotebookPanel') === null"


class OpenBrowser:
    """A browser; it is started when its page is first asked for.

    Parameters
    ----------
    path, flags
        How Chromium is started.
    """

    def __init__(self, path, flags) -> None:
        self._path, self._flags = path, flags
        self._playwright = self._context = self._page = None

    @property
    def pages(self):
        """All pages that are open."""
        return self._context.pages if self._context else []

    def page(self):
        """Return the page that is kept; it may be a new one."""
        if self._context is None:
            self._playwright = sync_playwright().start()
            chromium = self._playwright.chromium
            browser = chromium.launch(executable_path=self._path, args=self._flags)
            # One context has one cache: JupyterLab comes over the network once.
            self._context = browser.new_context(viewport=_SIZE)
            self._context.set_default_timeout(MILLISECONDS)
            expect.set_options(timeout=MILLISECONDS)
        if self._page is None:
            self._page = self._context.new_page()
        return self._page

    def tidy(self, *, keep):
        """Close documents and further pages; also the page, unless it is in order."""
        keep = keep and self._page.evaluate(_CLOSE_DOCUMENTS)
        if keep:
            self._page.wait_for_function(_NO_NOTEBOOK)
        for page in self.pages:
            if not (keep and page is self._page):
                page.close()
        if not keep:
            self._page = None

    def close(self):
        """End the browser."""
        if self._playwright is not None:
            self._context.browser.close()
            self._playwright.stop()
        self._playwright = self._context = self._page = None
