"""A browser, Jupyter servers for it, and the toy task's LM, which can be slowed down."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).parents[1] / "optimizer"))

from jupyter_servers import JupyterServer
from lm import SlowLM
from looks import Looks
from notebook_page import NotebookPage

_TESTS = Path(__file__).parents[1]
_SCREENSHOTS = _TESTS.parent / "test-output" / "screenshots"
# The first starts and draws faster: it has no windows.
_CHROMIUM = (
    os.environ.get("CHROMIUM")
    or shutil.which("chromium-headless-shell")
    or shutil.which("chromium")
)
# It must ask nobody for anything; and as root, in a container, it has no sandbox.
_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)
_SET_UP = """
import os, sys
os.environ["MIPRO_HOME"] = {home!r}
sys.path[:0] = [{tests!r}, {tests!r} + "/optimizer"]
import mipro_nb as mipro
from mipro_nb.errors import PermissionDeniedError
from scripted_task import *
%load_ext mipro_nb
lm = mipro.LM("openai/scripted", base_url={url!r}, api_key=KEY, price=(1.0, 2.0), num_retries=0)
mipro.configure(lm=lm)
optimizer = mipro.MIPROv2(exact, num_candidates=4, num_threads=4)
student, train, val = Solve(), rows(12), rows(60, start=1000)
data = dict(trainset=train, valset=val, num_trials=600, minibatch_size=6)
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Keep a picture of every page that a test failed on."""
    report = yield
    if report.when == "call" and report.failed:
        for context in getattr(item, "browser_contexts", []):
            for number, page in enumerate(context.pages):
                name = f"{_file_name(item)}-{number}.png"
                page.screenshot(path=_SCREENSHOTS / "failed" / name)
    return report


def _file_name(test):
    return re.sub(r"\W+", "-", test.name).strip("-")


# Not for the whole session: while it is there, no other test can run an event loop.
@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """The servers that were asked for, by kind."""
    running = {}

    def start(kind):
        if kind not in running:
            server = JupyterServer(kind, tmp_path_factory.mktemp(kind))
            running[kind] = server.__enter__()
        return running[kind]

    yield start
    for server in running.values():
        server.__exit__()


@pytest.fixture
def page(browser, request):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    request.node.browser_contexts = [context]
    yield context.new_page()
    context.close()


@pytest.fixture
def lm():
    with SlowLM() as server:
        yield server
    assert server.exceptions == []


@pytest.fixture
def notebook(page, servers, lm, tmp_path, request):
    """Begin a notebook with these cells, the first after the one that sets all up."""

    def begin(*cells, front_end="lab", kernel="python3", page=page):
        name = f"{_file_name(request.node)}-{len(made)}"
        notebook = NotebookPage(page, servers(front_end), name)
        made.append(notebook)
        home = str(tmp_path / "mipro_home")
        set_up = _SET_UP.format(home=home, tests=str(_TESTS), url=lm.base_url)
        notebook.write([set_up.strip(), *cells], kernel)
        notebook.open()
        notebook.run(0)
        return notebook

    made = []
    yield begin
    for notebook in made:
        notebook.server.shut_down_kernels()


@pytest.fixture
def looks():
    """Pictures of what a page shows, and whether everybody can use it."""
    return Looks(_SCREENSHOTS)
