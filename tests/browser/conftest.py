"""A browser, Jupyter servers for it, and the toy task's LM, which can be slowed down."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "optimizer"))

from jupyter_servers import JupyterServer
from lm import SlowLM
from looks import Looks
from notebook_page import NotebookPage
from open_browser import OpenBrowser

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


_BROWSER = pytest.StashKey[OpenBrowser]()
_PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Keep a picture of every page that a test failed on."""
    report = yield
    if report.when == "call":
        item.stash[_PASSED] = report.passed
        if report.failed:
            for number, page in enumerate(_browser_of(item).pages):
                page.screenshot(path=_SCREENSHOTS / "failed" / f"{_file_name(item)}-{number}.png")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """End the browser before other tests: while it is there, they can run no event loop."""
    yield
    if nextitem is None or nextitem.path.parent != item.path.parent:
        _browser_of(item).close()


def _browser_of(item):
    return item.session.stash.setdefault(_BROWSER, OpenBrowser(_CHROMIUM, _FLAGS))


def _file_name(test):
    return re.sub(r"\W+", "-", test.name).strip("-")


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
def lm():
    with SlowLM() as server:
        yield server
    assert server.exceptions == []


@pytest.fixture
def opened(lm):
    """The notebooks of a test; their kernels end after their pages, which would miss them."""
    notebooks = []
    yield notebooks
    for notebook in notebooks:
        notebook.server.shut_down_kernels()


@pytest.fixture
def page(request, opened):
    """The page in which JupyterLab stays open from test to test, unless one of them failed."""
    browser = _browser_of(request.node)
    yield browser.page()
    browser.tidy(keep=request.node.stash.get(_PASSED, False))


@pytest.fixture
def notebook(page, opened, servers, lm, request):
    """Begin a notebook with these cells, the first after the one that sets all up."""

    def begin(*cells, front_end="lab", kernel="python3", page=page):
        name = f"{_file_name(request.node)}-{len(opened)}"
        notebook = NotebookPage(page, servers(front_end), name)
        opened.append(notebook)
        home = os.environ["MIPRO_HOME"]  # it is the test's own
        set_up = _SET_UP.format(home=home, tests=str(_TESTS), url=lm.base_url)
        notebook.write([set_up.strip(), *cells], kernel)
        notebook.open()
        notebook.run(0)
        return notebook

    return begin


@pytest.fixture
def looks():
    """Pictures of what a page shows, and whether everybody can use it."""
    return Looks(_SCREENSHOTS)
