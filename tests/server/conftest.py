"""A Jupyter server in the test's own loop, and a page of it."""

from __future__ import annotations

import secrets

import pytest
from jupyter_server.serverapp import ServerApp
from server_page import BASE, Page
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets


@pytest.fixture
def configuration():
    """What the server's configuration says beside the usual."""
    return []


@pytest.fixture
async def page(tmp_path, monkeypatch, configuration):
    """A page of a Jupyter server that has loaded the extension."""
    for name in ("config", "data", "runtime", "root"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"JUPYTER_{name.upper()}_DIR", str(tmp_path / name))
    app = ServerApp(log_level="ERROR")
    app.init_signal = lambda: None
    app.initialize(
        [
            "--ServerApp.jpserver_extensions=mipro_nb.server=True",
            f"--ServerApp.base_url={BASE}",
            f"--ServerApp.root_dir={tmp_path / 'root'}",
            "--ServerApp.allow_root=True",
            f"--IdentityProvider.token={secrets.token_hex()}",
            *configuration,
        ],
        find_extensions=False,
        new_httpserver=False,
    )
    (socket,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(app.web_app)
    server.add_socket(socket)
    yield Page(app, socket.getsockname()[1])
    server.stop()
    await server.close_all_connections()
    await app._cleanup()
