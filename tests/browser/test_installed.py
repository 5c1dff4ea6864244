"""The wheel alone, in an environment of its own and without Node: dialog and live view."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from jupyter_servers import JupyterServer
from notebook_page import NotebookPage
from playwright.sync_api import expect
from run_widget import RunWidget

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

_TESTS = Path(__file__).parents[1]
_OWN = "mipro-nb"
_WHERE = "import mipro_nb\nprint(mipro_nb.__file__)"
_BEGIN = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + "/optimizer"]
import mipro_nb as mipro
from scripted_task import *
%load_ext mipro_nb
mipro.configure(lm=mipro.LM("openai/scripted", base_url={url!r}, api_key=KEY, price=(1.0, 2.0)))
optimizer = mipro.MIPROv2(exact, num_candidates=3)
data = dict(trainset=rows(12), valset=rows(30, start=1000), num_trials=6, minibatch_size=6)
best = optimizer.compile(Solve(), **data)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment with the wheel in it, and of all else what it needs.

    To fetch that again would take minutes, so it is taken from where the tests run; but not what is
    in development there: a path in a .pth file does not have .pth files read in its turn.
    """
    folder = tmp_path_factory.mktemp("installed")
    wheels, environment = folder / "wheels", folder / "environment"
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels)
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    (wheel,) = wheels.iterdir()
    pip = (sys.executable, "-m", "pip", "--python", python)
    _run(*pip, "install", "--no-deps", "--no-index", "--no-compile", wheel)
    site = environment / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    (site / "needed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    _link_jupyterlab(Path(sys.prefix) / "share/jupyter", environment / "share/jupyter")
    return environment


def _run(*command):
    done = subprocess.run(  # noqa: S603 - the commands stand here
        command, cwd=_TESTS.parent, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _link_jupyterlab(there, here):
    """Have JupyterLab and the extensions of others stand where pip would have put them."""
    (here / "lab").symlink_to(there / "lab")
    for extension in (there / "labextensions").iterdir():
        if extension.name != _OWN:
            (here / "labextensions" / extension.name).symlink_to(extension)


@pytest.fixture
def server(installed, tmp_path, monkeypatch):
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    with monkeypatch.context() as without_node:
        without_node.setenv("PATH", str(nothing))
        without_node.delenv("PYTHONPATH", raising=False)
        server = JupyterServer("lab", tmp_path / "lab", installed / "bin" / "python")
        server.__enter__()
    yield server
    server.__exit__()


def test_the_wheel_alone_brings_dialog_and_live_view_to_jupyterlab(installed, server, page, lm):
    begin = _BEGIN.format(tests=str(_TESTS), url=lm.base_url)
    notebook = NotebookPage(page, server, "installed")
    notebook.write([_WHERE, begin, "print(best.run.status, best.score)"])
    notebook.open()
    notebook.run(0)
    expect(notebook.output(0)).to_contain_text(f"{installed}/")

    notebook.begin(1)
    widget = RunWidget(notebook.output(1))
    widget.wait_for_dialog()
    assert lm.count == 0
    widget.button("Run").click()
    widget.wait_for_state("Finished")
    notebook.wait_for_end(1)
    notebook.run(2)
    expect(notebook.output(2)).to_contain_text("finished")
    assert _extension_loaded_by(page) == _extension_in(installed)


def _extension_loaded_by(page):
    """Return the file of our extension that JupyterLab has loaded, once it works."""
    assert page.evaluate(f"window.jupyterapp.isPluginActivated('{_OWN}:run')")
    told = json.loads(page.locator("#jupyter-config-data").text_content())
    (ours,) = [each for each in told["federated_extensions"] if each["name"] == _OWN]
    return ours["load"]


def _extension_in(environment):
    package = environment / "share/jupyter/labextensions" / _OWN / "package.json"
    return json.loads(package.read_text(encoding="utf-8"))["jupyterlab"]["_build"]["load"]
