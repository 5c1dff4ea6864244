"""Real Jupyter servers: JupyterLab and Notebook 7, each with folders of its own and no network."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from waiting import until

_STOP_SECONDS = 20

# What a person would have to click away first, or what would ask the network.
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
}


@dataclass(frozen=True)
class Kind:
    """A front end: how it is started, and where it shows a notebook."""

    module: str
    notebook_path: str


KINDS = {
    "lab": Kind("jupyterlab", "lab/workspaces/{name}/tree/{name}.ipynb"),
    "notebook": Kind("notebook", "notebooks/{name}.ipynb"),
}


class JupyterServer:
    """A server in a process of its own; it ends with the context, and its kernels with it.

    Parameters
    ----------
    kind
        ``"lab"`` or ``"notebook"``.
    folder
        Where everything that it reads and writes is, the notebooks too.
    python
        The Python that runs it, and its kernels.
    """

    def __init__(self, kind: str, folder: Path, python: str | Path = sys.executable) -> None:
        self._kind = KINDS[kind]
        self._python = str(python)
        self._folder = folder
        self._token = secrets.token_hex(16)
        self.url = ""
        self.root = self._make("root")
        self.log = folder / "server.log"

    def __enter__(self):
        overrides = self._make("config/labconfig") / "default_setting_overrides.json"
        overrides.write_text(json.dumps(_SETTINGS), encoding="utf-8")
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command stands here
                self._command(),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._await_start()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_):
        try:
            self._ask("api/shutdown", "POST")
            self._process.wait(_STOP_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            # Kernels look whether the process that started them is there, and end without it.
            self._process.kill()
            self._process.wait()

    def url_of(self, name):
        """Return where the front end shows the notebook of this name."""
        path = self._kind.notebook_path.format(name=name)
        return f"{self.url}{path}?token={self._token}"

    def kernels(self):
        """Return the ids of the kernels that are alive."""
        return [kernel["id"] for kernel in json.loads(self._ask("api/kernels"))]

    def shut_down_kernels(self):
        """End all kernels."""
        for kernel in self.kernels():
            self._ask(f"api/kernels/{kernel}", "DELETE")

    def open_in(self, workspace):
        """Return what a workspace of JupyterLab has saved that is open in it."""
        saved = json.loads(self._ask(f"lab/api/workspaces/{workspace}"))["data"]
        return saved.get("layout-restorer:data", {}).get("main", {}).get("dock", {}).get("widgets")

    def _make(self, name):
        made = self._folder / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def _command(self):
        return [
            *(self._python, "-P", "-m", self._kind.module, "--no-browser"),
            "--expose-app-in-browser",
            "--allow-root",
            f"--ServerApp.root_dir={self.root}",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            f"--IdentityProvider.token={self._token}",
            "--LabApp.extension_manager=readonly",
        ]

    def _environment(self):
        kept = {name: value for name, value in os.environ.items() if "JUPYTER" not in name}
        folders = {
            "HOME": "home",
            "IPYTHONDIR": "ipython",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        return {**kept, **{name: str(self._make(where)) for name, where in folders.items()}}

    def _await_start(self):
        until(lambda: self._answers() or self._process.poll() is not None)
        assert self._process.poll() is None, self.log.read_text(encoding="utf-8")

    def _answers(self):
        told = self._folder / "runtime" / f"jpserver-{self._process.pid}.json"
        try:
            self.url = json.loads(told.read_text(encoding="utf-8"))["url"]
            self._ask("api/status")
        except (OSError, ValueError):
            return False
        return True

    def _ask(self, path, method="GET"):
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback
            self.url + path, method=method, headers={"Authorization": f"token {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=_STOP_SECONDS) as reply:  # noqa: S310
            return reply.read()
